/* Lists of Word documents (ECMA-376 part 1, 17.9): a paragraph names a w:num, that an abstract
 * list of nine levels, whose counters all lists made of it share. */
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/utf8.h"
#include "ingest/docx.h"

#define LISTS_MAX 20000
#define LEVELS 9

struct level {
	const char *format; /* "decimal", "bullet" */
	const char *text;   /* "%1.%2." */
	const char *style;  /* paragraphs of this style are at this level */
	long start, count;
	bool begun;
};

struct abstract {
	long id;
	const char *style_link; /* the list stands where this numbering style says */
	struct level levels[LEVELS];
};

struct list {
	long id, abstract_id;
	long starts[LEVELS]; /* -1: as the abstract list says */
	bool started[LEVELS];
};

struct docx_numbering {
	struct abstract *abstracts;
	struct list *lists;
	int n_abstracts, n_lists, cap_abstracts, cap_lists;
};

/* ── the part ── */

struct numbering_reader {
	struct docx *x;
	struct docx_numbering *all;
	struct abstract *abstract;
	struct list *list;
	struct level *level;
	int override; /* level, -1: none */
};

static void add_abstract(struct numbering_reader *r, const struct xml_element *el)
{
	struct docx_numbering *all = r->all;

	r->abstract = NULL;
	if (all->n_abstracts < LISTS_MAX) {
		all->abstracts = array_grow(all->abstracts, all->n_abstracts, &all->cap_abstracts,
			sizeof(*all->abstracts));
		r->abstract = &all->abstracts[all->n_abstracts++];
		memset(r->abstract, 0, sizeof(*r->abstract));
		r->abstract->id = ooxml_number(xml_attr(el, "abstractNumId"), -1);
		for (int i = 0; i < LEVELS; i++) {
			r->abstract->levels[i] =
				(struct level){.format = "decimal", .text = "", .start = 1};
		}
	}
}

static void add_list(struct numbering_reader *r, const struct xml_element *el)
{
	struct docx_numbering *all = r->all;

	r->list = NULL;
	if (all->n_lists < LISTS_MAX) {
		all->lists =
			array_grow(all->lists, all->n_lists, &all->cap_lists, sizeof(*all->lists));
		r->list = &all->lists[all->n_lists++];
		memset(r->list, 0, sizeof(*r->list));
		r->list->id = ooxml_number(xml_attr(el, "numId"), -1);
		r->list->abstract_id = -1;
		for (int i = 0; i < LEVELS; i++) {
			r->list->starts[i] = -1;
		}
	}
}

static void take_level(struct numbering_reader *r, const struct xml_element *el)
{
	const char *value = xml_attr(el, "val");
	struct arena *a = &r->x->o.arena;

	if (xml_is(el, "numFmt") && value) {
		r->level->format = arena_str(a, value);
	} else if (xml_is(el, "lvlText") && value) {
		r->level->text = arena_str(a, value);
	} else if (xml_is(el, "start")) {
		r->level->start = ooxml_number(value, 1);
	} else if (xml_is(el, "pStyle") && value) {
		r->level->style = arena_str(a, value);
	}
}

static int level_of(const struct xml_element *el)
{
	long n = ooxml_number(xml_attr(el, "ilvl"), -1);

	return n >= 0 && n < LEVELS ? (int)n : -1;
}

static void on_list_start(void *arg, const struct xml_element *el)
{
	struct numbering_reader *r = arg;
	const char *value = xml_attr(el, "val");

	if (xml_is(el, "abstractNum")) {
		add_abstract(r, el);
	} else if (xml_is(el, "num")) {
		add_list(r, el);
	} else if (xml_is(el, "lvl") && r->abstract && level_of(el) >= 0) {
		r->level = &r->abstract->levels[level_of(el)];
	} else if (xml_is(el, "lvlOverride")) {
		r->override = level_of(el);
	} else if (xml_is(el, "startOverride") && r->list && r->override >= 0) {
		r->list->starts[r->override] = ooxml_number(value, 1);
	} else if (xml_is(el, "abstractNumId") && r->list) {
		r->list->abstract_id = ooxml_number(value, -1);
	} else if (xml_is(el, "numStyleLink") && r->abstract && value) {
		r->abstract->style_link = arena_str(&r->x->o.arena, value);
	} else if (r->level) {
		take_level(r, el);
	}
}

static void on_list_end(void *arg, const struct xml_element *el)
{
	struct numbering_reader *r = arg;

	if (xml_is(el, "lvl")) {
		r->level = NULL;
	} else if (xml_is(el, "abstractNum")) {
		r->abstract = NULL;
	} else if (xml_is(el, "num")) {
		r->list = NULL;
	}
}

static int by_abstract_id(const void *a, const void *b)
{
	long x = ((const struct abstract *)a)->id, y = ((const struct abstract *)b)->id;

	return x < y ? -1 : x > y;
}

static int by_list_id(const void *a, const void *b)
{
	long x = ((const struct list *)a)->id, y = ((const struct list *)b)->id;

	return x < y ? -1 : x > y;
}

void docx_numbering_load(struct docx *x)
{
	static const struct xml_handler HANDLER = {on_list_start, on_list_end, NULL};
	struct docx_numbering *all = arena_new(&x->o.arena, struct docx_numbering);
	struct numbering_reader r = {.x = x, .all = all, .override = -1};
	const char *part = ooxml_part_of_type(&x->o.relations, "numbering");

	x->numbering = all;
	ooxml_read(&x->o, part ? part : "word/numbering.xml", &HANDLER, &r);
	if (all->n_abstracts) {
		qsort(all->abstracts, (size_t)all->n_abstracts, sizeof(*all->abstracts),
			by_abstract_id);
	}
	if (all->n_lists) {
		qsort(all->lists, (size_t)all->n_lists, sizeof(*all->lists), by_list_id);
	}
}

static struct list *find_list(struct docx_numbering *all, long id)
{
	struct list key = {.id = id};

	return all->n_lists
		       ? bsearch(&key, all->lists, (size_t)all->n_lists, sizeof(key), by_list_id)
		       : NULL;
}

static struct abstract *find_abstract(struct docx_numbering *all, long id)
{
	struct abstract key = {.id = id};

	return all->n_abstracts ? bsearch(&key, all->abstracts, (size_t)all->n_abstracts,
					  sizeof(key), by_abstract_id)
				: NULL;
}

/* The abstract list of a list, behind a numbering style where it is kept there. */
static struct abstract *abstract_of(struct docx *x, const struct list *l)
{
	struct abstract *a = find_abstract(x->numbering, l->abstract_id);

	if (a && a->style_link) {
		const struct docx_style *s = docx_style(x, a->style_link);
		struct list *linked = s ? find_list(x->numbering, s->num_id) : NULL;
		struct abstract *behind =
			linked ? find_abstract(x->numbering, linked->abstract_id) : NULL;

		return behind ? behind : a;
	}
	return a;
}

/* ── numbers ── */

static void add_roman(struct buf *out, long n, bool upper)
{
	static const struct {
		int value;
		const char *lower, *upper;
	} DIGITS[] = {{1000, "m", "M"}, {900, "cm", "CM"}, {500, "d", "D"}, {400, "cd", "CD"},
		{100, "c", "C"}, {90, "xc", "XC"}, {50, "l", "L"}, {40, "xl", "XL"}, {10, "x", "X"},
		{9, "ix", "IX"}, {5, "v", "V"}, {4, "iv", "IV"}, {1, "i", "I"}};

	for (size_t i = 0; i < sizeof(DIGITS) / sizeof(DIGITS[0]); i++) {
		for (; n >= DIGITS[i].value; n -= DIGITS[i].value) {
			buf_str(out, upper ? DIGITS[i].upper : DIGITS[i].lower);
		}
	}
}

/* a … z, aa … zz: the letter is repeated (17.18.59). */
static void add_letter(struct buf *out, long n, char first)
{
	for (long i = 0; i <= (n - 1) / 26 && i < 8; i++) {
		buf_char(out, (char)(first + (n - 1) % 26));
	}
}

/* 十二 below a hundred, as clauses of contracts are numbered. */
static void add_chinese(struct buf *out, long n)
{
	static const char *const DIGITS[] = {
		"", "一", "二", "三", "四", "五", "六", "七", "八", "九"};

	if (n >= 20) {
		buf_str(out, DIGITS[n / 10]);
	}
	buf_str(out, n >= 10 ? "十" : "");
	buf_str(out, DIGITS[n % 10]);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void add_number(struct buf *out, long n, const char *format)
{
	if (n > 0 && n < 4000 && ends_with(format, "Roman")) {
		add_roman(out, n, *format == 'u');
	} else if (n > 0 && ends_with(format, "Letter")) {
		add_letter(out, n, *format == 'u' ? 'A' : 'a');
	} else if (n > 0 && n < 100 &&
		   (strncmp(format, "chineseCounting", 15) == 0 ||
			   strcmp(format, "japaneseCounting") == 0 ||
			   strcmp(format, "taiwaneseCountingThousand") == 0)) {
		add_chinese(out, n);
	} else {
		buf_printf(out, strcmp(format, "decimalZero") == 0 ? "%02ld" : "%ld", n);
	}
}

static bool is_bullet(const struct level *l)
{
	int used;
	uint32_t c = *l->text ? utf8_decode(l->text, strlen(l->text), &used) : 0;

	/* Some bullets are numbered lists without a number in their text. */
	return strcmp(l->format, "bullet") == 0 ||
	       (c && !strchr(l->text, '%') && (c == 0x2022 || c == '-' || c >= 0xe000));
}

static void add_marker(const struct abstract *a, int ilvl, struct buf *out)
{
	const char *text = a->levels[ilvl].text;

	for (; *text; text++) {
		if (*text == '%' && text[1] >= '1' && text[1] <= '9') {
			const struct level *l = &a->levels[text[1] - '1'];

			add_number(out, l->begun ? l->count : l->start, l->format);
			text++;
		} else {
			buf_char(out, *text);
		}
	}
	buf_char(out, ' ');
}

bool docx_number(struct docx *x, long num_id, int ilvl, const char *style, struct buf *marker)
{
	struct list *list = num_id > 0 ? find_list(x->numbering, num_id) : NULL;
	struct abstract *a = list ? abstract_of(x, list) : NULL;
	struct level *l;

	for (int i = 0; a && ilvl < 0 && style && i < LEVELS; i++) {
		ilvl = a->levels[i].style && strcmp(a->levels[i].style, style) == 0 ? i : ilvl;
	}
	ilvl = ilvl < 0 ? 0 : ilvl < LEVELS ? ilvl : LEVELS - 1;
	if (!a) {
		return false;
	}
	l = &a->levels[ilvl];
	if (list->starts[ilvl] >= 0 && !list->started[ilvl]) {
		list->started[ilvl] = true;
		l->count = list->starts[ilvl];
	} else {
		l->count = l->begun ? l->count + 1 : l->start;
	}
	l->begun = true;
	for (int i = ilvl + 1; i < LEVELS; i++) {
		a->levels[i].begun = false;
	}
	if (is_bullet(l)) {
		buf_str(marker, "- ");
		return true;
	}
	if (strcmp(l->format, "none") == 0 || !*l->text) {
		return false;
	}
	add_marker(a, ilvl, marker);
	return true;
}
