#include "ingest/json_reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"
#include "index/base/utf8.h"

void json_open(struct json_reader *r, const char *p, size_t n_bytes, int depth_max)
{
	*r = (struct json_reader){.p = p, .end = p + n_bytes, .depth_max = depth_max};
	r->levels = calloc((size_t)depth_max, sizeof(*r->levels));
	ASSERT(r->levels != NULL);
}

void json_close(struct json_reader *r)
{
	free(r->levels);
	buf_finish(&r->text);
}

static void skip_space(struct json_reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')) {
		r->p++;
	}
}

/* Four hex digits; -1: they are not. */
static int32_t hex4(const struct json_reader *r, const char *p)
{
	int32_t v = 0;

	if (r->end - p < 4) {
		return -1;
	}
	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)p[i])) {
			return -1;
		}
		v = v << 4 |
		    (isdigit((unsigned char)p[i]) ? p[i] - '0'
						  : tolower((unsigned char)p[i]) - 'a' + 10);
	}
	return v;
}

/* Behind "\u". A half of a pair alone is no character. */
static bool read_code_point(struct json_reader *r)
{
	int32_t c = hex4(r, r->p), low;
	char utf8[4];

	if (c < 0) {
		return false;
	}
	r->p += 4;
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
		low = hex4(r, r->p + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			r->p += 6;
		}
	}
	if (c && !(c >= 0xd800 && c < 0xe000)) {
		buf_add(&r->text, utf8, (size_t)utf8_encode((uint32_t)c, utf8));
	}
	return true;
}

static bool read_escape(struct json_reader *r)
{
	static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (r->p == r->end) {
		return false;
	}
	if (*r->p == 'u') {
		r->p++;
		return read_code_point(r);
	}
	at = *r->p ? strchr(FROM, *r->p) : NULL;
	r->p++;
	if (at) {
		buf_char(&r->text, TO[at - FROM]);
	}
	return at != NULL;
}

/* At the opening quote. */
static bool read_string(struct json_reader *r)
{
	buf_clear(&r->text);
	r->p++;
	while (r->p < r->end && *r->p != '"') {
		const char *from = r->p;

		while (r->p < r->end && *r->p != '"' && *r->p != '\\' && *r->p != '\n') {
			r->p++;
		}
		buf_add(&r->text, from, (size_t)(r->p - from));
		if (r->p < r->end && *r->p == '\\') {
			r->p++;
			if (!read_escape(r)) {
				return false;
			}
		} else if (r->p < r->end && *r->p == '\n') {
			return false;
		}
	}
	if (r->p == r->end) {
		return false;
	}
	r->p++;
	return true;
}

static enum json_token open_level(struct json_reader *r, bool object)
{
	if (r->depth == r->depth_max) {
		return JSON_TOO_DEEP;
	}
	r->p++;
	r->levels[r->depth++] = (struct json_level){.object = object};
	return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_token read_word(struct json_reader *r)
{
	static const char *const WORDS[] = {"true", "false", "null"};
	const char *from = r->p;

	while (r->p < r->end && (isalnum((unsigned char)*r->p) || strchr("+-.", *r->p)) && *r->p) {
		r->p++;
	}
	buf_clear(&r->text);
	buf_add(&r->text, from, (size_t)(r->p - from));
	for (size_t i = 0; i < 3; i++) {
		if (r->text.len && strcmp(r->text.data, WORDS[i]) == 0) {
			return JSON_WORD;
		}
	}
	return r->text.len && (isdigit((unsigned char)*from) || *from == '-') ? JSON_NUMBER
									      : JSON_BROKEN;
}

static enum json_token read_value(struct json_reader *r)
{
	skip_space(r);
	r->value_next = false;
	if (r->p == r->end) {
		return JSON_BROKEN;
	}
	switch (*r->p) {
	case '{':
		return open_level(r, true);
	case '[':
		return open_level(r, false);
	case '"':
		return read_string(r) ? JSON_STRING : JSON_BROKEN;
	default:
		return read_word(r);
	}
}

static enum json_token read_key(struct json_reader *r)
{
	if (r->p == r->end || *r->p != '"' || !read_string(r)) {
		return JSON_BROKEN;
	}
	skip_space(r);
	if (r->p == r->end || *r->p != ':') {
		return JSON_BROKEN;
	}
	r->p++;
	r->value_next = true;
	return JSON_KEY;
}

enum json_token json_next(struct json_reader *r)
{
	struct json_level *top = r->depth ? &r->levels[r->depth - 1] : NULL;

	skip_space(r);
	if (r->p == r->end) {
		return r->depth ? JSON_BROKEN : JSON_EOF;
	}
	if (!top || r->value_next) {
		return read_value(r);
	}
	if (*r->p == (top->object ? '}' : ']')) {
		r->p++;
		r->depth--;
		return JSON_END;
	}
	if (top->begun) {
		if (*r->p != ',') {
			return JSON_BROKEN;
		}
		r->p++;
		skip_space(r);
	}
	top->begun = true;
	return top->object ? read_key(r) : read_value(r);
}
