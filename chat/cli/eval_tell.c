#include "chat/cli/eval_tell.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/term.h"
#include "chat/cli/text.h"
#include "index/base/array.h"
#include "retrieve/eval_lines.h"

static const char *const words[EVAL_N_FIGURES] = {
	[EVAL_NDCG_10] = "the first 10, more where right ones stand higher; 1 is best",
	[EVAL_RECALL_10] = "share of what is right that is among the first 10",
	[EVAL_RECALL_100] = "share of what is right that is among the first 100",
	[EVAL_MRR] = "1 / rank of the first right one",
	[EVAL_MRR_10] = "the same, but 0 beyond the first 10",
	[EVAL_HIT_1] = "share of questions whose first document is right",
};

static void set_figures(json_t *object, const double *of)
{
	for (int f = 0; f < EVAL_N_FIGURES; f++) {
		json_object_set_new(object, eval_figure_name(f), json_real(of[f]));
	}
}

/* ── one run ── */

static json_t *summary_json(const struct eval_source *s, const struct eval_run *r)
{
	json_t *out = json_pack("{s:s, s:i, s:i}", "set", s->name, "queries", r->n,
		"withoutRelevant", s->n_questions - r->n);

	if (s->n_documents >= 0) {
		json_object_set_new(out, "documents", json_integer(s->n_documents));
		json_object_set_new(out, "chunks", json_integer(s->n_chunks));
		json_object_set_new(out, "buildSeconds", json_real((double)s->built_ms / 1000));
	} else {
		json_object_set_new(out, "absent", json_integer(s->n_absent));
	}
	set_figures(out, r->mean);
	json_object_set_new(out, "searchSeconds", json_real((double)r->searched_ms / 1000));
	json_object_set_new(
		out, "seconds", json_real((double)(s->built_ms + r->searched_ms) / 1000));
	return out;
}

void eval_tell_summary(struct cli *cli, const struct eval_source *s, const struct eval_run *r)
{
	const int n_others = s->n_questions - r->n;

	if (cli->json) {
		json_t *line = summary_json(s, r);

		cli_json(line);
		json_decref(line);
		return;
	}
	cli_text(s->name, strlen(s->name));
	printf(": %d questions", r->n);
	if (s->n_documents >= 0) {
		printf(" to %d documents in %d chunks", s->n_documents, s->n_chunks);
	}
	printf(n_others ? "\n(%d more have no right document)\n\n" : "\n\n", n_others);
	for (int f = 0; f < EVAL_N_FIGURES && r->n > 0; f++) {
		printf("%-10s  %.3f  %s\n", eval_figure_name(f), r->mean[f], words[f]);
	}
	printf("\n");
	if (s->n_absent > 0) {
		printf("%d of the expected documents are not among those that you may read:\n"
		       "they count as not found\n",
			s->n_absent);
	}
	if (s->n_documents >= 0) {
		printf("built in %.1f s, ", (double)s->built_ms / 1000);
	}
	printf("searched in %.1f s, %.1f ms a question\n", (double)r->searched_ms / 1000,
		(double)r->searched_ms / (r->n ? r->n : 1));
}

static const struct column columns[] = {
	{"QUERY", "query", AS_TEXT, SHRINKS},
	{"FIRST", "firstRank", AS_RANK, STAYS},
	{"NDCG@10", "ndcg@10", AS_SCORE, STAYS},
	{"RECALL@100", "recall@100", AS_SCORE, STAYS},
	{"TEXT", "text", AS_TEXT, SHRINKS},
};

void eval_tell_questions(struct cli *cli, const struct eval_run *r)
{
	json_t *rows = json_array();

	for (int i = 0; i < r->n; i++) {
		const struct eval_outcome *o = &r->outcomes[i];
		json_t *row = json_pack("{s:s, s:s, s:o}", "query", o->id, "text", o->text,
			"firstRank",
			o->figures.first_rank ? json_integer(o->figures.first_rank) : json_null());

		set_figures(row, o->figures.of);
		json_array_append_new(rows, row);
	}
	if (cli->json) {
		cli_rows(cli, rows, columns, N_COLUMNS(columns));
	} else {
		struct buf out = BUF_INIT;

		table_render(&out, columns, N_COLUMNS(columns), rows, term_columns(STDOUT_FILENO),
			term_colour(STDOUT_FILENO));
		printf("%s\n", out.data ? out.data : "");
		buf_finish(&out);
	}
	json_decref(rows);
}

/* ── a saved run ── */

static int take_saved(struct lines *l, const json_t *row, struct cli *cli, struct eval_outcome *out,
	struct err *e)
{
	const char *id = json_string_value(json_object_get(row, "query"));

	for (int f = 0; f < EVAL_N_FIGURES; f++) {
		const json_t *v = json_object_get(row, eval_figure_name(f));

		if (!id || !json_is_number(v) || !(json_number_value(v) >= 0) ||
			json_number_value(v) > 1) {
			return lines_fault(l, e,
				"no line of `carrel eval --json --queries`: it has no %s",
				id ? eval_figure_name(f) : "query");
		}
		out->figures.of[f] = json_number_value(v);
	}
	out->id = arena_str(&cli->arena, id);
	return 0;
}

/* What stands among them in the same output. */
static bool is_other_line(const json_t *row)
{
	static const char *const others[] = {"set", "compared", "tuned", "answer", "answers"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (json_object_get(row, others[i])) {
			return true;
		}
	}
	return false;
}

int eval_read_run(struct cli *cli, const char *path, struct eval_run *out, struct err *e)
{
	struct eval_outcome *items = NULL;
	struct lines l;
	json_t *row;
	int cap = 0, rc = lines_open(&l, path, e);

	memset(out, 0, sizeof(*out));
	while (rc >= 0 && (rc = lines_next_json(&l, &row, e)) > 0) {
		if (!is_other_line(row)) {
			items = array_grow(items, out->n, &cap, sizeof(*items));
			rc = take_saved(&l, row, cli, &items[out->n], e);
			out->n += rc == 0;
		}
		json_decref(row);
		if (rc < 0) {
			break;
		}
	}
	lines_close(&l);
	out->outcomes =
		out->n ? arena_copy(&cli->arena, items, (size_t)out->n * sizeof(*items)) : NULL;
	free(items);
	if (rc == 0 && out->n == 0) {
		rc = err_set(e, ERR_INVALID, "no_queries",
			"%s has no queries: save a run with `carrel eval … --json --queries`",
			path);
	}
	return rc;
}

/* ── two runs ── */

const char *eval_verdict(const struct eval_difference *d)
{
	if (d->low > 0) {
		return "better: the interval lies above 0, so chance hardly explains it";
	}
	if (d->high < 0) {
		return "worse: the interval lies below 0, so chance hardly explains it";
	}
	return "no difference that these questions show: the interval holds 0";
}

static int by_id(const void *a, const void *b)
{
	const struct eval_outcome *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

static const struct eval_outcome **sorted(struct arena *a, const struct eval_run *r)
{
	const struct eval_outcome **out =
		arena_array(a, const struct eval_outcome *, (size_t)r->n + 1);

	for (int i = 0; i < r->n; i++) {
		out[i] = &r->outcomes[i];
	}
	qsort(out, (size_t)r->n, sizeof(const struct eval_outcome *), by_id);
	return out;
}

struct paired {
	const struct eval_outcome **before, **now; /* [n] */
	int n;
};

static void pair_up(struct arena *a, const struct eval_pair *pair, struct paired *out)
{
	int i = 0, k = 0;

	out->before = sorted(a, pair->before);
	out->now = sorted(a, pair->now);
	out->n = 0;
	while (i < pair->before->n && k < pair->now->n) {
		int order = strcmp(out->before[i]->id, out->now[k]->id);

		if (order == 0) {
			out->before[out->n] = out->before[i];
			out->now[out->n++] = out->now[k];
		}
		i += order <= 0;
		k += order >= 0;
	}
}

static json_t *difference_json(double before, double now, const struct eval_difference *d)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:i}", "before", before, "now", now,
		"difference", d->mean, "low", d->low, "high", d->high, "better", d->n_better,
		"same", d->n_same, "worse", d->n_worse);
}

static void print_row(const char *name, double before, double now, const struct eval_difference *d)
{
	printf("%-10s  %.3f  %.3f  %+.3f  %+.3f … %+.3f  %6d  %5d  %5d\n", name, before, now,
		d->mean, d->low, d->high, d->n_better, d->n_same, d->n_worse);
}

static void print_head(const struct eval_pair *pair, const struct paired *p)
{
	struct buf names = BUF_INIT, wrapped = BUF_INIT;
	const int n_left = pair->before->n + pair->now->n - 2 * p->n;

	buf_printf(&names, "before: %s; now: %s; %d questions in both", pair->before_name,
		pair->now_name, p->n);
	if (n_left > 0) {
		buf_printf(&names, ", %d left out that only one has", n_left);
	}
	text_wrap(&wrapped, names.data, term_columns(STDOUT_FILENO), 0);
	printf("\n%s\n%-10s  %-5s  %-5s  %-6s  %-15s  %s\n", wrapped.data, "", "BEFORE", "NOW",
		"CHANGE", "95 % INTERVAL", "BETTER   SAME  WORSE");
	buf_finish(&names);
	buf_finish(&wrapped);
}

int eval_tell_difference(struct cli *cli, const struct eval_pair *pair, struct err *e)
{
	struct eval_difference first = {0}, d;
	struct paired p;
	double *before, *now;
	json_t *out;

	pair_up(&cli->arena, pair, &p);
	if (p.n == 0) {
		return err_set(e, ERR_INVALID, "nothing_paired",
			"no question of %s is among those of now", pair->before_name);
	}
	before = arena_array(&cli->arena, double, (size_t)p.n);
	now = arena_array(&cli->arena, double, (size_t)p.n);
	out = json_pack("{s:s, s:s, s:i, s:I, s:i}", "compared", pair->before_name, "now",
		pair->now_name, "queries", p.n, "seed", (json_int_t)pair->seed, "rounds",
		EVAL_BOOTSTRAP_ROUNDS);
	if (!cli->json) {
		print_head(pair, &p);
	}
	for (int f = 0; f < EVAL_N_FIGURES; f++) {
		double was = 0, is = 0;

		for (int i = 0; i < p.n; i++) {
			before[i] = p.before[i]->figures.of[f];
			now[i] = p.now[i]->figures.of[f];
			was += before[i] / p.n;
			is += now[i] / p.n;
		}
		eval_compare(before, now, p.n, pair->seed, &d);
		first = f == EVAL_NDCG_10 ? d : first;
		json_object_set_new(out, eval_figure_name(f), difference_json(was, is, &d));
		if (!cli->json) {
			print_row(eval_figure_name(f), was, is, &d);
		}
	}
	if (cli->json) {
		cli_json(out);
	} else {
		printf("\nndcg@10: %s\n(paired bootstrap over the questions, %d rounds, seed "
		       "%" PRIu64 ")\n",
			eval_verdict(&first), EVAL_BOOTSTRAP_ROUNDS, pair->seed);
	}
	json_decref(out);
	return 0;
}
