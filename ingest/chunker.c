/*
 * blocks -> units -> cuts -> chunks.
 *
 * A unit is what is never cut: a sentence, a list item, a table row, a line of code, a heading; one
 * that is too long for a chunk is first split at words. Where to cut between units is the cheapest
 * of all ways (dynamic programming over the units, in whole numbers so that every machine agrees):
 * a chunk costs the square of its distance from the target, and a cut or a crossing costs what the
 * table of prices says. A repeated table header counts towards the size.
 */
#include "ingest/chunker.h"

#include <stdio.h>
#include <string.h>

#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include "index/base/utf8.h"
#include "index/fts.h"
#include "index/tokens.h"

/* Prices; a chunk of 0.5 or 1.5 times the target costs 250. */
enum {
	PRICE_TINY = 4000,	    /* a chunk below a quarter of the target */
	PRICE_CROSS_TINY = 200,	    /* a heading inside, both sections tiny */
	PRICE_CROSS_ONE_TINY = 600, /* one of them is */
	PRICE_CROSS = 9000,	    /* neither */
	PRICE_AFTER_HEADING = 6000, /* a cut between a heading and its text */
	PRICE_AFTER_LEAD_IN = 800,  /* a cut behind "…:" */
	PRICE_IN_BLOCK = 150,	    /* a cut between two sentences of a paragraph */
	PRICE_BEFORE_ITEM = 100,
	PRICE_BEFORE_ROW = 120,
};

#define DEPTH_MAX 6
#define HEADING_BYTES_MAX 300

struct unit {
	int32_t start, end;
	int32_t tokens; /* with what stands between it and the next */
	int section;
	int table; /* -1: none */
	uint8_t kind;
	bool first; /* of its block */
};

struct section {
	const char *names[DEPTH_MAX]; /* the heading path */
	int levels[DEPTH_MAX];
	int depth;
	int64_t tokens;
};

struct table {
	int32_t start, end; /* the header row; start == end: too long to repeat */
	int32_t tokens;
	int first_unit;
};

struct chunker {
	const struct extracted *x;
	struct arena *arena;
	char *text; /* a copy, its line ends inside of blocks made blanks: same length */
	int target;
	const atomic_bool *cancel;
	UBreakIterator *sentences;
	struct unit *units;
	int n_units, cap_units;
	struct section *sections;
	int n_sections, cap_sections;
	struct table *tables;
	int n_tables, cap_tables;
};

static bool cancelled(const struct chunker *c)
{
	return c->cancel && atomic_load(c->cancel);
}

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

static int estimate(const struct chunker *c, int32_t start, int32_t end)
{
	return tokens_estimate(c->text + start, (size_t)(end - start));
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
		if (stop - at > limit && estimate(c, at, stop) > limit) {
			stop = at +
			       (int32_t)utf8_floor(c->text + at, (size_t)(end - at), (size_t)limit);
		}
		n = estimate(c, at, stop);
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
	if (estimate(c, start, end) > c->target) {
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

static void begin_table(struct chunker *c, const struct block *b)
{
	struct table *t;

	c->tables = grow(c->arena, c->tables, c->n_tables, &c->cap_tables, sizeof(*c->tables));
	t = &c->tables[c->n_tables++];
	*t = (struct table){.start = b->byte_start, .end = b->byte_end, .first_unit = c->n_units};
	trim(c->text, &t->start, &t->end);
	t->tokens = estimate(c, t->start, t->end) + 1;
	if (t->tokens > c->target / 4) {
		t->end = t->start;
		t->tokens = 0;
	}
}

static const struct table *repeated_header(const struct chunker *c, int unit)
{
	const struct table *t = c->units[unit].table < 0 ? NULL : &c->tables[c->units[unit].table];

	return t && t->end > t->start && unit > t->first_unit ? t : NULL;
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

static void add_block(struct chunker *c, const struct block *b, bool table_goes_on)
{
	bool first = true;
	bool heading = b->kind == BLOCK_HEADING;

	if (heading && estimate(c, b->byte_start, b->byte_end) <= c->target / 4) {
		add_heading(c, b);
	} else if (b->kind == BLOCK_TABLE_ROW) {
		if (!table_goes_on) {
			begin_table(c, b);
		}
		add_fitting(c, b, b->byte_start, b->byte_end, &first);
	} else if (b->kind == BLOCK_CODE) {
		add_lines(c, b, &first);
	} else if (b->kind == BLOCK_LIST_ITEM &&
		   estimate(c, b->byte_start, b->byte_end) <= c->target / 2) {
		add_unit(c, b, b->byte_start, b->byte_end, &first);
	} else {
		struct block text = *b;

		text.kind = heading ? BLOCK_PARAGRAPH : b->kind; /* so long a heading is none */
		add_sentences(c, &text, &first);
	}
}

static void make_units(struct chunker *c)
{
	bool in_table = false;

	c->sections = grow(c->arena, NULL, 0, &c->cap_sections, sizeof(*c->sections));
	c->n_sections = 1; /* what stands before the first heading */
	for (int i = 0; i < c->x->n_blocks && !cancelled(c); i++) {
		struct block b = c->x->blocks[i];

		trim(c->text, &b.byte_start, &b.byte_end);
		if (b.byte_start < b.byte_end) {
			add_block(c, &b, in_table);
			in_table = b.kind == BLOCK_TABLE_ROW;
		}
	}
	for (int i = 0; i < c->n_units; i++) {
		struct unit *u = &c->units[i];

		u->tokens = estimate(c, u->start, i + 1 < c->n_units ? u[1].start : u->end);
		c->sections[u->section].tokens += u->tokens;
	}
}

/* ── where to cut ── */

static bool lead_in(const struct chunker *c, const struct unit *u)
{
	const char *end = c->text + u->end;

	return end[-1] == ':' ||
	       (u->end - u->start >= 3 && memcmp(end - 3, "\xef\xbc\x9a", 3) == 0);
}

static int64_t price_of_cut(const struct chunker *c, int i)
{
	const struct unit *u = &c->units[i];

	if (i == 0 || u->section != u[-1].section) {
		return 0;
	}
	if (u[-1].kind == BLOCK_HEADING) {
		return PRICE_AFTER_HEADING;
	}
	if (lead_in(c, u - 1)) {
		return PRICE_AFTER_LEAD_IN;
	}
	if (!u->first) {
		return PRICE_IN_BLOCK;
	}
	if (u->kind == BLOCK_LIST_ITEM) {
		return PRICE_BEFORE_ITEM;
	}
	return u->kind == BLOCK_TABLE_ROW && u[-1].kind == BLOCK_TABLE_ROW ? PRICE_BEFORE_ROW : 0;
}

static int64_t price_of_crossing(const struct chunker *c, int i)
{
	const struct unit *u = &c->units[i];
	bool before, after;

	if (i == 0 || u->section == u[-1].section) {
		return 0;
	}
	before = c->sections[u[-1].section].tokens * 4 < c->target;
	after = c->sections[u->section].tokens * 4 < c->target;
	return before && after	 ? PRICE_CROSS_TINY
	       : before || after ? PRICE_CROSS_ONE_TINY
				 : PRICE_CROSS;
}

static int64_t price_of_size(const struct chunker *c, int64_t tokens)
{
	int64_t off = (tokens - c->target) * 1000 / c->target;

	return off * off / 1000 + (tokens * 4 < c->target ? PRICE_TINY : 0);
}

/* from[j] is where the chunk that ends before unit j begins, in the cheapest way to cut [0, j). */
static int *cheapest_cuts(struct chunker *c)
{
	int n = c->n_units;
	int64_t limit = (int64_t)c->target * 14 / 10;
	int64_t *cost = arena_array(c->arena, int64_t, (size_t)n + 1);
	int64_t *cut = arena_array(c->arena, int64_t, (size_t)n + 1);
	int64_t *cross = arena_array(c->arena, int64_t, (size_t)n + 1);
	int *from = arena_array(c->arena, int, (size_t)n + 1);

	for (int i = 0; i < n; i++) {
		cut[i] = price_of_cut(c, i);
		cross[i] = price_of_crossing(c, i);
	}
	for (int j = 1; j <= n && !cancelled(c); j++) {
		int64_t tokens = 0, crossings = 0;

		cost[j] = INT64_MAX;
		for (int i = j - 1; i >= 0; i--) {
			const struct table *header = repeated_header(c, i);
			int64_t size, price;

			tokens += c->units[i].tokens;
			size = tokens + (header ? header->tokens : 0);
			if (tokens > limit && i < j - 1) {
				break;
			}
			price = cost[i] + cut[i] + crossings + price_of_size(c, size);
			if (price < cost[j] && (size <= limit || i == j - 1)) {
				cost[j] = price;
				from[j] = i;
			}
			crossings += cross[i];
		}
	}
	return from;
}

/* ── chunks ── */

static int common_depth(const struct chunker *c, int i, int j)
{
	const struct section *s = &c->sections[c->units[i].section];
	int depth = s->depth;

	for (int k = i + 1; k < j; k++) {
		const struct section *other = &c->sections[c->units[k].section];
		int same = 0;

		while (same < depth && same < other->depth &&
			other->names[same] == s->names[same]) {
			same++;
		}
		depth = same;
	}
	return depth;
}

static const char *path_text(struct chunker *c, const struct section *s, int depth)
{
	const char *path = "";

	for (int i = 0; i < depth; i++) {
		path = i == 0 ? s->names[0] : arena_printf(c->arena, "%s > %s", path, s->names[i]);
	}
	return path;
}

static int page_at(const struct extracted *x, int32_t at)
{
	int low = 0, high = x->n_pages;

	while (high - low > 1) {
		int mid = low + (high - low) / 2;

		if (x->pages[mid].byte_start <= at) {
			low = mid;
		} else {
			high = mid;
		}
	}
	return x->n_pages > 0 ? x->pages[low].number : 1;
}

/* Lines of page furniture between the chunk's units are not its lines. */
static void copy_boxes(struct chunker *c, int i, int j, struct chunk *out)
{
	const struct box *lines;
	int n = extracted_lines_in(c->x, (int32_t)out->byte_start, (int32_t)out->byte_end, &lines);
	int k = i;

	out->boxes = n > 0 ? arena_array(c->arena, struct box, (size_t)n) : NULL;
	for (int l = 0; l < n; l++) {
		while (k < j && c->units[k].end <= lines[l].byte_start) {
			k++;
		}
		if (k < j && c->units[k].start < lines[l].byte_end) {
			out->boxes[out->n_boxes++] = lines[l];
		}
	}
}

static void make_chunk(struct chunker *c, int i, int j, struct chunk *out)
{
	const struct section *s = &c->sections[c->units[i].section];
	int depth = common_depth(c, i, j);
	int first = i;
	const struct table *header;
	size_t n_bytes;

	while (depth == s->depth && first < j - 1 && c->units[first].kind == BLOCK_HEADING &&
		c->units[first + 1].section == c->units[i].section) {
		first++; /* its path names it */
	}
	header = repeated_header(c, first);
	out->byte_start = c->units[first].start;
	out->byte_end = c->units[j - 1].end;
	n_bytes = (size_t)(out->byte_end - out->byte_start);
	out->text =
		header ? arena_printf(c->arena, "%.*s\n%.*s", (int)(header->end - header->start),
				 c->text + header->start, (int)n_bytes, c->text + out->byte_start)
		       : arena_strn(c->arena, c->text + out->byte_start, n_bytes);
	out->heading = path_text(c, s, depth);
	out->n_tokens = tokens_estimate(out->text, strlen(out->text));
	out->page_first = page_at(c->x, (int32_t)out->byte_start);
	out->page_last = page_at(c->x, (int32_t)out->byte_end - 1);
	copy_boxes(c, first, j, out);
	out->place = extracted_place(
		c->x, out->page_first, out->page_last, out->boxes, out->n_boxes, c->arena);
}

/* A path's last part without its extension: "hr/Travel policy.pdf" is "Travel policy". */
static const char *title_of_name(struct arena *a, const char *name)
{
	const char *base = strrchr(name, '/');
	const char *dot;

	base = base ? base + 1 : name;
	dot = strrchr(base, '.');
	return dot && dot > base ? arena_strn(a, base, (size_t)(dot - base)) : arena_str(a, base);
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

void chunker_run(const struct extracted *x, const struct chunker_config *config, struct arena *a,
	struct chunk **out, int *n)
{
	struct chunker c = {
		.x = x, .arena = a, .target = config->target_tokens, .cancel = config->cancel};
	const char *language =
		language_detect(x->text, utf8_floor(x->text, (size_t)x->n_bytes, 65536));
	const char *title = x->title && *x->title ? x->title : title_of_name(a, config->name);
	int *from;

	ASSERT(c.target >= 8);
	*n = 0;
	*out = NULL;
	c.text = arena_strn(a, x->text, (size_t)x->n_bytes);
	c.sentences = open_sentences(language);
	smooth(&c);
	make_units(&c);
	ubrk_close(c.sentences);
	from = cheapest_cuts(&c);
	if (cancelled(&c)) {
		return;
	}
	for (int j = c.n_units; j > 0; j = from[j]) {
		++*n;
	}
	*out = arena_array(a, struct chunk, (size_t)*n);
	for (int j = c.n_units, seq = *n - 1; j > 0; j = from[j], seq--) {
		struct chunk *chunk = &(*out)[seq];
		const char *own;

		make_chunk(&c, from[j], j, chunk);
		own = language_detect(chunk->text, strlen(chunk->text));
		chunk->seq = seq;
		chunk->title = title;
		chunk->language = *own ? own : language;
	}
}
