#include "chat/model_chunk.h"

#include <string.h>

#define DEPTH_MAX 16
#define DIGITS_MAX 18 /* before the point: fewer than any reader of JSON takes */

enum { SEEN_CHOICES = 1, SEEN_DELTA = 2, SEEN_CONTENT = 4, SEEN_FINISH = 8 };

struct span {
	const char *s;
	size_t n;
};

struct reader {
	const char *at, *end;
	int depth;
	unsigned seen; /* of SEEN_… */
	struct model_chunk *out;
};

/* Reads the value of a member; false: what is read is not ordinary. */
typedef bool (*member_fn)(struct reader *r, struct span key);

static bool skip_value(struct reader *r);

static bool is(struct span key, const char *name)
{
	return key.n == strlen(name) && memcmp(key.s, name, key.n) == 0;
}

static bool once(struct reader *r, unsigned what)
{
	bool first = !(r->seen & what);

	r->seen |= what;
	return first;
}

/* ── tokens ── */

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end &&
		(*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) {
		r->at++;
	}
}

static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != c) {
		return false;
	}
	r->at++;
	return true;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(r);
	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) {
		return false;
	}
	r->at += n;
	return true;
}

static bool read_string(struct reader *r, struct span *out)
{
	const char *p, *end = r->end;

	if (!take(r, '"')) {
		return false;
	}
	for (p = r->at; p < end && *p != '"'; p++) {
		if ((unsigned char)*p < 0x20 || *p == '\\') {
			return false;
		}
	}
	*out = (struct span){r->at, (size_t)(p - r->at)};
	r->at = p;
	return take(r, '"');
}

static size_t skip_digits(struct reader *r)
{
	const char *from = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
		r->at++;
	}
	return (size_t)(r->at - from);
}

/* An exponent is left where it is, and ends the reading. */
static bool skip_number(struct reader *r)
{
	const char *from;
	size_t n;

	(void)take(r, '-');
	from = r->at;
	n = skip_digits(r);
	if (n == 0 || n > DIGITS_MAX || (n > 1 && *from == '0')) {
		return false;
	}
	if (r->at < r->end && *r->at == '.') {
		r->at++;
		return skip_digits(r) > 0;
	}
	return true;
}

/* ── values ── */

static bool read_object(struct reader *r, member_fn read_member)
{
	struct span key;

	if (!take(r, '{') || ++r->depth > DEPTH_MAX) {
		return false;
	}
	if (!take(r, '}')) {
		do {
			if (!read_string(r, &key) || !take(r, ':') || !read_member(r, key)) {
				return false;
			}
		} while (take(r, ','));
		if (!take(r, '}')) {
			return false;
		}
	}
	r->depth--;
	return true;
}

static bool skip_array(struct reader *r)
{
	if (!take(r, '[') || ++r->depth > DEPTH_MAX) {
		return false;
	}
	if (!take(r, ']')) {
		do {
			if (!skip_value(r)) {
				return false;
			}
		} while (take(r, ','));
		if (!take(r, ']')) {
			return false;
		}
	}
	r->depth--;
	return true;
}

static bool skip_member(struct reader *r, struct span key)
{
	(void)key;
	return skip_value(r);
}

static bool skip_value(struct reader *r)
{
	struct span unused;

	skip_blanks(r);
	switch (r->at < r->end ? *r->at : '\0') {
	case '{':
		return read_object(r, skip_member);
	case '[':
		return skip_array(r);
	case '"':
		return read_string(r, &unused);
	case 't':
		return take_word(r, "true");
	case 'f':
		return take_word(r, "false");
	case 'n':
		return take_word(r, "null");
	default:
		return skip_number(r);
	}
}

/* null leaves *out as it is. */
static bool read_text(struct reader *r, const char **out, size_t *n_out)
{
	struct span text;

	if (take_word(r, "null")) {
		return true;
	}
	if (!read_string(r, &text)) {
		return false;
	}
	*out = text.s;
	*n_out = text.n;
	return true;
}

/* ── a chunk ── */

static bool read_delta(struct reader *r, struct span key)
{
	if (is(key, "content")) {
		return once(r, SEEN_CONTENT) && read_text(r, &r->out->content, &r->out->n_content);
	}
	return skip_value(r);
}

static bool read_choice(struct reader *r, struct span key)
{
	if (is(key, "delta")) {
		return once(r, SEEN_DELTA) && read_object(r, read_delta);
	}
	if (is(key, "finish_reason")) {
		return once(r, SEEN_FINISH) && read_text(r, &r->out->finish, &r->out->n_finish);
	}
	if (is(key, "index")) {
		return take(r, '0'); /* a longer number ends the reading */
	}
	return !is(key, "message") && skip_value(r);
}

static bool read_member(struct reader *r, struct span key)
{
	if (is(key, "choices")) {
		return once(r, SEEN_CHOICES) && take(r, '[') &&
		       (take(r, ']') || (read_object(r, read_choice) && take(r, ']')));
	}
	if (is(key, "error") || is(key, "usage")) {
		return take_word(r, "null");
	}
	return skip_value(r);
}

bool model_chunk_read(const char *s, size_t n, struct model_chunk *out)
{
	struct reader r = {.at = s, .end = s + n, .out = out};

	*out = (struct model_chunk){.content = NULL};
	if (!read_object(&r, read_member) || !(r.seen & SEEN_CHOICES)) {
		return false;
	}
	skip_blanks(&r);
	return r.at == r.end;
}
