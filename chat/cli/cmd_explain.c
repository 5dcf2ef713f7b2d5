/* explain: what a query was taken for, and each candidate's ranks and fate, in 80 columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/cmd.h"
#include "chat/cli/cmd_search.h"
#include "chat/cli/term.h"
#include "chat/cli/text.h"

#define WIDTH 80	   /* where there is no terminal */
#define SHOWN ((size_t)30) /* candidates, without --full */

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

static int width(void)
{
	return term_is(STDOUT_FILENO) || getenv("COLUMNS") ? term_columns(STDOUT_FILENO) : WIDTH;
}

/* ── what the query was taken for ── */

/* "WHAT  text", the text wrapped beside it. */
static void print_fact(const char *what, const char *text)
{
	struct buf clean = BUF_INIT, wrapped = BUF_INIT;

	text_clean(&clean, text, strlen(text), false);
	text_wrap(&wrapped, clean.data ? clean.data : "", width(), 12);
	if (wrapped.len > 12) {
		printf("%-12s%s", what, wrapped.data + 12);
	}
	buf_finish(&wrapped);
	buf_finish(&clean);
}

static void print_conditions(struct cli *cli, const json_t *found)
{
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(found, "conditions"), i, c)
	{
		bool unmatched = json_is_true(json_object_get(c, "unmatched"));

		print_fact(i == 0 ? "only" : "and",
			arena_printf(&cli->arena, "%s%s", text_of(c, "text"),
				unmatched ? "  (nothing that you may "
					    "read has it)"
					  : ""));
	}
}

static void print_query(struct cli *cli, const json_t *found)
{
	const char *words = text_of(found, "words");
	const char *embedder = text_of(found, "embedder");
	const json_t *c;
	size_t i;

	if (*words && strcmp(words, cli_sentence(cli, 0)) != 0) {
		print_fact("words", words);
	}
	json_array_foreach(json_object_get(found, "corrections"), i, c)
	{
		print_fact(i == 0 ? "corrected" : "",
			arena_printf(&cli->arena, "%s → %s", text_of(c, "from"), text_of(c, "to")));
	}
	print_conditions(cli, found);
	print_fact(
		"language", *text_of(found, "language") ? text_of(found, "language") : "unknown");
	print_fact("meaning",
		*embedder ? arena_printf(&cli->arena, "by %s, weighs %d %%", embedder,
				    (int)json_integer_value(json_object_get(found, "weight")))
			  : "not searched: words alone");
	fputs("\n", stdout);
}

/* ── the candidates ── */

/* The server's words for a fate are a sentence; a column has room for two. */
static const struct {
	const char *fate, *brief, *means;
} fates[] = {
	{"kept", "kept", "a passage that is shown"},
	{"merged into a neighbour", "merged", "a part of the passage beside it that is shown"},
	{"near-duplicate", "same as", "nearly the words of that candidate, which stands for it"},
	{"below the limit", "limit", "--limit passages were shown already"},
	{"did not fit the token budget", "budget", "the prompt had no room left"},
	{"its document has its share already", "share", "its document had its share already"},
	{"too weak", "weak", "too little of the question is in it"},
	{"deleted, replaced or no longer readable", "gone",
		"deleted, replaced or not readable now"},
};
#define N_FATES (sizeof(fates) / sizeof(fates[0]))

static size_t fate_of(const json_t *candidate)
{
	size_t i = 0;

	while (i < N_FATES && strcmp(text_of(candidate, "fate"), fates[i].fate) != 0) {
		i++;
	}
	return i;
}

/* A reranker's rank stands after MEANING where a candidate has one. */
static const struct column columns[] = {
	{"#", "fusedRank", AS_RANK, STAYS},
	{"WORDS", "lexicalRank", AS_RANK, STAYS},
	{"MEANING", "vectorRank", AS_RANK, STAYS},
	{"SCORE", "score", AS_SCORE, STAYS},
	{"FATE", "brief", AS_TEXT, STAYS},
	{"DOCUMENT", "name", AS_TEXT, SHRINKS},
	{"PLACE", "where", AS_TEXT, SHRINKS},
};
static const struct column rerank_column = {"RERANK", "rerankRank", AS_RANK, STAYS};

/* "page 2, Hotels": where it is, then the last part of its heading. */
static json_t *where_of(struct cli *cli, const json_t *k)
{
	static const struct column place_column = {"", "", AS_PLACE, STAYS};
	const char *heading = text_of(k, "heading");
	const char *last = strstr(heading, " > ");
	struct buf place = BUF_INIT;
	json_t *out;

	for (; last; last = strstr(heading, " > ")) {
		heading = last + 3;
	}
	table_value(&place, k, &place_column);
	out = json_string(arena_printf(&cli->arena, "%s%s%s", place.len ? place.data : "",
		place.len && *heading ? ", " : "", heading));
	buf_finish(&place);
	return out;
}

static json_t *row_of(struct cli *cli, const json_t *k)
{
	const size_t fate = fate_of(k);
	const int same_as = (int)json_integer_value(json_object_get(k, "sameAs"));
	json_t *row = json_copy((json_t *)k);
	const char *brief = fate < N_FATES ? fates[fate].brief : text_of(k, "fate");

	if (strcmp(brief, "same as") == 0) {
		brief = same_as > 0 ? arena_printf(&cli->arena, "same as %d", same_as) : "same";
	}
	json_object_set_new(row, "brief", json_string(brief));
	json_object_set_new(row, "where", where_of(cli, k));
	return row;
}

static void print_legend(const json_t *rows)
{
	bool seen[N_FATES + 1] = {false};
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		seen[fate_of(row)] = true;
	}
	fputs("\n", stdout);
	for (i = 0; i < N_FATES; i++) {
		if (seen[i]) {
			printf("%-8s %s\n", fates[i].brief, fates[i].means);
		}
	}
}

static void print_table(const json_t *rows, bool reranked)
{
	struct column shown[N_COLUMNS(columns) + 1];
	struct buf out = BUF_INIT;
	int n = 0;

	for (int i = 0; i < N_COLUMNS(columns); i++) {
		shown[n++] = columns[i];
		if (i == 2 && reranked) {
			shown[n++] = rerank_column;
		}
	}
	table_render(&out, shown, n, rows, width(), term_colour(STDOUT_FILENO));
	fputs(out.data, stdout);
	buf_finish(&out);
}

static void print_candidates(struct cli *cli, const json_t *found)
{
	const json_t *all = json_object_get(found, "candidates");
	size_t n = json_array_size(all);
	size_t shown = args_has(&cli->args, "full") || n < SHOWN ? n : SHOWN;
	json_t *rows = json_array();
	bool reranked = false;

	for (size_t i = 0; i < shown; i++) {
		const json_t *k = json_array_get(all, i);

		json_array_append_new(rows, row_of(cli, k));
		reranked = reranked || json_integer_value(json_object_get(k, "rerankRank")) > 0;
	}
	if (shown == 0) {
		printf("nothing found in the documents that you may read\n");
	} else {
		print_table(rows, reranked);
	}
	if (shown < n) {
		printf("… and %zu more (--full)\n", n - shown);
	}
	if (shown > 0) {
		print_legend(rows);
	}
	json_decref(rows);
}

static double ms_of(const json_t *time, const char *step)
{
	return json_number_value(json_object_get(time, step)) / 1000;
}

static void print_end(const json_t *found)
{
	const json_t *time = json_object_get(found, "timeUs");

	printf("\nevidence %.2f%s, %d tokens\nwords %.1f ms, meaning %.1f ms, all %.1f ms\n",
		json_number_value(json_object_get(found, "evidence")),
		json_is_true(json_object_get(found, "weak")) ? " (too weak for an answer)" : "",
		(int)json_integer_value(json_object_get(found, "tokens")), ms_of(time, "lexical"),
		ms_of(time, "vector"), ms_of(time, "total"));
}

int cmd_explain(struct cli *cli, struct err *e)
{
	json_t *found = NULL;
	const json_t *candidate;
	size_t i;
	int rc = search_ask(cli, true, &found, e);

	if (rc != 0) {
		return rc;
	}
	search_warn_of_servers(cli, found);
	if (cli->json) {
		json_array_foreach(json_object_get(found, "candidates"), i, candidate)
		{
			cli_json(candidate);
		}
	} else {
		print_query(cli, found);
		print_candidates(cli, found);
		print_end(found);
	}
	json_decref(found);
	return 0;
}
