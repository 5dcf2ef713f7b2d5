/*
 * language_detect: the script decides where it can; among languages of the Latin and Cyrillic
 * script, the frequent words of index/stopwords.c, each weighing the less the more languages have
 * it, and letters that only one of them writes.
 */
#include <string.h>

#include "index/base/utf8.h"
#include "index/fold.h"
#include "index/fts.h"
#include "index/stopwords.h"

#define SAMPLE_BYTES 16384
#define WORD_BYTES 48

struct scripts {
	int latin, cyrillic, han, kana, hangul, greek, arabic, hebrew, thai, devanagari, all;
	int ukrainian; /* letters that Russian lacks */
};

static bool within(uint32_t c, uint32_t first, uint32_t last)
{
	return c >= first && c <= last;
}

static void count_script(struct scripts *k, uint32_t c)
{
	int *which = within(c, 'a', 'z') || within(c, 'A', 'Z') || within(c, 0xc0, 0x24f)
			     ? &k->latin
		     : within(c, 0x400, 0x52f)			? &k->cyrillic
		     : within(c, 0x3041, 0x30ff) && c != 0x30fc ? &k->kana
		     : within(c, 0xac00, 0xd7a3)		? &k->hangul
		     : utf8_is_cjk(c)				? &k->han
		     : within(c, 0x370, 0x3ff)			? &k->greek
		     : within(c, 0x600, 0x6ff)			? &k->arabic
		     : within(c, 0x590, 0x5ff)			? &k->hebrew
		     : within(c, 0xe00, 0xe7f)			? &k->thai
		     : within(c, 0x900, 0x97f)			? &k->devanagari
								: NULL;

	if (which) {
		(*which)++;
		k->all++;
	}
	if (c == 0x456 || c == 0x457 || c == 0x454 || c == 0x491) {
		k->ukrainian++;
	}
}

#define LETTER_FIRST 0xbf /* of the table */

/* Letters that speak for one language among ours. */
static void count_letter(double score[N_STOP_LANGUAGES], uint32_t c)
{
	static const struct {
		uint32_t letter;
		enum stop_language language;
		double weight;
	} letters[] = {{0xdf, STOP_DE, 1}, {0xe4, STOP_DE, .3}, {0xf6, STOP_DE, .3},
		{0xfc, STOP_DE, .4}, {0xe4, STOP_SV, .3}, {0xf6, STOP_SV, .3}, {0xe5, STOP_SV, .6},
		{0xf1, STOP_ES, .8}, {0xbf, STOP_ES, 1}, {0xe3, STOP_PT, .6}, {0xf5, STOP_PT, .6},
		{0xe7, STOP_PT, .2}, {0xe7, STOP_FR, .3}, {0xea, STOP_FR, .3}, {0xe8, STOP_FR, .2},
		{0xe8, STOP_IT, .2}, {0xe9, STOP_FR, .2}, {0xf9, STOP_FR, .2}, {0xf9, STOP_IT, .2},
		{0xf2, STOP_IT, .3}, {0x153, STOP_FR, .6}, {0xe6, STOP_DA, .4}, {0xe6, STOP_NO, .3},
		{0xf8, STOP_DA, .4}, {0xf8, STOP_NO, .4}, {0xe5, STOP_DA, .3}, {0xe5, STOP_NO, .4},
		{0xe4, STOP_FI, .3}, {0x151, STOP_HU, 1}, {0x171, STOP_HU, 1}, {0x103, STOP_RO, .8},
		{0x219, STOP_RO, 1}, {0x21b, STOP_RO, 1}, {0x15f, STOP_TR, .6}, {0x131, STOP_TR, 1},
		{0x11f, STOP_TR, 1}, {0x142, STOP_PL, 1}, {0x119, STOP_PL, 1}, {0x105, STOP_PL, .8},
		{0x17c, STOP_PL, 1}, {0x159, STOP_CS, 1}, {0x11b, STOP_CS, 1}, {0x16f, STOP_CS, 1}};

	for (size_t i = 0; c >= LETTER_FIRST && i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (letters[i].letter == c) {
			score[letters[i].language] += letters[i].weight;
		}
	}
}

#define NORDIC (1u << STOP_DA | 1u << STOP_NO)

/* Danish and Norwegian share most of their little words: each is measured against the others. */
static uint32_t kin(int language)
{
	return language == STOP_DA ? 1u << STOP_NO : language == STOP_NO ? 1u << STOP_DA : 0;
}

static void count_word(double score[N_STOP_LANGUAGES], const char *word, size_t n_bytes)
{
	char cased[WORD_BYTES * 4], folded[WORD_BYTES * 4];
	size_t n = fold_case(word, n_bytes, cased, sizeof(cased));
	uint32_t languages;

	n = fold_marks(cased, n, folded, sizeof(folded));
	languages = stopword_languages(folded, n);
	for (int i = 0; i < N_STOP_LANGUAGES; i++) {
		/* The common languages are told from each other alone: what "for" says for English
		 * is not less because Danes write it too. Swedish has to stand against its kin. */
		uint32_t common = (1u << N_STOP_COMMON) - 1;
		uint32_t rivals = i == STOP_SV	      ? languages & (common | NORDIC)
				  : i < N_STOP_COMMON ? languages & common
						      : languages & ~kin(i);
		int sharing = __builtin_popcount(rivals);

		if (languages >> i & 1) {
			score[i] += 1.0 / (sharing * sharing);
		}
	}
}

static bool ends_word(uint32_t c)
{
	return c < 'A' || within(c, '[', '`') || within(c, '{', 0xbf) || within(c, 0x2000, 0x206f);
}

static const char *best_language(const double score[N_STOP_LANGUAGES])
{
	int best = 0;
	double second = 0;

	for (int i = 1; i < N_STOP_LANGUAGES; i++) {
		if (score[i] > score[best]) {
			best = i;
		}
	}
	for (int i = 0; i < N_STOP_LANGUAGES; i++) {
		if (i != best && !(kin(best) >> i & 1) && score[i] > second) {
			second = score[i];
		}
	}
	/* One word may be another language's by chance ("dog" is Danish): a question in a language
	 * that is rarer here shows it by a second one. */
	return score[best] >= (best < N_STOP_COMMON ? .5 : 1.25) && score[best] > second * 1.25
		       ? stop_codes[best]
		       : "";
}

static const char *by_script(const struct scripts *k)
{
	int cjk = k->han + k->kana + k->hangul;

	/* A Chinese character says as much as a short word of Latin letters. */
	if (cjk * 3 >= k->all - cjk && cjk > 0) {
		return k->hangul > k->han + k->kana ? "ko" : k->kana * 8 >= cjk ? "ja" : "zh";
	}
	return k->cyrillic * 2 > k->all	    ? (k->ukrainian * 50 > k->cyrillic ? "uk" : "ru")
	       : k->greek * 2 > k->all	    ? "el"
	       : k->arabic * 2 > k->all	    ? "ar"
	       : k->hebrew * 2 > k->all	    ? "he"
	       : k->thai * 2 > k->all	    ? "th"
	       : k->devanagari * 2 > k->all ? "hi"
					    : NULL;
}

const char *language_detect(const char *text, size_t n_bytes)
{
	size_t n = utf8_floor(text, n_bytes, SAMPLE_BYTES);
	double score[N_STOP_LANGUAGES] = {0};
	struct scripts k = {0};
	const char *found;
	size_t word = 0;

	for (size_t i = 0; i < n;) {
		int used;
		uint32_t c = (unsigned char)text[i];

		if (c < 0x80) { /* most are, and need no call */
			used = 1;
		} else {
			c = utf8_decode(text + i, n - i, &used);
		}
		count_script(&k, c);
		count_letter(score, c >= 0xc0 && c <= 0xde ? c + 0x20 : c);
		if (ends_word(c)) {
			if (i > word && i - word <= WORD_BYTES) {
				count_word(score, text + word, i - word);
			}
			word = i + (size_t)used;
		}
		i += (size_t)used;
	}
	if (n > word && n - word <= WORD_BYTES) {
		count_word(score, text + word, n - word);
	}
	found = by_script(&k);
	return found ? found : best_language(score);
}
