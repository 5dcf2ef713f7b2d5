/*
 * JSON and JSON lines. An array of flat objects is a table with a header; anything else is lines of
 * a path and a value, in a block for each element at the top:
 *
 *   offices[0].city: Bonn
 *   offices[0].opened: 2019
 *   offices[0].floors: 1, 2, 4
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/child.h"
#include "ingest/json_reader.h"

#define SAMPLE 65536
#define COLUMNS_MAX 64
#define CELL_MAX 300	/* bytes: longer values are texts to read, not cells */
#define SERIES_MAX 2000 /* bytes of an array's numbers on one line */
#define BLOCK_LINES 5	/* a block of fewer goes on with the next object in an array */

/* ── what it is ── */

bool json_is(struct document *doc)
{
	struct buf text = BUF_INIT;
	size_t n = doc->n_bytes < SAMPLE ? doc->n_bytes : SAMPLE;
	struct json_reader r;
	enum json_token t = JSON_BROKEN;
	bool ok = false;
	size_t i;

	/* most documents end here */
	for (i = 0; i < n && strchr(" \t\r\n\xef\xbb\xbf", doc->bytes[i]) && doc->bytes[i]; i++) {
	}
	if (i == n || (doc->bytes[i] != '{' && doc->bytes[i] != '[') ||
		!text_decode(doc->bytes, n, NULL, &text)) {
		buf_finish(&text);
		return false;
	}
	json_open(&r, text.data, text.len, doc->limits->nesting_max);
	do {
		t = json_next(&r);
		ok |= t == JSON_OBJECT || t == JSON_ARRAY;
	} while (t != JSON_EOF && t != JSON_BROKEN && t != JSON_TOO_DEEP);
	/* A sample ends anywhere. */
	ok = ok && (t != JSON_BROKEN || (n < doc->n_bytes && r.end - r.p < 8));
	json_close(&r);
	buf_finish(&text);
	return ok;
}

/* ── tables ── */

struct columns {
	struct buf names[COLUMNS_MAX];
	int n;
	int n_rows;
};

static int column_of(struct columns *c, const struct buf *name, bool add)
{
	for (int i = 0; i < c->n; i++) {
		if (c->names[i].len == name->len &&
			memcmp(c->names[i].data, name->data, name->len) == 0) {
			return i;
		}
	}
	if (!add || c->n == COLUMNS_MAX || !name->len) {
		return -1;
	}
	buf_add(&c->names[c->n], name->data, name->len);
	return c->n++;
}

/* One pass over the whole: is it a series of flat objects, and well-formed? */
struct survey {
	bool flat, whole, too_deep;
	struct columns columns;
};

static void survey(struct survey *s, const struct buf *text, int depth_max)
{
	struct json_reader r;
	enum json_token t;
	bool in_array = false;

	*s = (struct survey){.flat = true};
	json_open(&r, text->data, text->len, depth_max);
	while ((t = json_next(&r)) != JSON_EOF && t != JSON_BROKEN && t != JSON_TOO_DEEP) {
		int depth = r.depth - in_array;

		if (t == JSON_ARRAY && r.depth == 1 && !in_array && !s->columns.n_rows) {
			in_array = true;
		} else if (t == JSON_OBJECT && depth == 1) {
			s->columns.n_rows++;
		} else if (t == JSON_KEY) {
			s->flat = s->flat && column_of(&s->columns, &r.text, true) >= 0;
		} else if (t != JSON_END) {
			s->flat = s->flat && depth == 1 && t != JSON_ARRAY && t != JSON_OBJECT &&
				  r.text.len <= CELL_MAX;
		}
	}
	s->whole = t == JSON_EOF;
	s->too_deep = t == JSON_TOO_DEEP;
	s->flat = s->flat && s->columns.n_rows > 1;
	json_close(&r);
}

static void write_table(struct draft *d, struct columns *c, const struct buf *text, int depth_max)
{
	struct buf cells[COLUMNS_MAX];
	struct json_reader r;
	enum json_token t;
	int column = -1;

	for (int i = 0; i < COLUMNS_MAX; i++) {
		buf_init(&cells[i]);
	}
	draft_row(d, ROW_HEADER, c->names, c->n, NULL);
	json_open(&r, text->data, text->len, depth_max);
	while ((t = json_next(&r)) != JSON_EOF && t != JSON_BROKEN) {
		if (t == JSON_KEY) {
			column = column_of(c, &r.text, false);
		} else if (t == JSON_END && column >= 0) {
			draft_row(d, ROW_NEXT, cells, c->n, NULL);
			for (int i = 0; i < c->n; i++) {
				buf_clear(&cells[i]);
			}
			column = -1;
		} else if (column >= 0 && t >= JSON_STRING &&
			   !(t == JSON_WORD && r.text.data[0] == 'n')) {
			buf_clear(&cells[column]);
			buf_add(&cells[column], r.text.data ? r.text.data : "", r.text.len);
		}
	}
	json_close(&r);
	for (int i = 0; i < COLUMNS_MAX; i++) {
		buf_finish(&cells[i]);
	}
}

/* ── paths and values ── */

struct level {
	size_t path_len; /* of the container itself */
	bool array;
	long n; /* elements so far */
};

struct writer {
	struct draft *d;
	struct buf path, line;
	struct level *levels;
	int depth;
	int n_lines; /* of the open block */
	bool series; /* line holds scalars of the innermost array */
};

static void begin_block(struct writer *w)
{
	draft_block(w->d, BLOCK_PARAGRAPH, 0);
	w->n_lines = 0;
}

static void put_line(struct writer *w)
{
	const char *p = w->line.data, *end = p + w->line.len;

	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));

		stop = stop ? stop : end;
		draft_line(w->d, p, (size_t)(stop - p), NULL);
		w->n_lines++;
		p = stop + 1;
	}
	buf_clear(&w->line);
	w->series = false;
}

static void begin_line(struct writer *w)
{
	buf_add(&w->line, w->path.data ? w->path.data : "", w->path.len);
	buf_str(&w->line, w->path.len ? ": " : "");
}

/* The path of the element that begins, where the innermost container is an array. */
static void step_array(struct writer *w, bool in_path)
{
	struct level *top = &w->levels[w->depth - 1];

	w->path.len = top->path_len;
	if (in_path) {
		buf_printf(&w->path, "[%ld]", top->n);
	}
	top->n++;
}

static void on_container(struct writer *w, bool array)
{
	bool in_array = w->depth && w->levels[w->depth - 1].array;

	if (w->series) {
		put_line(w);
	}
	if (in_array) {
		step_array(w, true);
	}
	if (w->depth <= 1 || (in_array && w->n_lines >= BLOCK_LINES)) {
		begin_block(w);
	}
	w->levels[w->depth++] = (struct level){.path_len = w->path.len, .array = array};
}

static void on_end(struct writer *w)
{
	if (w->series) {
		put_line(w);
	}
	w->depth--;
	w->path.len = w->depth ? w->levels[w->depth - 1].path_len : 0;
	if (w->depth == 1) {
		begin_block(w);
	}
}

static void on_key(struct writer *w, const struct buf *key)
{
	w->path.len = w->levels[w->depth - 1].path_len;
	buf_str(&w->path, w->path.len ? "." : "");
	buf_add(&w->path, key->data ? key->data : "", key->len);
}

static void on_scalar(struct writer *w, enum json_token t, const struct buf *value)
{
	bool in_array = w->depth && w->levels[w->depth - 1].array;

	if (in_array) {
		step_array(w, false);
	}
	if (!value->len || (t == JSON_WORD && value->data[0] == 'n')) {
		return; /* null and "" say nothing */
	}
	if (w->series && w->line.len > SERIES_MAX) {
		put_line(w);
	}
	if (w->series) {
		buf_str(&w->line, ", ");
	} else {
		begin_line(w);
	}
	buf_add(&w->line, value->data, value->len);
	w->series = in_array;
	if (!in_array) {
		put_line(w);
	}
}

static void write_values(struct draft *d, const struct buf *text, int depth_max)
{
	struct writer w = {.d = d};
	struct json_reader r;
	enum json_token t;

	w.levels = calloc((size_t)depth_max, sizeof(*w.levels));
	ASSERT(w.levels != NULL);
	begin_block(&w);
	json_open(&r, text->data, text->len, depth_max);
	while ((t = json_next(&r)) != JSON_EOF && t != JSON_BROKEN) {
		if (t == JSON_OBJECT || t == JSON_ARRAY) {
			on_container(&w, t == JSON_ARRAY);
		} else if (t == JSON_END) {
			on_end(&w);
		} else if (t == JSON_KEY) {
			on_key(&w, &r.text);
		} else {
			on_scalar(&w, t, &r.text);
		}
	}
	json_close(&r);
	buf_finish(&w.path);
	buf_finish(&w.line);
	free(w.levels);
}

void extract_json(struct document *doc, struct draft *d)
{
	static struct survey s;
	struct buf text = BUF_INIT;
	int depth_max = doc->limits->nesting_max;

	if (!text_decode(doc->bytes, doc->n_bytes, NULL, &text) || !text.len) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	survey(&s, &text, depth_max);
	if (s.too_deep) {
		draft_fault(d, FAULT_LIMIT, 0, "values inside of each other; ingest-nesting");
	}
	if (!s.whole) {
		/* broken far behind its start: what can be read of it is its source */
		extract_code(doc, d);
		return;
	}
	draft_page(d, 0, 0);
	if (s.flat) {
		write_table(d, &s.columns, &text, depth_max);
	} else {
		write_values(d, &text, depth_max);
	}
	for (int i = 0; i < s.columns.n; i++) {
		buf_finish(&s.columns.names[i]);
	}
	buf_finish(&text);
}
