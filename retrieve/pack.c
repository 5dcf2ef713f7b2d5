#include "retrieve/pack.h"

#include <stdlib.h>
#include <string.h>

#include "index/place.h"

/* Two passages with nine tenths of their words in common say the same: copies of a paragraph, a
 * revised document under another name. Short ones are left alone: two rows of a price list differ
 * in one number. */
#define DUPLICATE_SIMILARITY 0.9
#define DUPLICATE_TERMS_MIN 20

double pack_similarity(const struct ranked *a, const struct ranked *b)
{
	int i = 0, k = 0, common = 0;

	while (i < a->n_terms && k < b->n_terms) {
		if (a->terms[i] == b->terms[k]) {
			common++;
			i++;
			k++;
		} else if (a->terms[i] < b->terms[k]) {
			i++;
		} else {
			k++;
		}
	}
	return a->n_terms + b->n_terms == 0
		       ? 0
		       : (double)common / (double)(a->n_terms + b->n_terms - common);
}

static void drop_duplicates(struct ranked *items, int n)
{
	int i, k;

	for (i = 0; i < n; i++) {
		if (items[i].fate == FATE_GONE || items[i].n_terms < DUPLICATE_TERMS_MIN) {
			continue;
		}
		for (k = 0; k < i; k++) {
			if (items[k].fate == FATE_KEPT &&
				pack_similarity(&items[i], &items[k]) >= DUPLICATE_SIMILARITY) {
				items[i].fate = FATE_DUPLICATE;
				break;
			}
		}
	}
}

/* A passage in the making: chunks of one version that follow each other. */
struct group {
	int *items; /* [n] indices, in text order */
	int n;
	int n_tokens;
};

static bool follows(const struct chunk *a, const struct chunk *b)
{
	return id_equal(&a->version, &b->version) && a->generation == b->generation &&
	       b->seq == a->seq + 1;
}

/* The group that item i continues at its end or its beginning, or NULL. */
static struct group *neighbour(struct group *groups, int n_groups, const struct ranked *items,
	int i, int merged_tokens, bool *at_end)
{
	int g;

	for (g = 0; g < n_groups; g++) {
		const struct chunk *first = &items[groups[g].items[0]].chunk;
		const struct chunk *last = &items[groups[g].items[groups[g].n - 1]].chunk;

		*at_end = follows(last, &items[i].chunk);
		if ((*at_end || follows(&items[i].chunk, first)) &&
			groups[g].n_tokens + items[i].chunk.n_tokens <= merged_tokens) {
			return &groups[g];
		}
	}
	return NULL;
}

static void group_add(struct arena *a, struct group *g, int item, int n_tokens, bool at_end)
{
	int *more = arena_array(a, int, (size_t)g->n + 1);

	if (g->n > 0) {
		memcpy(more + (at_end ? 0 : 1), g->items, (size_t)g->n * sizeof(*more));
	}
	more[at_end ? g->n : 0] = item;
	g->items = more;
	g->n++;
	g->n_tokens += n_tokens;
}

/* ── choosing: best first, within limit, budget and share ── */

struct chooser {
	const struct pack_limits *limits;
	struct ranked *items;
	struct group *groups; /* chosen, best first */
	int n_groups;
	int n_tokens;
};

static int document_tokens(const struct chooser *c, const struct id *document)
{
	int g, sum = 0;

	for (g = 0; g < c->n_groups; g++) {
		if (id_equal(&c->items[c->groups[g].items[0]].chunk.document, document)) {
			sum += c->groups[g].n_tokens;
		}
	}
	return sum;
}

static enum fate admit(const struct chooser *c, const struct ranked *item, bool over_share_too)
{
	const struct pack_limits *l = c->limits;
	int n_tokens = item->chunk.n_tokens;

	if (l->tokens > 0 && c->n_tokens + n_tokens > l->tokens) {
		return FATE_BUDGET;
	}
	if (l->tokens > 0 && !over_share_too && c->n_groups > 0 &&
		document_tokens(c, &item->chunk.document) + n_tokens >
			(int)(l->document_share * l->tokens)) {
		return FATE_SHARE;
	}
	return FATE_KEPT;
}

static void choose_one(struct arena *a, struct chooser *c, int i, bool over_share_too)
{
	struct ranked *item = &c->items[i];
	struct group *g;
	bool at_end;

	item->fate = admit(c, item, over_share_too);
	if (item->fate != FATE_KEPT) {
		return;
	}
	g = neighbour(c->groups, c->n_groups, c->items, i, c->limits->merged_tokens, &at_end);
	if (g) {
		group_add(a, g, i, item->chunk.n_tokens, at_end);
		item->fate = FATE_MERGED;
	} else if (c->n_groups < c->limits->passages) {
		c->groups[c->n_groups] = (struct group){0};
		group_add(a, &c->groups[c->n_groups++], i, item->chunk.n_tokens, true);
	} else {
		item->fate = FATE_RANK;
		return;
	}
	c->n_tokens += item->chunk.n_tokens;
}

static void choose(struct arena *a, struct chooser *c, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (c->items[i].fate == FATE_KEPT) {
			choose_one(a, c, i, false);
		}
	}
	/* What is left of the budget goes to documents that had their share. */
	for (i = 0; i < n; i++) {
		if (c->items[i].fate == FATE_SHARE) {
			choose_one(a, c, i, true);
			if (c->items[i].fate == FATE_BUDGET) {
				c->items[i].fate = FATE_SHARE;
			}
		}
	}
}

/* ── making passages ── */

static void passage_text(
	struct arena *a, const struct group *g, const struct ranked *items, struct passage *p)
{
	struct buf text = BUF_INIT;
	int i;

	p->parts = arena_array(a, struct passage_part, (size_t)g->n);
	for (i = 0; i < g->n; i++) {
		const struct chunk *c = &items[g->items[i]].chunk;

		if (i > 0) {
			buf_char(&text, '\n');
		}
		p->parts[i] = (struct passage_part){.chunk = c->id,
			.text_start = (int)text.len,
			.byte_start = c->byte_start,
			.byte_end = c->byte_end,
			.page_first = c->page_first,
			.page_last = c->page_last,
			.place = c->place};
		buf_str(&text, c->text);
		p->parts[i].text_end = (int)text.len;
	}
	p->text = arena_strn(a, text.data ? text.data : "", text.len);
	buf_finish(&text);
}

static void passage_boxes(
	struct arena *a, const struct group *g, const struct ranked *items, struct passage *p)
{
	int i, n = 0;

	for (i = 0; i < g->n; i++) {
		n += items[g->items[i]].chunk.n_boxes;
	}
	p->boxes = arena_array(a, struct box, (size_t)n + 1);
	for (i = 0; i < g->n; i++) {
		const struct chunk *c = &items[g->items[i]].chunk;

		if (c->n_boxes > 0) {
			memcpy(p->boxes + p->n_boxes, c->boxes,
				(size_t)c->n_boxes * sizeof(*p->boxes));
			p->n_boxes += c->n_boxes;
		}
	}
}

static void passage_make(
	struct arena *a, const struct group *g, const struct ranked *items, struct passage *p)
{
	const struct ranked *best = &items[g->items[0]];
	const struct chunk *first = &items[g->items[0]].chunk;
	const struct chunk *last = &items[g->items[g->n - 1]].chunk;
	int i;

	for (i = 1; i < g->n; i++) {
		if (items[g->items[i]].score > best->score) {
			best = &items[g->items[i]];
		}
	}
	*p = (struct passage){.chunk = best->chunk.id,
		.n_chunks = g->n,
		.document = first->document,
		.version = first->version,
		.collection = first->collection,
		.document_name = first->document_name,
		.title = first->title,
		.heading = best->chunk.heading,
		.language = first->language,
		.page = best->chunk.page_first,
		.unit = first->unit,
		.page_first = first->page_first,
		.page_last = last->page_last,
		.byte_start = first->byte_start,
		.byte_end = last->byte_end,
		.n_tokens = g->n_tokens,
		.score = best->score,
		.lexical_rank = best->lexical_rank,
		.vector_rank = best->vector_rank};
	p->chunks = arena_array(a, struct id, (size_t)g->n);
	for (i = 0; i < g->n; i++) {
		p->chunks[i] = items[g->items[i]].chunk.id;
	}
	passage_text(a, g, items, p);
	passage_boxes(a, g, items, p);
	p->place = place_at(&(struct place_part){.whole = best->chunk.place,
				    .unit = p->unit,
				    .first = p->page,
				    .page = p->page,
				    .boxes = p->boxes,
				    .n_boxes = p->n_boxes},
		a);
}

struct passage *pack_run(struct arena *a, struct ranked *items, int n,
	const struct pack_limits *limits, int *n_passages)
{
	struct chooser c = {.limits = limits, .items = items};
	struct passage *out;
	int i;

	for (i = 0; i < n; i++) {
		items[i].fate = items[i].chunk.slot < 0 ? FATE_GONE : FATE_KEPT;
	}
	drop_duplicates(items, n);
	c.groups = arena_array(a, struct group, (size_t)limits->passages + 1);
	choose(a, &c, n);
	out = arena_array(a, struct passage, (size_t)c.n_groups + 1);
	for (i = 0; i < c.n_groups; i++) {
		passage_make(a, &c.groups[i], items, &out[i]);
	}
	*n_passages = c.n_groups;
	return out;
}
