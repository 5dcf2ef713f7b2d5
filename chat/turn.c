/*
 * The story of one answer:
 *
 *   accept    the run shows itself
 *   recall    who asks, and what was said before                                      (worker)
 *   rewrite   a question that leans on that, by the model where there is one
 *   retrieve  the passages that they may read                                         (worker)
 *   prompt    permissions once more; evidence; the prompt, or the built-in answer     (worker)
 *   stream    the model's words as they come, or the built-in answer's (a worker makes it where a
 *             model gives none)
 *   cite      the last sentence's citations
 *   commit    answer, citations and events are stored; then the end shows
 *
 * A step returns STEP_NEXT, STEP_WAIT (something will wake the machine), STEP_DONE or STEP_FAIL.
 * Callbacks only record their result and wake it. A stop is seen between steps, and at once while
 * the model writes.
 */
#include "chat/turn_private.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"
#include "index/tokens.h"

static void advance(struct turn *t);

/* ── workers ── */

static void on_worked(void *arg)
{
	struct turn *t = arg;

	t->working = false;
	advance(t);
}

static void on_work(struct pool_item *item)
{
	struct turn *t = (struct turn *)((char *)item - offsetof(struct turn, item));
	struct db *db = store_reader(t->run->app->index->store, &t->err);

	t->rc = db ? t->work(t, db, &t->err) : t->err.code;
	store_reader_drop(db);
	server_on_loop(t->run->app->server, on_worked, t);
}

/* First call: hands the work to a worker and waits. Second: its result. */
static enum step_result on_worker(
	struct turn *t, int (*work)(struct turn *t, struct db *db, struct err *e))
{
	if (t->work != work) {
		t->work = work;
		t->item = (struct pool_item){.work = on_work};
		t->working = pool_submit(t->run->app->pool, &t->item);
		if (!t->working) {
			t->rc = err_set(&t->err, ERR_UNAVAILABLE, "busy",
				"Too much is going on: try again soon.");
			return STEP_FAIL;
		}
		return STEP_WAIT;
	}
	t->work = NULL;
	return t->rc == 0 ? STEP_NEXT : STEP_FAIL;
}

/* ── accept ── */

static enum step_result step_accept(struct turn *t)
{
	struct run *run = t->run;

	if (run->ephemeral) {
		run_emit(run, "run.started", json_pack("{s:b}", "ephemeral", 1));
	} else {
		run_emit(run, "run.started",
			json_pack("{s:s, s:s, s:I}", "runId", run->order.run.s, "conversationId",
				run->order.conversation.s, "turnSeq",
				(json_int_t)run->order.turn_seq));
	}
	return STEP_NEXT;
}

/* ── recall, rewrite: chat/turn_rewrite.c; retrieve, prompt: chat/turn_work.c ── */

static enum step_result step_recall(struct turn *t)
{
	return on_worker(t, turn_recall_work);
}

static enum step_result step_retrieve(struct turn *t)
{
	return on_worker(t, turn_retrieve_work);
}

static void show_passages(struct turn *t)
{
	json_t *passages = json_array(), *data;

	for (int i = 0; i < t->n_sources; i++) {
		const struct passage *p = &t->found.passages[i];

		json_array_append_new(passages,
			json_pack("{s:i, s:s, s:s, s:i, s:s, s:s?, s:s, s:s}", "handle", i + 1,
				"documentId", p->document.s, "name", p->document_name, "page",
				p->page, "place", p->place ? p->place : "", "unit", p->unit,
				"heading", p->heading ? p->heading : "", "chunkId", p->chunk.s));
	}
	data = retrieval_json(&t->retrieval);
	json_object_set_new(data, "passages", passages);
	json_object_set_new(data, "ms", json_integer(t->retrieve_ms));
	run_emit(t->run, "retrieval.completed", data);
}

static enum step_result step_prompt(struct turn *t)
{
	enum step_result result = on_worker(t, turn_prompt_work);

	if (result == STEP_NEXT) {
		run_shows(t->run, t->found.passages, t->n_sources);
		show_passages(t);
		if (t->prompt.messages) {
			turn_let_go(t);
		}
	}
	return result;
}

/* ── stream ── */

static void show_text(struct turn *t)
{
	const char *text = t->cite.text.data + t->shown;
	size_t n = t->cite.text.len - t->shown;

	if (n > 0) {
		run_emit_text(t->run, text, n);
		t->shown += n;
	}
	while (t->n_shown < t->cite.n_citations) {
		run_emit(t->run, "citation", citation_json(&t->cite.citations[t->n_shown++]));
	}
}

static void on_text(void *arg, const char *text, size_t n_bytes)
{
	struct turn *t = arg;

	t->flowing = true;
	cite_feed(&t->cite, text, n_bytes);
	show_text(t);
}

static void on_model_end(void *arg, const struct model_result *r)
{
	struct turn *t = arg;

	t->result = *r;
	t->model_ended = true;
	t->call = NULL;
	advance(t);
}

static void begin_citing(struct turn *t)
{
	t->citing = true;
	cite_init(&t->cite, t->arena, t->sources, t->n_sources, t->found.language);
}

/* The built-in answer goes out line by line: each has its markers. */
static void say_extract(struct turn *t)
{
	const char *text = t->extract.text;
	int *sentences = arena_array(t->arena, int, (size_t)t->extract.n_quotes + 1);

	for (int i = 0; i < t->extract.n_quotes; i++) {
		sentences[i] = t->extract.quotes[i].sentence;
	}
	cite_quotes(&t->cite, sentences, t->extract.n_quotes);
	while (*text) {
		size_t n = strcspn(text, "\n");

		n += text[n] == '\n' ? 1 : 0;
		cite_feed(&t->cite, text, n);
		show_text(t);
		text += n;
	}
}

static enum step_result fall_back(struct turn *t, const char *reason, const char *message)
{
	bool refused = t->refused || t->extract.refused;

	t->mode = refused ? "refused" : "extractive";
	t->reason = refused && !t->refused ? "weak_evidence" : reason;
	t->message = message ? arena_str(t->arena, message) : NULL;
	say_extract(t);
	return STEP_NEXT;
}

static enum step_result after_model(struct turn *t)
{
	const struct model_result *r = &t->result;
	enum step_result result;

	if (t->stopped) {
		return STEP_FAIL;
	}
	if (r->rc == 0 && t->flowing) {
		return STEP_NEXT;
	}
	if (t->flowing) {
		t->state = "partial";
		t->reason = arena_str(t->arena, r->err.reason);
		t->message = arena_str(t->arena, r->err.message);
		return STEP_NEXT;
	}
	if (!t->gave_up) {
		t->gave_up = true;
		t->reason = r->rc == 0 ? "model_empty" : arena_str(t->arena, r->err.reason);
		t->message =
			r->rc == 0 ? "the model said nothing" : arena_str(t->arena, r->err.message);
		log_warn("model.failed", LT("run", t->run->order.run.s), LT("reason", t->reason),
			LT("message", r->err.message));
	}
	result = on_worker(t, turn_extract_work);
	return result == STEP_NEXT ? fall_back(t, t->reason, t->message) : result;
}

static enum step_result step_stream(struct turn *t)
{
	struct model_order order = {.messages = t->prompt.messages,
		.answer_tokens = t->prompt.answer_tokens,
		.on_text = on_text,
		.on_end = on_model_end,
		.arg = t};

	if (t->model_ended) {
		return after_model(t);
	}
	if (t->call) {
		return STEP_WAIT;
	}
	begin_citing(t);
	if (t->refused) {
		return fall_back(t, "weak_evidence", NULL);
	}
	if (!t->prompt.messages) {
		return fall_back(t,
			t->run->order.mode == RESPONSE_EXTRACTIVE ? NULL : "model_not_set", NULL);
	}
	t->mode = "model";
	t->call = model_start(runs_models(t->run->runs), &order);
	json_decref(t->prompt.messages);
	t->prompt.messages = NULL;
	return STEP_WAIT;
}

/* ── cite, commit ── */

static enum step_result step_cite(struct turn *t)
{
	cite_end(&t->cite);
	show_text(t);
	return STEP_NEXT;
}

static json_t *usage_json(const struct turn *t)
{
	const struct run_outcome *o = &t->outcome;

	return json_pack("{s:I, s:I}", "promptTokens",
		(json_int_t)(o->prompt_tokens < 0 ? 0 : o->prompt_tokens), "answerTokens",
		(json_int_t)(o->answer_tokens < 0 ? 0 : o->answer_tokens));
}

/* What the server told; else our estimate of what was sent. */
static void fill_outcome(struct turn *t)
{
	bool model = t->mode && strcmp(t->mode, "model") == 0;

	t->outcome = (struct run_outcome){.state = t->state,
		.mode = t->mode,
		.model = model ? t->run->app->settings->model_name : NULL,
		.answer = t->citing && t->cite.text.len ? t->cite.text.data : "",
		.reason = t->reason,
		.message = t->message,
		.prompt_tokens = 0,
		.answer_tokens = 0};
	if (t->citing) {
		t->outcome.citations = t->cite.citations;
		t->outcome.n_citations = t->cite.n_citations;
	}
	if (model) {
		t->outcome.prompt_tokens = t->result.usage.prompt_tokens >= 0 && t->model_ended
						   ? t->result.usage.prompt_tokens
						   : t->prompt.n_tokens;
		t->outcome.answer_tokens =
			t->result.usage.answer_tokens >= 0 && t->model_ended
				? t->result.usage.answer_tokens
				: tokens_estimate(t->outcome.answer, strlen(t->outcome.answer));
	}
}

static void add_why(const struct turn *t, json_t *o)
{
	if (t->reason) {
		json_object_set_new(o, "reason", json_string(t->reason));
	}
	if (t->message) {
		json_object_set_new(o, "message", json_string(t->message));
	}
}

static enum step_result step_commit(struct turn *t)
{
	json_t *data;

	t->state = t->state ? t->state : "completed";
	fill_outcome(t);
	data = json_pack("{s:s, s:s, s:s, s:o, s:i, s:i}", "state", t->state, "mode", t->mode,
		"answer", t->outcome.answer, "usage", usage_json(t), "citations",
		t->outcome.n_citations, "droppedMarkers", t->cite.n_dropped);
	if (t->result.finish[0]) {
		json_object_set_new(data, "finish", json_string(t->result.finish));
	}
	add_why(t, data);
	log_info("run.completed", LT("run", t->run->order.run.s), LT("state", t->state),
		LT("mode", t->mode), LN("citations", t->outcome.n_citations),
		LN("retrieve_ms", t->retrieve_ms));
	run_finish(t->run, &t->outcome, "assistant.completed", data);
	return STEP_DONE;
}

/* ── the machine ── */

static const struct {
	const char *name;
	enum step_result (*run)(struct turn *t);
} steps[] = {
	{"accept", step_accept},
	{"recall", step_recall},
	{"rewrite", turn_rewrite},
	{"retrieve", step_retrieve},
	{"prompt", step_prompt},
	{"stream", step_stream},
	{"cite", step_cite},
	{"commit", step_commit},
};

/* A stop, or an error before the model's first word: the run ends here. */
static void end_early(struct turn *t)
{
	bool any;
	json_t *data;

	if (t->citing) {
		cite_end(&t->cite);
		show_text(t);
	}
	any = t->citing && t->cite.text.len > 0;
	if (t->stopped && t->why == TURN_CANCEL) {
		t->state = "cancelled";
		fill_outcome(t);
		data = json_pack("{s:s, s:s}", "state", t->state, "answer", t->outcome.answer);
		run_finish(t->run, &t->outcome, "run.cancelled", data);
		return;
	}
	if (t->stopped) {
		err_replace(&t->err, ERR_UNAVAILABLE, "interrupted",
			"The server stopped before this answer was complete.");
	}
	t->state = any ? "partial" : "failed";
	t->reason = t->err.reason;
	t->message = arena_str(t->arena, t->err.message);
	if (strcmp(err_type(t->err.code), "internal") == 0 || t->err.code == ERR_IO) {
		log_error("run.failed", LT("run", t->run->order.run.s),
			LT("step", steps[t->step].name), LT("message", t->err.message));
		t->reason = "internal";
		t->message = "Something went wrong here. The log says more about this run.";
	}
	fill_outcome(t);
	run_finish(t->run, &t->outcome, "run.failed",
		json_pack("{s:s, s:s, s:s}", "code", t->reason, "message", t->message, "state",
			t->state));
}

static void advance(struct turn *t)
{
	enum step_result result = STEP_NEXT;

	if (t->running) {
		t->woken = true;
		return;
	}
	t->running = true;
	do {
		t->woken = false;
		if (t->stopped && !t->call && steps[t->step].run != step_commit) {
			result = STEP_FAIL;
			break;
		}
		result = steps[t->step].run(t);
		t->step += result == STEP_NEXT ? 1 : 0;
	} while (result == STEP_NEXT || (result == STEP_WAIT && t->woken));
	t->running = false;
	if (result == STEP_FAIL) {
		end_early(t);
	}
}

void turn_wake(struct turn *t)
{
	advance(t);
}

void turn_start(struct run *run)
{
	struct turn *t = arena_new(&run->arena, struct turn);

	t->run = run;
	arena_init(&t->reading);
	arena_init(&t->kept);
	t->arena = &t->reading;
	run->turn = t;
	advance(t);
}

void turn_stop(struct turn *t, enum turn_stop why)
{
	if (t->stopped || t->run->ending) {
		return;
	}
	t->stopped = true;
	atomic_store(&t->cancel, true);
	t->why = why;
	if (t->call) {
		model_cancel(t->call);
	} else if (!t->working) {
		advance(t);
	}
}

void turn_flow(struct turn *t, bool paused)
{
	if (!t->call || !t->citing || t->paused == paused) {
		return; /* the model has nothing to say to a reader yet */
	}
	t->paused = paused;
	if (paused) {
		model_pause(t->call);
	} else {
		model_resume(t->call);
	}
}

void turn_finish(struct turn *t)
{
	if (t) {
		json_decref(t->prompt.messages);
		arena_finish(&t->reading);
		arena_finish(&t->kept);
		buf_finish(&t->said);
		if (t->citing) {
			cite_finish(&t->cite);
		}
	}
}
