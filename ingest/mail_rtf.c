/*
 * The RTF bodies of Outlook's messages. They are compressed by a Lempel-Ziv of their own
 * (MS-OXRTFCP 2.2): eight items a control byte, an item a byte or a reference into the last 4096
 * bytes, which begin with words that every RTF has. Many wrap HTML (MS-OXRTFEX):
 *
 *   {\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}Dear Ada\htmlrtf \par \htmlrtf0 {\*\htmltag72 </p>}}
 *
 * what stands in \*\htmltag groups and outside of \htmlrtf … \htmlrtf0 is the page.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/utf8.h"
#include "ingest/mail.h"

#define WINDOW 4096
#define GROUPS_MAX 1000

static const char FIRST_WORDS[] =
	"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
	"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
	"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

static uint32_t u32_at(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static void inflate_items(const unsigned char *p, const unsigned char *end, struct buf *out)
{
	char window[WINDOW] = {0};
	size_t at = sizeof(FIRST_WORDS) - 1;

	memcpy(window, FIRST_WORDS, at);
	while (p < end && !out->over) {
		unsigned int control = *p++;

		for (int i = 0; i < 8 && p < end; i++, control >>= 1) {
			size_t from, n;

			if (!(control & 1)) {
				buf_char(out, (char)*p);
				window[at] = (char)*p++;
				at = (at + 1) % WINDOW;
				continue;
			}
			if (end - p < 2) {
				return;
			}
			from = (size_t)p[0] << 4 | p[1] >> 4;
			n = (size_t)(p[1] & 15) + 2;
			p += 2;
			if (from == at) {
				return; /* the end's mark */
			}
			for (; n; n--) {
				buf_char(out, window[from]);
				window[at] = window[from];
				from = (from + 1) % WINDOW;
				at = (at + 1) % WINDOW;
			}
		}
	}
}

bool mail_rtf_unpack(const char *p, size_t n_bytes, size_t max, struct buf *out)
{
	if (n_bytes < 16) {
		return false;
	}
	out->limit = max;
	if (memcmp(p + 8, "MELA", 4) == 0) {
		size_t n = u32_at(p + 4);

		buf_add(out, p + 16, n < n_bytes - 16 ? n : n_bytes - 16);
	} else if (memcmp(p + 8, "LZFu", 4) == 0) {
		inflate_items(
			(const unsigned char *)p + 16, (const unsigned char *)p + n_bytes, out);
	} else {
		return false;
	}
	return out->len > 0;
}

/* ── its text ── */

struct group {
	bool skipped;  /* a destination that is no text */
	bool tag;      /* \*\htmltag */
	int n_after_u; /* characters to pass over after \u (\uc) */
};

struct rtf {
	const char *p, *end;
	struct buf *out;
	struct group groups[GROUPS_MAX];
	int depth;
	bool is_html, in_htmlrtf, star;
	struct buf bytes; /* of \'xx, not converted yet */
	char charset[32];
	int pass_over;
};

static struct group *top(struct rtf *r)
{
	return &r->groups[r->depth];
}

static bool is_written(struct rtf *r)
{
	return !top(r)->skipped && (!r->in_htmlrtf || top(r)->tag);
}

static void convert_bytes(struct rtf *r)
{
	struct buf text = BUF_INIT;

	if (r->bytes.len && text_decode(r->bytes.data, r->bytes.len, r->charset, &text)) {
		buf_add(r->out, text.data ? text.data : "", text.len);
	}
	buf_clear(&r->bytes);
	buf_finish(&text);
}

static void write_byte(struct rtf *r, char c)
{
	if (r->pass_over) {
		r->pass_over--;
	} else if (is_written(r)) {
		buf_char(&r->bytes, c);
	}
}

static void write_words(struct rtf *r, const char *s)
{
	if (is_written(r)) {
		convert_bytes(r);
		buf_str(r->out, s);
	}
}

static void write_code_point(struct rtf *r, int c)
{
	char utf8[5] = {0};
	uint32_t u = (uint32_t)(c < 0 ? c + 65536 : c);

	/* Halves of a pair come one by one: characters beyond U+FFFF are rare in mail, and left
	 * out. */
	if (u && u < 0x10000 && !(u >= 0xd800 && u < 0xe000)) {
		utf8[utf8_encode(u, utf8)] = '\0';
		write_words(r, utf8);
	}
	r->pass_over = top(r)->n_after_u;
}

static bool is_word(const char *word, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(word, *list) == 0) {
			return true;
		}
	}
	return false;
}

static void take_word(struct rtf *r, const char *word, bool has_number, int number)
{
	static const char *const NO_TEXT[] = {"fonttbl", "colortbl", "stylesheet", "info", "pict",
		"header", "footer", "headerl", "headerr", "footerl", "footerr", "object", NULL};
	static const struct {
		const char *word, *text;
	} SIGNS[] = {{"par", "\n"}, {"line", "\n"}, {"row", "\n"}, {"cell", "\t"}, {"tab", "\t"},
		{"lquote", "‘"}, {"rquote", "’"}, {"ldblquote", "“"}, {"rdblquote", "”"},
		{"bullet", "•"}, {"endash", "–"}, {"emdash", "—"}};

	if (strcmp(word, "htmltag") == 0) {
		top(r)->tag = true;
	} else if (r->star || is_word(word, NO_TEXT)) {
		top(r)->skipped = true;
	} else if (strcmp(word, "fromhtml") == 0) {
		r->is_html = true;
	} else if (strcmp(word, "htmlrtf") == 0) {
		convert_bytes(r);
		r->in_htmlrtf = !has_number || number;
	} else if (strcmp(word, "ansicpg") == 0) {
		snprintf(r->charset, sizeof(r->charset), "windows-%d", number);
	} else if (strcmp(word, "uc") == 0) {
		top(r)->n_after_u = number < 0 || number > 16 ? 1 : number;
	} else if (strcmp(word, "u") == 0) {
		write_code_point(r, number);
	}
	r->star = false;
	for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
		if (strcmp(word, SIGNS[i].word) == 0) {
			write_words(r, SIGNS[i].text);
		}
	}
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* Behind a '\'. */
static void take_control(struct rtf *r)
{
	char word[33], digits[12];
	size_t n = 0, n_digits = 0;

	if (!isalpha((unsigned char)*r->p)) {
		char c = *r->p++;

		if (c == '\'' && r->end - r->p >= 2 && hex_digit(r->p[0]) >= 0 &&
			hex_digit(r->p[1]) >= 0) {
			write_byte(r, (char)(hex_digit(r->p[0]) << 4 | hex_digit(r->p[1])));
			r->p += 2;
		} else if (c == '*') {
			r->star = true;
		} else if (c == '~') {
			write_words(r, " ");
		} else if (c == '\\' || c == '{' || c == '}') {
			write_byte(r, c);
		}
		return;
	}
	while (r->p < r->end && isalpha((unsigned char)*r->p) && n < sizeof(word) - 1) {
		word[n++] = *r->p++;
	}
	word[n] = '\0';
	while (r->p < r->end && n_digits < sizeof(digits) - 1 &&
		(isdigit((unsigned char)*r->p) || (!n_digits && *r->p == '-'))) {
		digits[n_digits++] = *r->p++;
	}
	digits[n_digits] = '\0';
	r->p += r->p < r->end && *r->p == ' ';
	take_word(r, word, n_digits > 0, (int)strtol(digits, NULL, 10));
}

static bool open_group(struct rtf *r)
{
	if (r->depth + 1 == GROUPS_MAX) {
		return false;
	}
	r->groups[r->depth + 1] = r->groups[r->depth];
	r->depth++;
	r->star = false;
	return true;
}

void mail_rtf_text(const char *p, size_t n_bytes, struct buf *out, bool *is_html)
{
	struct rtf *r = calloc(1, sizeof(*r));
	bool ok = true;

	ASSERT(r != NULL);
	r->p = p;
	r->end = p + n_bytes;
	r->out = out;
	r->groups[0].n_after_u = 1;
	snprintf(r->charset, sizeof(r->charset), "windows-1252");
	while (ok && r->p < r->end) {
		char c = *r->p++;

		if (c == '{') {
			ok = open_group(r);
		} else if (c == '}') {
			convert_bytes(r);
			r->depth -= r->depth > 0;
			r->pass_over = 0;
		} else if (c == '\\' && r->p < r->end) {
			take_control(r);
		} else if (c != '\r' && c != '\n' && c) {
			write_byte(r, c);
		}
	}
	convert_bytes(r);
	*is_html = r->is_html;
	buf_finish(&r->bytes);
	free(r);
}
