#include "retrieve/query.h"

#include <string.h>
#include <strings.h>

#include "index/base/buf.h"
#include "index/base/utf8.h"
#include "index/letters.h"
#include "retrieve/query_date.h"

#define EXCLUDED_LETTERS 3 /* shorter ones are options of a command: rm -rf */

struct parsing {
	struct arena *arena;
	const char *text;
	size_t n_bytes;
	query_type_fn type_of;
	struct query *out;
	struct buf plain;
};

static uint32_t at(const struct parsing *p, size_t i, int *used)
{
	*used = 0;
	return i < p->n_bytes ? utf8_decode(p->text + i, p->n_bytes - i, used) : ' ';
}

static bool is_blank(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x3000;
}

static bool is_word(uint32_t c)
{
	enum char_class class = letter_class(c);

	return class == LETTER || class == DIGIT || class == MARK;
}

/* ── quotes ── */

/* What closes the quote that c opens, in *also another one that may; 0: it opens none. */
static uint32_t closing_quote(uint32_t c, uint32_t *also)
{
	*also = 0;
	switch (c) {
	case '"':
		return '"';
	case 0x201c: /* “…” */
		return 0x201d;
	case 0x201e: /* „…“, „…” */
		*also = 0x201d;
		return 0x201c;
	case 0xab: /* «…» */
		return 0xbb;
	case 0xff02:
		return 0xff02;
	case 0x300c: /* 「…」 */
		return 0x300d;
	case 0x300e: /* 『…』 */
		return 0x300f;
	default:
		return 0;
	}
}

/* A quotation that begins at i: where it ends, and what stands in it; 0: there is none. */
static size_t read_quoted(const struct parsing *p, size_t i, const char **text, bool *words)
{
	int used;
	uint32_t also, close = closing_quote(at(p, i, &used), &also);
	size_t from = i + (size_t)used;

	*words = false;
	for (size_t k = from; close && k < p->n_bytes && k - from <= QUERY_PHRASE_BYTES;) {
		uint32_t c = at(p, k, &used);
		size_t end = k + (size_t)used;
		int next_used;
		uint32_t next = at(p, end, &next_used);

		if ((c == close || (also && c == also)) && (!is_word(next) || utf8_is_cjk(next))) {
			*text = arena_strn(p->arena, p->text + from, k - from);
			return *words ? end : 0;
		}
		*words |= is_word(c);
		k = end;
	}
	return 0;
}

/* ── items ── */

/* Where the item that begins at i ends: before the next blank. */
static size_t item_end(const struct parsing *p, size_t i)
{
	int used;

	while (i < p->n_bytes && !is_blank(at(p, i, &used))) {
		i += (size_t)used;
	}
	return i;
}

/* The end without the punctuation of the sentence that it stands in; ".." is of a date. */
static size_t without_punctuation(const struct parsing *p, size_t from, size_t end)
{
	while (end > from && strchr(".,;:!?)", p->text[end - 1]) &&
		!(end - from > 1 && p->text[end - 1] == '.' && p->text[end - 2] == '.')) {
		end--;
	}
	return end;
}

static bool add_condition(struct parsing *p, struct query_condition c, size_t from, size_t end)
{
	struct query *q = p->out;

	if (q->n_conditions == QUERY_CONDITIONS_MAX) {
		return false;
	}
	c.written = arena_strn(p->arena, p->text + from, end - from);
	q->conditions[q->n_conditions++] = c;
	return true;
}

static void add_plain(struct parsing *p, const char *s, size_t n)
{
	size_t end = 0; /* without blanks */
	int used;

	for (size_t i = 0; i < n; i += (size_t)used) {
		if (!is_blank(utf8_decode(s + i, n - i, &used))) {
			end = i + (size_t)used;
		}
	}
	if (end == 0) {
		return;
	}
	if (p->plain.len > 0) {
		buf_char(&p->plain, ' ');
	}
	buf_add(&p->plain, s, end);
}

static bool fill_value(
	struct parsing *p, const char *name, const char *value, struct query_condition *c)
{
	static const struct {
		const char *name;
		enum query_kind kind;
	} fields[] = {{"title", QUERY_TITLE}, {"collection", QUERY_COLLECTION},
		{"in", QUERY_COLLECTION}, {"type", QUERY_TYPE}, {"owner", QUERY_OWNER},
		{"by", QUERY_OWNER}, {"date", QUERY_DATE}, {"before", QUERY_DATE},
		{"after", QUERY_DATE}};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcasecmp(fields[i].name, name) != 0) {
			continue;
		}
		c->kind = fields[i].kind;
		c->text = value;
		if (c->kind == QUERY_TYPE) {
			c->media_type = p->type_of ? p->type_of(value) : NULL;
			return c->media_type != NULL;
		}
		return c->kind != QUERY_DATE ||
		       query_date(fields[i].name, value, &c->from_ms, &c->to_ms);
	}
	return false;
}

/* title:V …; the item begins at `item`, its name at i. Where it ends; 0: it is none. */
static size_t read_field(struct parsing *p, size_t item, size_t i, bool excluded)
{
	struct query_condition c = {.excluded = excluded};
	size_t n = 0, end, value_end;
	const char *value;
	char name[12];
	bool words;

	while (n + 1 < sizeof(name) && ((p->text[i + n] | 0x20) >= 'a') &&
		((p->text[i + n] | 0x20) <= 'z')) {
		name[n] = p->text[i + n];
		n++;
	}
	name[n] = '\0';
	if (n == 0 || p->text[i + n] != ':') {
		return 0;
	}
	i += n + 1;
	end = value_end = read_quoted(p, i, &value, &words);
	if (end == 0) {
		int used;
		uint32_t also;

		end = item_end(p, i);
		value_end = without_punctuation(p, i, end);
		value = arena_strn(p->arena, p->text + i, value_end - i);
		if (value_end == i || p->text[i] == '/' || closing_quote(at(p, i, &used), &also)) {
			return 0;
		}
	}
	if (!fill_value(p, name, value, &c) || !add_condition(p, c, item, value_end)) {
		return 0;
	}
	if (c.kind == QUERY_TITLE && !excluded) {
		add_plain(p, value, strlen(value));
	}
	return end;
}

/* -word. Where it ends; 0: it is none. */
static size_t read_excluded(struct parsing *p, size_t item)
{
	size_t i = item + 1, end = item_end(p, i), word_end = without_punctuation(p, i, end);
	struct query_condition c = {.kind = QUERY_PHRASE, .excluded = true};
	int used, n = 0;
	bool cjk = utf8_is_cjk(at(p, i, &used));

	for (size_t k = i; k < word_end && letter_class(at(p, k, &used)) == LETTER;
		k += (size_t)used) {
		n++;
	}
	if (n < (cjk ? 1 : EXCLUDED_LETTERS)) {
		return 0;
	}
	c.text = arena_strn(p->arena, p->text + i, word_end - i);
	return add_condition(p, c, item, word_end) ? end : 0;
}

/* Syntax that begins at i: where it ends; 0: words do. */
static size_t read_syntax(struct parsing *p, size_t i)
{
	bool excluded = p->text[i] == '-', words;
	size_t from = i + excluded, end;
	struct query_condition c = {.kind = QUERY_PHRASE, .excluded = excluded};

	end = read_quoted(p, from, &c.text, &words);
	if (end > 0) {
		if (!add_condition(p, c, i, end)) {
			return 0;
		}
		if (!excluded) {
			add_plain(p, c.text, strlen(c.text));
		}
		return end;
	}
	end = read_field(p, i, from, excluded);
	return end > 0 || !excluded ? end : read_excluded(p, i);
}

/* Words up to the next place where syntax could begin: after a blank, or before a quote after a
 * bracket or a CJK character, for such text has no blanks. */
static size_t words_end(const struct parsing *p, size_t i)
{
	bool opens = false;
	int used;

	while (i < p->n_bytes) {
		uint32_t also, c = at(p, i, &used);

		if (opens && !is_blank(c)) {
			break;
		}
		i += (size_t)used;
		opens = is_blank(c) ||
			((c == '(' || utf8_is_cjk(c)) && closing_quote(at(p, i, &used), &also));
	}
	return i;
}

static bool has_words(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		int used;

		if (is_word(utf8_decode(s + i, n - i, &used))) {
			return true;
		}
		i += (size_t)used;
	}
	return false;
}

static bool only_leaves_out(const struct query *q)
{
	for (int i = 0; i < q->n_conditions; i++) {
		if (!q->conditions[i].excluded) {
			return false;
		}
	}
	return true;
}

void query_parse(struct arena *a, const char *text, query_type_fn type_of, struct query *out)
{
	struct parsing p = {.arena = a,
		.text = text,
		.n_bytes = strlen(text),
		.type_of = type_of,
		.out = out,
		.plain = BUF_INIT};

	*out = (struct query){
		.conditions = arena_array(a, struct query_condition, QUERY_CONDITIONS_MAX)};
	for (size_t i = 0; i < p.n_bytes;) {
		size_t end = read_syntax(&p, i);

		if (end == 0) {
			end = words_end(&p, i);
			add_plain(&p, text + i, end - i);
		}
		i = end;
	}
	if (!has_words(p.plain.data ? p.plain.data : "", p.plain.len) && only_leaves_out(out)) {
		out->n_conditions = 0;
		out->plain = arena_str(a, text);
	} else if (out->n_conditions == 0) {
		out->plain = arena_str(a, text);
	} else {
		out->plain = arena_strn(a, p.plain.data ? p.plain.data : "", p.plain.len);
	}
	buf_finish(&p.plain);
}
