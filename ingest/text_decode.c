#include <string.h>
#include <strings.h>
#include <uchardet/uchardet.h>
#include <unicode/uchar.h>

#include "index/base/utf8.h"
#include "ingest/charset.h"
#include "ingest/child.h"

#define SAMPLE 262144 /* bytes that uchardet looks at */

static const struct {
	const char *mark;
	size_t n;
	const char *charset;
} MARKS[] = {
	{"\xef\xbb\xbf", 3, "UTF-8"},
	{"\xff\xfe\0\0", 4, "UTF-32LE"},
	{"\0\0\xfe\xff", 4, "UTF-32BE"},
	{"\xff\xfe", 2, "UTF-16LE"},
	{"\xfe\xff", 2, "UTF-16BE"},
};

static const char *marked(const char *p, size_t n, size_t *n_mark)
{
	for (size_t i = 0; i < sizeof(MARKS) / sizeof(MARKS[0]); i++) {
		if (n >= MARKS[i].n && memcmp(p, MARKS[i].mark, MARKS[i].n) == 0) {
			*n_mark = MARKS[i].n;
			return MARKS[i].charset;
		}
	}
	return NULL;
}

/* UTF-16 without a mark: every other byte of Latin text is NUL. */
static const char *looks_utf16(const char *p, size_t n)
{
	size_t even = 0, odd = 0, look = n < 4096 ? n & ~(size_t)1 : 4096;

	for (size_t i = 0; i + 1 < look; i += 2) {
		even += p[i] == '\0';
		odd += p[i + 1] == '\0';
	}
	if (odd > look / 5 && even <= look / 100) {
		return "UTF-16LE";
	}
	return even > look / 5 && odd <= look / 100 ? "UTF-16BE" : NULL;
}

/* UTF-16 of other scripts has few NULs, in its blanks and line ends: all on one side, and what it
 * says are characters that exist. */
static const char *may_be_utf16(const char *p, size_t n)
{
	size_t side[2] = {0, 0}, look = n < 4096 ? n & ~(size_t)1 : 4096;
	size_t low;

	for (size_t i = 0; i < look; i++) {
		side[i & 1] += p[i] == '\0';
	}
	if (n % 2 || (side[0] && side[1]) || side[0] + side[1] < 4) {
		return NULL;
	}
	low = side[0] ? 1 : 0;
	for (size_t i = 0; i + 1 < look; i += 2) {
		uint32_t c = (uint32_t)(unsigned char)p[i + low] |
			     (uint32_t)(unsigned char)p[i + 1 - low] << 8;

		if (!u_isdefined((UChar32)c) || (c < ' ' && !(c >= '\t' && c <= '\r')) ||
			(c >= 0xe000 && c < 0xf900)) {
			return NULL;
		}
	}
	return side[0] ? "UTF-16BE" : "UTF-16LE";
}

/* Binary data is told by its controls, once the encodings that use NUL are out of the way. */
static bool looks_binary(const char *p, size_t n)
{
	size_t controls = 0, look = n < 65536 ? n : 65536;

	for (size_t i = 0; i < look; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\0') {
			controls += 4;
		} else if (c < ' ' && !(c >= '\t' && c <= '\r') && c != 0x1b && c != 0x1a) {
			controls++;
		}
	}
	return controls > look / 50;
}

static bool convert(const char *p, size_t n, const char *charset, struct buf *out)
{
	UErrorCode status = U_ZERO_ERROR;
	UConverter *from = charset_open(charset);
	UConverter *to = ucnv_open("UTF-8", &status);
	const char *source = p, *end = p + n;
	UChar pivot[4096];
	UChar *pivot_source = pivot, *pivot_target = pivot;
	bool first = true;

	while (from && U_SUCCESS(status)) {
		char chunk[8192];
		char *target = chunk;

		ucnv_convertEx(to, from, &target, chunk + sizeof(chunk), &source, end, pivot,
			&pivot_source, &pivot_target, pivot + 4096, first, 1, &status);
		first = false;
		buf_add(out, chunk, (size_t)(target - chunk));
		if (status != U_BUFFER_OVERFLOW_ERROR) {
			break;
		}
		status = U_ZERO_ERROR;
	}
	ucnv_close(from);
	ucnv_close(to);
	return from && U_SUCCESS(status);
}

/* ASCII with escapes: valid UTF-8, and not what it means (RFC 1468, 1557, 1843, 2152). */
static bool is_stateful(const char *charset)
{
	static const char *const NAMES[] = {"iso-2022-", "hz", "utf-7", "x-utf-7", "unicode-1-1-"};

	for (size_t i = 0; charset && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strncasecmp(charset, NAMES[i], strlen(NAMES[i])) == 0) {
			return true;
		}
	}
	return false;
}

/* ISO 2022 announces its character sets: ESC $ …, and has no other than ASCII's bytes. */
static bool announces_sets(const char *p, size_t n)
{
	const char *escape = memchr(p, 0x1b, n);

	if (!escape || p + n - escape < 3 || escape[1] != '$') {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] >= 0x80) {
			return false;
		}
	}
	return true;
}

static bool convert_detected(const char *p, size_t n, const char *charset, struct buf *out)
{
	uchardet_t u = uchardet_new();
	const char *found;
	bool ok = charset && convert(p, n, charset, out);

	if (!ok && u) {
		uchardet_handle_data(u, p, n < SAMPLE ? n : SAMPLE);
		uchardet_data_end(u);
		found = uchardet_get_charset(u);
		buf_clear(out);
		ok = found[0] && strcmp(found, "ASCII") != 0 && convert(p, n, found, out);
	}
	if (!ok) {
		buf_clear(out);
		ok = convert(p, n, "windows-1252", out);
	}
	if (u) {
		uchardet_delete(u);
	}
	return ok;
}

bool text_decode(const char *p, size_t n_bytes, const char *charset, struct buf *out)
{
	size_t n_mark = 0;
	const char *known = marked(p, n_bytes, &n_mark);
	/* A sample may end inside a character. */
	size_t tail = utf8_incomplete_tail(p, n_bytes);

	if (!known) {
		known = looks_utf16(p, n_bytes);
	}
	if (!known) {
		known = may_be_utf16(p, n_bytes);
	}
	if (known && strcmp(known, "UTF-8") != 0) {
		return convert(p + n_mark, n_bytes - n_mark, known, out) &&
		       !looks_binary(out->data ? out->data : "", out->len);
	}
	p += n_mark;
	n_bytes -= n_mark;
	if (looks_binary(p, n_bytes)) {
		return false;
	}
	if (is_stateful(charset) && convert(p, n_bytes, charset, out)) {
		return true;
	}
	buf_clear(out);
	/* Stray NULs do not make UTF-8 another encoding: check without them. */
	if (!announces_sets(p, n_bytes) && utf8_valid(p, n_bytes - (tail < n_bytes ? tail : 0))) {
		buf_add(out, p, n_bytes);
		return true;
	}
	return convert_detected(p, n_bytes, charset, out);
}

bool text_convert(const char *p, size_t n_bytes, const char *charset, struct buf *out)
{
	return convert(p, n_bytes, charset, out);
}
