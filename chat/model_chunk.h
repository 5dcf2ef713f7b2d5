/*
 * What an answer needs of an ordinary chat.completion.chunk, found without making a tree of it:
 * there is one for each token, and the tree was most of what a token cost.
 *
 *   {…, "choices": [{"index": 0, "delta": {"content": "…"}, "finish_reason": null, …}], …}
 *
 * Ordinary: valid JSON (RFC 8259) with no backslash, at most one choice, which is number 0 and has
 * a delta or none, no error, no usage, nothing of ours told twice, numbers without an exponent.
 * Everything else, and all that is no JSON, is left to the tree of chat/model_sse.c, which would
 * say the same of what is taken here. Pure. Thread: any.
 */
#ifndef CHAT_MODEL_CHUNK_H
#define CHAT_MODEL_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

struct model_chunk {
	const char *content; /* [n_content] bytes of the event; NULL: none */
	size_t n_content;
	const char *finish; /* [n_finish]; NULL: it goes on */
	size_t n_finish;
};

/* s[0, n): valid UTF-8. false: not an ordinary one; *out is then of no meaning. */
bool model_chunk_read(const char *s, size_t n, struct model_chunk *out);

#endif
