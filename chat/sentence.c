#include "chat/sentence.h"

#include <ctype.h>
#include <string.h>

#include "index/base/utf8.h"

static const char *const abbreviations[] = {"mr", "mrs", "ms", "dr", "prof", "no", "nr", "art",
	"abs", "sec", "fig", "vs", "etc", "bzw", "ca", "st", "inc", "ltd", "co", "approx", "vol",
	"pp", "usw", "max", "min", "tel", "str", "ggf", "inkl", "evtl", "jan", "feb", "mar", "apr",
	"aug", "sep", "sept", "oct", "okt", "nov", "dec", "dez", "e.g", "i.e", "z.b", "d.h", "u.a",
	"a.m", "p.m"};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ── one terminator ── */

/* Length of a terminator at s; *cjk: it needs no blank after it. */
static size_t terminator(const char *s, size_t n, bool *cjk)
{
	static const char *const wide[] = {"。", "！", "？", "．"};

	*cjk = false;
	if (*s == '.' || *s == '!' || *s == '?') {
		return 1;
	}
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		if (n >= 3 && memcmp(s, wide[i], 3) == 0) {
			*cjk = true;
			return 3;
		}
	}
	return 0;
}

static size_t closer(const char *s, size_t n)
{
	static const char *const marks[] = {
		"\"", "'", ")", "”", "’", "»", "“", "」", "』", "）", "*", "_"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t len = strlen(marks[i]);

		if (n >= len && memcmp(s, marks[i], len) == 0) {
			return len;
		}
	}
	return 0;
}

size_t sentence_marker(const char *s, size_t n)
{
	size_t i = 1;

	if (n < 3 || s[0] != '[' || !isdigit((unsigned char)s[1])) {
		return 0;
	}
	while (i < n && i < 64 && (isdigit((unsigned char)s[i]) || s[i] == ',' || s[i] == ' ')) {
		i++;
	}
	return i < n && s[i] == ']' ? i + 1 : 0;
}

/* Whether the '.' at dot only shortens a word or counts: "Dr.", "J.", "1. March", "12. a". */
static bool only_a_dot(const char *s, size_t from, size_t dot, size_t next, size_t n)
{
	size_t w = dot;
	size_t len, digits = 0;
	char word[8];

	while (w > from && !is_blank(s[w - 1]) && s[w - 1] != '(' && s[w - 1] != '|') {
		w--;
	}
	len = dot - w;
	if (next < n && islower((unsigned char)s[next])) {
		return true;
	}
	if (len == 0 || len >= sizeof(word)) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		word[i] = (char)tolower((unsigned char)s[w + i]);
		digits += isdigit((unsigned char)s[w + i]) ? 1 : 0;
	}
	word[len] = '\0';
	if (digits == len) {
		return len <= 2 &&
		       (w == from || (next < n && isalpha((unsigned char)s[next]) && len == 1));
	}
	if (len == 1 && isupper((unsigned char)s[w])) {
		return true;
	}
	for (size_t i = 0; i < sizeof(abbreviations) / sizeof(abbreviations[0]); i++) {
		if (strcmp(word, abbreviations[i]) == 0) {
			return true;
		}
	}
	return false;
}

static size_t skip_markers(const char *s, size_t n, size_t at)
{
	for (;;) {
		size_t j = at;
		size_t len;

		while (j < n && (s[j] == ' ' || s[j] == '\t')) {
			j++;
		}
		len = sentence_marker(s + j, n - j);
		if (len == 0) {
			return at;
		}
		at = j + len;
	}
}

/* A '[' near the end of what has come may become a marker of the sentence before it, and the next
 * letter tells whether a dot only shortens a word. */
static bool may_go_on(const char *s, size_t n, size_t at)
{
	size_t next = at;

	while (next < n && is_blank(s[next])) {
		next++;
	}
	if (next >= n) {
		return true;
	}
	while (at < n && (s[at] == ' ' || s[at] == '\t')) {
		at++;
	}
	return s[at] == '[' && n - at < 64 && !memchr(s + at, ']', n - at);
}

static bool only_blanks(const char *s, size_t from, size_t to)
{
	while (from < to && is_blank(s[from])) {
		from++;
	}
	return from == to;
}

size_t sentence_end(const char *s, size_t n, size_t from, bool final)
{
	size_t looked = from;

	return sentence_end_on(s, n, from, &looked, final);
}

size_t sentence_end_on(const char *s, size_t n, size_t from, size_t *looked, bool final)
{
	size_t i = *looked > from ? *looked : from;
	bool seen = !only_blanks(s, from, i);

	while (i < n) {
		bool cjk;
		size_t len = terminator(s + i, n - i, &cjk);
		size_t end = i + len, next;

		if (s[i] == '\n' && seen) {
			return i;
		}
		seen = seen || !is_blank(s[i]);
		if (len == 0) {
			i++;
			continue;
		}
		while (end < n && closer(s + end, n - end) > 0) {
			end += closer(s + end, n - end);
		}
		end = skip_markers(s, n, end);
		if (!final && may_go_on(s, n, end)) {
			*looked = i;
			return 0;
		}
		next = end;
		while (next < n && is_blank(s[next])) {
			next++;
		}
		if ((cjk || end == n || next > end || s[end - 1] == ']') &&
			(s[i] != '.' || !only_a_dot(s, from, i, next, n))) {
			return end;
		}
		i += len;
	}
	*looked = n;
	return final ? n : 0;
}

/* ── lines of a source ── */

struct line {
	int start, end; /* without blanks around */
	bool row;
};

static struct line next_line(const char *s, int n, int *at)
{
	const char *nl = memchr(s + *at, '\n', (size_t)(n - *at));
	struct line l = {*at, nl ? (int)(nl - s) : n, false};

	*at = nl ? l.end + 1 : n;
	while (l.start < l.end && is_blank(s[l.start])) {
		l.start++;
	}
	while (l.end > l.start && is_blank(s[l.end - 1])) {
		l.end--;
	}
	l.row = memmem(s + l.start, (size_t)(l.end - l.start), " | ", 3) != NULL;
	return l;
}

static bool begins_item(const char *s, const struct line *l)
{
	static const char *const bullets[] = {"•", "–", "▪", "●", "■", "◦"}; /* 3 bytes each */
	const char *p = s + l->start;
	int n = l->end - l->start;
	int digits = 0;

	if (n >= 2 && (*p == '-' || *p == '*' || *p == '#') && (p[1] == ' ' || p[1] == '#')) {
		return true;
	}
	for (size_t i = 0; n >= 3 && i < sizeof(bullets) / sizeof(bullets[0]); i++) {
		if (memcmp(p, bullets[i], 3) == 0) {
			return true;
		}
	}
	while (digits < n && isdigit((unsigned char)p[digits])) {
		digits++;
	}
	return digits > 0 && digits <= 2 && digits + 1 < n &&
	       (p[digits] == '.' || p[digits] == ')') && p[digits + 1] == ' ';
}

/* A line that stops well before the others and without punctuation is a heading or a last cell. */
static bool stands_alone(const char *s, const struct line *l, const struct line *next, int widest)
{
	unsigned char last = l->end > l->start ? (unsigned char)s[l->end - 1] : '.';
	unsigned char first = next->end > next->start ? (unsigned char)s[next->start] : ' ';

	return (l->end - l->start) * 10 < widest * 6 && (isalnum(last) || last >= 0x80) &&
	       last != ',' && (isupper(first) || isdigit(first) || first >= 0x80);
}

static void add(struct sentence *out, int *n_out, const char *s, int start, int end, bool row)
{
	while (start < end && is_blank(s[start])) {
		start++;
	}
	while (end > start && is_blank(s[end - 1])) {
		end--;
	}
	if (start == end) {
		return;
	}
	out[(*n_out)++] = (struct sentence){start, end, row, false};
}

/* A paragraph of joined lines: line breaks in it are blanks. */
static void add_paragraph(
	struct arena *a, const char *text, int start, int end, struct sentence *out, int *n_out)
{
	char *flat = arena_strn(a, text + start, (size_t)(end - start));
	size_t n = (size_t)(end - start);
	int first = *n_out;

	for (size_t i = 0; i < n; i++) {
		flat[i] = flat[i] == '\n' || flat[i] == '\r' ? ' ' : flat[i];
	}
	for (size_t at = 0; at < n;) {
		size_t stop = sentence_end(flat, n, at, true);

		add(out, n_out, text, start + (int)at, start + (int)stop, false);
		at = stop;
	}
	if (*n_out > first) {
		const struct line l = {start, end, false};

		out[first].item = begins_item(text, &l);
	}
}

static int widest_line(const char *s, int n)
{
	int widest = 0;

	for (int at = 0; at < n;) {
		struct line l = next_line(s, n, &at);

		widest = l.end - l.start > widest ? l.end - l.start : widest;
	}
	return widest;
}

int sentences_split(struct arena *a, const char *text, size_t n_bytes, struct sentence **out)
{
	int n = (int)n_bytes;
	int widest = widest_line(text, n);
	int n_out = 0;
	int begin = -1; /* of the open paragraph */

	/* A sentence has at least one byte and is followed by one, but for the last. */
	*out = arena_array(a, struct sentence, n_bytes / 2 + 2);
	for (int at = 0; at < n;) {
		struct line l = next_line(text, n, &at);
		int peek = at;
		struct line next = at < n ? next_line(text, n, &peek) : (struct line){n, n, false};

		if (l.row) {
			add(*out, &n_out, text, l.start, l.end, true);
			continue;
		}
		if (l.start == l.end) {
			continue;
		}
		begin = begin < 0 ? l.start : begin;
		if (next.start == next.end || next.row || begins_item(text, &next) ||
			stands_alone(text, &l, &next, widest)) {
			add_paragraph(a, text, begin, l.end, *out, &n_out);
			begin = -1;
		}
	}
	return n_out;
}

/* ── as one line ── */

static bool without_blanks(uint32_t c)
{
	bool hangul = (c >= 0x1100 && c <= 0x11ff) || (c >= 0x3130 && c <= 0x318f) ||
		      (c >= 0xa960 && c <= 0xa97f) || (c >= 0xac00 && c <= 0xd7ff) ||
		      (c >= 0xffa0 && c <= 0xffdc);
	bool mark = (c >= 0x3001 && c <= 0x303f) || (c >= 0xff01 && c <= 0xff20);

	return mark || (utf8_is_cjk(c) && !hangul);
}

void sentence_flat(struct buf *out, const char *s, size_t n_bytes)
{
	uint32_t before = 0;
	bool blank = false;
	int used;

	for (size_t i = 0; i < n_bytes; i += (size_t)used) {
		uint32_t c = utf8_decode(s + i, n_bytes - i, &used);

		if (c < 0x80 && isspace((int)c)) {
			blank = before != 0;
			continue;
		}
		if (blank && !(without_blanks(before) && without_blanks(c))) {
			buf_char(out, ' ');
		}
		buf_add(out, s + i, (size_t)used);
		before = c;
		blank = false;
	}
}
