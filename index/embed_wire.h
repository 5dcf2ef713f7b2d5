/*
 * The wire form of an OpenAI-compatible /embeddings: request bodies out, answers in. Bytes only, no
 * network. What a server sends is not trusted: counts, indexes, dimension and every number are
 * checked. Private to index/embed*.c. Thread: any.
 */
#ifndef INDEX_EMBED_WIRE_H
#define INDEX_EMBED_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"
#include "index/base/err.h"

/* {"model":…,"input":[…],"encoding_format":"float"}. ERR_INVALID: a text is not UTF-8. */
MUST_CHECK int wire_request(const char *model, const char *const *texts, const size_t *lengths,
	int n, struct buf *out, struct err *e);

/* The n embeddings of a 200 in order of their index, L2-normalised, to out [n × dimension]; as
 * float arrays or as base64 of little-endian floats. *dimension 0: n is 1 and it is found out, up
 * to the room of EMBED_DIMENSION_MAX in out. ERR_UPSTREAM with what is wrong. */
MUST_CHECK int wire_answer(
	const void *body, size_t n_bytes, int n, int *dimension, float *out, struct err *e);

/* What an error answer says, cut and cleaned, in text; whether it says that the input is too long.
 */
bool wire_refusal(long status, const void *body, size_t n_bytes, char *text, size_t text_size);

#endif
