/*
 * The language model: streaming chat completions of any OpenAI-compatible endpoint (settings
 * model-url, model-name, model-key), over libcurl on the loop
 * (chat/model_curl.h; nothing blocks).
 *
 *   model_start -> [wait, retry]* -> on_text … on_text -> on_end     one on_end for each start
 *
 * 429, 5xx and a lost connection before the first text are tried again up to model-retries times,
 * with back-off and Retry-After; never after it. A server that refuses stream_options (400) and
 * answers without is asked without, from then on. Time limits: model-first-ms to the first event,
 * model-stall-ms from each to the next (comments, and what is no chunk, do not count). What it
 * sends is bounded, in bytes and in text. Pull: model_pause stops reading (CURL_WRITEFUNC_PAUSE)
 * until model_resume. Only http and https; redirects are not followed; neither the key nor a run of
 * the prompt gets into a log or an error. Thread: the loop's. Callbacks come from the loop, never
 * from inside model_start, _cancel, _pause or _resume.
 */
#ifndef CHAT_MODEL_H
#define CHAT_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <uv.h>

#include "chat/model_sse.h"
#include "index/base/err.h"
#include "index/base/settings.h"

struct models;	   /* the connections */
struct model_call; /* one answer */

MUST_CHECK int models_create(
	const struct settings *set, uv_loop_t *loop, struct models **out, struct err *e);
/* Ends what is open (on_end with ERR_CANCELLED), closes its handles, then calls on_closed and is
 * gone. */
void models_destroy(struct models *m, void (*on_closed)(void *arg), void *arg);
/* From the next call on; those that are open go on as they began. Both outlive the calls. Any
 * thread.
 */
void models_use(struct models *m, const struct settings *set);
bool models_configured(const struct models *m); /* a model-url is set; any thread */

struct model_result {
	int rc; /* 0: the answer ended as the model wanted */
	struct err
		err;	 /* reason: model_unreachable, model_status, model_error, model_garbage,
			  * model_timeout, model_stalled, model_dropped, model_too_large, cancelled */
	bool any_text;	 /* some had come */
	char finish[24]; /* "stop", "length", … */
	struct model_usage usage; /* -1: not told */
};

struct model_order {
	json_t *messages;  /* an array; only read, in model_start */
	int answer_tokens; /* max_tokens */
	/* The whole call may take so long, and is not tried again; 0: as the settings say. */
	int64_t total_ms;
	/* Complete characters; n_bytes > 0. May call model_pause and model_cancel. */
	void (*on_text)(void *arg, const char *text, size_t n_bytes);
	void (*on_end)(void *arg, const struct model_result *r); /* the call is gone after it */
	void *arg;
};
struct model_call *model_start(struct models *m, const struct model_order *o);
/* Closes the connection now; on_end follows soon, with ERR_CANCELLED; no on_text any more. */
void model_cancel(struct model_call *c);
void model_pause(struct model_call *c);
void model_resume(struct model_call *c);

#endif
