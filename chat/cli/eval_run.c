#include "chat/cli/eval_source.h"

#include <stdlib.h>
#include <string.h>

#include "chat/cli/progress.h"
#include "chat/cli/term.h"
#include "index/base/clock.h"

void eval_source_close(struct eval_source *s)
{
	if (s) {
		s->close(s);
	}
}

/* ── one list ── */

struct placed {
	const struct eval_entry *entry;
	int rank;
};

static int by_rank(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

static struct placed *place(struct arena *a, const struct eval_list *list, int weight)
{
	struct placed *out = arena_array(a, struct placed, (size_t)list->n + 1);

	for (int i = 0; i < list->n; i++) {
		out[i].entry = &list->entries[i];
		out[i].rank = weight < 0 ? i : list->entries[i].ranks[weight];
	}
	if (weight >= 0) {
		qsort(out, (size_t)list->n, sizeof(*out), by_rank);
	}
	return out;
}

void eval_list_measure(struct arena *a, const struct eval_question *q, const struct eval_list *list,
	int weight, struct eval_figures *out)
{
	const struct placed *order = place(a, list, weight);
	int *ranked = arena_array(a, int, (size_t)list->n + 1);
	int *grades = arena_copy(a, q->grades, (size_t)q->n_items * sizeof(*grades));
	bool *item_seen = arena_array(a, bool, (size_t)q->n_items + 1);
	int n_keys = 0, n = 0;
	bool *key_seen;

	for (int i = 0; i < list->n; i++) {
		n_keys = list->entries[i].key >= n_keys ? list->entries[i].key + 1 : n_keys;
	}
	key_seen = arena_array(a, bool, (size_t)n_keys + 1);
	for (int i = 0; i < list->n; i++) {
		const struct eval_entry *entry = order[i].entry;

		if (key_seen[entry->key]) {
			continue;
		}
		key_seen[entry->key] = true;
		ranked[n++] =
			entry->item < 0 || item_seen[entry->item] ? 0 : q->grades[entry->item];
		if (entry->item >= 0) {
			item_seen[entry->item] = true;
		}
	}
	eval_measure(ranked, n, grades, q->n_items, out);
}

/* ── all of them ── */

/* Outcomes outlive their source: a run is compared with when it is closed. */
static int ask_one(struct cli *cli, struct eval_source *s, const struct eval_question *q,
	const struct eval_order *order, struct eval_outcome *out, struct err *e)
{
	struct eval_list list;
	struct err why = ERR_INIT;
	struct arena a;
	int rc;

	if (term_stopped) {
		return err_set(e, ERR_CANCELLED, "interrupted", "interrupted");
	}
	arena_init(&a);
	rc = s->ask(s, q, order, &a, &list, &why);
	if (rc == 0) {
		out->id = arena_str(&cli->arena, q->id);
		out->text = arena_str(&cli->arena, q->text);
		eval_list_measure(&a, q, &list, -1, &out->figures);
	} else {
		err_set(e, rc, why.reason, "the question \"%.60s\": %s", q->id, why.message);
	}
	arena_finish(&a);
	return rc;
}

int eval_run(struct cli *cli, struct eval_source *s, const struct eval_order *order,
	struct eval_run *out, struct err *e)
{
	const int64_t from_ms = clock_mono_ms();
	struct progress bar;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->outcomes = arena_array(&cli->arena, struct eval_outcome, (size_t)s->n_relevant + 1);
	progress_start(&bar, "search", "questions", cli->quiet);
	for (int i = 0; i < s->n_questions && rc == 0; i++) {
		if (s->questions[i].n_relevant > 0) {
			rc = ask_one(cli, s, &s->questions[i], order, &out->outcomes[out->n], e);
			out->n += rc == 0;
			progress_show(&bar, out->n, s->n_relevant, NULL);
		}
	}
	progress_end(&bar);
	for (int f = 0; f < EVAL_N_FIGURES; f++) {
		for (int i = 0; i < out->n; i++) {
			out->mean[f] += out->outcomes[i].figures.of[f] / out->n;
		}
	}
	out->searched_ms = clock_mono_ms() - from_ms;
	return rc;
}
