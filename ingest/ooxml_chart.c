/*
 * Charts (ECMA-376 part 1, 21.2): title, and the values that the file keeps of what was drawn, as a
 * table with a column a series. Diagrams (21.4): the texts of their points as a list.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/number_format.h"
#include "ingest/ooxml.h"

#define SERIES_MAX 30
#define POINTS_MAX 500
#define WORDS_MAX 4000 /* bytes of titles */

enum chart_part { PART_NONE, PART_NAME, PART_CATEGORY, PART_VALUE };

struct series {
	struct buf name;
	struct buf points[POINTS_MAX];
	int n;
};

struct chart {
	struct ooxml *o;
	struct buf title, words; /* words: other texts on it, of axes and labels */
	struct buf categories[POINTS_MAX];
	int n_categories;
	struct series *series[SERIES_MAX];
	int n_series;
	bool in_series, in_text;
	int title_depth, plot_depth;
	enum chart_part part;
	long point;   /* -1: none is open */
	int n_levels; /* of categories that are grouped: the first is the finest */
	struct number_format format;
	bool formatted, in_format, in_value;
	struct buf value, code;
};

static struct series *current(struct chart *c)
{
	return c->in_series && c->n_series ? c->series[c->n_series - 1] : NULL;
}

static void begin_series(struct chart *c)
{
	c->in_series = c->n_series < SERIES_MAX;
	if (c->in_series) {
		c->series[c->n_series] = calloc(1, sizeof(**c->series));
		ASSERT(c->series[c->n_series] != NULL);
		c->n_series++;
	}
}

static enum chart_part part_of(const struct xml_element *el)
{
	static const struct {
		const char *name;
		enum chart_part part;
	} PARTS[] = {{"tx", PART_NAME}, {"cat", PART_CATEGORY}, {"xVal", PART_CATEGORY},
		{"val", PART_VALUE}, {"yVal", PART_VALUE}};

	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
		if (xml_is(el, PARTS[i].name)) {
			return PARTS[i].part;
		}
	}
	return PART_NONE;
}

static void on_chart_start(void *arg, const struct xml_element *el)
{
	struct chart *c = arg;

	if (!xml_in(el, "drawingml")) {
		return;
	}
	c->in_text = xml_is(el, "t");
	if (xml_is(el, "ser")) {
		begin_series(c);
	} else if (xml_is(el, "plotArea")) {
		c->plot_depth = el->depth;
	} else if (xml_is(el, "title") && !c->plot_depth) {
		c->title_depth = el->depth;
	} else if (c->in_series && part_of(el)) {
		c->part = part_of(el);
		c->formatted = false;
		c->n_levels = 0;
	} else if (xml_is(el, "lvl")) {
		c->n_levels++;
	} else if (xml_is(el, "formatCode")) {
		c->in_format = true;
		buf_clear(&c->code);
	} else if (xml_is(el, "pt")) {
		c->point = ooxml_number(xml_attr(el, "idx"), 0);
	} else if (xml_is(el, "v")) {
		c->in_value = true;
		buf_clear(&c->value);
	}
}

static void on_chart_text(void *arg, const char *s, size_t n)
{
	struct chart *c = arg;
	struct buf *to = c->in_format	  ? &c->code
			 : c->in_value	  ? &c->value
			 : !c->in_text	  ? NULL
			 : c->title_depth ? &c->title
					  : &c->words;

	if (to && to->len + n < WORDS_MAX) {
		buf_add(to, s, n);
	}
}

/* The number as its format has it, a text as it is. */
static void add_value(struct chart *c, struct buf *to)
{
	char *end = NULL;
	double n = c->value.len ? strtod(c->value.data, &end) : 0;

	buf_clear(to);
	if (end && end != c->value.data && !*end) {
		if (!c->formatted) {
			number_format_compile("General", &c->format);
		}
		number_format_add(&c->format, n, false, to);
	} else {
		buf_add(to, c->value.data ? c->value.data : "", c->value.len);
	}
}

static void keep_value(struct chart *c)
{
	struct series *s = current(c);
	long at = c->point;

	if (!s || c->part == PART_NONE) {
		return;
	}
	if (c->part == PART_NAME) {
		buf_clear(&s->name);
		buf_add(&s->name, c->value.data ? c->value.data : "", c->value.len);
	} else if (at >= 0 && at < POINTS_MAX && c->part == PART_CATEGORY && c->n_series == 1 &&
		   c->n_levels <= 1) {
		add_value(c, &c->categories[at]);
		c->n_categories = at >= c->n_categories ? (int)at + 1 : c->n_categories;
	} else if (at >= 0 && at < POINTS_MAX && c->part == PART_VALUE) {
		add_value(c, &s->points[at]);
		s->n = at >= s->n ? (int)at + 1 : s->n;
	}
}

static void end_words(struct buf *b)
{
	if (b->len && b->data[b->len - 1] != ' ') {
		buf_char(b, ' ');
	}
}

static void on_chart_end(void *arg, const struct xml_element *el)
{
	struct chart *c = arg;

	if (!xml_in(el, "drawingml")) {
		return;
	}
	c->in_text = false;
	if (xml_is(el, "p")) {
		end_words(c->title_depth ? &c->title : &c->words);
	} else if (xml_is(el, "ser")) {
		c->in_series = false;
	} else if (el->depth == c->title_depth) {
		c->title_depth = 0;
	} else if (el->depth == c->plot_depth) {
		c->plot_depth = 0;
	} else if (xml_is(el, "formatCode")) {
		c->in_format = false;
		c->formatted = true;
		number_format_compile(c->code.data ? c->code.data : "", &c->format);
	} else if (xml_is(el, "v")) {
		c->in_value = false;
		keep_value(c);
	} else if (xml_is(el, "pt")) {
		c->point = -1;
	} else if (part_of(el) == c->part) {
		c->part = PART_NONE;
	}
}

/* ── as text ── */

static void write_words(struct chart *c, const struct box *box)
{
	struct buf line = BUF_INIT;

	buf_str(&line, "Chart: ");
	buf_add(&line, c->title.data ? c->title.data : "", c->title.len);
	if (c->words.len) {
		buf_str(&line, c->title.len ? "; " : "");
		buf_add(&line, c->words.data, c->words.len);
	}
	if (c->title.len || c->words.len) {
		draft_block(c->o->draft, BLOCK_PARAGRAPH, 0);
		draft_line(c->o->draft, line.data, line.len, box);
	}
	buf_finish(&line);
}

static void write_table(struct chart *c, const struct box *box)
{
	struct buf cells[SERIES_MAX + 1] = {{0}};
	int n_rows = c->n_categories;
	bool named = false;

	for (int i = 0; i < c->n_series; i++) {
		n_rows = c->series[i]->n > n_rows ? c->series[i]->n : n_rows;
		cells[i + 1] = c->series[i]->name; /* lent */
		named = named || c->series[i]->name.len;
	}
	if (named) {
		draft_row(c->o->draft, ROW_HEADER, cells, c->n_series + 1, box);
	}
	for (int k = 0; k < n_rows; k++) {
		cells[0] = c->categories[k];
		for (int i = 0; i < c->n_series; i++) {
			cells[i + 1] = c->series[i]->points[k];
		}
		draft_row(c->o->draft, k == 0 && !named ? ROW_FIRST : ROW_NEXT, cells,
			c->n_series + 1, box);
	}
}

static void finish(struct chart *c)
{
	for (int i = 0; i < c->n_series; i++) {
		for (int k = 0; k < POINTS_MAX; k++) {
			buf_finish(&c->series[i]->points[k]);
		}
		buf_finish(&c->series[i]->name);
		free(c->series[i]);
	}
	for (int k = 0; k < POINTS_MAX; k++) {
		buf_finish(&c->categories[k]);
	}
	buf_finish(&c->title);
	buf_finish(&c->words);
	buf_finish(&c->value);
	buf_finish(&c->code);
	free(c);
}

void ooxml_chart(struct ooxml *o, const char *part, const struct box *box)
{
	static const struct xml_handler HANDLER = {on_chart_start, on_chart_end, on_chart_text};
	struct chart *c = calloc(1, sizeof(*c));

	ASSERT(c != NULL);
	c->o = o;
	c->point = -1;
	ooxml_read(o, part, &HANDLER, c);
	write_words(c, box);
	write_table(c, box);
	finish(c);
}

/* ── diagrams ── */

struct diagram {
	struct ooxml *o;
	const struct box *box;
	struct buf text;
	bool in_text;
};

static void on_diagram_start(void *arg, const struct xml_element *el)
{
	struct diagram *g = arg;

	g->in_text = xml_is(el, "t") && xml_in(el, "drawingml") && !xml_in(el, "diagram");
}

static void on_diagram_text(void *arg, const char *s, size_t n)
{
	struct diagram *g = arg;

	if (g->in_text && g->text.len < g->o->draft->text_max) {
		buf_add(&g->text, s, n);
	}
}

static void on_diagram_end(void *arg, const struct xml_element *el)
{
	struct diagram *g = arg;
	struct buf line = BUF_INIT;

	g->in_text = false;
	if (xml_is(el, "p") || xml_is(el, "br")) {
		buf_char(&g->text, ' ');
	} else if (xml_is(el, "pt")) {
		size_t blank = g->text.len ? strspn(g->text.data, " \t\r\n") : 0;

		if (blank < g->text.len) {
			buf_printf(&line, "- %s", g->text.data + blank);
			draft_block(g->o->draft, BLOCK_LIST_ITEM, 0);
			draft_line(g->o->draft, line.data, line.len, g->box);
		}
		buf_clear(&g->text);
	}
	buf_finish(&line);
}

void ooxml_diagram(struct ooxml *o, const char *part, const struct box *box)
{
	static const struct xml_handler HANDLER = {
		on_diagram_start, on_diagram_end, on_diagram_text};
	struct diagram g = {.o = o, .box = box};

	ooxml_read(o, part, &HANDLER, &g);
	buf_finish(&g.text);
}
