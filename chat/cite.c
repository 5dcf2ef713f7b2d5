#include "chat/cite.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/utf8.h"
#include "index/place.h"

#define HELD_MAX 48	  /* longer is no marker */
#define SENTENCE_MAX 4096 /* a sentence without an end is closed here */
#define MARKS_MAX 64	  /* of one sentence */

struct mark {
	int handle;
	size_t at; /* where it begins in text */
};

/* ── sources ── */

void source_init(struct source *s, struct arena *a, int handle, const struct passage *passage)
{
	source_init_unread(s, handle, passage);
	source_read(s, a);
}

void source_init_unread(struct source *s, int handle, const struct passage *passage)
{
	*s = (struct source){.handle = handle,
		.passage = passage,
		.n_text = strlen(passage->text),
		.parts = passage->parts,
		.n_parts = passage->n_chunks};
}

void source_read(struct source *s, struct arena *a)
{
	const struct passage *passage = s->passage;
	const char *text = passage->text;
	char *all;

	if (s->sentences) {
		return;
	}
	if (!passage->parts || passage->n_chunks < 1) {
		struct passage_part *whole = arena_new(a, struct passage_part);

		*whole = (struct passage_part){passage->chunk, 0, (int)s->n_text,
			passage->byte_start, passage->byte_end, passage->page_first,
			passage->page_last, passage->place};
		s->parts = whole;
		s->n_parts = 1;
	}
	s->n_sentences = sentences_split(a, text, s->n_text, &s->sentences);
	s->sentence_facts = arena_array(a, struct facts, (size_t)s->n_sentences + 1);
	for (int i = 0; i < s->n_sentences; i++) {
		facts_read(a, text + s->sentences[i].start,
			(size_t)(s->sentences[i].end - s->sentences[i].start), passage->language,
			&s->sentence_facts[i]);
	}
	all = arena_printf(a, "%s\n%s\n%s", passage->title ? passage->title : "",
		passage->heading ? passage->heading : "", text);
	facts_read(a, all, strlen(all), passage->language, &s->facts);
}

/* A byte of the span's text in the extracted text. A text longer than its range begins with
 * something repeated (a table's header row); a shorter one lost blanks, spread over it. */
static int64_t extracted_at(const struct passage_part *p, int text_at)
{
	int64_t n_text = p->text_end - p->text_start;
	int64_t n_range = p->byte_end - p->byte_start;
	int64_t at = text_at - p->text_start;

	if (n_text > n_range) {
		at -= n_text - n_range;
	} else if (n_text < n_range) {
		at = at * n_range / (n_text ? n_text : 1);
	}
	return p->byte_start + (at < 0 ? 0 : at > n_range ? n_range : at);
}

static const struct passage_part *part_at(const struct source *s, int text_at)
{
	int i = 0;

	while (i + 1 < s->n_parts && text_at >= s->parts[i].text_end) {
		i++;
	}
	return &s->parts[i];
}

void source_place(
	const struct source *s, struct arena *a, int text_start, int text_end, struct place *out)
{
	const struct passage *p = s->passage;
	const struct passage_part *first = part_at(s, text_start);
	const struct passage_part *last =
		part_at(s, text_end > text_start ? text_end - 1 : text_start);
	int64_t from = extracted_at(first, text_start);
	int64_t to = extracted_at(last, text_end);

	*out = (struct place){.chunk = first->chunk, .page = first->page_first};
	out->boxes = arena_array(a, struct box, (size_t)p->n_boxes + 1);
	for (int i = 0; i < p->n_boxes; i++) {
		if (p->boxes[i].byte_start < to && p->boxes[i].byte_end > from) {
			out->boxes[out->n_boxes++] = p->boxes[i];
		}
	}
	if (out->n_boxes > 0) {
		out->page = out->boxes[0].page;
	} else if (first->page_last > first->page_first) {
		out->page += (int)((from - first->byte_start) *
				   (first->page_last - first->page_first + 1) /
				   (first->byte_end - first->byte_start + 1));
	}
	out->words = place_at(&(struct place_part){.whole = first->place,
				      .unit = p->unit,
				      .first = first->page_first,
				      .page = out->page,
				      .boxes = out->boxes,
				      .n_boxes = out->n_boxes},
		a);
}

static double term_weight(const struct source *s, const char *term)
{
	int df = 0;

	for (int i = 0; i < s->n_sentences; i++) {
		df += facts_has_term(&s->sentence_facts[i], term) ? 1 : 0;
	}
	return df ? log(1 + (double)s->n_sentences / df) : 0;
}

/* The sentence that fits the claim best, -1 if the source has none. */
static int best_sentence(const struct source *s, const struct facts *claim)
{
	double best = -1;
	int found = -1;
	double *weights = calloc((size_t)claim->terms.n + 1, sizeof(double));

	ASSERT(weights != NULL);
	for (int t = 0; t < claim->terms.n; t++) {
		const struct term *term = &claim->terms.items[t];

		weights[t] = term->stopword ? 0 : term_weight(s, term->text);
	}
	for (int i = 0; i < s->n_sentences; i++) {
		const struct facts *f = &s->sentence_facts[i];
		double score = 0;

		for (int t = 0; t < claim->terms.n; t++) {
			score += weights[t] > 0 && facts_has_term(f, claim->terms.items[t].text)
					 ? weights[t]
					 : 0;
		}
		for (int k = 0; k < claim->n_numbers; k++) {
			score += facts_has_number(f, &claim->numbers[k]) ? 1 : 0;
		}
		score /= 1 + 0.01 * f->terms.n;
		if (score > best) {
			best = score;
			found = i;
		}
	}
	free(weights);
	return found;
}

/* ── sentences of the answer ── */

static struct source *source_of(const struct cite *c, int handle)
{
	for (int i = 0; i < c->n_sources; i++) {
		if (c->sources[i].handle == handle) {
			return &c->sources[i];
		}
	}
	return NULL;
}

static const char *quote_text(struct arena *a, const struct source *s, int sentence)
{
	const char *text = s->passage->text + s->sentences[sentence].start;
	size_t n = (size_t)(s->sentences[sentence].end - s->sentences[sentence].start);
	struct buf flat = BUF_INIT;
	char *out;

	sentence_flat(&flat, text, utf8_floor(text, n, n < QUOTE_MAX ? n : QUOTE_MAX));
	out = arena_strn(a, flat.data ? flat.data : "", flat.len);
	buf_finish(&flat);
	return out;
}

/* Room for one more; most answers have few. */
static struct citation *next_citation(struct cite *c)
{
	if (c->n_citations == c->n_room) {
		struct citation *more;

		c->n_room = c->n_room ? c->n_room * 2 : 8;
		more = arena_array(c->arena, struct citation, (size_t)c->n_room);
		for (int i = 0; i < c->n_citations; i++) {
			more[i] = c->citations[i];
		}
		c->citations = more;
	}
	return &c->citations[c->n_citations];
}

static void add_citation(struct cite *c, const struct source *s, const struct facts *claim,
	const struct facts *const *together, int n_together, size_t end)
{
	int q = c->n_citations < c->n_quotes ? c->quotes[c->n_citations] : best_sentence(s, claim);
	struct citation *k;
	struct place place;
	const struct facts *alone = &s->facts;

	if (q < 0 || c->n_citations == CITATIONS_MAX) {
		return;
	}
	k = next_citation(c);
	source_place(s, c->arena, s->sentences[q].start, s->sentences[q].end, &place);
	*k = (struct citation){.ordinal = ++c->n_citations,
		.handle = s->handle,
		.document = s->passage->document,
		.version = s->passage->version,
		.chunk = place.chunk,
		.document_name = s->passage->document_name,
		.page = place.page,
		.place = place.words,
		.unit = s->passage->unit,
		.quote = quote_text(c->arena, s, q),
		.boxes = place.boxes,
		.n_boxes = place.n_boxes,
		.answer_start = (int)c->sentence,
		.answer_end = (int)end};
	k->support = support_check(claim, &alone, 1, &s->sentence_facts[q]);
	if (n_together > 1 && k->support != SUPPORT_VERIFIED &&
		facts_coverage(claim, alone) >= 0.5) {
		k->support = support_check(claim, together, n_together, &s->sentence_facts[q]);
	}
}

/* The markers [from, to) stand at one place behind the claim text [start, end). */
static void close_group(
	struct cite *c, int from, int to, size_t start, size_t end, size_t sentence_stop)
{
	const struct facts *together[MARKS_MAX];
	struct facts claim;
	const char *text = c->text.data + start;
	const char *language = c->language[0] ? c->language : language_detect(text, end - start);
	int n = 0;

	facts_read(c->arena, text, end - start, language, &claim);
	for (int i = from; i < to; i++) {
		struct source *s = source_of(c, c->marks[i].handle);

		source_read(s, c->arena);
		together[n++] = &s->facts;
	}
	for (int i = from; i < to; i++) {
		bool repeated = false;

		for (int k = from; k < i; k++) {
			repeated = repeated || c->marks[k].handle == c->marks[i].handle;
		}
		if (!repeated) {
			add_citation(c, source_of(c, c->marks[i].handle), &claim, together, n,
				sentence_stop);
		}
	}
}

/* Whether only markers and blanks lie between: the markers stand together. */
static bool adjacent(const struct cite *c, size_t from, size_t to)
{
	while (from < to) {
		size_t len = sentence_marker(c->text.data + from, to - from);

		if (len == 0 && c->text.data[from] != ' ') {
			return false;
		}
		from += len ? len : 1;
	}
	return true;
}

static bool has_words(const struct cite *c, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		size_t len = sentence_marker(c->text.data + i, to - i);

		if (len > 0) {
			i += len - 1;
		} else if (isalnum((unsigned char)c->text.data[i]) || (c->text.data[i] & 0x80)) {
			return true;
		}
	}
	return false;
}

static void close_sentence(struct cite *c, size_t end)
{
	size_t start = c->sentence;
	int i = 0;

	while (start < end && isspace((unsigned char)c->text.data[start])) {
		start++;
	}
	c->sentence = start;
	while (i < c->n_marks) {
		int to = i + 1;
		size_t stop = c->marks[i].at;

		while (to < c->n_marks && adjacent(c, c->marks[to - 1].at, c->marks[to].at)) {
			to++;
		}
		/* a lone group covers the whole sentence, also what follows it */
		if (i == 0 && to == c->n_marks) {
			stop = end;
		} else if (!has_words(c, start, stop)) {
			start = c->sentence;
		}
		close_group(c, i, to, start, stop, end);
		start = c->marks[to - 1].at;
		i = to;
	}
	c->n_marks = 0;
	c->sentence = end;
}

static void close_sentences(struct cite *c, bool final)
{
	for (;;) {
		size_t end = c->text.len > c->sentence ? sentence_end_on(c->text.data, c->text.len,
								 c->sentence, &c->looked, final)
						       : 0;
		int n_now = 0, n_marks = c->n_marks;

		if (end == 0 && c->text.len - c->sentence > SENTENCE_MAX) {
			end = utf8_floor(c->text.data, c->text.len, c->text.len);
		}
		if (end == 0) {
			return;
		}
		while (n_now < n_marks && c->marks[n_now].at < end) {
			n_now++;
		}
		c->n_marks = n_now;
		close_sentence(c, end);
		c->n_marks = n_marks - n_now;
		if (c->n_marks > 0) {
			memmove(c->marks, c->marks + n_now, (size_t)c->n_marks * sizeof(*c->marks));
		}
	}
}

/* ── markers ── */

static void show_marker(struct cite *c, int handle)
{
	if (!source_of(c, handle)) {
		c->n_dropped++;
		return;
	}
	if (c->n_marks == MARKS_MAX) {
		return;
	}
	if (c->n_marks == c->n_marks_room) {
		struct mark *more;

		c->n_marks_room = c->n_marks_room ? c->n_marks_room * 2 : 4;
		more = arena_array(c->arena, struct mark, (size_t)c->n_marks_room);
		for (int i = 0; i < c->n_marks; i++) {
			more[i] = c->marks[i];
		}
		c->marks = more;
	}
	c->marks[c->n_marks++] = (struct mark){handle, c->text.len};
	buf_printf(&c->text, "[%d]", handle);
}

/* held: a blank perhaps, then "[1, 2-4]" with its brackets. Shows it, or says it is no marker. */
static bool take_marker(struct cite *c, const char *s, size_t n, bool blank)
{
	int numbers[16][2];
	int n_numbers = 0;
	bool shown = false;

	for (size_t i = 0; i < n;) {
		size_t digits = strspn(s + i, "0123456789");
		bool range = n_numbers > 0 && i > 0 && s[i - 1] == '-';

		if (digits == 0) {
			i++;
			continue;
		}
		if (digits > 6 || n_numbers == 16) {
			return false;
		}
		numbers[n_numbers - (range ? 1 : 0)][range ? 1 : 0] = (int)strtol(s + i, NULL, 10);
		if (!range) {
			numbers[n_numbers++][1] = (int)strtol(s + i, NULL, 10);
		}
		i += digits;
	}
	if (n_numbers == 0) {
		return false;
	}
	for (int k = 0; k < n_numbers; k++) {
		int to = numbers[k][1] - numbers[k][0] > 20 ? numbers[k][0] : numbers[k][1];

		for (int h = numbers[k][0]; h <= to; h++) {
			if (blank && !shown && source_of(c, h)) {
				buf_char(&c->text, ' ');
				shown = true;
			}
			show_marker(c, h);
		}
	}
	return true;
}

static size_t bracket(const char *s, size_t n, const char *ascii, const char *wide)
{
	if (*s == *ascii) {
		return 1;
	}
	return n >= 3 && memcmp(s, wide, 3) == 0 ? 3 : 0;
}

/* Takes one character [s, s + n). held is "", " ", "[…" or " […". */
static void take_character(struct cite *c, const char *s, size_t n)
{
	bool blank = c->held.len > 0 && c->held.data[0] == ' ';
	bool open = c->held.len > (blank ? 1u : 0u);

	if (open && bracket(s, n, "]", "】") > 0) {
		size_t skip = blank ? 1 : 0;

		buf_add(&c->held, s, n);
		if (!take_marker(c, c->held.data + skip, c->held.len - skip, blank)) {
			buf_add(&c->text, c->held.data, c->held.len);
		}
		buf_clear(&c->held);
		return;
	}
	if (open && (isdigit((unsigned char)*s) || strchr(",- ", *s)) && c->held.len < HELD_MAX) {
		buf_add(&c->held, s, n);
		return;
	}
	if (!open && bracket(s, n, "[", "【") > 0) {
		buf_add(&c->held, s, n);
		return;
	}
	buf_add(&c->text, c->held.data ? c->held.data : "", c->held.len);
	buf_clear(&c->held);
	if (*s == ' ' || bracket(s, n, "[", "【") > 0) {
		buf_add(&c->held, s, n);
	} else {
		buf_add(&c->text, s, n);
	}
}

void cite_init(struct cite *c, struct arena *a, struct source *sources, int n, const char *language)
{
	memset(c, 0, sizeof(*c));
	c->arena = a;
	c->sources = sources;
	c->n_sources = n;
	c->language = language ? language : "";
}

void cite_quotes(struct cite *c, const int *sentences, int n)
{
	c->quotes = sentences;
	c->n_quotes = n;
}

void cite_finish(struct cite *c)
{
	buf_finish(&c->text);
	buf_finish(&c->held);
}

void cite_feed(struct cite *c, const char *text, size_t n_text)
{
	for (size_t i = 0; i < n_text;) {
		int used;

		utf8_decode(text + i, n_text - i, &used);
		take_character(c, text + i, (size_t)used);
		i += (size_t)used;
		/* At each: what is bounded by sentence is then the same however the text comes. */
		close_sentences(c, false);
	}
}

void cite_end(struct cite *c)
{
	buf_add(&c->text, c->held.data ? c->held.data : "", c->held.len);
	buf_clear(&c->held);
	close_sentences(c, true);
}
