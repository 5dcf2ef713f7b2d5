#include "chat/cli/eval_tune.h"

#include <inttypes.h>
#include <string.h>

#include "chat/cli/client.h"
#include "chat/cli/eval_tell.h"
#include "chat/cli/progress.h"
#include "chat/cli/term.h"
#include "retrieve/eval_tune.h"

#define STEP 5 /* percent between two weights that are tried */
#define N_GRID (100 / STEP + 1)
#define N_WEIGHTS (N_GRID + 1) /* the last is the one in force, which may stand between two */

struct group { /* the questions that one setting is for */
	char setting[64];
	const struct eval_question *example;
	double *values; /* [n × N_GRID + 1]; the present weight's are the last */
	int n, present; /* percent */
};

struct tuning {
	struct cli *cli;
	struct eval_source *source;
	struct group groups[4];
	int n_groups;
	double weights[N_GRID];
};

static struct group *group_of(struct tuning *t, const struct eval_list *list)
{
	bool cjk = strcmp(list->language, "zh") == 0 || strcmp(list->language, "ja") == 0 ||
		   strcmp(list->language, "ko") == 0;
	char setting[64];
	int i = 0;

	snprintf(setting, sizeof(setting), "fusion-weight-%s%s", list->embedder,
		cjk && strcmp(list->embedder, "builtin") == 0 ? "-cjk" : "");
	while (i < t->n_groups && strcmp(t->groups[i].setting, setting) != 0) {
		i++;
	}
	ASSERT(i < (int)(sizeof(t->groups) / sizeof(t->groups[0])));
	if (i == t->n_groups) {
		t->n_groups++;
		memcpy(t->groups[i].setting, setting, sizeof(setting));
		t->groups[i].present = list->weight;
		t->groups[i].values = arena_array(
			&t->cli->arena, double, (size_t)t->source->n_relevant *(size_t)N_WEIGHTS);
	}
	return &t->groups[i];
}

static int ask_one(struct tuning *t, const struct eval_question *q, struct err *e)
{
	const struct eval_order order = {.weights = t->weights, .n_weights = N_GRID};
	struct eval_figures figures;
	struct eval_list list;
	struct group *g;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = t->source->ask(t->source, q, &order, &a, &list, e);
	if (rc == 0 && *list.embedder) {
		double *values;

		g = group_of(t, &list);
		g->example = q;
		values = g->values + (size_t)g->n++ * (size_t)N_WEIGHTS;
		for (int w = 0; w < N_GRID; w++) {
			eval_list_measure(&a, q, &list, w, &figures);
			values[w] = figures.of[EVAL_NDCG_10];
		}
		eval_list_measure(&a, q, &list, -1, &figures);
		values[N_GRID] = figures.of[EVAL_NDCG_10];
	}
	arena_finish(&a);
	return rc;
}

static int ask_all(struct tuning *t, struct err *e)
{
	const struct eval_source *s = t->source;
	struct progress bar;
	int n_done = 0, rc = 0;

	for (int w = 0; w < N_GRID; w++) {
		t->weights[w] = w * STEP / 100.0;
	}
	progress_start(&bar, "tune", "questions", t->cli->quiet);
	for (int i = 0; i < s->n_questions && rc == 0; i++) {
		if (s->questions[i].n_relevant > 0) {
			rc = term_stopped ? err_set(e, ERR_CANCELLED, "interrupted", "interrupted")
					  : ask_one(t, &s->questions[i], e);
			progress_show(&bar, ++n_done, s->n_relevant, NULL);
		}
	}
	progress_end(&bar);
	return rc;
}

/* ── telling ── */

/* Of the grid, whose last place is the present weight's own. */
static int percent(const struct group *g, int w)
{
	return w == N_GRID ? g->present : w * STEP;
}

static void print_curve(const struct group *g)
{
	printf("weight %%  ndcg@10\n");
	for (int w = 0; w < N_WEIGHTS; w++) {
		double mean = 0;

		for (int i = 0; i < g->n; i++) {
			mean += g->values[(size_t)i * N_WEIGHTS + (size_t)w] / g->n;
		}
		if (w % 2 == 0 || w == N_GRID) {
			printf("%8d    %.3f%s\n", percent(g, w), mean,
				w == N_GRID ? "  as it is" : "");
		}
	}
}

static void tell(
	struct tuning *t, const struct group *g, const struct eval_choice *c, uint64_t seed)
{
	const struct eval_difference *d = &c->held_out;

	if (t->cli->json) {
		json_t *line = json_pack("{s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:I}",
			"tuned", g->setting, "queries", g->n, "present", g->present, "best",
			percent(g, c->best), "ndcg@10", c->present_mean, "best ndcg@10",
			c->best_mean, "heldOut", d->mean, "low", d->low, "high", d->high, "seed",
			(json_int_t)seed);

		cli_json(line);
		json_decref(line);
		return;
	}
	printf("\n%s: %d now; %d is best for these %d questions\n\n", g->setting, g->present,
		percent(g, c->best), g->n);
	print_curve(g);
	printf("\nchosen on four fifths, judged on the others: %+.3f, 95 %% interval %+.3f … "
	       "%+.3f\nthat is %s\n(%d folds, seed %" PRIu64 ")\n",
		d->mean, d->low, d->high, eval_verdict(d), EVAL_TUNE_FOLDS, seed);
}

/* An embedder that has learned nothing yet weighs 10 % at most, whatever the setting. */
static int counts(struct tuning *t, const struct group *g, int best, bool *out, struct err *e)
{
	struct settings set;
	struct eval_order order = {.tried = json_pack("{s:i}", g->setting, best)};
	struct eval_list list;
	struct arena a;
	char text[16];
	int rc;

	arena_init(&a);
	settings_copy(&set, &t->cli->settings);
	snprintf(text, sizeof(text), "%d", best);
	rc = settings_set(&set, g->setting, text, "--tune", e);
	order.settings = &set;
	rc = rc ? rc : t->source->ask(t->source, g->example, &order, &a, &list, e);
	*out = rc == 0 && list.weight == best;
	settings_finish(&set);
	json_decref((json_t *)order.tried);
	arena_finish(&a);
	return rc;
}

static int save(struct cli *cli, const char *setting, int best, struct err *e)
{
	json_t *body = json_pack("{s:{s:i}}", "settings", setting, best);
	int rc = client_call(cli, "PATCH", "/v1/settings", body, NULL, e);

	if (rc == 0 && !cli->json) {
		printf("saved: %s = %d\n", setting, best);
	}
	return rc;
}

static int settle(struct tuning *t, const struct group *g, uint64_t seed, struct err *e)
{
	double weights[N_WEIGHTS];
	struct eval_choice c;
	bool matters = true;
	int rc;

	if (g->n < EVAL_TUNE_LEAST) {
		fprintf(stderr, "%s: %d questions are too few to tell, %d are needed\n", g->setting,
			g->n, EVAL_TUNE_LEAST);
		return 0;
	}
	memcpy(weights, t->weights, sizeof(t->weights));
	weights[N_GRID] = g->present / 100.0;
	eval_choose(&(struct eval_grid){g->values, weights, g->n, N_WEIGHTS, N_GRID}, seed, &c);
	tell(t, g, &c, seed);
	rc = counts(t, g, percent(g, c.best), &matters, e);
	if (rc == 0 && !matters) {
		fprintf(stderr,
			"the embedder has learned too little to weigh more than %d %%: "
			"nothing to change yet\n",
			g->present);
		return 0;
	}
	if (rc || percent(g, c.best) == g->present || !args_has(&t->cli->args, "save")) {
		return rc;
	}
	if (c.held_out.mean <= 0) {
		fprintf(stderr, "not saved: on questions that it was not chosen by it gains "
				"nothing\n");
		return 0;
	}
	return save(t->cli, g->setting, percent(g, c.best), e);
}

int eval_tune(struct cli *cli, struct eval_source *s, uint64_t seed, struct err *e)
{
	struct tuning t = {.cli = cli, .source = s};
	int rc = ask_all(&t, e);

	for (int i = 0; i < t.n_groups && rc == 0; i++) {
		rc = settle(&t, &t.groups[i], seed, e);
	}
	if (rc == 0 && t.n_groups == 0) {
		fprintf(stderr, "no vectors were searched: there is no weight to find\n");
	}
	return rc;
}
