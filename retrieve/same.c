#include "retrieve/same.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"

/* Copies of a paragraph differ in a word or two; two versions of a passage keep most of their words
 * where a sentence in four is rewritten. Neither is tuned: no set of ours holds such pairs. */
#define COPY_SIMILARITY 0.9
#define VERSION_SIMILARITY 0.6
/* Short ones are left alone: two rows of a list differ in one word. */
#define COPY_TERMS_MIN 20
#define VERSION_TERMS_MIN 12
#define NAME_MIN 3 /* bytes of a name without its version; less says nothing */

#define BUCKETS 512
#define BUCKETED_MAX 2048 /* of more, made to hash alike, one could wait for long */

/* ── terms ── */

int same_hash_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Hashes are spread evenly: by their highest bits each comes near its place. `space` [n]. */
static void sort_hashes(uint64_t *h, int n, uint64_t *space)
{
	int ends[BUCKETS] = {0};

	if (n > BUCKETED_MAX) {
		qsort(h, (size_t)n, sizeof(*h), same_hash_order);
		return;
	}
	for (int i = 0; i < n; i++) {
		ends[h[i] / (UINT64_MAX / BUCKETS + 1)]++;
	}
	for (int i = 1; i < BUCKETS; i++) {
		ends[i] += ends[i - 1];
	}
	for (int i = 0; i < n; i++) {
		space[--ends[h[i] / (UINT64_MAX / BUCKETS + 1)]] = h[i];
	}
	for (int i = 0; i < n; i++) {
		int at = i;

		for (; at > 0 && h[at - 1] > space[i]; at--) {
			h[at] = h[at - 1];
		}
		h[at] = space[i];
	}
}

int same_distinct(uint64_t *h, int n, uint64_t *space)
{
	int kept = 0;

	sort_hashes(h, n, space);
	for (int i = 0; i < n; i++) {
		if (kept == 0 || h[kept - 1] != h[i]) {
			h[kept++] = h[i];
		}
	}
	return kept;
}

/* With c common terms of a + b, c / (a + b - c) >= s allows (a + b) · (1 - s) / (1 + s) that stand
 * in one of them alone. */
static int apart_most(int a, int b, double similarity)
{
	return (int)((a + b) * (1 - similarity) / (1 + similarity) + 1e-9);
}

int same_apart_most(int a, int b)
{
	return apart_most(a, b, VERSION_SIMILARITY);
}

/* Left as soon as too many terms stand in one of them alone. */
bool same_words(const struct ranked *a, const struct ranked *b, double similarity)
{
	int allowed = apart_most(a->n_terms, b->n_terms, similarity);
	int i = 0, k = 0, alone = 0;

	while (i < a->n_terms && k < b->n_terms && alone <= allowed) {
		if (a->terms[i] == b->terms[k]) {
			i++;
			k++;
		} else if (a->terms[i] < b->terms[k]) {
			i++;
			alone++;
		} else {
			k++;
			alone++;
		}
	}
	return alone + (a->n_terms - i) + (b->n_terms - k) <= allowed;
}

/* Whether the numbers in both are the same. */
static bool numbers_agree(const struct ranked *a, const struct ranked *b)
{
	return a->n_numbers == b->n_numbers &&
	       (a->n_numbers == 0 || memcmp(a->numbers, b->numbers,
					     (size_t)a->n_numbers * sizeof(*a->numbers)) == 0);
}

/* ── names ── */

static const char version_words[] =
	" draft final copy old new version ver rev revision revised updated update latest entwurf "
	"endfassung fassung kopie alt neu von of the aktuell überarbeitet stand brouillon finale "
	"copie "
	"borrador copia bozza ";
static const char draft_words[] =
	" draft copy old entwurf kopie alt brouillon copie borrador copia "
	"bozza archive archiv ";
static const char *const cjk_version_words[] = {
	"最终版", "修订版", "副本", "草稿", "初稿", "终稿", "定稿", "新版", "旧版", "最新"};
static const char *const cjk_draft_words[] = {"副本", "草稿", "初稿", "旧版"};
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static bool is_letter(char c)
{
	return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t cjk_word(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strncmp(s, list[i], strlen(list[i])) == 0) {
			return strlen(list[i]);
		}
	}
	return 0;
}

/* The next run of letters and digits from *at, in lower case; NULL at the end. */
static const char *next_word(struct arena *a, const char *name, size_t n, size_t *at)
{
	size_t start;
	char *out;

	while (*at < n && !is_letter(name[*at]) && !is_digit(name[*at])) {
		(*at)++;
	}
	start = *at;
	while (*at < n && (is_letter(name[*at]) || is_digit(name[*at]))) {
		size_t skip = cjk_word(name + *at, cjk_version_words, COUNT(cjk_version_words));

		if (skip > 0 && *at == start) {
			*at += skip;
			return arena_strn(a, name + start, skip);
		}
		if (skip > 0) {
			break;
		}
		(*at)++;
	}
	if (*at == start) {
		return NULL;
	}
	out = arena_strn(a, name + start, *at - start);
	for (char *p = out; *p; p++) {
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p);
	}
	return out;
}

static bool listed(const char *word, const char *list)
{
	size_t n = strlen(word);

	for (const char *p = strstr(list, word); p; p = strstr(p + 1, word)) {
		if (p[-1] == ' ' && p[n] == ' ') {
			return true;
		}
	}
	return false;
}

/* "v2", "r03", "2026", "final": tells versions apart, not documents. */
static bool is_version_word(const char *w)
{
	const char *digits = (w[0] == 'v' || w[0] == 'r') && w[1] ? w + 1 : w;

	return strspn(digits, "0123456789") == strlen(digits) || listed(w, version_words) ||
	       cjk_word(w, cjk_version_words, COUNT(cjk_version_words)) == strlen(w);
}

/* The last part of the path without its extension. */
static const char *base_name(const char *name, size_t *n)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	const char *dot = strrchr(base, '.');

	*n = dot && dot > base && strlen(dot) <= 6 ? (size_t)(dot - base) : strlen(base);
	return base;
}

static const char *plain_name(struct arena *a, const char *name)
{
	struct buf out = BUF_INIT;
	size_t n, at = 0;
	const char *base = base_name(name, &n);
	const char *word, *plain;

	while ((word = next_word(a, base, n, &at))) {
		if (!is_version_word(word)) {
			buf_str(&out, word);
			buf_char(&out, ' ');
		}
	}
	plain = arena_strn(a, out.data ? out.data : "", out.len);
	buf_finish(&out);
	return plain;
}

static bool is_draft(struct arena *a, const char *name)
{
	size_t n, at = 0;
	const char *base = base_name(name, &n);
	const char *word;

	while ((word = next_word(a, base, n, &at))) {
		if (listed(word, draft_words) ||
			cjk_word(word, cjk_draft_words, COUNT(cjk_draft_words)) > 0) {
			return true;
		}
	}
	return false;
}

static bool plain_names_same(const char *x, const char *y)
{
	return strlen(x) >= NAME_MIN && strcmp(x, y) == 0;
}

bool same_names(struct arena *a, const char *x, const char *y)
{
	return plain_names_same(plain_name(a, x), plain_name(a, y));
}

/* ── finding ── */

struct kin { /* of each item: what its document says of itself */
	const char *name;
	bool draft;
};

/* Whether a should stand for b rather than b for a. */
static bool is_preferred(const struct ranked *a, const struct kin *of_a, const struct ranked *b,
	const struct kin *of_b)
{
	int newer;

	if (id_equal(&a->chunk.document, &b->chunk.document)) {
		return a->fused_rank < b->fused_rank;
	}
	if (of_a->draft != of_b->draft) {
		return of_b->draft;
	}
	newer = strcmp(a->chunk.version.s, b->chunk.version.s); /* ids are in order of time */
	return newer != 0 ? newer > 0 : a->fused_rank < b->fused_rank;
}

static bool say_the_same(const struct ranked *a, const struct kin *of_a, const struct ranked *b,
	const struct kin *of_b)
{
	int least = a->n_terms < b->n_terms ? a->n_terms : b->n_terms;
	bool versions = !id_equal(&a->chunk.document, &b->chunk.document) &&
			plain_names_same(of_a->name, of_b->name);

	if (a->n_terms == b->n_terms && strcmp(a->chunk.text, b->chunk.text) == 0 &&
		strcmp(a->chunk.heading, b->chunk.heading) == 0) {
		return true;
	}
	if (least < (versions ? VERSION_TERMS_MIN : COPY_TERMS_MIN)) {
		return false;
	}
	return versions ? same_words(a, b, VERSION_SIMILARITY)
			: numbers_agree(a, b) && same_words(a, b, COPY_SIMILARITY);
}

/* a holds every word of the question that b holds. */
static bool answers_as_much(const struct ranked *a, const struct ranked *b)
{
	return (b->asked & ~a->asked) == 0;
}

struct finding {
	struct ranked *items;
	struct kin *kin; /* [n] */
	int *stands;	 /* [n_classes] the item that stands for the class in that place */
	int *first;	 /* [n_classes] its best-ranked item */
	int n_classes;
	int *class_of; /* [n]; -1: none */
};

static void place(struct finding *f, int i)
{
	struct ranked *item = &f->items[i];

	for (int c = 0; c < f->n_classes; c++) {
		int r = f->stands[c];
		bool wanted;

		if (!say_the_same(item, &f->kin[i], &f->items[r], &f->kin[r])) {
			continue;
		}
		wanted = is_preferred(item, &f->kin[i], &f->items[r], &f->kin[r]);
		if (wanted && answers_as_much(item, &f->items[r])) {
			f->stands[c] = i;
		} else if (!answers_as_much(&f->items[r], item)) {
			continue;
		}
		f->class_of[i] = c;
		return;
	}
	f->class_of[i] = f->n_classes;
	f->first[f->n_classes] = i;
	f->stands[f->n_classes++] = i;
}

/* Each class stands where its best was, with that one's score; the cut ones stay behind. */
static void reorder(struct arena *a, struct finding *f, int n)
{
	struct ranked *out = arena_array(a, struct ranked, (size_t)n + 1);

	for (int i = 0; i < n; i++) {
		int c = f->class_of[i];

		out[i] = f->items[i];
		if (c < 0) {
			continue;
		}
		if (i == f->first[c] && f->stands[c] != i) {
			out[i] = f->items[f->stands[c]];
			out[i].score = f->items[i].score;
		} else if (i == f->stands[c] && f->first[c] != i) {
			out[i] = f->items[f->first[c]];
		}
		if (i != f->first[c]) {
			out[i].fate = FATE_DUPLICATE;
			out[i].same_as = f->items[f->stands[c]].fused_rank;
		}
	}
	memcpy(f->items, out, (size_t)n * sizeof(*out));
}

void same_find(struct arena *a, struct ranked *items, int n)
{
	struct finding f = {.items = items,
		.kin = arena_array(a, struct kin, (size_t)n + 1),
		.stands = arena_array(a, int, (size_t)n + 1),
		.first = arena_array(a, int, (size_t)n + 1),
		.class_of = arena_array(a, int, (size_t)n + 1)};

	for (int i = 0; i < n; i++) {
		f.class_of[i] = -1;
		if (items[i].fate == FATE_KEPT && items[i].n_terms > 0) {
			f.kin[i] = (struct kin){plain_name(a, items[i].chunk.document_name),
				is_draft(a, items[i].chunk.document_name)};
			place(&f, i);
		}
	}
	reorder(a, &f, n);
}
