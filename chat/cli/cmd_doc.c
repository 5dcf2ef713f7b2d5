/* doc, collection, acl. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/names.h"
#include "chat/cli/term.h"
#include "ingest/extracted.h"

/* ── documents ── */

static const struct column document_columns[] = {
	{"DOCUMENT", "as", AS_TEXT, WRAPS},
	{"STATE", "state", AS_TEXT, STAYS},
	{"PAGES", "pages", AS_COUNT, STAYS},
	{"SIZE", "bytes", AS_BYTES, STAYS},
	{"PART", "part", AS_TEXT, STAYS},
};

static const struct column document_facts[] = {
	{"name", "name", AS_TEXT, STAYS},
	{"title", "title", AS_TEXT, STAYS},
	{"id", "id", AS_TEXT, STAYS},
	{"collection", "collection", AS_TEXT, STAYS},
	{"inside of", "parent", AS_TEXT, STAYS},
	{"state", "state", AS_TEXT, STAYS},
	{"reason", "reason", AS_TEXT, STAYS},
	{"message", "message", AS_TEXT, STAYS},
	{"type", "mediaType", AS_TEXT, STAYS},
	{"language", "language", AS_TEXT, STAYS},
	{"pages", "counted", AS_TEXT, STAYS},
	{"size", "bytes", AS_BYTES, STAYS},
	{"sha256", "sha256", AS_TEXT, STAYS},
	{"version", "versionId", AS_TEXT, STAYS},
	{"made", "createdMs", AS_TIME, STAYS},
	{"right", "right", AS_TEXT, STAYS},
};

static const struct column version_columns[] = {
	{"N", "seq", AS_COUNT, STAYS},
	{"STATE", "state", AS_TEXT, STAYS},
	{"PAGES", "pages", AS_COUNT, STAYS},
	{"SIZE", "bytes", AS_BYTES, STAYS},
	{"MADE", "createdMs", AS_TIME, STAYS},
	{"ID", "id", AS_TEXT, STAYS},
};

/* What came inside of another document is told by where it stands: its name begins with that one's.
 */
static void mark_part(json_t *row)
{
	if (json_is_string(json_object_get(row, "parentId"))) {
		json_object_set_new(row, "part", json_string("inside"));
	}
}

/* Gives each row the name of its collection, where that may be seen, and what other commands take
 * for the document. */
static int name_collections(struct cli *cli, json_t *rows, struct err *e)
{
	json_t *collections = NULL;
	json_t *names = json_object();
	json_t *row, *c;
	size_t i;
	int rc = client_list(cli, "/v1/collections", "collections", &collections, e);

	json_array_foreach(collections, i, c)
	{
		json_object_set(names, json_string_value(json_object_get(c, "id")),
			json_object_get(c, "name"));
	}
	json_array_foreach(rows, i, row)
	{
		const char *id = json_string_value(json_object_get(row, "collectionId"));
		json_t *name = json_object_get(names, id ? id : "");

		if (name) {
			json_object_set(row, "collection", name);
		}
		if (!cli->json) {
			mark_part(row);
			json_object_set_new(row, "as",
				name ? json_sprintf("%s/%s", json_string_value(name),
					       json_string_value(json_object_get(row, "name")))
				     : json_incref(json_object_get(row, "id")));
		}
	}
	json_decref(names);
	json_decref(collections);
	return rc;
}

int cmd_doc_list(struct cli *cli, struct err *e)
{
	const char *collection = cli_option(cli, "collection");
	const char *path = "/v1/documents";
	json_t *rows = NULL;
	int rc = 0;

	if (collection) {
		const char *id = NULL;

		rc = collection_named(cli, collection, &id, e);
		path = rc ? path : client_path(cli, "/v1/documents?collection=%s", id);
	}
	rc = rc ? rc : client_list(cli, path, "documents", &rows, e);
	rc = rc ? rc : name_collections(cli, rows, e);
	if (rc == 0) {
		cli_rows(cli, rows, document_columns, N_COLUMNS(document_columns));
	}
	json_decref(rows);
	return rc;
}

/* What the document came inside of, by its name. */
static int name_parent(struct cli *cli, json_t *doc, struct err *e)
{
	const char *id = json_string_value(json_object_get(doc, "parentId"));
	json_t *parent = NULL;
	int rc;

	if (!id || cli->json) {
		return 0;
	}
	rc = client_read(cli, client_path(cli, "/v1/documents/%s", id), &parent, e);
	if (rc == 0) {
		json_object_set(doc, "parent", json_object_get(parent, "name"));
	}
	json_decref(parent);
	return rc;
}

/* "12 slides"; nothing for a document without pages. */
static void count_pages(json_t *doc)
{
	const char *paging = json_string_value(json_object_get(doc, "paging"));
	json_int_t n = json_integer_value(json_object_get(doc, "pages"));

	if (n > 0 && paging && strcmp(paging, "none") != 0) {
		json_object_set_new(
			doc, "counted", json_sprintf("%d %s%s", (int)n, paging, n == 1 ? "" : "s"));
	}
}

static void warn(const struct cli *cli, const json_t *doc)
{
	const json_t *warnings = json_object_get(doc, "warnings");
	int hidden = (int)json_integer_value(json_object_get(warnings, "hidden"));
	int poor = (int)json_integer_value(json_object_get(warnings, "poorScans"));

	if (cli->json || cli->quiet || hidden + poor == 0) {
		return;
	}
	fflush(stdout);
	if (hidden > 0) {
		fprintf(stderr, "it contains %d text%s that readers cannot see\n", hidden,
			hidden == 1 ? "" : "s");
	}
	if (poor > 0) {
		fprintf(stderr, "%d of its pages %s hard to read\n", poor,
			poor == 1 ? "was" : "were");
	}
	fprintf(stderr, "see them with: carrel doc warnings %s\n", cli_word(cli, 0));
}

int cmd_doc_show(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_t *doc = NULL;
	int rc = document_named(cli, cli_word(cli, 0), &id, e);

	rc = rc ? rc : client_read(cli, client_path(cli, "/v1/documents/%s", id), &doc, e);
	rc = rc ? rc : name_parent(cli, doc, e);
	if (rc == 0) {
		if (!cli->json) {
			count_pages(doc);
		}
		cli_object(cli, doc, document_facts, N_COLUMNS(document_facts));
		warn(cli, doc);
	}
	json_decref(doc);
	return rc;
}

static const struct column warning_columns[] = {
	{"PLACE", "", AS_PLACE, STAYS},
	{"WHAT", "what", AS_TEXT, WRAPS},
	{"TEXT", "text", AS_TEXT, WRAPS},
};

static const char *words_of_kind(const json_t *annotation)
{
	const char *kind = json_string_value(json_object_get(annotation, "kind"));

	for (int i = 0; kind && i < N_ANNOTATION_KINDS; i++) {
		if (strcmp(kind, annotation_name((uint8_t)i)) == 0) {
			return annotation_words((uint8_t)i);
		}
	}
	return kind ? kind : "";
}

/* Those that warn, of all that is known beside the text. */
static json_t *only_warnings(const struct cli *cli, const json_t *rows)
{
	json_t *list = json_array();
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *kind = json_string_value(json_object_get(row, "kind"));

		if (!args_has(&cli->args, "all") && !json_is_true(json_object_get(row, "hidden")) &&
			kind && strcmp(kind, annotation_name(ANNOTATION_POOR_SCAN)) != 0) {
			continue;
		}
		if (!cli->json) {
			json_object_set_new(row, "what", json_string(words_of_kind(row)));
		}
		json_array_append(list, row);
	}
	return list;
}

int cmd_doc_warnings(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_t *rows = NULL;
	json_t *warnings;
	int rc = document_named(cli, cli_word(cli, 0), &id, e);

	rc = rc ? rc
		: client_list(cli, client_path(cli, "/v1/documents/%s/annotations", id),
			  "annotations", &rows, e);
	if (rc == 0) {
		warnings = only_warnings(cli, rows);
		cli_rows(cli, warnings, warning_columns, N_COLUMNS(warning_columns));
		json_decref(warnings);
	}
	json_decref(rows);
	return rc;
}

int cmd_doc_versions(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_t *reply = NULL;
	int rc = document_named(cli, cli_word(cli, 0), &id, e);

	rc = rc ? rc
		: client_read(cli, client_path(cli, "/v1/documents/%s/versions", id), &reply, e);
	if (rc == 0) {
		cli_rows(cli, json_object_get(reply, "versions"), version_columns,
			N_COLUMNS(version_columns));
	}
	json_decref(reply);
	return rc;
}

int cmd_doc_rename(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_t *doc = NULL;
	int rc = document_named(cli, cli_word(cli, 0), &id, e);

	rc = rc ? rc
		: client_call(cli, "PATCH", client_path(cli, "/v1/documents/%s", id),
			  json_pack("{s:s}", "name", cli_word(cli, 1)), &doc, e);
	if (rc == 0) {
		cli_said(cli, doc, "%s is named %s", id, cli_word(cli, 1));
	}
	json_decref(doc);
	return rc;
}

int cmd_doc_delete(struct cli *cli, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < cli->args.n_words; i++) {
		const char *id = NULL;
		json_t *said;

		rc = document_named(cli, cli_word(cli, i), &id, e);
		rc = rc ? rc
			: client_call(cli, "DELETE", client_path(cli, "/v1/documents/%s", id), NULL,
				  NULL, e);
		if (rc == 0) {
			said = json_pack("{s:s, s:b}", "id", id, "deleted", true);
			cli_said(cli, said, "%s is deleted", cli_word(cli, i));
			json_decref(said);
		}
	}
	return rc;
}

/* To a file beside it, renamed when it is whole. */
static int download_to(struct cli *cli, const char *path, const char *to, struct err *e)
{
	const char *part = arena_printf(&cli->arena, "%s.part", to);
	FILE *file = fopen(part, "we");
	int rc;

	if (!file) {
		return err_sys(e, ERR_IO, errno, "cannot write %s", part);
	}
	rc = client_download(cli, path, file, e);
	if (fclose(file) != 0 && rc == 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot write %s", part);
	}
	if (rc == 0 && rename(part, to) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot write %s", to);
	}
	if (rc != 0) {
		unlink(part);
	}
	return rc;
}

int cmd_doc_download(struct cli *cli, struct err *e)
{
	const char *to = cli_option(cli, "output");
	const char *id = NULL;
	const char *content;
	json_t *doc = NULL;
	json_t *said;
	int rc = document_named(cli, cli_word(cli, 0), &id, e);

	if (rc != 0) {
		return rc;
	}
	content = client_path(cli, "/v1/documents/%s/content", id);
	if (to && strcmp(to, "-") == 0) {
		return client_download(cli, content, stdout, e);
	}
	rc = client_read(cli, client_path(cli, "/v1/documents/%s", id), &doc, e);
	if (rc == 0 && !to) {
		const char *name = json_string_value(json_object_get(doc, "name"));
		const char *slash = name ? strrchr(name, '/') : NULL;

		to = arena_str(&cli->arena, slash ? slash + 1 : name ? name : id);
	}
	rc = rc ? rc : download_to(cli, content, to, e);
	if (rc == 0) {
		said = json_pack("{s:s, s:s}", "id", id, "file", to);
		cli_said(cli, said, "%s", to);
		json_decref(said);
	}
	json_decref(doc);
	return rc;
}

/* The text comes in pages of a megabyte. */
int cmd_doc_text(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_int_t from = 0;
	int rc = document_named(cli, cli_word(cli, 0), &id, e);

	while (rc == 0 && from >= 0) {
		const char *path = client_path(cli, "/v1/documents/%s/text?from=", id);
		const json_t *text, *next;
		json_t *reply = NULL;

		path = arena_printf(&cli->arena, "%s%lld", path, (long long)from);
		rc = client_read(cli, path, &reply, e);
		if (rc == 0 && cli->json) {
			cli_json(reply);
		} else if (rc == 0) {
			text = json_object_get(reply, "text");
			cli_text(json_string_value(text) ? json_string_value(text) : "",
				json_string_length(text));
		}
		next = json_object_get(reply, "next");
		from = json_is_integer(next) ? json_integer_value(next) : -1;
		json_decref(reply);
		rc = rc ? rc : cli_flush(e);
	}
	return rc;
}

/* ── collections ── */

static const struct column collection_columns[] = {
	{"NAME", "name", AS_TEXT, SHRINKS},
	{"DOCUMENTS", "documents", AS_COUNT, STAYS},
	{"RIGHT", "right", AS_TEXT, STAYS},
	{"ID", "id", AS_TEXT, STAYS},
};

int cmd_collection_list(struct cli *cli, struct err *e)
{
	json_t *rows = NULL;
	int rc = client_list(cli, "/v1/collections", "collections", &rows, e);

	if (rc == 0) {
		cli_rows(cli, rows, collection_columns, N_COLUMNS(collection_columns));
	}
	json_decref(rows);
	return rc;
}

int cmd_collection_create(struct cli *cli, struct err *e)
{
	const char *list = cli_option(cli, "acl");
	json_t *body = json_pack("{s:s}", "name", cli_word(cli, 0));
	json_t *acl = NULL;
	json_t *made = NULL;
	int rc = list ? acl_parse_list(cli, list, &acl, e) : 0;

	if (acl) {
		json_object_set_new(body, "acl", acl);
	}
	if (rc == 0) {
		rc = client_call(cli, "POST", "/v1/collections", body, &made, e);
	} else {
		json_decref(body);
	}
	if (rc == 0) {
		cli_object(cli, made, collection_columns, N_COLUMNS(collection_columns));
	}
	json_decref(made);
	return rc;
}

int cmd_collection_rename(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_t *reply = NULL;
	int rc = collection_named(cli, cli_word(cli, 0), &id, e);

	rc = rc ? rc
		: client_call(cli, "PATCH", client_path(cli, "/v1/collections/%s", id),
			  json_pack("{s:s}", "name", cli_word(cli, 1)), &reply, e);
	if (rc == 0) {
		cli_said(cli, reply, "%s is named %s", cli_word(cli, 0), cli_word(cli, 1));
	}
	json_decref(reply);
	return rc;
}

int cmd_collection_delete(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_t *said;
	int rc = collection_named(cli, cli_word(cli, 0), &id, e);

	rc = rc ? rc
		: client_call(
			  cli, "DELETE", client_path(cli, "/v1/collections/%s", id), NULL, NULL, e);
	if (rc == 0) {
		said = json_pack("{s:s, s:b}", "id", id, "deleted", true);
		cli_said(cli, said, "%s is deleted", cli_word(cli, 0));
		json_decref(said);
	}
	return rc;
}

/* ── permissions ── */

static const struct column acl_columns[] = {
	{"KIND", "kind", AS_TEXT, STAYS},
	{"NAME", "name", AS_TEXT, SHRINKS},
	{"RIGHT", "right", AS_TEXT, STAYS},
	{"PRINCIPAL", "principal", AS_TEXT, STAYS},
};

/* "/v1/collections/col_…/acl" or "/v1/documents/doc_…/acl" */
static int acl_path(struct cli *cli, const char **path, struct err *e)
{
	const char *name = cli_word(cli, 0);
	bool is_document = strncmp(name, "doc_", 4) == 0 || strchr(name, '/');
	const char *id = NULL;
	int rc = is_document ? document_named(cli, name, &id, e)
			     : collection_named(cli, name, &id, e);

	if (rc == 0) {
		*path = client_path(
			cli, is_document ? "/v1/documents/%s/acl" : "/v1/collections/%s/acl", id);
	}
	return rc;
}

static void show_acl(struct cli *cli, const json_t *reply)
{
	if (!cli->json && !cli->quiet && json_is_true(json_object_get(reply, "inherited"))) {
		fputs("as its collection:\n", stderr);
	}
	cli_rows(cli, json_object_get(reply, "entries"), acl_columns, N_COLUMNS(acl_columns));
}

int cmd_acl_show(struct cli *cli, struct err *e)
{
	const char *path = NULL;
	json_t *reply = NULL;
	int rc = acl_path(cli, &path, e);

	rc = rc ? rc : client_read(cli, path, &reply, e);
	if (rc == 0) {
		show_acl(cli, reply);
	}
	json_decref(reply);
	return rc;
}

int cmd_acl_set(struct cli *cli, struct err *e)
{
	const char *path = NULL;
	json_t *entries = NULL;
	json_t *reply = NULL;
	bool inherit = cli->args.n_words == 2 && strcmp(cli_word(cli, 1), "inherit") == 0;
	int rc = inherit ? 0 : acl_parse(cli->args.words + 1, cli->args.n_words - 1, &entries, e);

	rc = rc ? rc : acl_path(cli, &path, e);
	if (rc == 0 && inherit && strncmp(path, "/v1/documents/", 14) != 0) {
		rc = err_set(e, ERR_INVALID, "bad_acl",
			"a collection has nothing to inherit from: `none` takes every permission "
			"away");
	}
	if (rc == 0) {
		rc = inherit ? client_call(cli, "DELETE", path, NULL, &reply, e)
			     : client_call(cli, "PUT", path, json_pack("{s:O}", "entries", entries),
				       &reply, e);
	}
	if (rc == 0) {
		show_acl(cli, reply);
	}
	json_decref(entries);
	json_decref(reply);
	return rc;
}
