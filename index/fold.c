#include "index/fold.h"

#include <stdbool.h>
#include <string.h>

#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "index/base/err.h"
#include "index/base/utf8.h"

#define UNITS 512 /* of UTF-16, for one word */

/* Copies ASCII lower-cased; false at the first other byte. */
static bool fold_ascii(const char *s, size_t n_bytes, char *out, size_t out_size, size_t *len)
{
	size_t n = n_bytes < out_size - 1 ? n_bytes : out_size - 1;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x80) {
			return false;
		}
		out[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	out[n] = '\0';
	*len = n;
	return true;
}

/* Normalises by `norm` into units; the length, or -1 when it does not fit. */
static int32_t normalised(const UNormalizer2 *norm, const char *s, size_t n_bytes, UChar *units)
{
	UChar in[UNITS];
	int32_t n_in, n;
	UErrorCode status = U_ZERO_ERROR;

	u_strFromUTF8WithSub(in, UNITS, &n_in, s, (int32_t)utf8_floor(s, n_bytes, UNITS - 1),
		0xfffd, NULL, &status);
	n = unorm2_normalize(norm, in, n_in, units, UNITS, &status);
	return U_FAILURE(status) || n > UNITS ? -1 : n;
}

/* Appends a code point if it fits whole. */
static bool append(uint32_t c, char *out, size_t out_size, size_t *len)
{
	char bytes[4];
	int n = utf8_encode(c, bytes);

	if (*len + (size_t)n + 1 > out_size) {
		return false;
	}
	memcpy(out + *len, bytes, (size_t)n);
	*len += (size_t)n;
	return true;
}

static size_t copy(const char *s, size_t n_bytes, char *out, size_t out_size)
{
	size_t n = utf8_floor(s, n_bytes, out_size - 1);

	memcpy(out, s, n);
	out[n] = '\0';
	return n;
}

size_t fold_case(const char *s, size_t n_bytes, char *out, size_t out_size)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *norm;
	UChar units[UNITS];
	size_t len = 0;
	int32_t n;

	ASSERT(out_size > 0);
	if (fold_ascii(s, n_bytes, out, out_size, &len)) {
		return len;
	}
	norm = unorm2_getNFKCCasefoldInstance(&status);
	ASSERT(U_SUCCESS(status));
	n = normalised(norm, s, n_bytes, units);
	if (n < 0) {
		return copy(s, n_bytes, out, out_size);
	}
	len = 0;
	for (int32_t i = 0; i < n;) {
		UChar32 c;

		U16_NEXT(units, i, n, c);
		if (!append((uint32_t)c, out, out_size, &len)) {
			break;
		}
	}
	out[len] = '\0';
	return len;
}

/* Combining marks that a reader leaves out when typing: Latin, Greek and Cyrillic accents, Hebrew
 * points, Arabic vowel signs. In other scripts (Devanagari, Thai) a mark is half of the letter. */
static bool is_accent(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x591 && c <= 0x5c7) ||
	       (c >= 0x64b && c <= 0x65f) || c == 0x640; /* tatweel only stretches a word */
}

/* Letters that Unicode does not take apart. */
static const char *plain_letters(uint32_t c)
{
	switch (c) {
	case 0xe6:
		return "ae";
	case 0xf8:
		return "o";
	case 0xf0:
	case 0x111:
		return "d";
	case 0xfe:
		return "th";
	case 0x127:
		return "h";
	case 0x131:
		return "i";
	case 0x142:
		return "l";
	case 0x153:
		return "oe";
	default:
		return NULL;
	}
}

size_t fold_marks(const char *s, size_t n_bytes, char *out, size_t out_size)
{
	UErrorCode status = U_ZERO_ERROR;
	const UNormalizer2 *norm;
	UChar units[UNITS];
	size_t len = 0;
	int32_t n;

	ASSERT(out_size > 0);
	for (len = 0; len < n_bytes && (unsigned char)s[len] < 0x80; len++) {
	}
	if (len == n_bytes) {
		return copy(s, n_bytes, out, out_size);
	}
	norm = unorm2_getNFDInstance(&status);
	ASSERT(U_SUCCESS(status));
	n = normalised(norm, s, n_bytes, units);
	if (n < 0) {
		return copy(s, n_bytes, out, out_size);
	}
	len = 0;
	for (int32_t i = 0; i < n;) {
		const char *plain;
		UChar32 c;

		U16_NEXT(units, i, n, c);
		plain = plain_letters((uint32_t)c);
		if (is_accent((uint32_t)c)) {
			continue;
		}
		if (plain && len + strlen(plain) < out_size) {
			memcpy(out + len, plain, strlen(plain));
			len += strlen(plain);
		} else if (plain || !append((uint32_t)c, out, out_size, &len)) {
			break;
		}
	}
	out[len] = '\0';
	return len;
}
