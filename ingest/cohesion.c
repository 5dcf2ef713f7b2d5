#include "ingest/cohesion.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/base/utf8.h"

#define WORD_LETTERS_MIN 4 /* shorter ones are mostly function words */
#define STEM_BYTES 6	   /* "approve", "approval", "approved" begin alike */

static bool is_letter(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static uint32_t stem_hash(const unsigned char *s, size_t n)
{
	unsigned char stem[STEM_BYTES];

	n = n < STEM_BYTES ? n : STEM_BYTES;
	for (size_t i = 0; i < n; i++) {
		stem[i] = s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i];
	}
	return (uint32_t)hash64(stem, n);
}

/* The word that begins at s, n bytes at most: *used bytes of it. 0: none that counts. */
static uint32_t next_word(const unsigned char *s, size_t n, size_t *used)
{
	int first, second;
	size_t len = 0;

	if (*s >= 0x80 && utf8_is_cjk(utf8_decode((const char *)s, n, &first))) {
		*used = (size_t)first;
		if (*used == n ||
			!utf8_is_cjk(utf8_decode((const char *)s + first, n - *used, &second))) {
			return 0;
		}
		return (uint32_t)hash64(s, (size_t)(first + second)) | 1;
	}
	while (len < n && is_letter(s[len])) {
		len++;
	}
	*used = len ? len : 1;
	return len >= WORD_LETTERS_MIN ? stem_hash(s, len) | 1 : 0;
}

/* ── how often each word stands on either side ── */

#define N_SLOTS 512 /* more than both sides have words */

struct counts {
	uint32_t words[N_SLOTS]; /* 0: the slot is free */
	uint16_t times[N_SLOTS][2];
	uint16_t used[2 * COHESION_WORDS];
	int n_used;
};

static void count(struct counts *c, uint32_t word, int side)
{
	uint32_t slot = (word >> 1) % N_SLOTS;

	while (c->words[slot] && c->words[slot] != word) {
		slot = (slot + 1) % N_SLOTS;
	}
	if (!c->words[slot]) {
		c->words[slot] = word;
		c->times[slot][0] = c->times[slot][1] = 0;
		c->used[c->n_used++] = (uint16_t)slot;
	}
	c->times[slot][side]++;
}

/* The words of s, in a ring: of more than fit the last ones stay, or the first ones. */
static void read_words(const char *s, size_t n, int side, struct counts *out)
{
	uint32_t words[COHESION_WORDS];
	bool last = side == 0;
	int n_words = 0;

	for (size_t at = 0; at < n && (last || n_words < COHESION_WORDS);) {
		size_t used;
		uint32_t word = next_word((const unsigned char *)s + at, n - at, &used);

		if (word) {
			words[n_words++ % COHESION_WORDS] = word;
		}
		at += used;
	}
	for (int i = 0; i < n_words && i < COHESION_WORDS; i++) {
		count(out, words[i], side);
	}
}

double cohesion(const char *before, size_t n_before, const char *after, size_t n_after)
{
	struct counts c;
	int64_t dot = 0, norm_a = 0, norm_b = 0;

	memset(c.words, 0, sizeof(c.words));
	c.n_used = 0;
	read_words(before, n_before, 0, &c);
	read_words(after, n_after, 1, &c);
	for (int i = 0; i < c.n_used; i++) {
		const uint16_t *times = c.times[c.used[i]];

		dot += times[0] * times[1];
		norm_a += times[0] * times[0];
		norm_b += times[1] * times[1];
	}
	return dot ? (double)dot / sqrt((double)norm_a * (double)norm_b) : 0;
}
