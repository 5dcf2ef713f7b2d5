#include "ingest/chunk_units.h"

#include <stdio.h>
#include <string.h>

#include <unicode/utext.h>

#include "index/base/utf8.h"

#define HEADING_BYTES_MAX 300

static void *grow(struct arena *a, void *items, int n, int *cap, size_t size)
{
	void *more;

	if (n < *cap) {
		return items;
	}
	*cap = *cap ? *cap * 2 : 32;
	more = arena_calloc(a, (size_t)*cap, size);
	if (n > 0) {
		memcpy(more, items, (size_t)n * size);
	}
	return more;
}

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static void trim(const char *text, int32_t *start, int32_t *end)
{
	while (*start < *end && blank(text[*start])) {
		++*start;
	}
	while (*end > *start && blank(text[*end - 1])) {
		--*end;
	}
}

/* ── units ── */

static void add_unit(
	struct chunker *c, const struct block *b, int32_t start, int32_t end, bool *first)
{
	struct unit *u;

	trim(c->text, &start, &end);
	if (start == end) {
		return;
	}
	c->units = grow(c->arena, c->units, c->n_units, &c->cap_units, sizeof(*c->units));
	u = &c->units[c->n_units++];
	*u = (struct unit){.start = start,
		.end = end,
		.kind = b->kind,
		.first = *first,
		.section = c->n_sections - 1,
		.table = -1};
	if (b->kind == BLOCK_TABLE_ROW) {
		u->table = c->n_tables - 1;
		u->header = b->level == ROW_HEADER;
	}
	*first = false;
}

/* Pieces of at most half the target, cut at blanks, and inside of a word where one is longer. A
 * token is never less than a byte, so a word is cut by bytes. */
static void add_split(
	struct chunker *c, const struct block *b, int32_t start, int32_t end, bool *first)
{
	int32_t limit = c->target / 2;
	int32_t at = start, from = start;
	int tokens = 0;

	while (at < end) {
		int32_t stop = at;
		int n;

		while (stop < end && blank(c->text[stop])) {
			stop++;
		}
		while (stop < end && !blank(c->text[stop])) {
			stop++;
		}
		if (stop - at > limit && chunker_estimate(c, at, stop) > limit) {
			stop = at +
			       (int32_t)utf8_floor(c->text + at, (size_t)(end - at), (size_t)limit);
		}
		n = chunker_estimate(c, at, stop);
		if (tokens > 0 && tokens + n > limit) {
			add_unit(c, b, from, at, first);
			from = at;
			tokens = 0;
		}
		tokens += n;
		at = stop;
	}
	add_unit(c, b, from, end, first);
}

static void add_fitting(
	struct chunker *c, const struct block *b, int32_t start, int32_t end, bool *first)
{
	if (chunker_estimate(c, start, end) > c->target) {
		add_split(c, b, start, end, first);
	} else {
		add_unit(c, b, start, end, first);
	}
}

static void add_sentences(struct chunker *c, const struct block *b, bool *first)
{
	UErrorCode status = U_ZERO_ERROR;
	UText source = UTEXT_INITIALIZER;
	int32_t from = 0, to;

	utext_openUTF8(&source, c->text + b->byte_start, b->byte_end - b->byte_start, &status);
	ubrk_setUText(c->sentences, &source, &status);
	ASSERT(U_SUCCESS(status));
	while ((to = ubrk_next(c->sentences)) != UBRK_DONE) {
		add_fitting(c, b, b->byte_start + from, b->byte_start + to, first);
		from = to;
	}
	utext_close(&source);
}

static void add_lines(struct chunker *c, const struct block *b, bool *first)
{
	int32_t from = b->byte_start;

	while (from < b->byte_end) {
		const char *end = memchr(c->text + from, '\n', (size_t)(b->byte_end - from));
		int32_t to = end ? (int32_t)(end - c->text) : b->byte_end;

		add_fitting(c, b, from, to, first);
		from = to + 1;
	}
}

/* ── headings ── */

static const char *heading_name(struct chunker *c, const struct block *b)
{
	char *name = arena_alloc(c->arena, (size_t)(b->byte_end - b->byte_start) + 1);
	size_t n = 0;

	for (int32_t i = b->byte_start; i < b->byte_end; i++) {
		if (!blank(c->text[i])) {
			name[n++] = c->text[i];
		} else if (n > 0 && name[n - 1] != ' ') {
			name[n++] = ' ';
		}
	}
	while (n > 0 && name[n - 1] == ' ') {
		n--;
	}
	name[utf8_floor(name, n, HEADING_BYTES_MAX)] = '\0';
	return name;
}

/* A heading begins a section, but right under a higher heading it only deepens that one's path. */
static void add_heading(struct chunker *c, const struct block *b)
{
	int level = b->level < 1 ? 1 : b->level > DEPTH_MAX ? DEPTH_MAX : b->level;
	struct section s = c->sections[c->n_sections - 1];
	const struct unit *last = c->n_units > 0 ? &c->units[c->n_units - 1] : NULL;
	bool follows =
		last && last->kind == BLOCK_HEADING && s.depth > 0 && s.levels[s.depth - 1] < level;
	bool first = true;

	while (s.depth > 0 && s.levels[s.depth - 1] >= level) {
		s.depth--;
	}
	s.names[s.depth] = heading_name(c, b);
	s.levels[s.depth++] = level;
	s.tokens = 0;
	if (!follows) {
		c->sections = grow(c->arena, c->sections, c->n_sections, &c->cap_sections,
			sizeof(*c->sections));
		c->n_sections++;
	}
	c->sections[c->n_sections - 1] = s;
	add_unit(c, b, b->byte_start, b->byte_end, &first);
}

/* ── tables ── */

/* Where extractors do not know the roles of rows (all are ROW_NEXT) the first row is the header. */
static void begin_table(struct chunker *c, const struct block *b)
{
	struct table *t;

	c->tables = grow(c->arena, c->tables, c->n_tables, &c->cap_tables, sizeof(*c->tables));
	t = &c->tables[c->n_tables++];
	*t = (struct table){.start = b->byte_start,
		.end = b->level == ROW_FIRST ? b->byte_start : b->byte_end,
		.in_header = b->level == ROW_HEADER};
}

static bool begins_table(const struct chunker *c, const struct block *b, bool after_row)
{
	return !after_row || b->level == ROW_FIRST ||
	       (b->level == ROW_HEADER && !c->tables[c->n_tables - 1].in_header);
}

static void add_row(struct chunker *c, const struct block *b, bool after_row)
{
	bool first = true, begins = begins_table(c, b, after_row);
	struct table *t;

	if (begins) {
		begin_table(c, b);
	}
	t = &c->tables[c->n_tables - 1];
	if (t->in_header && b->level == ROW_HEADER) {
		t->end = b->byte_end;
	} else {
		t->in_header = false;
	}
	add_fitting(c, b, b->byte_start, b->byte_end, &first);
	if (begins || t->in_header) {
		t->body = c->n_units;
		trim(c->text, &t->start, &t->end);
		t->tokens = t->end > t->start ? chunker_estimate(c, t->start, t->end) + 1 : 0;
		if (t->tokens > c->target / 4) {
			t->end = t->start;
			t->tokens = 0;
		}
	}
}

/* ── blocks to units ── */

/* Same length, so that every offset stays true: line ends inside of a block become blanks, and so
 * does what stands between blocks (page furniture that the extractor left out). */
static void smooth(struct chunker *c)
{
	int32_t done = 0;

	for (int i = 0; i <= c->x->n_blocks; i++) {
		const struct block *b = i < c->x->n_blocks ? &c->x->blocks[i] : NULL;
		int32_t stop = b ? b->byte_start : c->x->n_bytes;

		for (; done < stop; done++) {
			c->text[done] = c->text[done] == '\n' ? '\n' : ' ';
		}
		for (; b && done < b->byte_end; done++) {
			if (b->kind != BLOCK_CODE && blank(c->text[done])) {
				c->text[done] = ' ';
			}
		}
	}
}

/* A sheet's name heads what stands on it; messages have their subjects. */
static void begin_part(struct chunker *c, const struct block *b)
{
	struct section s = {.part = c->sections[c->n_sections - 1].part + 1};

	if (c->x->paging == PAGING_SHEETS && c->x->pages[b->page - 1].label) {
		s.names[0] = c->x->pages[b->page - 1].label;
		s.depth = 1;
	}
	c->sections =
		grow(c->arena, c->sections, c->n_sections, &c->cap_sections, sizeof(*c->sections));
	c->sections[c->n_sections++] = s;
}

static bool parts_never_meet(const struct chunker *c)
{
	return c->x->paging == PAGING_SHEETS || c->x->paging == PAGING_MESSAGES;
}

static void add_block(struct chunker *c, const struct block *b, bool after_row)
{
	bool first = true;
	bool heading = b->kind == BLOCK_HEADING;

	if (heading && chunker_estimate(c, b->byte_start, b->byte_end) <= c->target / 4) {
		add_heading(c, b);
	} else if (b->kind == BLOCK_TABLE_ROW) {
		add_row(c, b, after_row);
	} else if (b->kind == BLOCK_CODE) {
		add_lines(c, b, &first);
	} else if (b->kind == BLOCK_LIST_ITEM &&
		   chunker_estimate(c, b->byte_start, b->byte_end) <= c->target / 2) {
		add_unit(c, b, b->byte_start, b->byte_end, &first);
	} else {
		struct block text = *b;

		text.kind = heading ? BLOCK_PARAGRAPH : b->kind; /* so long a heading is none */
		add_sentences(c, &text, &first);
	}
}

/* With the list of abbreviations that do not end a sentence, where ICU has one. */
static UBreakIterator *open_sentences(const char *language)
{
	UErrorCode status = U_ZERO_ERROR;
	char locale[32];
	UBreakIterator *it;

	snprintf(locale, sizeof(locale), "%.8s@ss=standard", *language ? language : "en");
	it = ubrk_open(UBRK_SENTENCE, locale, NULL, 0, &status);
	ASSERT(U_SUCCESS(status)); /* ICU's root rules are always there */
	return it;
}

void units_make(struct chunker *c, const char *language)
{
	bool after_row = false;
	int page = 0;

	c->sentences = open_sentences(language);
	smooth(c);
	c->sections = grow(c->arena, NULL, 0, &c->cap_sections, sizeof(*c->sections));
	c->n_sections = 1; /* what stands before the first heading */
	for (int i = 0; i < c->x->n_blocks && !chunker_cancelled(c); i++) {
		struct block b = c->x->blocks[i];

		trim(c->text, &b.byte_start, &b.byte_end);
		if (b.byte_start == b.byte_end) {
			continue;
		}
		if (b.page != page && parts_never_meet(c)) {
			begin_part(c, &b);
			after_row = false;
		}
		page = b.page;
		add_block(c, &b, after_row);
		after_row = b.kind == BLOCK_TABLE_ROW;
	}
	for (int i = 0; i < c->n_units; i++) {
		struct unit *u = &c->units[i];

		u->tokens = chunker_estimate(c, u->start, i + 1 < c->n_units ? u[1].start : u->end);
		c->sections[u->section].tokens += u->tokens;
	}
	ubrk_close(c->sentences);
}
