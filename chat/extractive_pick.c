/* Which of the weighed sentences and rows make the answer, and in what order. */
#include "chat/extractive_private.h"

#include <string.h>

#define PROSE_MAX 3 /* sentences, with those that they lean on one more */
#define ROWS_MAX 2
#define NEAR_BEST 0.8	   /* a further sentence has at least this part of the best one's score, */
#define NEAR_BEST_ROW 0.92 /* a row beside a row this */
#define SAME 0.75	   /* of the words: it says the same again */
#define COMPLETES 3	   /* sentences behind the best in which what was wanted may stand */
#define ITEMS_MAX 10
#define ITEMS_AFTER 3 /* sentences behind the best within which its list begins */
#define CLOSE_ITEM                                                                                 \
	0.6	       /* an item is of the subject if it meets this part of what the best meets   \
			*/
#define LEADS_LIST 0.8 /* the lead-in of a list meets this part of what its best item meets */

static double similarity(const struct facts *a, const struct facts *b)
{
	int shared = 0;

	for (int i = 0; i < a->terms.n; i++) {
		shared += facts_has_term(b, a->terms.items[i].text) ? 1 : 0;
	}
	return a->terms.n ? (double)shared / a->terms.n : 1;
}

static const struct facts *facts_of(const struct seeker *k, const struct pick *p)
{
	return &k->sources[p->source].sentence_facts[p->sentence];
}

static bool repeats(const struct seeker *k, const struct pick *picks, int n, const struct pick *p)
{
	for (int i = 0; i < n; i++) {
		if (similarity(facts_of(k, p), facts_of(k, &picks[i])) > SAME) {
			return true;
		}
	}
	return false;
}

static bool same_place(const struct pick *a, const struct pick *b)
{
	return a->source == b->source && a->sentence == b->sentence;
}

static bool chosen(const struct pick *picks, int n, const struct pick *p)
{
	for (int i = 0; i < n; i++) {
		if (same_place(&picks[i], p)) {
			return true;
		}
	}
	return false;
}

static const struct pick *find(const struct pick *all, int n_all, int source, int sentence)
{
	for (int i = 0; i < n_all; i++) {
		if (all[i].source == source && all[i].sentence == sentence) {
			return &all[i];
		}
	}
	return NULL;
}

/* A sentence that begins with "It" or "This" needs the one before it. */
static bool leans_back(const struct source *s, int i)
{
	static const char *const words[] = {"It ", "This ", "They ", "These ", "Those ", "He ",
		"She ", "Its ", "Their ", "Es ", "Dies", "Diese ", "该", "此", "其", "这"};
	const char *text = s->passage->text + s->sentences[i].start;

	for (size_t k = 0; i > 0 && k < sizeof(words) / sizeof(words[0]); k++) {
		if (strncmp(text, words[k], strlen(words[k])) == 0) {
			return !s->sentences[i - 1].row;
		}
	}
	return false;
}

/* ── lists and steps ── */

static bool ends_in_colon(const struct source *s, int i)
{
	const struct sentence *l = &s->sentences[i];
	const char *text = s->passage->text;

	return text[l->end - 1] == ':' ||
	       (l->end - l->start >= 3 && memcmp(text + l->end - 3, "：", 3) == 0);
}

/* Whether it begins a line: behind an item, another paragraph. */
static bool begins_line(const struct source *s, int i)
{
	const char *text = s->passage->text;
	int at = s->sentences[i].start;

	while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t')) {
		at--;
	}
	return at == 0 || text[at - 1] == '\n';
}

static bool of_list(const struct source *s, int i)
{
	return i >= 0 && i < s->n_sentences && !s->sentences[i].row &&
	       (s->sentences[i].item || (i > 0 && !begins_line(s, i) && of_list(s, i - 1)));
}

/* The first sentence of the list that the pick is in or leads to, -1: none. */
static int list_at(const struct seeker *k, const struct pick *best)
{
	const struct source *s = &k->sources[best->source];
	int i = best->sentence;

	if (of_list(s, i)) {
		while (of_list(s, i - 1)) {
			i--;
		}
		return i;
	}
	if (ends_in_colon(s, i) && of_list(s, i + 1)) {
		return i + 1;
	}
	for (int d = 1; k->asked.wanted == WANT_STEPS && d <= ITEMS_AFTER; d++) {
		if (of_list(s, i + d)) {
			return i + d;
		}
	}
	return -1;
}

/* Items of the list that are about as close to the question as its best. */
static int close_items(const struct seeker *k, const struct pick *all, int n_all, int first)
{
	const struct source *s = &k->sources[all[0].source];
	int n = 0;

	for (int i = first; of_list(s, i); i++) {
		n += find(all, n_all, all[0].source, i)->share >= CLOSE_ITEM * all[0].share ? 1 : 0;
	}
	return n;
}

/* A list answers whole if steps are wanted and it has more of them than one, or if what leads to it
 * is about the question. */
static bool wants_list(const struct seeker *k, const struct pick *all, int n_all, int first)
{
	const struct pick *lead = find(all, n_all, all[0].source, first - 1);
	bool led = lead && !lead->row && lead->share >= LEADS_LIST * all[0].share;

	if (first > all[0].sentence) {
		return true;
	}
	if (k->asked.wanted == WANT_STEPS) {
		return led || close_items(k, all, n_all, first) > 1;
	}
	return k->asked.wanted == WANT_LIST && led;
}

static int pick_list(const struct seeker *k, const struct pick *all, int n_all, struct pick *picks)
{
	const struct source *s = &k->sources[all[0].source];
	int first = all[0].row ? -1 : list_at(k, &all[0]);
	int n = 0;

	if (first < 0 || !wants_list(k, all, n_all, first)) {
		return 0;
	}
	if (first > all[0].sentence) {
		picks[n++] = all[0];
	} else if (first > 0 && ends_in_colon(s, first - 1)) {
		picks[n++] = *find(all, n_all, all[0].source, first - 1);
	}
	for (int i = first; of_list(s, i) && i - first < ITEMS_MAX && n < PICKS_MAX; i++) {
		picks[n++] = *find(all, n_all, all[0].source, i);
	}
	return n;
}

/* ── comparisons ── */

static bool tells_of(const struct seeker *k, const struct pick *p, int t)
{
	const char *term = k->asked.q->terms[t];

	return facts_has_term(facts_of(k, p), term) ||
	       extractive_around(k, p->source, t) >= IN_IDENTITY;
}

/* The best for each name that the ones before do not tell of. */
static int pick_compared(
	const struct seeker *k, const struct pick *all, int n_all, struct pick *picks)
{
	const struct asked *asked = &k->asked;
	int n = 0;

	for (int t = 0; t < asked->q->n_terms && n < PROSE_MAX; t++) {
		bool told = asked->demand[t] <= asked->weight[t] || asked->of_period[t];

		for (int i = 0; i < n; i++) {
			told = told || tells_of(k, &picks[i], t);
		}
		for (int i = 0; !told && i < n_all && all[i].met >= k->least; i++) {
			if (tells_of(k, &all[i], t)) {
				picks[n++] = all[i];
				told = true;
			}
		}
	}
	return n > 1 ? n : 0;
}

/* ── the best ── */

static bool goes_with(const struct seeker *k, const struct pick *picks, int n, const struct pick *p)
{
	const struct pick *best = &picks[0];
	bool rows = best->row != NULL;

	if (p->met < k->least || repeats(k, picks, n, p) || (p->order && !best->order)) {
		return false;
	}
	if (rows && (!p->row || n >= ROWS_MAX || (best->label && !p->label))) {
		return false;
	}
	return n < PROSE_MAX && p->score >= (rows ? NEAR_BEST_ROW : NEAR_BEST) * best->score;
}

/* As they stand, the best one's source first; a row that answers stands first of all. */
static void order(struct pick *picks, int n)
{
	int best = picks[0].source;

	for (int i = picks[0].row ? 2 : 1; i < n; i++) {
		struct pick p = picks[i];
		int j = i;

		for (; j > (picks[0].row ? 1 : 0); j--) {
			const struct pick *q = &picks[j - 1];
			int a = p.source == best ? -1 : p.source;
			int b = q->source == best ? -1 : q->source;

			if (a > b || (a == b && p.sentence > q->sentence)) {
				break;
			}
			picks[j] = *q;
		}
		picks[j] = p;
	}
}

/* "Tom Verhulst: to be improved. A plan runs until 31 May.": the best sentence names whom the
 * question is about, one soon after it has the date that is wanted. */
static int complete(const struct pick *all, int n_all, struct pick *picks, int n)
{
	const struct pick *best = &all[0];

	for (int i = 0; i < n; i++) {
		if (picks[i].kind) {
			return 0;
		}
	}
	for (int i = 1; i < n_all && !best->row; i++) {
		int behind = all[i].sentence - best->sentence;

		if (all[i].source == best->source && behind > 0 && behind <= COMPLETES &&
			all[i].kind && !all[i].order && !chosen(picks, n, &all[i])) {
			picks[n] = all[i];
			return 1;
		}
	}
	return 0;
}

static int pick_best(const struct seeker *k, const struct pick *all, int n_all, struct pick *picks)
{
	int n = 1;

	picks[0] = all[0];
	for (int i = 1; i < n_all && n < PROSE_MAX; i++) {
		if (goes_with(k, picks, n, &all[i])) {
			picks[n++] = all[i];
		}
	}
	if (!all[0].row && leans_back(&k->sources[all[0].source], all[0].sentence)) {
		const struct pick *before = find(all, n_all, all[0].source, all[0].sentence - 1);

		if (before && !chosen(picks, n, before)) {
			picks[n++] = *before;
		}
	}
	if (n < PROSE_MAX) {
		n += complete(all, n_all, picks, n);
	}
	order(picks, n);
	return n;
}

int extractive_pick(const struct seeker *k, struct pick *all, int n_all, struct pick *picks)
{
	int n = 0;

	if (n_all == 0) {
		return 0;
	}
	if (k->asked.wanted == WANT_COMPARISON) {
		n = pick_compared(k, all, n_all, picks);
	}
	if (n == 0) {
		n = pick_list(k, all, n_all, picks);
	}
	return n > 0 ? n : pick_best(k, all, n_all, picks);
}
