/*
 * blocks -> units -> cuts -> chunks.
 *
 * A unit is what is never cut (ingest/chunk_units.h). Where to cut between units is the cheapest of
 * all ways (dynamic programming over the units, in whole numbers so that every machine agrees):
 * a chunk costs the square of its distance from the target, and a cut or a crossing costs what the
 * table of prices says. A repeated table header counts towards the size.
 */
#include "ingest/chunker.h"

#include <string.h>

#include "index/base/utf8.h"
#include "index/fts.h"
#include "ingest/chunk_units.h"
#include "ingest/cohesion.h"

/* Prices; a chunk of 0.5 or 1.5 times the target costs 250. */
enum {
	PRICE_TINY = 4000,	    /* a chunk below a quarter of the target */
	PRICE_CROSS_TINY = 200,	    /* a heading inside, both sections tiny */
	PRICE_CROSS_ONE_TINY = 600, /* one of them is */
	PRICE_CROSS = 9000,	    /* neither */
	PRICE_AFTER_HEADING = 6000, /* a cut behind a heading or a table's header */
	PRICE_AFTER_LEAD_IN = 800,  /* a cut behind "…:" */
	PRICE_IN_BLOCK = 150,	    /* a cut between two sentences of a paragraph */
	PRICE_BEFORE_ITEM = 100,
	PRICE_BEFORE_ROW = 120,
	PRICE_COHESION = 600, /* a cut where the text coheres wholly (ingest/cohesion.h) */
};

#define COHESION_TOKENS 100 /* looked at on each side of a cut */

static const struct table *repeated_header(const struct chunker *c, int unit)
{
	const struct table *t = c->units[unit].table < 0 ? NULL : &c->tables[c->units[unit].table];

	return t && t->end > t->start && unit >= t->body ? t : NULL;
}

/* ── where to cut ── */

static bool lead_in(const struct chunker *c, const struct unit *u)
{
	const char *end = c->text + u->end;

	return end[-1] == ':' ||
	       (u->end - u->start >= 3 && memcmp(end - 3, "\xef\xbc\x9a", 3) == 0);
}

/* Between the stretches of one section before and from unit i on. */
static int64_t price_of_cohesion(const struct chunker *c, int i)
{
	int section = c->units[i].section, first = i, last = i, tokens = 0;

	while (first > 0 && c->units[first - 1].section == section && tokens < COHESION_TOKENS) {
		tokens += c->units[--first].tokens;
	}
	tokens = c->units[i].tokens;
	while (last + 1 < c->n_units && c->units[last + 1].section == section &&
		tokens < COHESION_TOKENS) {
		tokens += c->units[++last].tokens;
	}
	return (int64_t)(PRICE_COHESION *
			 cohesion(c->text + c->units[first].start,
				 (size_t)(c->units[i - 1].end - c->units[first].start),
				 c->text + c->units[i].start,
				 (size_t)(c->units[last].end - c->units[i].start)));
}

static int64_t price_of_kinds(const struct chunker *c, int i)
{
	const struct unit *u = &c->units[i];

	if (u[-1].kind == BLOCK_HEADING || (u[-1].header && u->table == u[-1].table)) {
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

static int64_t price_of_cut(const struct chunker *c, int i)
{
	if (i == 0 || c->units[i].section != c->units[i - 1].section) {
		return 0;
	}
	return price_of_kinds(c, i) + price_of_cohesion(c, i);
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

static int part_of(const struct chunker *c, int unit)
{
	return c->sections[c->units[unit].section].part;
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
	for (int j = 1; j <= n && !chunker_cancelled(c); j++) {
		int64_t tokens = 0, crossings = 0;

		cost[j] = INT64_MAX;
		for (int i = j - 1; i >= 0; i--) {
			const struct table *header = repeated_header(c, i);
			int64_t size, price;

			tokens += c->units[i].tokens;
			size = tokens + (header ? header->tokens : 0);
			if ((tokens > limit && i < j - 1) || part_of(c, i) != part_of(c, j - 1)) {
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
	units_make(&c, language);
	from = cheapest_cuts(&c);
	if (chunker_cancelled(&c)) {
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
