/*
 * Encoded words in header fields (RFC 2047):
 *
 *   =?ISO-8859-1?Q?Gr=FC=DFe?= =?ISO-8859-1?Q?_aus_Bonn?=
 *
 * White space between two of them is nothing, and mailers cut characters in two between words of
 * one charset: their bytes are put together before they are converted.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "index/base/utf8.h"
#include "ingest/mail.h"

#define CHARSET_MAX 40
#define WORD_MAX 4096 /* bytes; 75 in the RFC, and what never ends is not searched for its end */

struct words {
	struct buf bytes; /* of the words seen, not converted yet */
	char charset[CHARSET_MAX];
	struct buf *out;
};

static void add_converted(struct buf *out, const char *p, size_t n, const char *charset)
{
	struct buf text = BUF_INIT;

	if (n && text_decode(p, n, charset, &text)) {
		buf_add(out, text.data ? text.data : "", text.len);
	}
	buf_finish(&text);
}

static void end_words(struct words *w)
{
	add_converted(w->out, w->bytes.data ? w->bytes.data : "", w->bytes.len, w->charset);
	buf_clear(&w->bytes);
	w->charset[0] = '\0';
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

static void decode_q(const char *s, const char *end, struct buf *out)
{
	while (s < end) {
		if (*s == '=' && end - s > 2 && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0) {
			buf_char(out, (char)(hex_digit(s[1]) << 4 | hex_digit(s[2])));
			s += 3;
		} else {
			buf_char(out, *s == '_' ? ' ' : *s);
			s++;
		}
	}
}

static void decode_b(const char *s, const char *end, struct buf *out)
{
	static const char DIGITS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	int n_bits = 0;

	for (; s < end && *s != '='; s++) {
		const char *digit = *s ? strchr(DIGITS, *s) : NULL;

		if (!digit) {
			continue;
		}
		bits = bits << 6 | (uint32_t)(digit - DIGITS);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			buf_char(out, (char)(bits >> n_bits & 0xff));
		}
	}
}

/* The word that begins at s, or NULL; else where it ends. */
static const char *take_word(struct words *w, const char *s, const char *end)
{
	const char *charset = s + 2, *mark, *text, *stop;
	char name[CHARSET_MAX];
	size_t n;

	end = end - s > WORD_MAX ? s + WORD_MAX : end;
	mark = end - s > 6 && s[0] == '=' && s[1] == '?'
		       ? memchr(charset, '?', (size_t)(end - charset))
		       : NULL;
	if (!mark || mark == charset || end - mark < 5 || mark[2] != '?' ||
		!strchr("qQbB", mark[1]) || !mark[1]) {
		return NULL;
	}
	text = mark + 3;
	stop = memmem(text, (size_t)(end - text), "?=", 2);
	/* a language may follow the charset (RFC 2231, 5) */
	n = (size_t)(mark - charset);
	if (memchr(charset, '*', n)) {
		n = (size_t)((const char *)memchr(charset, '*', n) - charset);
	}
	if (!stop || !n || n >= CHARSET_MAX) {
		return NULL;
	}
	memcpy(name, charset, n);
	name[n] = '\0';
	if (strcasecmp(name, w->charset) != 0) {
		end_words(w);
		memcpy(w->charset, name, n + 1);
	}
	if (tolower((unsigned char)mark[1]) == 'q') {
		decode_q(text, stop, &w->bytes);
	} else {
		decode_b(text, stop, &w->bytes);
	}
	return stop + 2;
}

/* The end of plain text that begins at s: before an encoded word, and before the blanks there. */
static const char *plain_end(const char *s, const char *end)
{
	const char *next = s + 1;

	while (next < end && !(*next == '=' && end - next > 1 && next[1] == '?')) {
		next++;
	}
	while (next > s + 1 && isspace((unsigned char)next[-1])) {
		next--;
	}
	return next;
}

void mail_decode(const char *raw, size_t n_bytes, struct buf *out)
{
	struct words w = {.out = out};
	const char *s = raw, *end = raw + n_bytes;

	while (s < end) {
		const char *at = s;
		bool after_word = w.charset[0] != '\0';
		const char *next;

		while (at < end && isspace((unsigned char)*at)) {
			at++;
		}
		if (at == end) {
			break;
		}
		next = take_word(&w, at, end);
		if (!next) {
			end_words(&w);
			next = plain_end(at, end);
			after_word = false;
		}
		if (at > s && out->len && !after_word) {
			buf_char(out, ' ');
		}
		if (!w.charset[0]) {
			add_converted(out, at, (size_t)(next - at), NULL);
		}
		s = next;
	}
	end_words(&w);
	for (size_t i = 0; i < out->len; i++) {
		out->data[i] = strchr("\r\n\t", out->data[i]) ? ' ' : out->data[i];
	}
	buf_finish(&w.bytes);
}
