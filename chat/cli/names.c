#include "chat/cli/names.h"

#include <string.h>

#include "chat/cli/client.h"
#include "index/acl.h"

/* The id of the row of that name. field: what the rows are, in the plural. */
static int named(struct cli *cli, const char *path, const char *field, const char *name,
	const char **id, struct err *e)
{
	json_t *rows = NULL;
	const json_t *row;
	size_t i;
	int rc = client_list(cli, path, field, &rows, e);

	*id = NULL;
	json_array_foreach(rows, i, row)
	{
		const char *of_row = json_string_value(json_object_get(row, "name"));

		if (of_row && strcmp(of_row, name) == 0) {
			*id = arena_str(&cli->arena, json_string_value(json_object_get(row, "id")));
		}
	}
	json_decref(rows);
	return rc || *id ? rc
			 : err_set(e, ERR_NOT_FOUND, "not_found",
				   "there is no %.*s \"%s\" that you may see",
				   (int)strlen(field) - 1, field, name);
}

static bool is_id(struct cli *cli, const char *prefix, const char *text, const char **id)
{
	struct id parsed = id_parse(prefix, text);

	*id = id_empty(&parsed) ? NULL : arena_str(&cli->arena, parsed.s);
	return *id != NULL;
}

int collection_named(struct cli *cli, const char *name, const char **id, struct err *e)
{
	return is_id(cli, "col", name, id)
		       ? 0
		       : named(cli, "/v1/collections", "collections", name, id, e);
}

int user_named(struct cli *cli, const char *name, const char **id, struct err *e)
{
	return is_id(cli, "usr", name, id) ? 0 : named(cli, "/v1/users", "users", name, id, e);
}

int group_named(struct cli *cli, const char *name, const char **id, struct err *e)
{
	return is_id(cli, "grp", name, id) ? 0 : named(cli, "/v1/groups", "groups", name, id, e);
}

int document_named(struct cli *cli, const char *name, const char **id, struct err *e)
{
	const char *slash = strchr(name, '/');
	const char *collection = NULL;
	int rc;

	if (is_id(cli, "doc", name, id)) {
		return 0;
	}
	if (!slash) {
		return err_set(e, ERR_NOT_FOUND, "not_found",
			"\"%s\" is no document: give its id or COLLECTION/NAME", name);
	}
	rc = collection_named(
		cli, arena_strn(&cli->arena, name, (size_t)(slash - name)), &collection, e);
	return rc ? rc
		  : named(cli, client_path(cli, "/v1/documents?collection=%s", collection),
			    "documents", slash + 1, id, e);
}

/* PRINCIPAL:RIGHT; the principal may have a colon. */
static int parse_entry(const char *word, json_t *entries, struct err *e)
{
	const char *colon = strrchr(word, ':');

	if (!colon || colon == word || right_parse(colon + 1) <= RIGHT_NONE) {
		return err_set(e, ERR_INVALID, "bad_acl",
			"\"%s\" is no permission: write PRINCIPAL:RIGHT, e.g. workspace:read, "
			"group:hr:write, "
			"user:ada:own",
			word);
	}
	json_array_append_new(entries, json_pack("{s:s%, s:s}", "principal", word,
					       (size_t)(colon - word), "right", colon + 1));
	return 0;
}

int acl_parse(const char *const *words, int n, json_t **out, struct err *e)
{
	int rc = 0;

	*out = json_array();
	if (n == 1 && strcmp(words[0], "none") == 0) {
		return 0;
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = parse_entry(words[i], *out, e);
	}
	if (rc != 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

int acl_parse_list(struct cli *cli, const char *list, json_t **out, struct err *e)
{
	const char **words = arena_array(&cli->arena, const char *, strlen(list) + 1);
	int n = 0;

	while (*list) {
		size_t length = strcspn(list, ",");

		if (length > 0) {
			words[n++] = arena_strn(&cli->arena, list, length);
		}
		list += length + (list[length] == ',');
	}
	return acl_parse(words, n, out, e);
}
