#include "index/shingles.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"
#include "index/base/hash.h"

#define SHARED UINT64_MAX /* a source: there are two or more */

struct shingle {
	uint64_t hash;	 /* 0: a free place */
	uint64_t source; /* 0: unmet */
};

struct shingles {
	struct shingle *table; /* [n_table, a power of two], by linear probing */
	size_t n_table;
	size_t n_unmet;
};

/* A place in a text, behind the word that was read last, and what the shingle that ends with it is
 * made of. */
struct reader {
	const char *at, *end;
	const char *words[SHINGLE_WORDS]; /* where they begin, the last one last */
	uint64_t hashes[SHINGLE_WORDS];
	int n_words; /* since the beginning or a NUL; no more than SHINGLE_WORDS */
};

static size_t word_at(const char *p, const char *end)
{
	const char *from = p;

	while (p < end) {
		unsigned char c = (unsigned char)*p;

		if (isalnum(c)) {
			p++;
		} else if (c >= 0xc2 && c < 0xe0 && p + 1 < end) {
			p += 2;
		} else if (p == from && c >= 0xe0) {
			size_t n = c < 0xf0 ? 3 : 4;

			return n < (size_t)(end - p) ? n : (size_t)(end - p);
		} else {
			break;
		}
	}
	return (size_t)(p - from);
}

/* The next word, as the last of a shingle; false: there is none. */
static bool read_word(struct reader *r)
{
	size_t n = 0;

	while (r->at < r->end && (n = word_at(r->at, r->end)) == 0) {
		r->n_words = *r->at ? r->n_words : 0;
		r->at++;
	}
	if (n == 0) {
		return false;
	}
	for (int i = 1; i < SHINGLE_WORDS; i++) {
		r->words[i - 1] = r->words[i];
		r->hashes[i - 1] = r->hashes[i];
	}
	r->words[SHINGLE_WORDS - 1] = r->at;
	r->hashes[SHINGLE_WORDS - 1] = hash64(r->at, n);
	r->n_words += r->n_words < SHINGLE_WORDS;
	r->at += n;
	return true;
}

static bool read_shingle(struct reader *r)
{
	do {
		if (!read_word(r)) {
			return false;
		}
	} while (r->n_words < SHINGLE_WORDS);
	return true;
}

static uint64_t hash_of(const struct reader *r)
{
	uint64_t h = 0;

	for (int i = 0; i < SHINGLE_WORDS; i++) {
		h = (h ^ r->hashes[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return h | 1;
}

/* Its place, or the free one where it belongs. */
static struct shingle *find(const struct shingles *s, uint64_t hash)
{
	size_t i = hash / 2 & (s->n_table - 1);

	while (s->table[i].hash && s->table[i].hash != hash) {
		i = (i + 1) & (s->n_table - 1);
	}
	return &s->table[i];
}

struct shingles *shingles_create(const char *text, size_t n_bytes)
{
	struct shingles *s = calloc(1, sizeof(*s));
	struct reader r = {.at = text, .end = text + n_bytes};

	ASSERT(s);
	for (s->n_table = 16; s->n_table < n_bytes; s->n_table *= 2) {
	}
	s->table = calloc(s->n_table, sizeof(*s->table));
	ASSERT(s->table);
	while (read_shingle(&r)) {
		uint64_t hash = hash_of(&r);
		struct shingle *found = find(s, hash);

		s->n_unmet += found->hash == 0;
		found->hash = hash;
	}
	return s;
}

void shingles_destroy(struct shingles *s)
{
	if (s) {
		free(s->table);
		free(s);
	}
}

void shingles_meet(struct shingles *s, const char *text, size_t n_bytes, uint64_t source)
{
	struct reader r = {.at = text, .end = text + n_bytes};

	ASSERT(source != 0 && source != SHARED);
	while (read_shingle(&r)) {
		struct shingle *found = find(s, hash_of(&r));

		if (found->hash && found->source == 0) {
			found->source = source;
			s->n_unmet--;
		} else if (found->hash && found->source != source) {
			found->source = SHARED;
		}
	}
}

size_t shingles_unmet(const struct shingles *s)
{
	return s->n_unmet;
}

void shingles_shared(const struct shingles *s, const char *text, size_t n_bytes, struct buf *out)
{
	struct reader r = {.at = text, .end = text + n_bytes};
	const char *from = NULL, *to = NULL; /* of the run */

	while (read_shingle(&r)) {
		bool shared = find(s, hash_of(&r))->source == SHARED;

		if (from && !(shared && r.words[SHINGLE_WORDS - 2] < to)) {
			buf_add(out, from, (size_t)(to - from));
			buf_char(out, '\0');
			from = NULL;
		}
		if (shared) {
			from = from ? from : r.words[0];
			to = r.at;
		}
	}
	if (from) {
		buf_add(out, from, (size_t)(to - from));
		buf_char(out, '\0');
	}
}
