#include "chat/cli/text.h"

#include <inttypes.h>
#include <string.h>
#include <unicode/uchar.h>

#include "index/base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define ELLIPSIS "\xe2\x80\xa6"

/* Characters that act on the terminal or on the order of what is shown, and show nothing
 * themselves. */
static bool steers(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
	       (c >= 0x200b && c <= 0x200f && c != 0x200c && c != 0x200d) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

void text_clean(struct buf *out, const char *s, size_t n_bytes, bool lines)
{
	for (size_t i = 0; i < n_bytes;) {
		int used;
		uint32_t c = utf8_decode(s + i, n_bytes - i, &used);

		if (c == '\n' || c == '\t') {
			buf_char(out, lines ? (char)c : ' ');
		} else if (c == '\r') {
			buf_str(out, lines ? "" : " ");
		} else if (c == 0xfffd || steers(c)) {
			buf_str(out, REPLACEMENT);
		} else {
			buf_add(out, s + i, (size_t)used);
		}
		i += (size_t)used;
	}
}

static int width_of(uint32_t c)
{
	int kind;

	if (c < 0x300) {
		return c >= 0x20 && c != 0x7f;
	}
	kind = u_charType((UChar32)c);
	if (kind == U_NON_SPACING_MARK || kind == U_ENCLOSING_MARK || kind == U_FORMAT_CHAR) {
		return 0;
	}
	kind = u_getIntPropertyValue((UChar32)c, UCHAR_EAST_ASIAN_WIDTH);
	return kind == U_EA_WIDE || kind == U_EA_FULLWIDTH ? 2 : 1;
}

size_t text_fit(const char *s, size_t n_bytes, int columns, int *used)
{
	size_t i = 0;

	*used = 0;
	while (i < n_bytes) {
		int n;
		int width = width_of(utf8_decode(s + i, n_bytes - i, &n));

		if (*used + width > columns) {
			break;
		}
		*used += width;
		i += (size_t)n;
	}
	return i;
}

int text_width(const char *s, size_t n_bytes)
{
	int used;

	text_fit(s, n_bytes, INT32_MAX / 4, &used);
	return used;
}

void text_cell(struct buf *out, const char *s, int columns, bool right)
{
	size_t n = strlen(s);
	int used;
	size_t fits = text_fit(s, n, columns, &used);

	if (fits < n && columns > 0) {
		fits = text_fit(s, n, columns - 1, &used);
		buf_add(out, s, fits);
		buf_str(out, ELLIPSIS);
		used++;
		right = false;
	} else if (!right) {
		buf_add(out, s, fits);
	}
	for (; used < columns; used++) {
		buf_char(out, ' ');
	}
	if (right) {
		buf_add(out, s, fits);
	}
}

size_t text_line(const char *s, size_t n_bytes, int columns, size_t *skip)
{
	int used;
	size_t fits = text_fit(s, n_bytes, columns, &used);
	const char *newline = memchr(s, '\n', fits < n_bytes ? fits + 1 : fits);
	size_t end;

	*skip = 1;
	if (newline) {
		return (size_t)(newline - s);
	}
	if (fits == n_bytes) {
		*skip = 0;
		return fits;
	}
	for (end = fits; end > 0 && s[end] != ' '; end--) {
		int n;
		size_t start = end;

		while (start > 0 && ((unsigned char)s[start] & 0xc0) == 0x80) {
			start--;
		}
		if (start > 0 && utf8_is_cjk(utf8_decode(s + start, n_bytes - start, &n))) {
			*skip = 0;
			return start;
		}
		end = start > 0 ? start : 1;
	}
	if (end == 0) {
		*skip = 0;
		end = fits > 0 ? fits : 1;
	}
	return end;
}

void text_wrap(struct buf *out, const char *s, int columns, int indent)
{
	size_t n = strlen(s);
	int room = columns - indent > 8 ? columns - indent : 8;

	while (n > 0) {
		size_t skip;
		size_t line = text_line(s, n, room, &skip);

		buf_printf(out, "%*s%.*s\n", indent, "", (int)line, s);
		s += line + skip;
		n -= line + skip;
	}
}

/* The word that was held back, with the blanks before it, which vanish where a line ends. */
static void flow_word(struct text_flow *f, struct buf *out)
{
	const char *word = f->word.data ? f->word.data : "";
	int width = text_width(word, f->word.len);
	size_t blanks = strspn(word, " ");

	if (f->columns > 0 && f->used > 0 && blanks < f->word.len && f->used + width > f->columns) {
		buf_char(out, '\n');
		word += blanks;
		width -= (int)blanks;
		f->used = 0;
	}
	buf_str(out, word);
	f->used += width;
	f->after_cjk = false;
	buf_clear(&f->word);
}

void text_flow_add(struct text_flow *f, struct buf *out, const char *s, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes;) {
		int used;
		uint32_t c = utf8_decode(s + i, n_bytes - i, &used);
		bool begun = f->word.len > strspn(f->word.data ? f->word.data : "", " ");

		if (c == '\n') {
			flow_word(f, out);
			buf_char(out, '\n');
			f->used = 0;
		} else {
			if (begun && (c == ' ' || f->after_cjk || utf8_is_cjk(c))) {
				flow_word(f, out);
			}
			buf_add(&f->word, s + i, (size_t)used);
			f->after_cjk = utf8_is_cjk(c);
		}
		i += (size_t)used;
	}
}

void text_flow_end(struct text_flow *f, struct buf *out)
{
	flow_word(f, out);
	buf_finish(&f->word);
}

void text_bytes(struct buf *out, int64_t n_bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double v = (double)n_bytes;
	int u = 0;

	while (v >= 999.5 && u < 4) {
		v /= 1000;
		u++;
	}
	if (u == 0) {
		buf_printf(out, "%" PRId64 " B", n_bytes);
	} else {
		buf_printf(out, v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[u]);
	}
}

void text_duration(struct buf *out, int64_t seconds)
{
	if (seconds >= 3600) {
		buf_printf(out, "%" PRId64 ":%02d:%02d", seconds / 3600, (int)(seconds / 60 % 60),
			(int)(seconds % 60));
	} else {
		buf_printf(out, "%d:%02d", (int)(seconds / 60), (int)(seconds % 60));
	}
}
