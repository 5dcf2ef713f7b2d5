#include "index/letters.h"

#include <string.h>

#include <unicode/uchar.h>

#include "index/base/utf8.h"

bool letter_is_apostrophe(uint32_t c)
{
	return c == '\'' || c == 0x2019 || c == 0x2bc || c == 0xff07;
}

size_t letters_drop_apostrophes(char *w, size_t n)
{
	static const char *const endings[] = {"s", "ll", "re", "ve", "d", "m"};
	size_t len = 0, last = n;
	size_t tail = n, plain = 0;

	while (plain < n && (w[plain] | 0x20) >= 'a' && (w[plain] | 0x20) <= 'z') {
		plain++;
	}
	for (size_t i = plain; i < n;) {
		int used;

		if (letter_is_apostrophe(utf8_decode(w + i, n - i, &used))) {
			last = i;
			tail = i + (size_t)used;
		}
		i += (size_t)used;
	}
	if (last == n) {
		return n;
	}
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (last > 0 && strlen(endings[i]) == n - tail &&
			memcmp(w + tail, endings[i], n - tail) == 0) {
			n = last;
			break;
		}
	}
	for (size_t i = 0; i < n;) {
		int used;

		if (!letter_is_apostrophe(utf8_decode(w + i, n - i, &used))) {
			memmove(w + len, w + i, (size_t)used);
			len += (size_t)used;
		}
		i += (size_t)used;
	}
	w[len] = '\0';
	return len;
}

enum char_class letter_class(uint32_t c)
{
	if (c < 0x80) {
		return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? LETTER
		       : c >= '0' && c <= '9'		      ? DIGIT
		       : c == '\''			      ? APOSTROPHE
							      : OTHER;
	}
	if (letter_is_apostrophe(c)) {
		return APOSTROPHE;
	}
	switch (u_charType((UChar32)c)) {
	case U_UPPERCASE_LETTER:
	case U_LOWERCASE_LETTER:
	case U_TITLECASE_LETTER:
	case U_MODIFIER_LETTER:
	case U_OTHER_LETTER:
	case U_LETTER_NUMBER:
		return LETTER;
	case U_DECIMAL_DIGIT_NUMBER:
		return DIGIT;
	case U_NON_SPACING_MARK:
	case U_ENCLOSING_MARK:
	case U_COMBINING_SPACING_MARK:
	case U_FORMAT_CHAR:
		return MARK;
	default:
		return OTHER;
	}
}

bool letter_is_upper(uint32_t c)
{
	return c < 0x80 ? c >= 'A' && c <= 'Z' : u_isupper((UChar32)c);
}

bool letter_is_lower(uint32_t c)
{
	return c < 0x80 ? c >= 'a' && c <= 'z' : u_islower((UChar32)c);
}
