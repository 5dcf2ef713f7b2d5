#include "retrieve/pack.h"

#include <stdlib.h>
#include <string.h>

#include "index/place.h"
#include "retrieve/same.h"

/* What a candidate is worth beside those that are chosen. The fused score is per token already,
 * since BM25 and cosine are normalised by length: divided by tokens once more, the words of the
 * answers that fit 1,200 tokens fall from 90 % to 87 % on ../shared/eval/chunking. There the share
 * of the question's words that no chosen one holds is worth half a point, and known words cost one;
 * the best values are flat, so these are round ones. */
#define NEW_WORDS 0.3	/* of the value; the rest is the score */
#define KNOWN_WORDS 0.2 /* of the value, lost if all its words stand in chosen ones */
/* A document that has its share gives way to another's candidate that is worth so much of what it
 * would bring next: otherwise a question that one document answers is filled up with what does not
 * (on that set: 77 % with a share that always holds, 90 % with this, 91 % without a share). */
#define WAITS_WORTH 0.7

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

/* ── choosing ── */

struct chooser {
	const struct pack_limits *limits;
	struct ranked *items;
	int n;
	struct group *groups; /* chosen, in the order of choice */
	int n_groups;
	int n_tokens;
	double asked;	  /* weight of the whole question */
	uint64_t covered; /* terms of the question in chosen ones */
	char **known;	  /* [n][n_terms] 1: the term stands in a chosen one */
	int *n_known;	  /* [n] */
	bool *open;	  /* [n] neither chosen nor a duplicate nor gone */
};

static double mass_of(const struct pack_limits *l, uint64_t terms)
{
	double sum = 0;

	for (int i = 0; i < l->n_asked && i < 64; i++) {
		sum += terms >> i & 1 ? l->asked_idf[i] : 0;
	}
	return sum;
}

static double value(const struct chooser *c, int i)
{
	const struct ranked *r = &c->items[i];
	double fresh = c->asked > 0 ? mass_of(c->limits, r->asked & ~c->covered) / c->asked : 0;
	double known = r->n_terms > 0 ? (double)c->n_known[i] / r->n_terms : 0;

	if (c->limits->tokens == 0) { /* by rank */
		return r->score;
	}
	return ((1 - NEW_WORDS) * r->score + NEW_WORDS * fresh) * (1 - KNOWN_WORDS * known);
}

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

static bool over_share(const struct chooser *c, int i)
{
	const struct chunk *k = &c->items[i].chunk;

	return c->limits->tokens > 0 && c->n_groups > 0 &&
	       document_tokens(c, &k->document) + k->n_tokens >
		       (int)(c->limits->document_share * c->limits->tokens);
}

/* FATE_KEPT: it may be chosen as things stand. */
static enum fate admit(const struct chooser *c, int i)
{
	int n_tokens = c->items[i].chunk.n_tokens;
	bool at_end;

	if (c->limits->tokens > 0 && c->n_tokens + n_tokens > c->limits->tokens) {
		return FATE_BUDGET;
	}
	if (c->n_groups == c->limits->passages && !neighbour(c->groups, c->n_groups, c->items, i,
							  c->limits->merged_tokens, &at_end)) {
		return FATE_RANK;
	}
	return FATE_KEPT;
}

/* The first choice is the best-ranked that fits. */
static bool is_better(const struct chooser *c, int i, double v, int best, double best_v)
{
	if (best < 0) {
		return true;
	}
	if (c->n_groups == 0) {
		v = c->items[i].score;
		best_v = c->items[best].score;
	}
	return v > best_v || (v >= best_v && c->items[i].fused_rank < c->items[best].fused_rank);
}

/* -1: nothing more fits. */
static int next(const struct chooser *c)
{
	int best = -1, waiting = -1;
	double best_v = 0, waiting_v = 0;

	for (int i = 0; i < c->n; i++) {
		double v;

		if (!c->open[i] || admit(c, i) != FATE_KEPT) {
			continue;
		}
		v = value(c, i);
		if (c->limits->tokens == 0 && best >= 0 && v < best_v) {
			break; /* they stand in order of score */
		}
		if (is_better(c, i, v, best, best_v)) {
			best = i;
			best_v = v;
		}
		if (!over_share(c, i) && is_better(c, i, v, waiting, waiting_v)) {
			waiting = i;
			waiting_v = v;
		}
	}
	return best >= 0 && waiting >= 0 && over_share(c, best) && waiting_v >= WAITS_WORTH * best_v
		       ? waiting
		       : best;
}

/* The terms of the chosen one are known now wherever else they stand. */
static void learn(struct chooser *c, const struct ranked *chosen)
{
	c->covered |= chosen->asked;
	for (int i = 0; i < c->n && c->limits->tokens > 0; i++) {
		const struct ranked *r = &c->items[i];

		for (int k = 0, m = 0; c->open[i] && k < r->n_terms && m < chosen->n_terms;) {
			if (r->terms[k] == chosen->terms[m]) {
				c->n_known[i] += c->known[i][k] ? 0 : 1;
				c->known[i][k++] = 1;
				m++;
			} else if (r->terms[k] < chosen->terms[m]) {
				k++;
			} else {
				m++;
			}
		}
	}
}

static void take(struct arena *a, struct chooser *c, int i)
{
	struct ranked *item = &c->items[i];
	bool at_end;
	struct group *g =
		neighbour(c->groups, c->n_groups, c->items, i, c->limits->merged_tokens, &at_end);

	item->fate = g ? FATE_MERGED : FATE_KEPT;
	if (!g) {
		g = &c->groups[c->n_groups++];
		*g = (struct group){0};
		at_end = true;
	}
	group_add(a, g, i, item->chunk.n_tokens, at_end);
	c->n_tokens += item->chunk.n_tokens;
	c->open[i] = false;
	learn(c, item);
}

/* What is left never fits any more: the budget and the places only shrink. */
static void choose(struct arena *a, struct chooser *c)
{
	int i;

	while ((i = next(c)) >= 0) {
		take(a, c, i);
	}
	for (i = 0; i < c->n; i++) {
		if (c->open[i]) {
			bool has_some = document_tokens(c, &c->items[i].chunk.document) > 0;

			c->items[i].fate = has_some && over_share(c, i) ? FATE_SHARE : admit(c, i);
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

/* Where else it is said: of each other document the first candidate that one of these stands for.
 */
static void passage_also(struct arena *a, const struct group *g, const struct ranked *items, int n,
	struct passage *p)
{
	p->also = arena_array(a, struct passage_also, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		const struct chunk *c = &items[i].chunk;
		bool wanted = false;

		for (int k = 0; k < g->n; k++) {
			wanted = wanted ||
				 (items[i].fate == FATE_DUPLICATE &&
					 items[i].same_as == items[g->items[k]].fused_rank);
		}
		wanted = wanted && !id_equal(&c->document, &p->document);
		for (int k = 0; k < p->n_also; k++) {
			wanted = wanted && !id_equal(&p->also[k].document, &c->document);
		}
		if (wanted) {
			p->also[p->n_also++] = (struct passage_also){.document = c->document,
				.chunk = c->id,
				.document_name = c->document_name,
				.page = c->page_first,
				.place = chunk_place(c, a),
				.unit = c->unit};
		}
	}
}

/* Equal ones too in an order of their own: which of three similar ones are told to be the same
 * hangs on who is looked at first. */
static int by_score(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->score != y->score) {
		return x->score < y->score ? 1 : -1;
	}
	return x->fused_rank - y->fused_rank;
}

/* In the order of choice. */
static void choose_groups(struct arena *a, struct chooser *c)
{
	struct ranked *items = c->items;
	int i, n = c->n;

	c->asked = mass_of(c->limits, ~(uint64_t)0);
	c->groups = arena_array(a, struct group, (size_t)c->limits->passages + 1);
	c->known = arena_array(a, char *, (size_t)n + 1);
	c->n_known = arena_array(a, int, (size_t)n + 1);
	c->open = arena_array(a, bool, (size_t)n + 1);
	for (i = 0; i < n; i++) {
		items[i].fate = items[i].chunk.slot < 0 ? FATE_GONE : FATE_KEPT;
		items[i].same_as = 0;
	}
	qsort(items, (size_t)n, sizeof(*items), by_score);
	same_find(a, items, n);
	for (i = 0; i < n; i++) {
		c->open[i] = items[i].fate == FATE_KEPT;
		c->known[i] = arena_array(a, char, (size_t)items[i].n_terms + 1);
	}
	choose(a, c);
}

void pack_choose(struct arena *a, struct ranked *items, int n, const struct pack_limits *limits)
{
	struct chooser c = {.limits = limits, .items = items, .n = n};

	choose_groups(a, &c);
}

struct passage *pack_run(struct arena *a, struct ranked *items, int n,
	const struct pack_limits *limits, int *n_passages)
{
	struct chooser c = {.limits = limits, .items = items, .n = n};
	struct passage *out;

	choose_groups(a, &c);
	out = arena_array(a, struct passage, (size_t)c.n_groups + 1);
	for (int i = 0; i < c.n_groups; i++) {
		passage_make(a, &c.groups[i], items, &out[i]);
		passage_also(a, &c.groups[i], items, n, &out[i]);
	}
	*n_passages = c.n_groups;
	return out;
}
