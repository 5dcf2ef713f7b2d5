/*
 * JSON (RFC 8259) from a document that nobody vouches for, a token at a time: no tree, depth
 * bounded. Several values may follow each other (JSON lines). Thread: one owner.
 */
#ifndef INGEST_JSON_READER_H
#define INGEST_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"

enum json_token {
	JSON_EOF,
	JSON_BROKEN,
	JSON_TOO_DEEP,
	JSON_OBJECT, /* begins */
	JSON_ARRAY,
	JSON_END, /* of the innermost of them */
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_WORD, /* true, false, null */
};

struct json_level {
	bool object;
	bool begun; /* it has a member or an element already */
};

struct json_reader {
	const char *p, *end;
	struct json_level *levels; /* [depth_max] */
	int depth, depth_max;
	bool value_next; /* a key was read */
	struct buf text; /* of a key, a string, a number or a word: UTF-8 */
};

void json_open(struct json_reader *r, const char *p, size_t n_bytes, int depth_max);
void json_close(struct json_reader *r);
enum json_token json_next(struct json_reader *r);

#endif
