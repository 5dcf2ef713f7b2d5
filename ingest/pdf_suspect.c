/*
 * Whether a PDF may contain text that nobody sees, found in its bytes without a parser: poppler's
 * text does not say how it is drawn, and to draw every page would cost twice the reading. Streams
 * are inflated (as "/Filter/FlateDecode", also inside of ASCII85) and looked through for
 *
 *   3 Tr, 7 Tr   text that is not painted
 *   /ca 0        text that is painted transparent
 *
 * A hint only: what is found is decided by drawing the page. Encrypted streams are not understood.
 */
#include <ctype.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ingest/pdf.h"

#define DICTIONARY_MAX 2000
#define INFLATED_MAX (64u << 20) /* of all streams; what lies beyond is not looked at */
#define PIXELS_MAX 30000000	 /* of an image on a page that is drawn */
#define COPY_MAX (128u << 20)
#define PIECE 65536
#define OVERLAP 16 /* bytes; as long as what is looked for */

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\0' || c == '\f';
}

/* "3 Tr" whose "Tr" is at s[i]. */
static bool unpainted(const char *s, size_t n, size_t i)
{
	size_t k = i;

	if (i + 2 < n && !is_blank(s[i + 2]) && !strchr("/[(<", s[i + 2])) {
		return false;
	}
	while (k > 0 && is_blank(s[k - 1])) {
		k--;
	}
	return k > 0 && k < i && (s[k - 1] == '3' || s[k - 1] == '7') &&
	       (k == 1 || is_blank(s[k - 2]));
}

/* "/ca 0" whose "/ca" is at s[i]. */
static bool transparent(const char *s, size_t n, size_t i)
{
	i += 3;
	while (i < n && is_blank(s[i])) {
		i++;
	}
	if (i >= n || (s[i] != '0' && s[i] != '.')) {
		return false;
	}
	while (i < n && (s[i] == '0' || s[i] == '.')) {
		i++;
	}
	return i == n || !isdigit((unsigned char)s[i]);
}

static bool found(
	const char *s, size_t n, const char *mark, bool (*holds)(const char *s, size_t n, size_t i))
{
	const char *at = s, *end = s + n;
	size_t n_mark = strlen(mark);

	while ((at = memmem(at, (size_t)(end - at), mark, n_mark)) != NULL) {
		if (holds(s, n, (size_t)(at - s))) {
			return true;
		}
		at += n_mark;
	}
	return false;
}

static bool unseen_in(const char *s, size_t n)
{
	return found(s, n, "Tr", unpainted) || found(s, n, "/ca", transparent);
}

/* Looks through a zlib stream piece by piece. *left: bytes that may still come out of the file. */
static bool unseen_in_deflated(const char *s, size_t n, size_t *left)
{
	static char window[OVERLAP + PIECE];
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)s, .avail_in = (uInt)(n < 1u << 30 ? n : 1u << 30)};
	size_t kept = 0;
	int rc = Z_OK;
	bool unseen = false;

	if (inflateInit(&z) != Z_OK) {
		return false;
	}
	while (rc == Z_OK && *left > 0 && !unseen) {
		size_t got;

		z.next_out = (Bytef *)window + kept;
		z.avail_out = PIECE;
		rc = inflate(&z, Z_NO_FLUSH);
		got = kept + PIECE - z.avail_out;
		*left -= *left < got - kept ? *left : got - kept;
		unseen = unseen_in(window, got);
		kept = got < OVERLAP ? got : OVERLAP;
		memmove(window, window + got - kept, kept);
	}
	inflateEnd(&z);
	return unseen;
}

/* Appends what ASCII85 text up to "~>" stands for. */
static void add_ascii85(struct buf *out, const char *s, size_t n)
{
	uint32_t group = 0;
	int n_digits = 0;

	buf_reserve(out, n / 5 * 4 + 4);
	for (size_t i = 0; i < n && s[i] != '~'; i++) {
		if (s[i] == 'z' && n_digits == 0) {
			buf_add(out, "\0\0\0\0", 4);
		} else if (s[i] >= '!' && s[i] <= 'u') {
			group = group * 85 + (uint32_t)(s[i] - '!');
			if (++n_digits == 5) {
				char bytes[4] = {(char)(group >> 24), (char)(group >> 16),
					(char)(group >> 8), (char)group};

				buf_add(out, bytes, 4);
				group = 0;
				n_digits = 0;
			}
		}
	}
	/* Of the last, shorter group the first bytes are certain. */
	if (n_digits > 1) {
		for (int i = n_digits; i < 5; i++) {
			group = group * 85 + 84;
		}
		for (int i = 0; i < n_digits - 1; i++) {
			buf_char(out, (char)(group >> (24 - 8 * i)));
		}
	}
}

/* ── streams and their dictionaries ── */

static bool has(const char *s, size_t n, const char *word)
{
	return memmem(s, n, word, strlen(word)) != NULL;
}

static int64_t number_after(const char *s, size_t n, const char *key)
{
	const char *at = memmem(s, n, key, strlen(key)), *end = s + n;
	int64_t v = 0;

	at = at ? at + strlen(key) : end;
	while (at < end && is_blank(*at)) {
		at++;
	}
	for (; at < end && isdigit((unsigned char)*at) && v < 1000000000; at++) {
		v = v * 10 + (*at - '0');
	}
	return v;
}

/* Fonts, pictures, colour profiles and the like draw no text. */
static bool is_other(const char *dict, size_t n)
{
	static const char *const SIGNS[] = {"/Length1", "/Length2", "/FontFile", "Type1C",
		"CIDFontType0C", "/OpenType", "/XRef", "/Metadata", "/Alternate", "/FunctionType",
		"/EmbeddedFile"};

	for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
		if (has(dict, n, SIGNS[i])) {
			return true;
		}
	}
	return false;
}

static bool stream_suspect(const char *dict, size_t n_dict, const char *s, size_t n, size_t *left)
{
	bool deflated = has(dict, n_dict, "/FlateDecode") || has(dict, n_dict, "/Fl ");
	bool unseen;

	if (has(dict, n_dict, "/ASCII85Decode") || has(dict, n_dict, "/A85")) {
		struct buf plain = BUF_INIT;
		const char *end = memmem(s, n, "~>", 2);

		n = end ? (size_t)(end - s) : 0;
		n = n < *left ? n : 0;
		*left -= n;
		add_ascii85(&plain, s, n);
		unseen = plain.len && (deflated ? unseen_in_deflated(plain.data, plain.len, left)
						: unseen_in(plain.data, plain.len));
		buf_finish(&plain);
		return unseen;
	}
	if (deflated) {
		return unseen_in_deflated(s, n, left);
	}
	if (!has(dict, n_dict, "/Filter")) {
		const char *end = memmem(s, n, "endstream", 9);

		return unseen_in(s, end ? (size_t)(end - s) : 0);
	}
	return false;
}

void pdf_suspect(const char *bytes, size_t n_bytes, struct pdf_suspicion *out)
{
	const char *at = bytes, *end = bytes + n_bytes, *after = bytes;
	size_t left = INFLATED_MAX;

	out->unseen = found(bytes, n_bytes, "/ca", transparent);
	while ((at = memmem(at, (size_t)(end - at), "stream", 6)) != NULL) {
		const char *s = at + 6, *dict;

		if (at - bytes >= 3 && memcmp(at - 3, "end", 3) == 0) {
			after = at = s;
			continue;
		}
		dict = at - after > DICTIONARY_MAX ? at - DICTIONARY_MAX : after;
		s += s < end && *s == '\r';
		s += s < end && *s == '\n';
		if (has(dict, (size_t)(at - dict), "/Image")) {
			size_t n = (size_t)(at - dict);

			out->undrawable =
				out->undrawable ||
				number_after(dict, n, "/Width") * number_after(dict, n, "/Height") >
					PIXELS_MAX;
		} else if (!out->unseen && left && !is_other(dict, (size_t)(at - dict))) {
			out->unseen = stream_suspect(
				dict, (size_t)(at - dict), s, (size_t)(end - s), &left);
		}
		at = s;
	}
	/* Under another name a page's crop box is none. */
	if (n_bytes < COPY_MAX && memmem(bytes, n_bytes, "/CropBox", 8)) {
		char *copy = malloc(n_bytes), *p = copy;

		ASSERT(copy != NULL);
		memcpy(copy, bytes, n_bytes);
		while ((p = memmem(p, n_bytes - (size_t)(p - copy), "/CropBox", 8)) != NULL) {
			p[1] = 'X';
		}
		out->uncropped = poppler_document_new_from_bytes(
			g_bytes_new_static(copy, n_bytes), NULL, NULL);
	}
}
