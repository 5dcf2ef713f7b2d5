/* What the document as a whole tells about its parts: its words, and which type is a heading's. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "ingest/pdf.h"

/* ── the document's words ── */

static uint64_t word_hash(const char *s, size_t n)
{
	char lower[64];

	if (n > sizeof(lower)) {
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		lower[i] = (char)tolower((unsigned char)s[i]);
	}
	return hash64(lower, n) | 1; /* 0 marks a free slot */
}

static void trim(const char **s, size_t *n)
{
	while (*n && ispunct((unsigned char)**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n && ispunct((unsigned char)(*s)[*n - 1])) {
		(*n)--;
	}
}

static void vocabulary_put(struct pdf_vocabulary *v, uint64_t hash)
{
	size_t i = hash & (v->n_slots - 1);

	while (v->slots[i] && v->slots[i] != hash) {
		i = (i + 1) & (v->n_slots - 1);
	}
	v->n += v->slots[i] == 0;
	v->slots[i] = hash;
}

void pdf_vocabulary_add(struct pdf_vocabulary *v, const char *s, size_t n_bytes)
{
	trim(&s, &n_bytes);
	if (n_bytes < 3 || n_bytes > 40 || v->n > 1000000) {
		return;
	}
	if (v->n * 2 >= v->n_slots) {
		struct pdf_vocabulary old = *v;

		v->n_slots = old.n_slots ? old.n_slots * 2 : 4096;
		v->n = 0;
		v->slots = calloc(v->n_slots, sizeof(uint64_t));
		ASSERT(v->slots != NULL);
		for (size_t i = 0; i < old.n_slots; i++) {
			if (old.slots[i]) {
				vocabulary_put(v, old.slots[i]);
			}
		}
		free(old.slots);
	}
	vocabulary_put(v, word_hash(s, n_bytes));
}

bool pdf_vocabulary_has(const struct pdf_vocabulary *v, const char *s, size_t n_bytes)
{
	uint64_t hash;
	size_t i;

	trim(&s, &n_bytes);
	if (!v->n_slots || n_bytes < 3 || n_bytes > 40) {
		return false;
	}
	hash = word_hash(s, n_bytes);
	for (i = hash & (v->n_slots - 1); v->slots[i]; i = (i + 1) & (v->n_slots - 1)) {
		if (v->slots[i] == hash) {
			return true;
		}
	}
	return false;
}

/* ── styles ── */

#define SIZE_STEPS 400 /* quarter points */

static int size_step(float size)
{
	int step = (int)lroundf(size * 4);

	return step < 0 ? 0 : step >= SIZE_STEPS ? SIZE_STEPS - 1 : step;
}

void pdf_learn_styles(const struct pdf_page *pages, int n, struct pdf_styles *out)
{
	static int64_t chars[SIZE_STEPS]; /* of text of this size */
	int64_t n_chars = 0, n_bold = 0;
	int body = 0;

	memset(out, 0, sizeof(*out));
	memset(chars, 0, sizeof(chars));
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < pages[i].n_segs; k++) {
			const struct pdf_seg *s = &pages[i].segs[k];

			if (s->dropped) {
				continue;
			}
			chars[size_step(s->size)] += s->n_chars;
			n_chars += s->n_chars;
			n_bold += s->bold ? s->n_chars : 0;
		}
	}
	for (int i = 1; i < SIZE_STEPS; i++) {
		body = chars[i] > chars[body] ? i : body;
	}
	out->body = (float)body / 4;
	out->bold_means = n_bold * 10 < n_chars * 4;
	for (int i = SIZE_STEPS - 1; i > 0 && out->n_sizes < 5; i--) {
		float size = (float)i / 4;

		/* Sizes within 6 % are one. */
		if (chars[i] && size > out->body * 1.12f &&
			(!out->n_sizes || size < out->sizes[out->n_sizes - 1] * 0.94f)) {
			out->sizes[out->n_sizes++] = size;
		}
	}
}

int pdf_heading_level(const struct pdf_styles *st, float size, bool bold)
{
	if (size > st->body * 1.12f) {
		for (int i = 0; i < st->n_sizes; i++) {
			if (size > st->sizes[i] * 0.94f) {
				return i + 1;
			}
		}
		return st->n_sizes ? st->n_sizes : 1;
	}
	if (bold && st->bold_means && size > st->body * 0.94f) {
		return st->n_sizes + 1;
	}
	return 0;
}
