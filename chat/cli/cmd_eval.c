/* eval: how good search is on a set of questions whose right documents are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/cmd.h"
#include "chat/cli/eval_data.h"
#include "chat/cli/progress.h"
#include "chat/cli/term.h"
#include "index/base/clock.h"
#include "retrieve/eval.h"
#include "retrieve/search.h"

struct outcome { /* of one query that has something relevant */
	const struct eval_query *query;
	struct eval_figures figures;
};

struct run {
	const struct eval_set *set;
	struct eval_data *data;
	struct outcome *outcomes; /* [n] */
	int n;
	double mean[EVAL_N_FIGURES];
	int64_t built_ms, searched_ms;
};

/* ── searching ── */

/* By document, each at the place of its best chunk. grade_of [documents] is all 0 before and after.
 */
static void measure(struct run *r, const struct search_result *found, int *grade_of,
	struct arena *a, struct outcome *o)
{
	const struct eval_query *q = o->query;
	int *ranked = arena_array(a, int, (size_t)found->n_candidates + 1);
	int *relevant = arena_array(a, int, (size_t)q->n_judged + 1);
	char *seen = arena_array(a, char, (size_t)r->set->n_documents);
	int n = 0;

	for (int i = 0; i < q->n_judged; i++) {
		relevant[i] = q->judged[i].grade;
		grade_of[q->judged[i].document] = q->judged[i].grade;
	}
	for (int i = 0; i < found->n_candidates; i++) {
		const char *name = found->candidates[i].document_name;
		int document = name ? eval_set_document(r->set, name) : -1;

		if (document >= 0 && !seen[document]) {
			seen[document] = 1;
			ranked[n++] = grade_of[document];
		}
	}
	for (int i = 0; i < q->n_judged; i++) {
		grade_of[q->judged[i].document] = 0;
	}
	eval_measure(ranked, n, relevant, q->n_judged, &o->figures);
}

static int search_one(struct run *r, int *grade_of, struct outcome *o, struct err *e)
{
	struct search_request request = {.who = &r->data->who,
		.query = o->query->text,
		.plain = true, /* a set's questions are text that nobody typed as syntax */
		.limit = 1,
		.ranking_only = true,
		.depth = SEARCH_DEPTH_MAX};
	struct db *db = store_reader(r->data->index->store, e);
	struct search_result found;
	struct err why = ERR_INIT;
	struct arena a;
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	arena_init(&a);
	rc = search_run(r->data->index, db, &request, &a, &found, &why);
	store_reader_drop(db);
	if (rc == 0 && found.vector_error) {
		rc = err_set(e, ERR_UNAVAILABLE, "no_vectors",
			"the query \"%.60s\" could not be embedded (%s): figures of words alone "
			"would be taken for the embedder's",
			o->query->id, found.vector_error);
	} else if (rc == 0) {
		measure(r, &found, grade_of, &a, o);
	} else {
		err_set(e, rc, why.reason, "the query \"%.60s\": %s", o->query->id, why.message);
	}
	arena_finish(&a);
	return rc;
}

static int search_all(struct run *r, bool quiet, struct arena *a, struct err *e)
{
	int *grade_of = arena_array(a, int, (size_t)r->set->n_documents);
	struct progress bar;
	int rc = 0;

	r->outcomes = arena_array(a, struct outcome, (size_t)r->set->n_relevant + 1);
	progress_start(&bar, "queries", "queries", quiet);
	for (int i = 0; i < r->set->n_queries && rc == 0; i++) {
		struct outcome *o = &r->outcomes[r->n];

		if (r->set->queries[i].n_relevant == 0) {
			continue;
		}
		o->query = &r->set->queries[i];
		rc = term_stopped ? err_set(e, ERR_CANCELLED, "interrupted", "interrupted")
				  : search_one(r, grade_of, o, e);
		progress_show(&bar, ++r->n, r->set->n_relevant, NULL);
	}
	progress_end(&bar);
	for (int f = 0; f < EVAL_N_FIGURES; f++) {
		for (int i = 0; i < r->n; i++) {
			r->mean[f] += r->outcomes[i].figures.of[f] / r->n;
		}
	}
	return rc;
}

/* ── telling ── */

static const char *const words[EVAL_N_FIGURES] = {
	[EVAL_NDCG_10] = "the first ten documents, more where right ones stand higher; 1 is best",
	[EVAL_RECALL_10] = "share of the right documents that are among the first 10",
	[EVAL_RECALL_100] = "share of the right documents that are among the first 100",
	[EVAL_MRR] = "1 / rank of the first right document",
	[EVAL_MRR_10] = "the same, counting only the first 10",
	[EVAL_HIT_1] = "share of queries whose first document is right",
};

static void set_figures(json_t *object, const double *of)
{
	for (int f = 0; f < EVAL_N_FIGURES; f++) {
		json_object_set_new(object, eval_figure_name(f), json_real(of[f]));
	}
}

static json_t *summary_json(const struct run *r)
{
	json_t *out = json_pack("{s:s, s:i, s:i, s:i, s:i}", "set", r->set->folder, "queries", r->n,
		"withoutRelevant", r->set->n_queries - r->n, "documents", r->set->n_documents,
		"chunks", r->data->n_chunks);

	set_figures(out, r->mean);
	json_object_set_new(out, "buildSeconds", json_real((double)r->built_ms / 1000));
	json_object_set_new(out, "searchSeconds", json_real((double)r->searched_ms / 1000));
	json_object_set_new(
		out, "seconds", json_real((double)(r->built_ms + r->searched_ms) / 1000));
	return out;
}

static void print_summary(const struct run *r)
{
	printf("%s: %d documents in %d chunks, %d queries", r->set->folder, r->set->n_documents,
		r->data->n_chunks, r->n);
	if (r->set->n_queries > r->n) {
		printf(" (%d more have no right document)", r->set->n_queries - r->n);
	}
	printf("\n\n");
	for (int f = 0; f < EVAL_N_FIGURES; f++) {
		printf("%-10s  %.3f  %s\n", eval_figure_name(f), r->mean[f], words[f]);
	}
	printf("\nbuilt in %.1f s, searched in %.1f s (%.1f ms a query)\n",
		(double)r->built_ms / 1000, (double)r->searched_ms / 1000,
		(double)r->searched_ms / (r->n ? r->n : 1));
}

static const struct column query_columns[] = {
	{"QUERY", "query", AS_TEXT, SHRINKS},
	{"FIRST", "firstRank", AS_RANK, STAYS},
	{"NDCG@10", "ndcg@10", AS_SCORE, STAYS},
	{"RECALL@100", "recall@100", AS_SCORE, STAYS},
	{"TEXT", "text", AS_TEXT, SHRINKS},
};

static void print_queries(struct cli *cli, const struct run *r)
{
	json_t *rows = json_array();

	for (int i = 0; i < r->n; i++) {
		const struct outcome *o = &r->outcomes[i];
		json_t *row = json_pack("{s:s, s:s, s:o}", "query", o->query->id, "text",
			o->query->text, "firstRank",
			o->figures.first_rank ? json_integer(o->figures.first_rank) : json_null());

		set_figures(row, o->figures.of);
		json_array_append_new(rows, row);
	}
	cli_rows(cli, rows, query_columns, N_COLUMNS(query_columns));
	if (!cli->json) {
		printf("\n");
	}
	json_decref(rows);
}

/* ── the command ── */

static int evaluate(struct cli *cli, struct run *r, struct err *e)
{
	int64_t from_ms = clock_mono_ms();
	int rc = eval_data_open(r->data, &cli->settings, r->set, cli->quiet, e);

	r->built_ms = clock_mono_ms() - from_ms;
	rc = rc ? rc : search_all(r, cli->quiet, &cli->arena, e);
	r->searched_ms = clock_mono_ms() - from_ms - r->built_ms;
	return rc;
}

int cmd_eval(struct cli *cli, struct err *e)
{
	struct eval_set *set = NULL;
	struct eval_data data;
	struct run r = {.data = &data};
	int rc = eval_set_open(cli_word(cli, 0), &set, e);

	if (rc) {
		return rc;
	}
	r.set = set;
	rc = evaluate(cli, &r, e);
	if (rc == 0 && args_has(&cli->args, "queries")) {
		print_queries(cli, &r);
	}
	if (rc == 0 && cli->json) {
		json_t *summary = summary_json(&r);

		cli_json(summary);
		json_decref(summary);
	} else if (rc == 0) {
		print_summary(&r);
	}
	eval_data_close(&data);
	eval_set_close(set);
	return rc;
}
