#include "index/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

/* Length that a first byte announces and the range of the second byte (RFC 3629, section 4): the
 * range excludes overlongs, surrogates and what lies past U+10FFFF. 0: not a first byte. */
static int announced(uint8_t first, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (first < 0x80) {
		return 1;
	}
	if (first >= 0xc2 && first <= 0xdf) {
		return 2;
	}
	if (first >= 0xe0 && first <= 0xef) {
		*low = first == 0xe0 ? 0xa0 : 0x80;
		*high = first == 0xed ? 0x9f : 0xbf;
		return 3;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		*low = first == 0xf0 ? 0x90 : 0x80;
		*high = first == 0xf4 ? 0x8f : 0xbf;
		return 4;
	}
	return 0;
}

/* How many of the n bytes at s are a well-formed beginning of one character; *len: its length. */
static int matched(const char *s, size_t n_bytes, int *len)
{
	const uint8_t *p = (const uint8_t *)s;
	uint8_t low, high;
	int n;

	*len = announced(p[0], &low, &high);
	if (*len == 0) {
		return 0;
	}
	for (n = 1; n < *len && (size_t)n < n_bytes; n++) {
		if (p[n] < low || p[n] > high) {
			break;
		}
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

uint32_t utf8_decode(const char *s, size_t n_bytes, int *n_used)
{
	const uint8_t *p = (const uint8_t *)s;
	int len;
	int n = n_bytes ? matched(s, n_bytes, &len) : 0;
	uint32_t c;

	*n_used = n_bytes ? 1 : 0;
	if (n == 0 || n < len) {
		return 0xfffd;
	}
	*n_used = len;
	if (len == 1) {
		return p[0];
	}
	c = p[0] & (0x7fu >> len);
	for (int i = 1; i < len; i++) {
		c = c << 6 | (p[i] & 0x3fu);
	}
	return c;
}

/* How much of s[0..n) is ASCII without NUL, in words of eight. */
static size_t ascii_words(const char *s, size_t n_bytes)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	size_t i = 0;

	while (i + 8 <= n_bytes) {
		uint64_t w;

		memcpy(&w, s + i, 8);
		if ((w | (w - ones)) & tops) {
			break;
		}
		i += 8;
	}
	return i;
}

bool utf8_valid(const char *s, size_t n_bytes)
{
	size_t i = 0;

	while (i < n_bytes) {
		size_t n_ascii = ascii_words(s + i, n_bytes - i);
		int len;

		if (n_ascii > 0) {
			i += n_ascii;
			continue;
		}
		if (s[i] == '\0' || matched(s + i, n_bytes - i, &len) != len || len == 0) {
			return false;
		}
		i += (size_t)len;
	}
	return true;
}

int utf8_encode(uint32_t c, char out[4])
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		c = 0xfffd;
	}
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t utf8_floor(const char *s, size_t len, size_t n_bytes)
{
	size_t end = n_bytes;

	if (n_bytes >= len) {
		return len;
	}
	while (end > 0 && n_bytes - end < 3 && ((uint8_t)s[end] & 0xc0) == 0x80) {
		end--;
	}
	/* More continuation bytes than a character has: not UTF-8, cut where asked. */
	return ((uint8_t)s[end] & 0xc0) == 0x80 ? n_bytes : end;
}

size_t utf8_incomplete_tail(const char *s, size_t n_bytes)
{
	for (size_t back = 1; back <= 3 && back <= n_bytes; back++) {
		int len;

		if (((uint8_t)s[n_bytes - back] & 0xc0) == 0x80) {
			continue;
		}
		return matched(s + n_bytes - back, back, &len) == (int)back && len > (int)back
			       ? back
			       : 0;
	}
	return 0;
}

bool utf8_is_cjk(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x1100, 0x11ff},		    /* Hangul Jamo */
		{0x2e80, 0x2fdf},		    /* Han radicals */
		{0x3005, 0x3007},		    /* Han iteration mark, closing mark, zero */
		{0x3021, 0x3029},		    /* Hangzhou numerals */
		{0x3038, 0x303b}, {0x3041, 0x3096}, /* Hiragana */
		{0x3099, 0x309f}, {0x30a1, 0x30fa}, /* Katakana */
		{0x30fc, 0x30ff}, {0x3130, 0x318f}, /* Hangul compatibility Jamo */
		{0x31f0, 0x31ff},		    /* Katakana extensions */
		{0x3400, 0x4dbf},		    /* Han extension A */
		{0x4e00, 0x9fff},		    /* Han */
		{0xa960, 0xa97f},		    /* Hangul Jamo extended A */
		{0xac00, 0xd7ff},		    /* Hangul syllables, Jamo extended B */
		{0xf900, 0xfaff},		    /* Han compatibility */
		{0xff66, 0xff9f},		    /* halfwidth Katakana */
		{0xffa0, 0xffdc},		    /* halfwidth Hangul */
		{0x1aff0, 0x1b16f},		    /* Kana extensions */
		{0x20000, 0x323af},		    /* Han extensions B to H */
	};

	if (c < ranges[0].first) {
		return false;
	}
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (c <= ranges[i].last) {
			return c >= ranges[i].first;
		}
	}
	return false;
}

static bool is_invisible(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || /* control */
	       c == 0xad || c == 0x61c ||
	       c == 0x180e ||		       /* soft hyphen, Arabic mark, Mongolian separator */
	       (c >= 0x200b && c <= 0x200f) || /* zero width, directional marks */
	       (c >= 0x2028 && c <= 0x202e) || /* line separators, directional embeddings */
	       (c >= 0x2060 && c <= 0x206f) || /* joiners, directional isolates */
	       c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || /* byte order mark, annotations */
	       (c >= 0xe0000 && c <= 0xe0fff); /* tags, variation selectors of the supplement */
}

static bool is_space(uint32_t c)
{
	return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x202f || c == 0x205f || c == 0x3000;
}

char *utf8_clean_name(const char *s, size_t n_bytes, size_t max_bytes)
{
	char *out = malloc(n_bytes * 3 + sizeof("unnamed"));
	size_t len = 0;
	size_t trimmed = 0; /* len without trailing spaces */
	size_t i = 0;

	ASSERT(out != NULL);
	while (i < n_bytes) {
		int n_used;
		uint32_t c = utf8_decode(s + i, n_bytes - i, &n_used);
		char one[4];
		int n;

		i += (size_t)n_used;
		if (is_invisible(c) || (len == 0 && is_space(c))) {
			continue;
		}
		n = utf8_encode(c == '/' || c == '\\' ? '_' : c, one);
		if (len + (size_t)n > max_bytes) {
			break;
		}
		memcpy(out + len, one, (size_t)n);
		len += (size_t)n;
		if (!is_space(c)) {
			trimmed = len;
		}
	}
	out[trimmed] = '\0';
	if (trimmed == 0) {
		memcpy(out, "unnamed", sizeof("unnamed"));
	}
	return out;
}
