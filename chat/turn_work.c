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

/* ── recall, retrieve ── */

static bool found_enough(const struct search_result *found)
{
	return found->n_passages > 0 && found->evidence >= found->needed;
}

/* Earlier turns with the answers that may still be shown. */
static int load_turns(struct turn *t, struct db *db, struct err *e)
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

int turn_load_history(struct turn *t, struct db *db, struct err *e)
{
	int rc = identify(t, db, e);

	if (rc == 0) {
		rc = load_turns(t, db, e);
	}
	t->earlier = arena_array(t->arena, const char *, (size_t)t->n_history + 1);
	for (int i = 0; rc == 0 && i < t->n_history; i++) {
		t->earlier[i] = t->history[i].question;
	}
	return rc;
}

static const struct id *attached(const struct turn *t)
{
	return id_empty(&t->attached) ? NULL : &t->attached;
}

static int ask_words(
	struct turn *t, struct db *db, const char *text, struct question *q, struct err *e)
{
	const struct run_order *o = &t->run->order;
	struct allowed *allowed = acl_allowed(t->run->app->index->acl, &t->who,
		o->n_collections > 0 ? o->collections : NULL, o->n_collections, attached(t));
	int rc = question_open(db, t->arena, t->who.workspace_n, allowed, text, q, e);

	acl_allowed_drop(allowed);
	return rc;
}

/* What may be a new subject is first searched for with the old one. If the best passage does not
 * hold all of its own words, and by itself it is found well enough, it is a new one. */
static int search_again(
	struct turn *t, struct db *db, struct search_request *request, struct err *e)
{
	struct search_result alone;
	struct question own;
	int rc;

	if (t->leaning != LEANS_MAYBE || strcmp(t->rewritten, "rule") != 0) {
		return 0;
	}
	rc = ask_words(t, db, t->run->order.question, &own, e);
	if (rc != 0 || (t->found.n_passages > 0 &&
			       passage_covers(t->arena, &t->found.passages[0], &own) > .999)) {
		return rc;
	}
	request->query = t->run->order.question;
	rc = search_run(t->run->app->index, db, request, t->arena, &alone, e);
	if (rc == 0 && found_enough(&alone)) {
		t->found = alone;
		t->query = request->query;
		t->rewritten = "";
	}
	return rc;
}

int turn_retrieve_work(struct turn *t, struct db *db, struct err *e)
{
	const struct run_order *o = &t->run->order;
	int64_t begun = clock_mono_ms();
	struct search_request request;
	int rc = turn_load_history(t, db, e);

	if (rc == 0 && !t->run->ephemeral) {
		rc = collection_attached(db, &o->conversation, &t->attached, e);
	}
	if (rc != 0) {
		return rc;
	}
	turn_choose_query(t);
	request = (struct search_request){.who = &t->who,
		.settings = t->run->app->settings,
		.query = t->query,
		.collections = o->n_collections > 0 ? o->collections : NULL,
		.n_collections = o->n_collections,
		.attached = attached(t),
		.limit = turn_wants_model(t) ? PROMPT_PASSAGES_MAX : EXTRACTIVE_PASSAGES,
		.token_budget = turn_wants_model(t) ? (int)t->run->app->settings->source_tokens
						    : EXTRACTIVE_TOKENS,
		.explain = true,
		.lenient = true,
		.openings = true,
		.cancel = &t->cancel,
		.type_of = searched_type};
	rc = search_run(t->run->app->index, db, &request, t->arena, &t->found, e);
	if (rc == 0) {
		rc = search_again(t, db, &request, e);
	}
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

bool turn_wants_model(const struct turn *t)
{
	return t->run->order.mode != RESPONSE_EXTRACTIVE &&
	       models_configured(runs_models(t->run->runs));
}

/* The passages that were read: the answer's in its order, then the others by rank. *n_used: of the
 * answer. */
static int *in_order(struct turn *t, int *n_used)
{
	int *order = arena_array(t->arena, int, (size_t)t->n_sources + 1);
	bool *taken = arena_array(t->arena, bool, (size_t)t->n_sources + 1);
	int n = 0;

	for (int i = 0; i < t->extract.n_quotes; i++) {
		int source = t->extract.quotes[i].source;

		if (!taken[source]) {
			order[n++] = source;
			taken[source] = true;
		}
	}
	*n_used = n;
	for (int i = 0; i < t->n_sources; i++) {
		if (!taken[i]) {
			order[n++] = i;
		}
	}
	return order;
}

/* The built-in answerer reads more than is shown: what it quotes, and of the best others as much as
 * a prompt would have. The handles follow. */
static void keep_sources(struct turn *t)
{
	int n = t->n_sources, n_used, n_tokens = 0;
	int *order = in_order(t, &n_used);
	struct passage *passages = arena_array(t->arena, struct passage, (size_t)n + 1);
	struct source *sources = arena_array(t->arena, struct source, (size_t)n + 1);

	t->n_sources = 0;
	for (int i = 0; i < n; i++) {
		passages[i] = t->found.passages[order[i]];
		t->sources[order[i]].handle = i + 1;
		sources[i] = t->sources[order[i]];
		sources[i].passage = &passages[i];
		n_tokens += passages[i].n_tokens;
		if (i < n_used || (i < PROMPT_PASSAGES_MAX &&
					  n_tokens <= t->run->app->settings->source_tokens)) {
			t->n_sources = i + 1;
		}
	}
	if (!t->extract.refused) {
		extractive_write(t->arena, t->sources, &t->extract);
	}
	t->found.passages = passages;
	t->sources = sources;
}

/* The built-in answer from the sources. */
static int extract(struct turn *t, struct db *db, struct err *e)
{
	struct question q;
	int rc = ask_words(t, db, t->found.words, &q, e);

	if (rc != 0) {
		return rc;
	}
	for (int i = 0; i < t->n_sources; i++) {
		source_read(&t->sources[i], t->arena);
	}
	extractive_answer(
		t->arena, &q, t->run->order.question, t->sources, t->n_sources, &t->extract);
	return 0;
}

int turn_extract_work(struct turn *t, struct db *db, struct err *e)
{
	int rc = identify(t, db, e);

	return rc == 0 ? extract(t, db, e) : rc;
}

/* The prompt for a model, which takes long; the built-in answer is made where that fails, or where
 * there is none. */
static int build_answer(struct turn *t, struct db *db, struct err *e)
{
	const struct settings *set = t->run->app->settings;
	struct prompt_order order = {set->model_context, set->answer_tokens, set->source_tokens,
		t->run->order.question, t->history, t->n_history, t->found.passages,
		t->found.n_passages};
	bool model = turn_wants_model(t);
	int rc = 0;

	t->n_sources = t->found.n_passages;
	if (model) {
		prompt_build(&order, &t->prompt);
		t->n_sources = t->prompt.n_sources;
	}
	t->sources = arena_array(t->arena, struct source, (size_t)t->n_sources + 1);
	for (int i = 0; i < t->n_sources; i++) {
		source_init_unread(&t->sources[i], i + 1, &t->found.passages[i]);
	}
	if (!model) {
		rc = extract(t, db, e);
	}
	if (rc == 0 && !model) {
		keep_sources(t);
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
	t->refused = !found_enough(&t->found);
	if (rc == 0 && t->refused) {
		t->extract.text = arena_str(
			t->arena, extractive_refusal(language_detect(
					  t->run->order.question, strlen(t->run->order.question))));
	} else if (rc == 0) {
		rc = turn_load_history(t, db, e);
		if (rc == 0) {
			rc = build_answer(t, db, e);
		}
	}
	if (rc != 0) {
		return rc;
	}
	retrieval_fill(&t->retrieval, t->arena, t->query, &t->found, t->n_sources);
	t->retrieval.rewritten = t->rewritten;
	t->retrieval.rewrite_us = t->asked ? t->rewrite_us : 0;
	t->retrieval.weak = t->refused || (!t->prompt.messages && t->extract.refused);
	t->retrieval.budget = t->run->app->settings->source_tokens;
	return t->run->ephemeral ? 0 : store_write(t->run->app->index->store, on_sources, t, e);
}

/* ── what stays while a model answers ── */

static const char *keep_text(struct arena *a, const char *s)
{
	return s ? arena_str(a, s) : NULL;
}

/* All of it that a citation, and the built-in answer, need. */
static void keep_passage(struct arena *a, const struct passage *p, struct passage *out)
{
	struct passage_part *parts = arena_copy(
		a, p->parts ? (const void *)p->parts : "", (size_t)p->n_chunks * sizeof(*parts));

	*out = *p;
	out->document_name = keep_text(a, p->document_name);
	out->title = keep_text(a, p->title);
	out->heading = keep_text(a, p->heading);
	out->language = keep_text(a, p->language);
	out->text = keep_text(a, p->text);
	out->place = keep_text(a, p->place);
	out->unit = keep_text(a, p->unit);
	out->opening = NULL;
	out->chunks = arena_copy(a, p->chunks ? (const void *)p->chunks : "",
		(size_t)p->n_chunks * sizeof(*p->chunks));
	out->boxes = arena_copy(
		a, p->boxes ? (const void *)p->boxes : "", (size_t)p->n_boxes * sizeof(*p->boxes));
	for (int i = 0; p->parts && i < p->n_chunks; i++) {
		parts[i].place = keep_text(a, p->parts[i].place);
	}
	out->parts = p->parts ? parts : NULL;
	out->also = NULL;
	out->n_also = 0;
}

static size_t text_room(const char *s)
{
	return s ? arena_room(strlen(s) + 1) : 0;
}

/* What keep_passage takes. */
static size_t passage_room(const struct passage *p)
{
	size_t n = text_room(p->document_name) + text_room(p->title) + text_room(p->heading) +
		   text_room(p->language) + text_room(p->text) + text_room(p->place) +
		   text_room(p->unit) + arena_room((size_t)p->n_chunks * sizeof(*p->parts)) +
		   arena_room((size_t)p->n_chunks * sizeof(*p->chunks)) +
		   arena_room((size_t)p->n_boxes * sizeof(*p->boxes));

	for (int i = 0; p->parts && i < p->n_chunks; i++) {
		n += text_room(p->parts[i].place);
	}
	return n;
}

void turn_let_go(struct turn *t)
{
	struct arena *a = &t->kept;
	size_t n = (size_t)t->n_sources + 1;
	size_t room = arena_room(n * sizeof(struct passage)) +
		      arena_room(n * sizeof(struct source)) + text_room(t->found.language) +
		      text_room(t->found.words);
	struct passage *passages;
	struct source *sources;

	for (int i = 0; i < t->n_sources; i++) {
		room += passage_room(t->sources[i].passage);
	}
	arena_reserve(a, room);
	passages = arena_array(a, struct passage, n);
	sources = arena_array(a, struct source, n);
	for (int i = 0; i < t->n_sources; i++) {
		keep_passage(a, t->sources[i].passage, &passages[i]);
		source_init_unread(&sources[i], t->sources[i].handle, &passages[i]);
	}
	t->sources = sources;
	t->found = (struct search_result){.passages = passages,
		.n_passages = t->n_sources,
		.language = keep_text(a, t->found.language),
		.words = keep_text(a, t->found.words)};
	t->retrieval = (struct retrieval){.found = NULL};
	t->history = NULL;
	t->n_history = 0;
	t->query = t->rewritten = NULL;
	t->who = (struct asker){.role = t->who.role};
	t->arena = &t->run->arena;
	arena_finish(&t->reading);
}
