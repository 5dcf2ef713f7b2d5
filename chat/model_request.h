/*
 * The HTTP request for a chat completion, as libcurl wants it, for chat/model.c: body, headers,
 * what curl may do; and what its answer's headers and errors say. The same request serves every
 * try. Thread: the loop's.
 */
#ifndef CHAT_MODEL_REQUEST_H
#define CHAT_MODEL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <curl/curl.h>
#include <jansson.h>

#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/base/settings.h"

struct model_request {
	const struct settings *settings; /* outlives it */
	char *body;
	size_t n_plain; /* of it before stream_options, which are the last of it */
	struct curl_slist *headers;
};

/* messages is read, not kept. */
void model_request_init(
	struct model_request *r, const struct settings *set, json_t *messages, int answer_tokens);
/* After every easy handle of it is gone. */
void model_request_finish(struct model_request *r);
/* It is not asked for the tokens used, from now on. */
void model_request_drop_usage(struct model_request *r);
/* A handle without callbacks, which lives as long as the request; total_ms 0: no limit. */
CURL *model_request_easy(struct model_request *r, int64_t total_ms);

/* A header line's Retry-After: true, and ms from now. */
bool model_retry_after(const char *line, size_t n, int64_t *ms);
/* The server's words about a status that is no success, shortened, from the body of its answer. */
void model_status_words(long status, const struct buf *body, char *out, size_t n_out);
/* What the server says is kept with the run: neither the key nor the prompt may be in it. */
void model_request_guard(const struct model_request *r, struct err *e);

#endif
