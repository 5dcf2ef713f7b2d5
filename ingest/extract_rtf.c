/* Rich Text Format: groups, stories and the blocks that are made of them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "index/base/utf8.h"
#include "ingest/rtf.h"

#define SIZE_LEAST 4 /* half points: smaller is not meant to be read */
#define MARKER_MAX 60
#define INSTRUCTION_MAX 4000
#define NAME_MAX_BYTES 1000
#define WHITE 0xffffff

static struct rtf_story *story_of(struct rtf *r)
{
	return &r->stories[r->n_stories - 1];
}

/* ── what is seen ── */

static int32_t color_of(const struct rtf *r, int index)
{
	return index > 0 && index < r->n_colors ? r->colors[index] : RTF_COLOR_AUTO;
}

static int32_t ground_of(struct rtf *r)
{
	const struct rtf_story *s = story_of(r);
	const struct rtf_group *g = r->g;
	int cell = s->row.n < s->n_cells && g->in_table ? s->grounds[s->row.n] : 0;
	int32_t ground = color_of(r, g->ground	       ? g->ground
				     : g->block_ground ? g->block_ground
						       : cell);

	if (ground == RTF_COLOR_AUTO) {
		return s->kind == RTF_BOX ? RTF_COLOR_UNKNOWN : WHITE;
	}
	return ground;
}

static bool unseen(struct rtf *r, enum annotation_kind *kind)
{
	const struct rtf_group *g = r->g;
	int32_t color = color_of(r, g->color), ground;

	*kind = g->deleted	       ? ANNOTATION_DELETED
		: g->hidden	       ? ANNOTATION_HIDDEN_PART
		: g->size < SIZE_LEAST ? ANNOTATION_HIDDEN_SIZE
				       : ANNOTATION_HIDDEN_COLOR;
	if (*kind != ANNOTATION_HIDDEN_COLOR || color < 0) {
		return *kind != ANNOTATION_HIDDEN_COLOR;
	}
	ground = ground_of(r);
	return ground >= 0 && flow_same_color(color, ground);
}

/* ── text ── */

static void put_short(struct buf *to, const char *s, size_t n_bytes, size_t max)
{
	if (to->len + n_bytes <= max) {
		buf_add(to, s, n_bytes);
	}
}

void rtf_put(struct rtf *r, const char *s, size_t n_bytes)
{
	struct rtf_story *story = story_of(r);
	enum annotation_kind kind;

	switch (r->g->to) {
	case RTF_TO_TEXT:
		if (story->kind != RTF_COMMENT && strspn(s, " \t\n") < n_bytes &&
			unseen(r, &kind)) {
			flow_add_unseen(&story->text, r->d, kind, s, n_bytes);
		} else {
			flow_add(&story->text, r->d, s, n_bytes);
		}
		break;
	case RTF_TO_MARKER:
		put_short(&story->marker, s, n_bytes, MARKER_MAX);
		break;
	case RTF_TO_INSTRUCTION:
		put_short(&r->fields[r->n_fields - 1].instruction, s, n_bytes, INSTRUCTION_MAX);
		break;
	case RTF_TO_STYLES:
	case RTF_TO_PROPERTY:
		put_short(&r->name, s, n_bytes, NAME_MAX_BYTES);
		break;
	default:
		break;
	}
}

/* Both halves of a surrogate pair come as a \uN each. */
void rtf_put_character(struct rtf *r, uint32_t c)
{
	char utf8[5] = "";

	if (c >= 0xd800 && c < 0xdc00) {
		r->high = c;
		return;
	}
	if (c >= 0xdc00 && c < 0xe000) {
		c = r->high ? 0x10000 + ((r->high - 0xd800) << 10) + (c - 0xdc00) : 0;
	}
	r->high = 0;
	if (c && c < 0x110000) {
		rtf_put(r, utf8, (size_t)utf8_encode(c, utf8));
	}
}

/* The bytes that wait become text. */
static void flush(struct rtf *r)
{
	struct buf text = BUF_INIT;

	if (r->bytes.len) {
		rtf_decode(r->bytes_page, r->bytes.data, r->bytes.len, &text);
		buf_clear(&r->bytes);
		rtf_put(r, text.data ? text.data : "", text.len);
		buf_finish(&text);
	}
}

/* "heading 2", "Title": what Word calls them in every language. */
static void end_style(struct rtf *r)
{
	const char *name = r->name.data ? r->name.data : "";

	name += strspn(name, " ");
	if (r->entry >= 0 && strncasecmp(name, "heading ", 8) == 0 &&
		isdigit((unsigned char)name[8])) {
		r->levels[r->entry] = (int8_t)(name[8] - '0');
	} else if (r->entry >= 0 && strcasecmp(name, "title") == 0) {
		r->levels[r->entry] = RTF_LEVEL_TITLE;
	}
	buf_clear(&r->name);
}

static void end_color(struct rtf *r)
{
	if (r->n_colors < RTF_COLORS_MAX) {
		r->colors[r->n_colors++] =
			r->has_color ? r->red << 16 | r->green << 8 | r->blue : RTF_COLOR_AUTO;
	}
	r->red = r->green = r->blue = 0;
	r->has_color = false;
}

static void add_bytes(struct rtf *r, const char *p, size_t n_bytes)
{
	size_t used = r->skip < (int)n_bytes ? (size_t)r->skip : n_bytes;
	int page = r->font_pages[r->g->font] ? r->font_pages[r->g->font] : r->page;

	r->skip -= (int)used;
	p += used;
	n_bytes -= used;
	switch (r->g->to) {
	case RTF_TO_NOTHING:
	case RTF_TO_FONTS:
	case RTF_TO_INFO:
		return;
	case RTF_TO_COLORS:
		for (size_t i = 0; i < n_bytes; i++) {
			if (p[i] == ';') {
				end_color(r);
			}
		}
		return;
	case RTF_TO_STYLES:
		if (n_bytes && p[n_bytes - 1] == ';') {
			put_short(&r->name, p, n_bytes - 1, NAME_MAX_BYTES);
			end_style(r);
			return;
		}
		break;
	default:
		break;
	}
	if (page != r->bytes_page) {
		flush(r);
		r->bytes_page = page;
	}
	buf_add(&r->bytes, p, n_bytes);
}

/* ── blocks ── */

/* "- ", or the number as it is shown: "3. ", "b) ". */
static void lead_item(struct rtf_story *s, bool heading)
{
	struct buf clean = BUF_INIT;
	const char *p;
	bool numbered;

	draft_clean(&clean, s->marker.data ? s->marker.data : "", s->marker.len, false);
	while (clean.len && clean.data[clean.len - 1] == ' ') {
		clean.data[--clean.len] = '\0';
	}
	p = clean.data ? clean.data : "";
	p += *p == ' ';
	numbered = strpbrk(p, "0123456789.)") && *p != '.' && *p != ')';
	if (numbered) {
		buf_char(&clean, ' ');
		flow_lead(&s->text, clean.data + (p - clean.data));
	} else if (!heading) {
		flow_lead(&s->text, "- ");
	}
	buf_finish(&clean);
}

/* The page begins with the text: properties before it are of the document. */
static void begin_page(struct rtf *r)
{
	if (!r->d->n_pages) {
		draft_page(r->d, 0, 0);
	}
}

static void write_paragraph(struct rtf *r)
{
	struct rtf_story *s = story_of(r);
	const struct rtf_group *g = r->g;
	enum block_kind kind = BLOCK_PARAGRAPH;
	int level = g->outline >= 0 ? g->outline + 1 : r->levels[g->style];
	bool is_blank = flow_is_blank(&s->text);

	if (level && !is_blank) {
		kind = BLOCK_HEADING;
		level = level == RTF_LEVEL_TITLE ? 1 : level;
		if (level == 1) {
			draft_title(r->d, s->text.text.data, s->text.text.len);
		}
	} else if ((s->marker.len || g->list > 0) && !is_blank) {
		kind = BLOCK_LIST_ITEM;
	}
	if (kind == BLOCK_LIST_ITEM || (kind == BLOCK_HEADING && s->marker.len)) {
		lead_item(s, kind == BLOCK_HEADING);
	}
	buf_clear(&s->marker);
	if (s->kind == RTF_MAIN) {
		begin_page(r);
		/* Notes wait until the table ends: its rows stand together. */
		flow_write_queue(&r->later, r->d, is_blank ? 0 : s->n_of_table);
		flow_write(&s->text, r->d, kind, kind == BLOCK_HEADING ? level : 0, NULL);
		flow_write_queue(&r->later, r->d, is_blank && s->in_table ? 0 : r->later.n);
	} else {
		flow_later(&r->later, &s->text, kind, kind == BLOCK_HEADING ? level : 0, NULL);
	}
	s->in_table &= is_blank;
	s->n_of_table = s->in_table ? s->n_of_table : 0;
}

void rtf_end_paragraph(struct rtf *r)
{
	struct rtf_story *s = story_of(r);

	if (s->kind == RTF_NOTE || s->kind == RTF_COMMENT) {
		flow_add(&s->text, r->d, "\n", 1);
	} else if (r->g->in_table) {
		flow_blank(&s->text);
		buf_clear(&s->marker);
	} else {
		if (s->row.n) {
			struct flow text = s->text;

			memset(&s->text, 0, sizeof(s->text));
			rtf_end_row(r);
			s->text = text;
		}
		write_paragraph(r);
	}
}

void rtf_end_cell(struct rtf *r)
{
	struct rtf_story *s = story_of(r);

	if (s->kind == RTF_NOTE || s->kind == RTF_COMMENT) {
		flow_blank(&s->text);
	} else {
		flow_row_add(&s->row, &s->text, r->d);
		buf_clear(&s->marker);
	}
}

void rtf_end_row(struct rtf *r)
{
	struct rtf_story *s = story_of(r);

	if (s->kind == RTF_NOTE || s->kind == RTF_COMMENT) {
		return;
	}
	if (!flow_is_blank(&s->text)) {
		rtf_end_cell(r);
	}
	begin_page(r);
	flow_row_write(&s->row, r->d,
		s->row_header ? ROW_HEADER
		: s->in_table ? ROW_NEXT
			      : ROW_FIRST,
		NULL);
	s->in_table = true;
	s->n_of_table = r->later.n;
}

/* ── stories and fields ── */

void rtf_begin_story(struct rtf *r, enum rtf_story_kind kind)
{
	if (r->g->to != RTF_TO_TEXT || r->g->story) {
		r->g->to = RTF_TO_NOTHING;
		return;
	}
	if (r->n_stories == r->cap_stories) {
		r->cap_stories = r->cap_stories ? r->cap_stories * 2 : 8;
		r->stories = realloc(r->stories, (size_t)r->cap_stories * sizeof(*r->stories));
		ASSERT(r->stories != NULL);
	}
	r->stories[r->n_stories++] = (struct rtf_story){.kind = kind};
	r->g->story = r->n_stories > 1;
	r->g->in_table = false;
}

static void end_story(struct rtf *r)
{
	struct rtf_story *s = story_of(r);
	struct flow *host = &s[-1].text;
	struct buf comment = BUF_INIT;
	char lead[40];

	if (s->kind == RTF_NOTE) {
		snprintf(lead, sizeof(lead), "Note %d: ", ++r->n_notes);
		if (!flow_is_blank(&s->text)) {
			flow_lead(&s->text, lead);
		}
		flow_later(&r->later, &s->text, BLOCK_NOTE, 0, NULL);
	} else if (s->kind == RTF_COMMENT) {
		buf_printf(&comment, "%s%s", r->author.len ? r->author.data : "",
			r->author.len ? ": " : "");
		buf_add(&comment, s->text.text.data ? s->text.text.data : "", s->text.text.len);
		flow_mark(host, ANNOTATION_COMMENT, host->text.len, comment.data, comment.len);
		buf_clear(&r->author);
	} else {
		r->g->in_table = false;
		rtf_end_paragraph(r);
	}
	flow_finish(&s->text);
	flow_row_finish(&s->row);
	buf_finish(&s->marker);
	buf_finish(&comment);
	r->n_stories--;
}

void rtf_begin_field(struct rtf *r)
{
	if (r->g->to != RTF_TO_TEXT || r->g->field) {
		return;
	}
	if (r->n_fields == r->cap_fields) {
		r->cap_fields = r->cap_fields ? r->cap_fields * 2 : 8;
		r->fields = realloc(r->fields, (size_t)r->cap_fields * sizeof(*r->fields));
		ASSERT(r->fields != NULL);
	}
	r->fields[r->n_fields++] =
		(struct rtf_field){.mark = story_of(r)->text.text.len, .story = r->n_stories};
	r->g->field = true;
}

/* HYPERLINK "https://…" \o "a tip": the first argument that belongs to no switch. */
static size_t address_of(const char *s, const char **out)
{
	bool of_switch = false;

	s += strspn(s, " \t\n");
	if (strncasecmp(s, "HYPERLINK", 9) != 0) {
		return 0;
	}
	for (s += 9; *s;) {
		size_t n;
		bool quoted;

		s += strspn(s, " \t\n");
		quoted = *s == '"';
		s += quoted;
		n = strcspn(s, quoted ? "\"" : " \t\n");
		if (!quoted && *s == '\\') {
			of_switch = strchr("lotm", s[1]) != NULL;
		} else if (n && !of_switch) {
			*out = s;
			return n;
		} else {
			of_switch = false;
		}
		s += n;
		s += quoted && *s == '"';
	}
	return 0;
}

static void end_field(struct rtf *r)
{
	struct rtf_field *f = &r->fields[--r->n_fields];
	struct flow *text = &story_of(r)->text;
	const char *address;
	size_t n = address_of(f->instruction.data ? f->instruction.data : "", &address);

	if (n && f->story == r->n_stories && text->text.len > f->mark) {
		flow_mark(text, ANNOTATION_LINK, f->mark, address, n);
	}
	buf_finish(&f->instruction);
}

static void end_property(struct rtf *r)
{
	struct buf line = BUF_INIT;

	if (!*r->property) {
		buf_clear(&r->author);
		buf_add(&r->author, r->name.data ? r->name.data : "", r->name.len);
	} else if (strcmp(r->property, "Title") == 0) {
		draft_title(r->d, r->name.data ? r->name.data : "", r->name.len);
	} else if (r->year || r->name.len) {
		buf_printf(&line, "%s: ", r->property);
		if (r->year) {
			buf_printf(&line, "%04d-%02d-%02d", r->year, r->month, r->day);
		} else {
			buf_add(&line, r->name.data, r->name.len);
		}
		draft_annotate(r->d, ANNOTATION_PROPERTY, 0, 0, line.data, line.len);
	}
	buf_clear(&r->name);
	buf_finish(&line);
}

/* ── groups ── */

static void open_group(struct rtf *r)
{
	static const struct rtf_group FIRST = {.uc = 1, .size = 24, .outline = -1};

	if (r->n_groups >= r->doc->limits->nesting_max) {
		draft_fault(r->d, FAULT_LIMIT, 0, "groups inside of each other; ingest-nesting");
	}
	if (r->n_groups == r->cap_groups) {
		r->cap_groups = r->cap_groups ? r->cap_groups * 2 : 32;
		r->groups = realloc(r->groups, (size_t)r->cap_groups * sizeof(*r->groups));
		ASSERT(r->groups != NULL);
	}
	r->groups[r->n_groups] = r->n_groups ? r->groups[r->n_groups - 1] : FIRST;
	r->g = &r->groups[r->n_groups++];
	r->g->field = r->g->story = r->g->property = false;
	if (r->g->to == RTF_TO_STYLES) {
		r->entry = 0;
		buf_clear(&r->name);
	}
}

static void close_group(struct rtf *r)
{
	if (r->g->property) {
		end_property(r);
	}
	if (r->g->story) {
		end_story(r);
	}
	if (r->g->field) {
		end_field(r);
	}
	r->n_groups--;
	r->g = r->n_groups ? &r->groups[r->n_groups - 1] : NULL;
}

static void take_symbol(struct rtf *r, int symbol)
{
	if (symbol == '*') {
		r->starred = true;
	} else if (r->skip > 0) {
		r->skip--;
	} else if (symbol == '~') {
		rtf_put(r, " ", 1);
	} else if (symbol == '_') {
		rtf_put(r, "-", 1);
	}
}

/* false: the last group has closed. */
static bool take(struct rtf *r, const struct rtf_token *t)
{
	bool starred = r->starred;
	char byte = (char)t->number;

	r->starred = false;
	if (t->kind != RTF_HEX && t->kind != RTF_BYTES) {
		flush(r);
	}
	/* A fallback never goes beyond the next word or brace. */
	r->skip = t->kind == RTF_OPEN || t->kind == RTF_CLOSE || t->kind == RTF_WORD ? 0 : r->skip;
	switch (t->kind) {
	case RTF_OPEN:
		open_group(r);
		break;
	case RTF_CLOSE:
		close_group(r);
		break;
	case RTF_WORD:
		if (!rtf_word(r, t) && starred) {
			r->g->to = RTF_TO_NOTHING;
		}
		break;
	case RTF_SYMBOL:
		take_symbol(r, t->number);
		break;
	case RTF_HEX:
		add_bytes(r, &byte, 1);
		break;
	case RTF_BYTES:
		add_bytes(r, t->bytes, t->n_bytes);
		break;
	case RTF_END:
		break;
	}
	return r->n_groups > 0;
}

/* What is left open at the end is read as if it had been closed: many writers forget the last
 * brace, and what was cut off cannot be told from that. */
static void finish(struct rtf *r)
{
	while (r->n_groups > 1) {
		close_group(r);
	}
	if (r->n_groups) {
		if (r->stories[0].row.n) {
			rtf_end_row(r);
		}
		r->g->in_table = false;
		rtf_end_paragraph(r);
	}
	begin_page(r);
	flow_write_queue(&r->later, r->d, r->later.n);
}

void extract_rtf(struct document *doc, struct draft *d)
{
	struct rtf *r = calloc(1, sizeof(*r));
	struct rtf_bytes in = {doc->bytes, doc->bytes + doc->n_bytes};
	struct rtf_group last;
	struct rtf_token t;

	ASSERT(r != NULL);
	r->doc = doc;
	r->d = d;
	r->page = 1252;
	rtf_next(&in, &t);
	open_group(r);
	rtf_begin_story(r, RTF_MAIN);
	do {
		last = *r->g;
		rtf_next(&in, &t);
	} while (t.kind != RTF_END && take(r, &t));
	if (!r->n_groups) {
		/* The text before the last brace is a paragraph too. */
		r->groups[0] = last;
		r->g = &r->groups[0];
		r->n_groups = 1;
	}
	flush(r);
	finish(r);
}
