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

/* encoding_format; some servers know only floats, or no such field. base64 is 4 times less to send
 * and to parse. */
enum wire_format { WIRE_BASE64, WIRE_FLOAT, WIRE_PLAIN };

struct wire_texts {
	const char *model, *prefix;
	const char *const *texts;
	const size_t *lengths;
	int n;
	enum wire_format format;
};

/* {"model":…,"input":[…],"encoding_format":"base64"}. ERR_INVALID: a text is not UTF-8. */
MUST_CHECK int wire_request(const struct wire_texts *t, struct buf *out, struct err *e);

struct wire_vectors {
	int n;
	int dimension;	 /* 0: n is 1 and it is found out, up to EMBED_DIMENSION_MAX */
	float *out;	 /* [n × dimension] */
	char model[128]; /* OUT: what the server calls itself, "" if it does not say */
};

/* The n embeddings of a 200 in order of their index, L2-normalised; as float arrays or as base64 of
 * little-endian floats. ERR_UPSTREAM with what is wrong: another count or dimension, an index
 * twice, NaN, infinity, a vector of zeros. */
MUST_CHECK int wire_answer(const void *body, size_t n_bytes, struct wire_vectors *v, struct err *e);

/* What a refusal is about: the format asked for, or the length. 400 and 422 may be about length
 * whatever they say: WIRE_PERHAPS_LONG. */
enum wire_cause { WIRE_OTHER, WIRE_FORMAT, WIRE_LONG, WIRE_PERHAPS_LONG };
enum wire_cause wire_cause(long status, const char *body, size_t n_bytes);

#endif
