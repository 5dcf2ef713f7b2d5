#include "ingest/links.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LINKS_MAX 20000

struct link {
	size_t start, end; /* end 0: it is open */
	size_t address;	   /* in addresses */
};

static struct link *items(struct links *l)
{
	return (struct link *)(void *)l->items.data;
}

static size_t count(const struct links *l)
{
	return l->items.len / sizeof(struct link);
}

bool links_wanted(const char *s)
{
	size_t n = 0;

	if (!s) {
		return false;
	}
	while (isspace((unsigned char)*s)) {
		s++;
	}
	while (isalnum((unsigned char)s[n]) || (n && strchr("+-.", s[n]) && s[n])) {
		n++;
	}
	if (s[n] == ':' && n) {
		return (n == 4 && strncasecmp(s, "http", 4) == 0) ||
		       (n == 5 && strncasecmp(s, "https", 5) == 0) ||
		       (n == 6 && strncasecmp(s, "mailto", 6) == 0);
	}
	return *s && *s != '#';
}

void links_begin(struct links *l, const char *address, size_t n)
{
	struct link link = {.start = n, .address = l->addresses.len};

	if (count(l) < LINKS_MAX) {
		buf_add(&l->items, &link, sizeof(link));
		buf_add(&l->addresses, address, strlen(address) + 1);
	}
}

void links_end(struct links *l, size_t n)
{
	size_t i = count(l);

	if (i && !items(l)[i - 1].end) {
		items(l)[i - 1].end = n;
	}
}

void links_shift(struct links *l, size_t n)
{
	for (size_t i = 0; i < count(l); i++) {
		items(l)[i].start += n;
		items(l)[i].end += items(l)[i].end ? n : 0;
	}
}

void links_clear(struct links *l)
{
	buf_clear(&l->items);
	buf_clear(&l->addresses);
}

void links_finish(struct links *l)
{
	buf_finish(&l->items);
	buf_finish(&l->addresses);
}

/* Where in the document byte `at` of a line will be: lines are cleaned as they are written, and
 * cleaning goes from left to right, so what stands before is cleaned piece by piece. */
struct place {
	struct buf clean;
	const char *line;
	size_t done;
};

static size_t place_of(struct place *p, size_t at)
{
	size_t lead;

	if (at > p->done) {
		draft_clean(&p->clean, p->line + p->done, at - p->done, false);
		p->done = at;
	}
	lead = p->clean.len && p->clean.data[0] == ' ';
	return p->clean.len - lead;
}

/* The links of one line, which is written then; the first that begins behind it is returned. */
static size_t write_line(
	struct links *l, struct draft *d, size_t first, const char *s, size_t from, size_t to)
{
	struct place p = {.line = s + from};
	uint32_t at = draft_at(d);
	size_t i = first;
	struct buf spans = BUF_INIT; /* pairs of offsets; (0, 0): none */
	uint32_t n;

	for (; i < count(l) && items(l)[i].start < to; i++) {
		struct link *k = &items(l)[i];
		size_t stop = !k->end || k->end > to ? to : k->end;

		buf_u32(&spans, (uint32_t)place_of(&p, k->start < from ? 0 : k->start - from));
		buf_u32(&spans, (uint32_t)place_of(&p, stop < from ? 0 : stop - from));
	}
	draft_line(d, s + from, to - from, NULL);
	n = draft_at(d) - at;
	n -= n > 0; /* the line's end */
	for (size_t k = first; k < i; k++) {
		struct cursor c = cursor_over(spans.data + (k - first) * 8, 8);
		uint32_t start = cursor_u32(&c), end = cursor_u32(&c);
		const char *address = l->addresses.data + items(l)[k].address;

		end = end > n ? n : end;
		start = start > end ? end : start;
		draft_annotate(d, ANNOTATION_LINK, at + start, at + end, address, strlen(address));
	}
	buf_finish(&spans);
	buf_finish(&p.clean);
	return i;
}

void links_write(struct links *l, struct draft *d, const char *s, size_t n_bytes)
{
	size_t from = 0, first = 0;

	while (from < n_bytes) {
		const char *stop = memchr(s + from, '\n', n_bytes - from);
		size_t to = stop ? (size_t)(stop - s) : n_bytes;

		first = write_line(l, d, first, s, from, to);
		from = to + 1;
	}
	links_clear(l);
}
