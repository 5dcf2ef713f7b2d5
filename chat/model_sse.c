#include "chat/model_sse.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "chat/model_chunk.h"
#include "index/base/utf8.h"

/* Bytes that are no UTF-8 survive the JSON reader as U+10FF00 + byte, and become themselves again
 * in add_text: a model's token may end inside a character. */
#define STRAY_BASE 0x10FF00u

void model_sse_init(struct model_sse *p)
{
	memset(p, 0, sizeof(*p));
	p->line.limit = MODEL_SSE_EVENT_MAX;
	p->data.limit = MODEL_SSE_EVENT_MAX;
	p->whole.limit = MODEL_SSE_EVENT_MAX;
	p->usage.prompt_tokens = -1;
	p->usage.answer_tokens = -1;
}

void model_sse_finish(struct model_sse *p)
{
	buf_finish(&p->text);
	buf_finish(&p->line);
	buf_finish(&p->data);
	buf_finish(&p->tail);
	buf_finish(&p->whole);
}

/* ── text ── */

/* Moves what is complete from tail to text. */
static void settle_tail(struct model_sse *p)
{
	size_t at = 0;
	size_t keep = p->tail.len > 0 ? utf8_incomplete_tail(p->tail.data, p->tail.len) : 0;

	while (at + keep < p->tail.len) {
		int used;
		uint32_t c = utf8_decode(p->tail.data + at, p->tail.len - keep - at, &used);
		char out[4];

		if (c != 0) {
			buf_add(&p->text, out, (size_t)utf8_encode(c, out));
		}
		at += (size_t)used;
	}
	buf_remove_front(&p->tail, at);
}

static void add_text(struct model_sse *p, const char *s, size_t n)
{
	for (size_t at = 0; at < n;) {
		int used;
		uint32_t c = utf8_decode(s + at, n - at, &used);

		if (c >= STRAY_BASE && c <= STRAY_BASE + 0xff) {
			buf_char(&p->tail, (char)(c - STRAY_BASE));
		} else {
			buf_add(&p->tail, s + at, (size_t)used);
		}
		at += (size_t)used;
	}
	settle_tail(p);
}

/* ── one JSON object ── */

static void set_finish(struct model_sse *p, const char *s, size_t n)
{
	snprintf(p->finish, sizeof(p->finish), "%.*s", (int)n, s);
}

static void take_chunk(struct model_sse *p, const struct model_chunk *chunk)
{
	p->any_chunk = true;
	if (chunk->content) {
		add_text(p, chunk->content, chunk->n_content);
	}
	if (chunk->finish) {
		set_finish(p, chunk->finish, chunk->n_finish);
	}
}

static int64_t count_of(const json_t *usage, const char *key, int64_t now)
{
	const json_t *v = json_object_get(usage, key);

	return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : now;
}

static int fail_with(const json_t *error, struct err *e)
{
	const json_t *m = json_is_object(error) ? json_object_get(error, "message") : error;
	const char *text = json_string_value(m);
	size_t n = text ? strlen(text) : 0;

	return err_set(e, ERR_UPSTREAM, "model_error", "the model answered with an error: %.*s",
		(int)(text ? utf8_floor(text, n, n < 300 ? n : 300) : 7), text ? text : "unknown");
}

static void take_choice(struct model_sse *p, const json_t *choice)
{
	const json_t *delta = json_object_get(choice, "delta");
	const json_t *content, *finish;

	if (!delta) {
		delta = json_object_get(choice, "message");
	}
	content = json_object_get(delta, "content");
	if (json_is_string(content)) {
		add_text(p, json_string_value(content), json_string_length(content));
	}
	finish = json_object_get(choice, "finish_reason");
	if (json_is_string(finish)) {
		set_finish(p, json_string_value(finish), json_string_length(finish));
	}
}

static int take_object(struct model_sse *p, const json_t *o, struct err *e)
{
	const json_t *error = json_object_get(o, "error");
	const json_t *choices = json_object_get(o, "choices");
	const json_t *usage = json_object_get(o, "usage");

	if (error && !json_is_null(error)) {
		return fail_with(error, e);
	}
	if (json_is_object(usage)) {
		p->usage.prompt_tokens = count_of(usage, "prompt_tokens", p->usage.prompt_tokens);
		p->usage.answer_tokens =
			count_of(usage, "completion_tokens", p->usage.answer_tokens);
	}
	if (!json_is_array(choices)) {
		p->n_garbage += json_is_object(usage) ? 0 : 1;
		return 0;
	}
	p->any_chunk = true;
	for (size_t i = 0; i < json_array_size(choices); i++) {
		const json_t *choice = json_array_get(choices, i);
		const json_t *index = json_object_get(choice, "index");

		if (!index || json_integer_value(index) == 0) {
			take_choice(p, choice);
		}
	}
	return 0;
}

static void rescue_strays(const char *s, size_t n, struct buf *out)
{
	for (size_t at = 0; at < n;) {
		int used;
		uint32_t c = utf8_decode(s + at, n - at, &used);
		char enc[4];

		if (c == 0xFFFD && used == 1) {
			buf_add(out, enc, (size_t)utf8_encode(STRAY_BASE + (uint8_t)s[at], enc));
		} else {
			buf_add(out, s + at, (size_t)used);
		}
		at += (size_t)used;
	}
}

static int take_json(struct model_sse *p, const char *s, size_t n, struct err *e)
{
	struct buf mended = BUF_INIT;
	struct model_chunk chunk;
	json_t *o;
	int rc = 0;

	if (!utf8_valid(s, n)) {
		rescue_strays(s, n, &mended);
		s = mended.data;
		n = mended.len;
	} else if (model_chunk_read(s, n, &chunk)) {
		take_chunk(p, &chunk);
		return 0;
	}
	o = json_loadb(s, n, JSON_ALLOW_NUL, NULL);
	if (json_is_object(o)) {
		rc = take_object(p, o, e);
	} else {
		p->n_garbage++;
	}
	json_decref(o);
	buf_finish(&mended);
	return rc;
}

/* ── events and lines ── */

static int dispatch(struct model_sse *p, struct err *e)
{
	const char *s = p->data.data ? p->data.data : "";
	size_t n = p->data.len;
	int rc = 0;

	if (!p->has_data) {
		return 0;
	}
	p->has_data = false;
	p->n_events++;
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t')) {
		n--;
	}
	if (n == 6 && memcmp(s, "[DONE]", 6) == 0) {
		p->done = true;
		p->any_chunk = true;
	} else if (n > 0) {
		rc = take_json(p, s, n, e);
	} else {
		p->n_garbage++;
	}
	buf_clear(&p->data);
	return rc;
}

static int too_large(struct err *e)
{
	return err_set(e, ERR_UPSTREAM, "model_too_large",
		"the model sent an event of more than %d bytes", MODEL_SSE_EVENT_MAX);
}

static int take_line(struct model_sse *p, struct err *e)
{
	const char *s = p->line.data ? p->line.data : "";
	size_t n = p->line.len;

	if (n == 0) {
		return dispatch(p, e);
	}
	if (n >= 5 && memcmp(s, "data:", 5) == 0) {
		s += 5;
		n -= 5;
		if (n > 0 && *s == ' ') {
			s++;
			n--;
		}
		if (p->has_data) {
			buf_char(&p->data, '\n');
		}
		buf_add(&p->data, s, n);
		p->has_data = true;
	}
	buf_clear(&p->line);
	return p->data.over ? too_large(e) : 0;
}

/* Bytes before the next line end. */
static size_t within_line(const char *s, size_t n)
{
	const char *lf = memchr(s, '\n', n);
	size_t n_line = lf ? (size_t)(lf - s) : n;
	const char *cr = memchr(s, '\r', n_line);

	return cr ? (size_t)(cr - s) : n_line;
}

static int feed_line_end(struct model_sse *p, char c, struct err *e)
{
	bool lf_of_crlf = c == '\n' && p->after_cr;

	p->after_cr = c == '\r';
	if (lf_of_crlf) {
		return 0;
	}
	return take_line(p, e);
}

/* Up to the end of the line, or that end; *used: how much it was. */
static int feed_line(struct model_sse *p, const char *s, size_t n, size_t *used, struct err *e)
{
	*used = within_line(s, n);
	if (*used == 0) {
		*used = 1;
		return feed_line_end(p, *s, e);
	}
	p->after_cr = false;
	buf_add(&p->line, s, *used);
	return p->line.over ? too_large(e) : 0;
}

/* Skips a byte order mark and blanks; the first other byte tells events from a plain JSON body. */
static bool at_start(struct model_sse *p, char c)
{
	if (c == '\xef' || c == '\xbb' || c == '\xbf' || c == ' ' || c == '\r' || c == '\n') {
		return true;
	}
	p->started = true;
	p->plain = c == '{';
	return false;
}

int model_sse_feed(struct model_sse *p, const char *bytes, size_t n, struct err *e)
{
	size_t used = 0;

	for (size_t i = 0; i < n && !p->done; i += used) {
		int rc;

		used = 1;
		if (!p->started && at_start(p, bytes[i])) {
			continue;
		}
		if (p->plain) {
			buf_add(&p->whole, bytes + i, n - i);
			return p->whole.over ? too_large(e) : 0;
		}
		rc = feed_line(p, bytes + i, n - i, &used, e);
		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

/* What is left of a stream that broke off: a whole event, or a part of one. */
static int end_events(struct model_sse *p, struct err *e)
{
	static const char field[] = "data:";
	size_t n = p->line.len < 5 ? p->line.len : 5;
	bool begun = p->has_data || (n > 0 && memcmp(p->line.data, field, n) == 0);
	int64_t n_whole = p->n_events - p->n_garbage;
	int rc = p->line.len > 0 ? take_line(p, e) : 0;

	rc = rc == 0 ? dispatch(p, e) : rc;
	p->cut = begun && !p->done && p->n_events - p->n_garbage == n_whole;
	return rc;
}

int model_sse_end(struct model_sse *p, struct err *e)
{
	int rc = 0;

	if (p->plain) {
		p->n_events++;
		rc = take_json(p, p->whole.data, p->whole.len, e);
	} else if (!p->done) {
		rc = end_events(p, e);
	}
	if (p->tail.len > 0) {
		buf_str(&p->text, "\xef\xbf\xbd");
		buf_clear(&p->tail);
	}
	if (rc == 0 && !p->any_chunk) {
		rc = err_set(e, ERR_UPSTREAM, "model_garbage",
			"what the model sent is no chat completion");
	}
	return rc;
}
