/* The steps recall and rewrite: what was asked before, and a question that leans on it made to
 * stand alone (chat/followup.h). A model is asked only where the rule says that it leans; it is
 * given rewrite-ms and is not asked twice. What it says is looked at by the worker that searches.
 */
#include <string.h>

#include "chat/turn_private.h"
#include "index/base/clock.h"
#include "index/base/log.h"

int turn_recall_work(struct turn *t, struct db *db, struct err *e)
{
	int rc = turn_load_history(t, db, e);

	if (rc == 0) {
		t->leaning = t->n_history > 0 ? followup_leaning(t->arena, t->run->order.question)
					      : STANDS;
	}
	return rc;
}

static void on_said(void *arg, const char *text, size_t n_bytes)
{
	struct turn *t = arg;

	buf_add(&t->said, text, n_bytes);
}

static void on_end(void *arg, const struct model_result *r)
{
	struct turn *t = arg;

	t->call = NULL;
	t->rewrite_us = clock_mono_us() - t->rewrite_us;
	if (r->rc != 0) {
		buf_clear(&t->said);
		log_info("rewrite.failed", LT("run", t->run->order.run.s),
			LT("reason", r->err.reason), LN("ms", t->rewrite_us / 1000));
	}
	turn_wake(t);
}

enum step_result turn_rewrite(struct turn *t)
{
	const struct settings *set = t->run->app->settings;
	struct model_order order = {.answer_tokens = FOLLOWUP_TOKENS,
		.total_ms = set->rewrite_ms,
		.on_text = on_said,
		.on_end = on_end,
		.arg = t};
	json_t *messages;

	if (t->asked) {
		return t->call ? STEP_WAIT : STEP_NEXT;
	}
	if (t->leaning == STANDS || set->rewrite_ms == 0 || !turn_wants_model(t)) {
		return STEP_NEXT;
	}
	t->asked = t->earlier;
	t->asked_runs = t->history_runs;
	t->n_asked = t->n_history;
	messages = followup_messages(t->run->order.question, t->asked, t->n_asked);
	order.messages = messages;
	t->rewrite_us = clock_mono_us();
	t->call = model_start(runs_models(t->run->runs), &order);
	json_decref(messages);
	return STEP_WAIT;
}

/* Permissions may have changed since the model was asked: an earlier turn that may not be shown any
 * more takes with it what was made of it. */
static bool is_as_asked(const struct turn *t)
{
	bool same = t->n_asked == t->n_history;

	for (int i = 0; same && t->history_runs && i < t->n_history; i++) {
		same = id_equal(&t->asked_runs[i], &t->history_runs[i]);
	}
	return same;
}

void turn_choose_query(struct turn *t)
{
	const char *question = t->run->order.question;
	const char *line = NULL;

	t->query = question;
	t->rewritten = "";
	if (t->leaning == STANDS || t->n_history == 0) {
		return;
	}
	if (t->said.len > 0 && is_as_asked(t)) {
		line = followup_accept(t->arena, t->said.data, question, t->earlier, t->n_history);
	}
	t->query = line ? line : followup_carry(t->arena, question, t->earlier, t->n_history);
	if (strcmp(t->query, question) != 0) {
		t->rewritten = line ? "model" : "rule";
	}
}
