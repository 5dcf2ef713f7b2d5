#include "ingest/cohesion.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

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

static int by_value(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

/* The words of s, sorted, in a ring: of more than fit the last ones stay, or the first ones. */
static int read_words(const char *s, size_t n, bool last, uint32_t out[COHESION_WORDS])
{
	int n_words = 0;

	for (size_t at = 0; at < n && (last || n_words < COHESION_WORDS);) {
		size_t used;
		uint32_t word = next_word((const unsigned char *)s + at, n - at, &used);

		if (word) {
			out[n_words++ % COHESION_WORDS] = word;
		}
		at += used;
	}
	n_words = n_words < COHESION_WORDS ? n_words : COHESION_WORDS;
	qsort(out, (size_t)n_words, sizeof(*out), by_value);
	return n_words;
}

static int count(const uint32_t *words, int n, int *at, uint32_t word)
{
	int from = *at;

	while (*at < n && words[*at] == word) {
		++*at;
	}
	return *at - from;
}

double cohesion(const char *before, size_t n_before, const char *after, size_t n_after)
{
	uint32_t a[COHESION_WORDS], b[COHESION_WORDS];
	int n_a = read_words(before, n_before, true, a);
	int n_b = read_words(after, n_after, false, b);
	int64_t dot = 0, norm_a = 0, norm_b = 0;

	for (int i = 0, k = 0; i < n_a || k < n_b;) {
		uint32_t word = i == n_a ? b[k] : k == n_b || a[i] < b[k] ? a[i] : b[k];
		int of_a = count(a, n_a, &i, word), of_b = count(b, n_b, &k, word);

		dot += of_a * of_b;
		norm_a += of_a * of_a;
		norm_b += of_b * of_b;
	}
	return dot ? (double)dot / sqrt((double)norm_a * (double)norm_b) : 0;
}
