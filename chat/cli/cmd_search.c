/* search, prompt: passages, and what a model would be sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/cmd_search.h"
#include "chat/cli/names.h"
#include "chat/cli/term.h"
#include "chat/cli/text.h"
#include "index/base/utf8.h"

#define SHOWN_BYTES 420 /* of a passage, without --full */

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

int search_ask(struct cli *cli, bool explain, json_t **out, struct err *e)
{
	const char *collection = cli_option(cli, "collection");
	json_t *body = json_pack("{s:s, s:b}", "query", cli_sentence(cli, 0), "explain", explain);
	int64_t limit = 0;
	int rc = args_number(&cli->args, "limit", 1, 100, 8, &limit, e);

	if (rc != 0 || !body) {
		json_decref(body);
		return rc ? rc : err_set(e, ERR_INVALID, "bad_text", "the query must be UTF-8");
	}
	json_object_set_new(body, "limit", json_integer(limit));
	if (collection) {
		rc = collection_named(cli, collection, &collection, e);
		json_object_set_new(body, "collections", json_pack("[s]", rc ? "" : collection));
	}
	if (rc != 0) {
		json_decref(body);
		return rc;
	}
	return client_call(cli, "POST", "/v1/search", body, out, e);
}

void search_warn_of_servers(const struct cli *cli, const json_t *found)
{
	static const char *const parts[][2] = {{"vectorError", "searched by words only"},
		{"rerankError", "not reranked, the fused order stays"}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !cli->quiet; i++) {
		const char *why = json_string_value(json_object_get(found, parts[i][0]));

		if (why) {
			fprintf(stderr, "%s: %s\n", parts[i][1], why);
		}
	}
}

/* "searched for annual instead of anual" */
static void tell_corrections(const json_t *found)
{
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(found, "corrections"), i, c)
	{
		struct buf from = BUF_INIT, to = BUF_INIT;

		text_clean(&from, text_of(c, "from"), strlen(text_of(c, "from")), false);
		text_clean(&to, text_of(c, "to"), strlen(text_of(c, "to")), false);
		fprintf(stderr, "searched for %s instead of %s\n", to.data ? to.data : "",
			from.data ? from.data : "");
		buf_finish(&from);
		buf_finish(&to);
	}
}

/* Conditions that nothing meets: why there is nothing, or less than the words would find. */
static void tell_conditions(const json_t *found)
{
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(found, "conditions"), i, c)
	{
		struct buf text = BUF_INIT;

		if (!json_is_true(json_object_get(c, "unmatched"))) {
			continue;
		}
		text_clean(&text, text_of(c, "text"), strlen(text_of(c, "text")), false);
		fprintf(stderr, "nothing that you may read has %s\n", text.data ? text.data : "");
		buf_finish(&text);
	}
}

static void tell_understood(const struct cli *cli, const json_t *found)
{
	if (!cli->quiet) {
		tell_conditions(found);
		tell_corrections(found);
	}
}

/* "travel-policy.pdf, page 2 › Hotels", "prices.xlsx, Prices!A2:F9" */
static void add_place(struct buf *out, const json_t *p)
{
	const char *heading = text_of(p, "heading");
	static const struct column column = {"", "", AS_PLACE, STAYS};
	struct buf place = BUF_INIT;

	text_clean(out, text_of(p, "name"), strlen(text_of(p, "name")), false);
	table_value(&place, p, &column);
	if (place.len > 0) {
		buf_printf(out, ", %s", place.data);
	}
	buf_finish(&place);
	if (*heading) {
		buf_str(out, " › ");
		text_clean(out, heading, strlen(heading), false);
	}
}

/* "also in: draft.md, copy.md": other documents that say the same. */
static void add_also(struct buf *out, const json_t *p)
{
	const json_t *list = json_object_get(p, "also"), *k;
	size_t i;

	json_array_foreach(list, i, k)
	{
		const char *name = text_of(k, "name");

		buf_str(out, i == 0 ? "\nalso in: " : ", ");
		text_clean(out, name, strlen(name), false);
	}
}

static void print_passage(const struct cli *cli, size_t i, const json_t *p)
{
	const char *text = text_of(p, "text");
	size_t n = strlen(text);
	size_t shown = args_has(&cli->args, "full") ? n : utf8_floor(text, n, SHOWN_BYTES);
	bool bold = term_colour(STDOUT_FILENO);
	struct buf place = BUF_INIT, body = BUF_INIT, wrapped = BUF_INIT;

	add_place(&place, p);
	printf("%s%zu. %s%s  (%.2f)\n", bold ? "\033[1m" : "", i + 1, place.data,
		bold ? "\033[0m" : "", json_number_value(json_object_get(p, "score")));
	text_clean(&body, text, shown, true);
	buf_str(&body, shown < n ? " …" : "");
	add_also(&body, p);
	text_wrap(&wrapped, body.data, term_columns(STDOUT_FILENO), 3);
	printf("%s\n", wrapped.data ? wrapped.data : "");
	buf_finish(&wrapped);
	buf_finish(&body);
	buf_finish(&place);
}

int cmd_search(struct cli *cli, struct err *e)
{
	json_t *found = NULL;
	const json_t *passages, *p;
	size_t i;
	int rc = search_ask(cli, false, &found, e);

	if (rc != 0) {
		return rc;
	}
	passages = json_object_get(found, "passages");
	search_warn_of_servers(cli, found);
	tell_understood(cli, found);
	json_array_foreach(passages, i, p)
	{
		if (cli->json) {
			cli_json(p);
		} else {
			print_passage(cli, i, p);
		}
	}
	if (json_array_size(passages) == 0 && !cli->quiet) {
		fputs("nothing found in the documents you may read\n", stderr);
	}
	json_decref(found);
	return 0;
}

/* ── prompt ── */

int cmd_prompt(struct cli *cli, struct err *e)
{
	const char *collection = cli_option(cli, "collection");
	json_t *body = json_pack("{s:s}", "input", cli_sentence(cli, 0));
	json_t *made = NULL;
	const json_t *message;
	size_t i;
	int rc;

	if (!body) {
		return err_set(e, ERR_INVALID, "bad_text", "the question must be UTF-8");
	}
	if (collection) {
		json_object_set_new(body, "collections", json_pack("[s]", collection));
	}
	rc = client_call(cli, "POST", "/v1/prompt", body, &made, e);
	if (rc != 0) {
		return rc;
	}
	if (cli->json) {
		cli_json(made);
	} else {
		json_array_foreach(json_object_get(made, "messages"), i, message)
		{
			struct buf text = BUF_INIT;
			const char *content = text_of(message, "content");

			text_clean(&text, content, strlen(content), true);
			printf("── %s ──\n%s\n\n", text_of(message, "role"),
				text.data ? text.data : "");
			buf_finish(&text);
		}
		fprintf(stderr, "about %d tokens of a window of %d\n",
			(int)json_integer_value(json_object_get(made, "tokens")),
			(int)json_integer_value(json_object_get(made, "window")));
	}
	json_decref(made);
	return 0;
}
