#include "ingest/locate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

#include "index/base/array.h"
#include "index/base/err.h"
#include "index/base/hash.h"
#include "index/base/utf8.h"

#define PASSAGE_WORDS_MAX 4000
#define WORD_BYTES_MAX                                                                             \
	64 /* of one that is compared as a whole; a longer one is told by its start */

struct word {
	uint64_t hash; /* of its letters, folded */
	int32_t start; /* in the text */
};

struct words {
	struct word *items;
	int n, capacity;
};

static void add(struct words *w, const char *letters, size_t n, int32_t start)
{
	w->items = array_grow(w->items, w->n, &w->capacity, sizeof(*w->items));
	w->items[w->n++] = (struct word){hash64(letters, n), start};
}

/* Scripts without blanks: each sign is a word. */
static bool stands_alone(uint32_t c)
{
	return u_hasBinaryProperty((UChar32)c, UCHAR_IDEOGRAPHIC) || (c >= 0x3040 && c <= 0x30ff);
}

/* Letters and digits of [first, after), folded; punctuation, and how it is set, says nothing. */
static void split(struct words *w, const char *text, int32_t first, int32_t after, int max)
{
	char letters[WORD_BYTES_MAX];
	size_t n = 0;
	int32_t start = first;

	for (int32_t at = first; at <= after && w->n < max;) {
		int used = 1;
		uint32_t c = at < after ? utf8_decode(text + at, (size_t)(after - at), &used) : ' ';
		bool letter = u_isalnum((UChar32)c);
		bool alone = letter && stands_alone(c);

		if (n > 0 && (!letter || alone)) {
			add(w, letters, n, start);
			n = 0;
		}
		if (letter) {
			UChar32 folded = u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT);

			start = n == 0 ? at : start;
			if (n + sizeof(folded) <= sizeof(letters)) {
				memcpy(letters + n, &folded, sizeof(folded));
				n += sizeof(folded);
			}
		}
		if (alone) {
			add(w, letters, n, at);
			n = 0;
		}
		at += used;
	}
}

/* ── the passage's words, each once, with how often it stands there ── */

struct wanted {
	uint64_t *hashes; /* [n], ascending */
	int *counts;
	int n;
};

static int compare_word(const void *a, const void *b)
{
	uint64_t x = ((const struct word *)a)->hash, y = ((const struct word *)b)->hash;

	return (x > y) - (x < y);
}

static void count_wanted(struct words *passage, struct arena *a, struct wanted *out)
{
	out->hashes = arena_array(a, uint64_t, (size_t)passage->n + 1);
	out->counts = arena_array(a, int, (size_t)passage->n + 1);
	out->n = 0;
	if (passage->n > 0) {
		qsort(passage->items, (size_t)passage->n, sizeof(*passage->items), compare_word);
	}
	for (int i = 0; i < passage->n; i++) {
		if (out->n == 0 || out->hashes[out->n - 1] != passage->items[i].hash) {
			out->hashes[out->n++] = passage->items[i].hash;
		}
		out->counts[out->n - 1]++;
	}
}

static int find_wanted(const struct wanted *w, uint64_t hash)
{
	int low = 0, high = w->n;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (w->hashes[mid] < hash) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low < w->n && w->hashes[low] == hash ? low : -1;
}

/* ── the run of n words that has most in common with the passage ── */

struct run {
	int first, n, common;
};

static struct run best_run(
	const struct wanted *w, const int *which, int n_words, int n, double near)
{
	int *there = calloc((size_t)w->n + 1, sizeof(*there));
	struct run best = {0, n < n_words ? n : n_words, 0};
	double wished = near * n_words, off = INFINITY;
	int common = 0;

	ASSERT(there != NULL);
	for (int i = 0; i < n_words; i++) {
		int in = which[i], gone = i >= n ? which[i - n] : -1;
		int first = i >= n ? i - n + 1 : 0;

		if (gone >= 0 && there[gone]-- <= w->counts[gone]) {
			common--;
		}
		if (in >= 0 && there[in]++ < w->counts[in]) {
			common++;
		}
		if (i + 1 < n && i + 1 < n_words) {
			continue;
		}
		if (common > best.common || (common == best.common && fabs(first - wished) < off)) {
			best.first = first;
			best.common = common;
			off = fabs(first - wished);
		}
	}
	free(there);
	return best;
}

/* ── its lines ── */

struct search {
	const struct extracted *drawn;
	const struct words *words;
	const int *which; /* [words->n] index in wanted, -1: not of the passage */
	struct run run;
	int *left;	/* [wanted.n] not found yet */
	bool *taken;	/* [words->n] found, of the line that is looked at */
	bool *is_there; /* [drawn->n_lines] */
};

/* Whether `quarters` of the words [first, after) are of those that are not found yet; if so, they
 * are. */
static bool take_line(struct search *s, int first, int after, int quarters)
{
	int n = 0;
	bool enough;

	for (int i = first; i < after; i++) {
		s->taken[i] = s->which[i] >= 0 && s->left[s->which[i]] > 0;
		if (s->taken[i]) {
			s->left[s->which[i]]--;
			n++;
		}
	}
	enough = n > 0 && n * 4 >= (after - first) * quarters;
	for (int i = first; i < after && !enough; i++) {
		if (s->taken[i]) {
			s->left[s->which[i]]++;
		}
	}
	return enough;
}

/* Lines of the run, of which half the words must be the passage's (three quarters of those in the
 * run, where it ends in the line); then those beside it, of which three quarters: what stands
 * between (a header, a page's number) pushes an end of the passage out of the run. */
static void mark_lines(struct search *s, bool beside)
{
	int first = s->run.first - (beside ? s->run.n : 0);
	int after = s->run.first + s->run.n + (beside ? s->run.n : 0);

	for (int i = 0, at = 0; i < s->drawn->n_lines; i++) {
		const struct box *line = &s->drawn->lines[i];
		int from, to;
		bool cut;

		while (at < s->words->n && s->words->items[at].start < line->byte_start) {
			at++;
		}
		from = at;
		while (at < s->words->n && s->words->items[at].start < line->byte_end) {
			at++;
		}
		to = at;
		cut = !beside && (from < first || to > after);
		from = !beside && from < first ? first : from;
		to = !beside && to > after ? after : to;
		if (from < to && to > first && from < after && !s->is_there[i]) {
			s->is_there[i] = take_line(s, from, to, beside || cut ? 3 : 2);
		}
	}
}

static int collect(const struct search *s, struct arena *a, struct box **out)
{
	int n = 0;

	for (int i = 0; i < s->drawn->n_lines; i++) {
		n += s->is_there[i];
	}
	*out = arena_array(a, struct box, (size_t)n + 1);
	n = 0;
	for (int i = 0; i < s->drawn->n_lines; i++) {
		if (s->is_there[i]) {
			(*out)[n++] = s->drawn->lines[i];
		}
	}
	return n;
}

static void *zeroed(int n, size_t size)
{
	void *p = calloc((size_t)n + 1, size);

	ASSERT(p != NULL);
	return p;
}

int locate_passage(const struct extracted *drawn, const struct locate_request *r, struct arena *a,
	struct box **out)
{
	struct words passage = {.n = 0}, words = {.n = 0};
	struct search s = {.drawn = drawn, .words = &words};
	struct wanted wanted;
	int32_t after = r->after > 0 && r->after < drawn->n_bytes ? r->after : drawn->n_bytes;
	int *which;
	int n = 0;

	*out = NULL;
	split(&passage, r->text, 0, (int32_t)strlen(r->text), PASSAGE_WORDS_MAX);
	split(&words, drawn->text, r->first, after, INT32_MAX);
	count_wanted(&passage, a, &wanted);
	which = zeroed(words.n, sizeof(*which));
	s.which = which;
	s.taken = zeroed(words.n, sizeof(*s.taken));
	s.is_there = zeroed(drawn->n_lines, sizeof(*s.is_there));
	s.left = wanted.counts;
	for (int i = 0; i < words.n; i++) {
		which[i] = find_wanted(&wanted, words.items[i].hash);
	}
	if (passage.n > 0 && words.n > 0) {
		s.run = best_run(&wanted, which, words.n, passage.n, r->near);
	}
	if (s.run.common > 0 && s.run.common * 2 >= passage.n) {
		mark_lines(&s, false);
		mark_lines(&s, true);
		n = collect(&s, a, out);
	}
	free(s.is_there);
	free(s.taken);
	free(which);
	free(passage.items);
	free(words.items);
	return n;
}
