/*
 * A text is a run of pieces, as byte-pair encoders cut it first: words, numbers, marks, white
 * space. Each piece is charged in tenths of a token:
 *
 *   a word of Latin letters   10 up to 4 letters, 11 up to 8, then 2 more a letter: common
 *                             words are one token, long ones are cut into syllables; above 24
 *                             letters (keys, base64) 4 more a letter
 *   each accented letter      + 6: vocabularies are thin outside of English
 *   another alphabet          5 a letter, at least 10 a word
 *   Han 11, Kana and Hangul 10 a character
 *   digits                    5 each, at least 10 a number
 *   a mark                    10; repeated ones ("....") 10 for each four
 *   a blank between words     0; line ends and longer runs of blanks 10
 *   anything else (emoji, …)  25 a character
 */
#include "index/tokens.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/base/utf8.h"

enum class { LATIN, ACCENTED, LETTER, HAN, SYLLABLE, DIGIT, MARK, BLANK, LINE_END, OTHER };

static enum class class_of_ascii(uint32_t c) {
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')){return LATIN;}
if (c >= '0' && c <= '9')
{
	return DIGIT;
}
if (c == '\n' || c == '\r' || c == '\f') {
	return LINE_END;
}
return c <= ' ' ? BLANK : MARK;
}

static enum class class_of(uint32_t c) { if (c < 0x80){return class_of_ascii(c);}
if (c < 0xc0)
{
	return c == 0xa0 ? BLANK : MARK;
}
if (c < 0x250) {
	return c == 0xd7 || c == 0xf7 ? MARK : ACCENTED;
}
if (utf8_is_cjk(c)) {
	bool han = (c >= 0x3400 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) || c >= 0x20000;

	return han ? HAN : SYLLABLE;
}
if (c < 0x2000) {
	return LETTER;
}
if (c <= 0x206f || (c >= 0x3000 && c <= 0x303f) || (c >= 0xff00 && c <= 0xff20)) {
	return c == 0x3000 || c <= 0x200a ? BLANK : MARK;
}
return OTHER;
}

static bool same_piece(enum class a, enum class b)
{
	bool a_word = a == LATIN || a == ACCENTED;

	return a == b ? a != HAN && a != SYLLABLE && a != OTHER
		      : a_word && (b == LATIN || b == ACCENTED);
}

static int64_t word_tenths(int64_t n_letters, int64_t n_accented)
{
	int64_t t = n_letters <= 4 ? 10 : 11;

	if (n_letters > 8) {
		t += 2 * (n_letters - 8);
	}
	if (n_letters > 24) {
		t += 2 * (n_letters - 24);
	}
	return t + 6 * n_accented;
}

static int64_t piece_tenths(enum class kind, int64_t n, int64_t n_accented, bool mixed)
{
	switch (kind) {
	case LATIN:
	case ACCENTED:
		return word_tenths(n, n_accented);
	case LETTER:
		return n < 2 ? 10 : 5 * n;
	case HAN:
		return 11;
	case SYLLABLE:
		return 10;
	case DIGIT:
		return n < 2 ? 10 : 5 * n;
	case MARK:
		return mixed ? 10 * n : 10 * ((n + 3) / 4);
	case BLANK:
		return n == 1 ? 0 : 10;
	case LINE_END:
		return 10;
	case OTHER:
		return 25;
	}
	return 25;
}

/* Most characters are ASCII, and need no call. */
static uint32_t decode(const char *s, size_t n, int *used)
{
	if ((unsigned char)*s < 0x80) {
		*used = 1;
		return (unsigned char)*s;
	}
	return utf8_decode(s, n, used);
}

int tokens_estimate(const char *text, size_t n_bytes)
{
	int64_t tenths = 0;
	size_t at = 0;

	while (at < n_bytes) {
		int used;
		uint32_t first = decode(text + at, n_bytes - at, &used);
		enum class kind = class_of(first);
		int64_t n = 0, n_accented = 0;
		bool mixed = false;

		do {
			uint32_t c = decode(text + at, n_bytes - at, &used);
			enum class now = class_of(c);

			if (n > 0 && !same_piece(kind, now)) {
				break;
			}
			mixed |= c != first;
			n_accented += now == ACCENTED;
			n++;
			at += (size_t)used;
		} while (at < n_bytes);
		tenths += piece_tenths(kind, n, n_accented, mixed);
	}
	tenths = (tenths + 9) / 10;
	return tenths > INT_MAX ? INT_MAX : (int)tenths;
}
