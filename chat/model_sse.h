/*
 * What a streaming chat completion says, from bytes in any cut: server-sent events (WHATWG
 * HTML, 9.2) whose data are OpenAI chat.completion.chunk objects.
 *
 *   bytes -> lines (LF, CRLF, CR) -> events (data: joined) -> JSON -> text | usage | finish | error
 *
 * Takes what real servers send: a BOM, comments, other fields, `content: null`, several events a
 * packet, characters cut in two (by the packet or by the model's tokens), an error object instead
 * of a chunk, a whole chat.completion in place of a stream. Events that are no JSON are counted and
 * skipped; a stream that holds nothing else is ERR_UPSTREAM "model_garbage". Text comes out as
 * complete, valid UTF-8 without NUL. Pure: no I/O. Thread: one at a time.
 */
#ifndef CHAT_MODEL_SSE_H
#define CHAT_MODEL_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/err.h"

struct model_usage {
	int64_t prompt_tokens; /* -1: not told */
	int64_t answer_tokens;
};

struct model_sse {
	struct buf text; /* what has come and is not taken yet: the caller clears it */
	struct model_usage usage;
	char finish[24];   /* finish_reason, "" while none */
	bool done;	   /* [DONE] was seen */
	int64_t n_events;  /* with data, also those skipped */
	int64_t n_garbage; /* of them: no JSON object, or none of ours */
	bool any_chunk;	   /* one of ours was among them, or [DONE] */
	bool cut;	   /* after model_sse_end: the body ended inside an event */
	bool plain;	   /* the body is one JSON object, no events */
	/* private: */
	struct buf line;
	struct buf data;
	struct buf tail;  /* the bytes of a character that is not complete */
	struct buf whole; /* a body that began with '{' */
	bool has_data;
	bool after_cr;
	bool started;
};

#define MODEL_SSE_EVENT_MAX (4 * 1024 * 1024) /* bytes of one event, or of a whole body */

void model_sse_init(struct model_sse *p);
void model_sse_finish(struct model_sse *p);

/* ERR_UPSTREAM with the server's own words ("model_error"), or "model_too_large". After an error or
 * [DONE] the rest is of no interest. */
MUST_CHECK int model_sse_feed(struct model_sse *p, const char *bytes, size_t n, struct err *e);
/* The body has ended: an event without its blank line still counts, an incomplete character becomes
 * U+FFFD. ERR_UPSTREAM "model_garbage": not one chunk was in it. */
MUST_CHECK int model_sse_end(struct model_sse *p, struct err *e);

#endif
