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
#define OVERLAP 1024 /* bytes of a piece that are looked at again with the next */
#define HEAD_LEAST 4 /* letters by which a page is told */
#define SHOWN_MAX                                                                                  \
	2 /* letters in an invisible mode that are no matter: layout programs leave some */

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\0' || c == '\f';
}

/* What is shown from s[i] to the next mode: how many letters, and those of the first string or
 * array of strings that are ASCII letters or digits. */
struct shown {
	size_t n_letters;
	char head[24];
	size_t n_head;
	bool open; /* more may come to the head */
};

static void add_shown(struct shown *out, const char *s, size_t n, size_t *i)
{
	char c = s[*i];

	if (c == '\\') {
		out->n_letters++;
		while (*i + 1 < n && isdigit((unsigned char)s[*i + 1])) {
			(*i)++; /* "\036" is one */
		}
		return;
	}
	out->n_letters += isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
	if (isalnum((unsigned char)c) && out->open && out->n_head + 1 < sizeof(out->head)) {
		out->head[out->n_head++] = c;
	}
}

static struct shown shown_from(const char *s, size_t n, size_t i)
{
	size_t end = i + OVERLAP < n ? i + OVERLAP : n, n_digits = 0;
	struct shown out = {.open = true};
	char in = '\0'; /* '(' or '<': a string */

	for (; i + 1 < end; i++) {
		char c = s[i];

		if (in == '(' && c != ')') {
			add_shown(&out, s, end, &i);
		} else if (in == '<' && c != '>') {
			n_digits += isxdigit((unsigned char)c) != 0;
			out.n_head = 0; /* of unknown letters */
		} else if (in) {
			in = '\0';
		} else if (c == '(' || (c == '<' && s[i + 1] != '<' && s[i - 1] != '<')) {
			in = c;
		} else if (c == 'T' && s[i + 1] == 'r') {
			break;
		} else if (c == 'T' && (s[i + 1] == 'j' || s[i + 1] == 'J')) {
			out.open = out.open && out.n_head < HEAD_LEAST;
			out.n_head = out.open ? 0 : out.n_head;
		}
	}
	out.n_letters += n_digits / 4;
	return out;
}

/* "3 Tr" whose "Tr" is at s[i]. */
static bool is_unpainted(const char *s, size_t n, size_t i)
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

/* Notes the text that "3 Tr" hides. */
static void note_unpainted(const char *s, size_t n, size_t i, struct pdf_suspicion *out)
{
	struct shown shown;

	if (!is_unpainted(s, n, i)) {
		return;
	}
	shown = shown_from(s, n, i + 2);
	if (shown.n_letters <= SHOWN_MAX) {
		return;
	}
	shown.head[shown.n_head] = '\0';
	if (shown.n_head < HEAD_LEAST || out->n_unpainted == PDF_UNSEEN_MAX) {
		out->unseen = true;
	} else {
		memcpy(out->unpainted[out->n_unpainted++], shown.head, sizeof(shown.head));
	}
}

/* "/ca 0" whose "/ca" is at s[i]. */
static bool is_transparent(const char *s, size_t n, size_t i)
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

static void note_transparent(const char *s, size_t n, size_t i, struct pdf_suspicion *out)
{
	out->unseen = out->unseen || is_transparent(s, n, i);
}

/* As memmem, for bytes of which few are the mark's first. */
static const char *next_mark(const char *s, const char *end, const char *mark, size_t n_mark)
{
	while ((s = memchr(s, mark[0], (size_t)(end - s))) != NULL) {
		if ((size_t)(end - s) < n_mark) {
			return NULL;
		}
		if (memcmp(s, mark, n_mark) == 0) {
			return s;
		}
		s++;
	}
	return NULL;
}

static void find(const char *s, size_t n, const char *mark,
	void (*note)(const char *s, size_t n, size_t i, struct pdf_suspicion *out),
	struct pdf_suspicion *out)
{
	const char *at = s, *end = s + n;
	size_t n_mark = strlen(mark);

	while (!out->unseen && (at = next_mark(at, end, mark, n_mark)) != NULL) {
		note(s, n, (size_t)(at - s), out);
		at += n_mark;
	}
}

static void look_at(const char *s, size_t n, struct pdf_suspicion *out)
{
	find(s, n, "Tr", note_unpainted, out);
	find(s, n, "/ca", note_transparent, out);
}

/* Looks at what a zlib stream inflates to, piece by piece. *left: bytes that may still come out of
 * the file. */
static void look_at_deflated(const char *s, size_t n, size_t *left, struct pdf_suspicion *out)
{
	static char window[OVERLAP + PIECE];
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)s, .avail_in = (uInt)(n < 1u << 30 ? n : 1u << 30)};
	size_t kept = 0;
	int rc = Z_OK;

	if (inflateInit(&z) != Z_OK) {
		return;
	}
	while (rc == Z_OK && *left > 0 && !out->unseen) {
		size_t got;

		z.next_out = (Bytef *)window + kept;
		z.avail_out = PIECE;
		rc = inflate(&z, Z_NO_FLUSH);
		got = kept + PIECE - z.avail_out;
		*left -= *left < got - kept ? *left : got - kept;
		look_at(window, got, out);
		kept = got < OVERLAP ? got : OVERLAP;
		memmove(window, window + got - kept, kept);
	}
	inflateEnd(&z);
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

/* Where the object whose stream begins at `at` begins; not before `after`. */
static const char *dictionary(const char *after, const char *at)
{
	const char *p = at;

	while (p > after && at - p < DICTIONARY_MAX &&
		!(at - p >= 3 && p[0] == 'o' && p[1] == 'b' && p[2] == 'j')) {
		p--;
	}
	return p;
}

/* Where streams end. What calls itself the start of one may stand in another a hundred thousand
 * times: each end is looked for once. */
struct ends {
	const char *plain, *ascii85; /* the next of them; NULL: not looked for yet; `end`: none */
	const char *looked;	     /* up to here a stream without filters was looked at */
};

static const char *next_end(const char **known, const char *s, const char *end, const char *mark)
{
	if (!*known || *known < s) {
		const char *at = memmem(s, (size_t)(end - s), mark, strlen(mark));

		*known = at ? at : end;
	}
	return *known;
}

static void look_at_stream(const char *dict, size_t n_dict, const char *s, const char *end,
	struct ends *ends, size_t *left, struct pdf_suspicion *out)
{
	const char *stop;
	bool deflated = has(dict, n_dict, "/FlateDecode") || has(dict, n_dict, "/Fl ");

	if (has(dict, n_dict, "/ASCII85Decode") || has(dict, n_dict, "/A85")) {
		struct buf plain = BUF_INIT;
		size_t n;

		stop = next_end(&ends->ascii85, s, end, "~>");
		n = stop < end ? (size_t)(stop - s) : 0;
		n = n < *left ? n : 0;
		*left -= n;
		add_ascii85(&plain, s, n);
		if (plain.len && deflated) {
			look_at_deflated(plain.data, plain.len, left, out);
		} else if (plain.len) {
			look_at(plain.data, plain.len, out);
		}
		buf_finish(&plain);
	} else if (deflated) {
		look_at_deflated(s, (size_t)(end - s), left, out);
	} else if (!has(dict, n_dict, "/Filter")) {
		stop = next_end(&ends->plain, s, end, "endstream");
		if (stop < end && stop > ends->looked) {
			look_at(s, (size_t)(stop - s), out);
			ends->looked = stop;
		}
	}
}

void pdf_suspect(const char *bytes, size_t n_bytes, struct pdf_suspicion *out)
{
	const char *at = bytes, *end = bytes + n_bytes, *after = bytes;
	size_t left = INFLATED_MAX;
	struct ends ends = {.looked = bytes};

	find(bytes, n_bytes, "/ca", note_transparent, out);
	while ((at = next_mark(at, end, "stream", 6)) != NULL) {
		const char *s = at + 6, *dict;

		if (at - bytes >= 3 && memcmp(at - 3, "end", 3) == 0) {
			after = at = s;
			continue;
		}
		dict = dictionary(after, at);
		s += s < end && *s == '\r';
		s += s < end && *s == '\n';
		if (has(dict, (size_t)(at - dict), "/Image")) {
			size_t n = (size_t)(at - dict);

			out->undrawable =
				out->undrawable ||
				number_after(dict, n, "/Width") * number_after(dict, n, "/Height") >
					PIXELS_MAX;
		} else if (!out->unseen && left && !is_other(dict, (size_t)(at - dict))) {
			look_at_stream(dict, (size_t)(at - dict), s, end, &ends, &left, out);
		}
		at = s;
	}
	/* Under another name a page's crop box is none. */
	if (n_bytes < COPY_MAX && next_mark(bytes, end, "/CropBox", 8)) {
		char *copy = malloc(n_bytes), *p = copy;

		ASSERT(copy != NULL);
		memcpy(copy, bytes, n_bytes);
		while ((p = memmem(p, n_bytes - (size_t)(p - copy), "/CropBox", 8)) != NULL) {
			const char *value = p + 8, *stop = copy + n_bytes;

			while (value < stop && is_blank(*value)) {
				value++;
			}
			/* an array, or where it is; not the words on some page */
			if (value < stop && (*value == '[' || isdigit((unsigned char)*value))) {
				p[1] = 'X';
			}
			p += 8;
		}
		out->uncropped = poppler_document_new_from_bytes(
			g_bytes_new_static(copy, n_bytes), NULL, NULL);
	}
}
