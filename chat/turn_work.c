/* What a worker does for an answer: passages, permissions, the prompt. */
#include "chat/turn_private.h"

#include <string.h>

#include "chat/conversation.h"
#include "index/base/clock.h"
#include "index/catalog.h"
#include "retrieve/evidence.h"

#define HISTORY_MAX 20	 /* turns looked at for the prompt */
#define RETRIEVE_TRIES 3 /* when permissions change between retrieval and prompt */

/* From the database's present state, each time. */
static int identify(struct turn *t, struct db *db, struct err *e)
{
	const struct run_order *o = &t->run->order;

	return id_empty(&o->user) ? acl_operator(db, t->arena, &o->workspace, &t->who, e)
				  : acl_asker(db, t->arena, &o->user, &t->who, e);
}

/* ── retrieve ── */

/* Earlier turns with the answers that may still be shown. */
static int load_history(struct turn *t, struct db *db, struct err *e)
{
	const struct run_order *o = &t->run->order;
	struct turn_row *rows;
	int n, rc;

	if (t->run->ephemeral) {
		t->history = (struct prompt_turn *)o->history;
		t->n_history = o->n_history;
		return 0;
	}
	rc = turn_history(db, t->arena, &o->conversation, o->turn_seq, HISTORY_MAX, &rows, &n, e);
	t->history = arena_array(t->arena, struct prompt_turn, (size_t)n + 1);
	t->history_runs = arena_array(t->arena, struct id, (size_t)n + 1);
	t->n_history = 0;
	for (int i = 0; rc == 0 && i < n; i++) {
		struct run_view view;
		struct run_row row;

		rc = run_view_open(db, t->arena, &t->who, &rows[i].run, &view, e);
		if (rc == 0) {
			rc = run_lookup(db, t->arena, &t->who, &rows[i].run, &row, e);
		}
		if (rc == 0 && !view.withheld && row.answer[0]) {
			t->history_runs[t->n_history] = row.id;
			t->history[t->n_history++] =
				(struct prompt_turn){rows[i].input, row.answer};
		}
	}
	return rc;
}

static const struct id *attached(const struct turn *t)
{
	return id_empty(&t->attached) ? NULL : &t->attached;
}

int turn_retrieve_work(struct turn *t, struct db *db, struct err *e)
{
	const struct run_order *o = &t->run->order;
	int64_t begun = clock_mono_ms();
	struct search_request request;
	int rc = identify(t, db, e);

	if (rc == 0) {
		rc = load_history(t, db, e);
	}
	if (rc == 0 && !t->run->ephemeral) {
		rc = collection_attached(db, &o->conversation, &t->attached, e);
	}
	if (rc != 0) {
		return rc;
	}
	t->query = prompt_query(t->arena, o->question, t->history, t->n_history);
	request = (struct search_request){.who = &t->who,
		.settings = t->run->app->settings,
		.query = t->query,
		.collections = o->n_collections > 0 ? o->collections : NULL,
		.n_collections = o->n_collections,
		.attached = attached(t),
		.limit = PROMPT_PASSAGES_MAX,
		.token_budget = (int)t->run->app->settings->source_tokens,
		.explain = true};
	rc = search_run(t->run->app->index, db, &request, t->arena, &t->found, e);
	t->retrieve_ms = clock_mono_ms() - begun;
	return rc;
}

/* ── prompt ── */

/* Every document that something was found in: the passages' ones are among them. */
static bool may_still_read(struct turn *t, struct db *db)
{
	const struct candidate *list = t->found.candidates;

	for (int i = 0; i < t->found.n_candidates; i++) {
		bool seen = list[i].fate == FATE_GONE;

		for (int k = 0; k < i && !seen; k++) {
			seen = id_equal(&list[k].document, &list[i].document);
		}
		if (!seen && acl_right(db, &t->who, &list[i].document) < RIGHT_READ) {
			return false;
		}
	}
	return true;
}

static bool wants_model(const struct turn *t)
{
	return t->run->order.mode != RESPONSE_EXTRACTIVE &&
	       models_configured(runs_models(t->run->runs));
}

static int build_answer(struct turn *t, struct db *db, struct err *e)
{
	const struct settings *set = t->run->app->settings;
	const struct run_order *o = &t->run->order;
	struct prompt_order order = {set->model_context, set->answer_tokens, set->source_tokens,
		o->question, t->history, t->n_history, t->found.passages, t->found.n_passages};
	struct allowed *allowed = acl_allowed(t->run->app->index->acl, &t->who,
		o->n_collections > 0 ? o->collections : NULL, o->n_collections, attached(t));
	struct question q;
	int rc;

	t->n_sources = t->found.n_passages;
	if (wants_model(t)) {
		prompt_build(&order, &t->prompt);
		t->n_sources = t->prompt.n_sources;
	}
	t->sources = arena_array(t->arena, struct source, (size_t)t->n_sources + 1);
	for (int i = 0; i < t->n_sources; i++) {
		source_init(&t->sources[i], t->arena, i + 1, &t->found.passages[i]);
	}
	rc = question_open(db, t->arena, t->who.workspace_n, allowed, t->query, &q, e);
	acl_allowed_drop(allowed);
	if (rc == 0) {
		extractive_answer(t->arena, &q, o->question, t->sources, t->n_sources, &t->extract);
	}
	return rc;
}

static int on_sources(struct db *db, void *arg, struct err *e)
{
	struct turn *t = arg;
	int rc =
		retrieval_store(db, &t->run->order.run, &t->run->order.workspace, &t->retrieval, e);

	if (rc == 0) {
		rc = run_sources_add(db, &t->run->order.run, &t->run->order.workspace,
			t->found.passages, t->n_sources, e);
	}
	for (int i = t->n_history - t->prompt.n_turns; rc == 0 && i < t->n_history; i++) {
		rc = run_sources_inherit(db, &t->run->order.run, &t->history_runs[i], e);
	}
	return rc;
}

/* What was found is durable before anything of it shows, so that whoever resumes is checked against
 * it. */
int turn_prompt_work(struct turn *t, struct db *db, struct err *e)
{
	int rc = identify(t, db, e);

	for (t->n_tries = 1; rc == 0 && !may_still_read(t, db); t->n_tries++) {
		rc = t->n_tries == RETRIEVE_TRIES
			     ? err_set(e, ERR_UNAVAILABLE, "permissions_change",
				       "Permissions are changing: try again.")
			     : turn_retrieve_work(t, db, e);
		if (rc == 0) {
			rc = store_reader_renew(db, e);
		}
		if (rc == 0) {
			rc = identify(t, db, e);
		}
	}
	t->refused =
		t->found.n_passages == 0 || t->found.evidence < evidence_needed(t->found.language);
	if (rc == 0 && t->refused) {
		t->extract.text = arena_str(
			t->arena, extractive_refusal(language_detect(
					  t->run->order.question, strlen(t->run->order.question))));
	} else if (rc == 0) {
		rc = load_history(t, db, e);
		if (rc == 0) {
			rc = build_answer(t, db, e);
		}
	}
	if (rc != 0) {
		return rc;
	}
	retrieval_fill(&t->retrieval, t->arena, t->query, &t->found, t->n_sources);
	t->retrieval.weak = t->refused || (!t->prompt.messages && t->extract.refused);
	t->retrieval.budget = t->run->app->settings->source_tokens;
	return t->run->ephemeral ? 0 : store_write(t->run->app->index->store, on_sources, t, e);
}
