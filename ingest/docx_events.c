/*
 * Running text of Word documents as events of its XML: which elements count, and what they do to
 * what is open.
 */
#include <stdlib.h>
#include <string.h>

#include "index/base/utf8.h"
#include "ingest/docx_story.h"

#define INSTRUCTION_MAX 2000 /* bytes of a field's */

/* Names of elements, sorted: the tokens below are their places here. X(token, name) */
#define TOKEN_MAP(X)                                                                               \
	X(ALTERNATE, "AlternateContent")                                                           \
	X(CHOICE, "Choice")                                                                        \
	X(FALLBACK, "Fallback")                                                                    \
	X(ALT_CHUNK, "altChunk")                                                                   \
	X(BACKGROUND, "background")                                                                \
	X(BR, "br")                                                                                \
	X(CHART, "chart")                                                                          \
	X(COMMENT_START, "commentRangeStart")                                                      \
	X(COMMENT, "commentReference")                                                             \
	X(CR, "cr")                                                                                \
	X(DEL, "del")                                                                              \
	X(DEL_TEXT, "delText")                                                                     \
	X(DENOMINATOR, "den")                                                                      \
	X(ENDNOTE, "endnoteReference")                                                             \
	X(FIELD, "fldChar")                                                                        \
	X(FOOTNOTE, "footnoteReference")                                                           \
	X(GRID_BEFORE, "gridBefore")                                                               \
	X(GRID_SPAN, "gridSpan")                                                                   \
	X(HYPERLINK, "hyperlink")                                                                  \
	X(ILVL, "ilvl")                                                                            \
	X(INSTRUCTION, "instrText")                                                                \
	X(MOVE_FROM, "moveFrom")                                                                   \
	X(NO_BREAK_HYPHEN, "noBreakHyphen")                                                        \
	X(NUM_ID, "numId")                                                                         \
	X(OUTLINE, "outlineLvl")                                                                   \
	X(P, "p")                                                                                  \
	X(P_PR, "pPr")                                                                             \
	X(P_PR_CHANGE, "pPrChange")                                                                \
	X(P_STYLE, "pStyle")                                                                       \
	X(PTAB, "ptab")                                                                            \
	X(R, "r")                                                                                  \
	X(R_PR, "rPr")                                                                             \
	X(R_PR_CHANGE, "rPrChange")                                                                \
	X(R_STYLE, "rStyle")                                                                       \
	X(REL_IDS, "relIds")                                                                       \
	X(RUBY_TEXT, "rt")                                                                         \
	X(SDT_PR, "sdtPr")                                                                         \
	X(SECT_PR, "sectPr")                                                                       \
	X(SHD, "shd")                                                                              \
	X(SUB, "sub")                                                                              \
	X(SUP, "sup")                                                                              \
	X(SYM, "sym")                                                                              \
	X(T, "t")                                                                                  \
	X(TAB, "tab")                                                                              \
	X(TBL, "tbl")                                                                              \
	X(TBL_HEADER, "tblHeader")                                                                 \
	X(TBL_PR, "tblPr")                                                                         \
	X(TBL_PR_CHANGE, "tblPrChange")                                                            \
	X(TBL_STYLE, "tblStyle")                                                                   \
	X(TC, "tc")                                                                                \
	X(TC_PR, "tcPr")                                                                           \
	X(TC_PR_CHANGE, "tcPrChange")                                                              \
	X(TR, "tr")                                                                                \
	X(TR_PR, "trPr")                                                                           \
	X(TR_PR_CHANGE, "trPrChange")                                                              \
	X(BOX, "txbxContent")                                                                      \
	X(V_MERGE, "vMerge")                                                                       \
	X(VANISH, "vanish")

enum token {
#define X(token, name) T_##token,
	TOKEN_MAP(X)
#undef X
		N_TOKENS,
	T_OTHER = STORY_NO_TOKEN
};

static const char *const NAMES[] = {
#define X(token, name) name,
	TOKEN_MAP(X)
#undef X
};

/* ── inside of runs ── */

static void add_symbol(struct story *s, const struct xml_element *el)
{
	const char *code = xml_attr(el, "char"), *font = xml_attr(el, "font");
	long c = code ? strtol(code, NULL, 16) : 0;
	const char *known = docx_symbol(font ? font : "", c);
	char utf8[4];

	if (*known) {
		story_add(s, known, strlen(known));
	} else if (c > ' ' && c < 0xe000 && !(c >= 0xd800)) {
		story_add(s, utf8, (size_t)utf8_encode((uint32_t)c, utf8));
	}
}

/* ── links, fields, notes, comments ── */

static void begin_link(struct story *s, const struct xml_element *el)
{
	struct paragraph *p = story_paragraph(s);
	const char *address = ooxml_address(s->relations, xml_attr_in(el, "elationships", "id"));

	if (p && address) {
		flow_begin_link(&p->text, address, strlen(address));
	}
}

static void end_link(struct story *s)
{
	struct paragraph *p = story_paragraph(s);

	if (p) {
		flow_end_link(&p->text);
	}
}

/* HYPERLINK "https://…" \o "…": the address is what stands in the first quotes. */
static void end_field(struct story *s, struct field *f)
{
	struct paragraph *p = story_paragraph(s);
	const char *at = f->instruction.data ? f->instruction.data : "";
	size_t n;

	at += strspn(at, " ");
	if (p && p == f->paragraph && strncmp(at, "HYPERLINK", 9) == 0) {
		at += 9 + strspn(at + 9, " ");
		if (*at == '"') {
			at++;
			n = strcspn(at, "\"");
			flow_mark(&p->text, ANNOTATION_LINK, f->start, at, n);
		}
	}
	buf_finish(&f->instruction);
}

static void field_char(struct story *s, const struct xml_element *el)
{
	const char *type = xml_attr(el, "fldCharType");
	struct field *f = s->n_fields ? &s->fields[s->n_fields - 1] : NULL;

	if (!type) {
		return;
	}
	if (strcmp(type, "begin") == 0 && s->n_fields < FIELDS_MAX) {
		s->fields[s->n_fields++] = (struct field){0};
	} else if (strcmp(type, "separate") == 0 && f) {
		f->result = true;
		f->paragraph = story_paragraph(s);
		f->start = f->paragraph ? f->paragraph->text.text.len : 0;
	} else if (strcmp(type, "end") == 0 && f) {
		end_field(s, f);
		s->n_fields--;
	}
}

static void refer_note(struct story *s, struct docx_notes *notes, const char *what, const char *id)
{
	struct docx_note *note = s->into || s->n_deleted ? NULL : docx_note(notes, id);
	struct after *a;

	if (note && !note->told) {
		note->told = true;
		a = story_later(s, AFTER_NOTE);
		a->block = BLOCK_NOTE;
		buf_printf(&a->text.text, "%s %d: ", what, ++notes->n_told);
		flow_append(&a->text, s->x->o.draft, &note->text);
	}
}

static void begin_comment(struct story *s, const char *id)
{
	struct paragraph *p = story_paragraph(s);

	if (p && id && p->n_ranges < RANGES_MAX) {
		p->ranges[p->n_ranges].id = strdup(id);
		p->ranges[p->n_ranges++].start = p->text.text.len;
	}
}

static void refer_comment(struct story *s, const char *id)
{
	struct docx_note *comment = docx_note(&s->x->comments, id);
	struct paragraph *p = story_paragraph(s);
	size_t start = 0;

	if (!comment || comment->told || !p || !comment->text.text.len) {
		return;
	}
	comment->told = true;
	for (int i = 0; i < p->n_ranges; i++) {
		start = strcmp(p->ranges[i].id, id) == 0 ? p->ranges[i].start : start;
	}
	flow_mark(&p->text, ANNOTATION_COMMENT, start, comment->text.text.data,
		comment->text.text.len);
}

/* Another file whose text stands here: a page is read in place, the rest is handed on. */
static void read_chunk(struct story *s, const char *id)
{
	struct ooxml *o = &s->x->o;
	const char *part = ooxml_part(s->relations, id);
	const char *dot = part ? strrchr(part, '.') : NULL;
	struct buf bytes = BUF_INIT, text = BUF_INIT;

	if (!part || s->into || !archive_load(o->archive, part, o->draft->text_max, &bytes)) {
		return;
	}
	if (bytes.len && dot && (strncmp(dot, ".htm", 4) == 0 || strncmp(dot, ".xhtm", 5) == 0) &&
		text_decode(bytes.data, bytes.len, NULL, &text) && text.len) {
		html_write(text.data, text.len, o->draft);
	} else {
		draft_child(o->draft, part, bytes.data, bytes.len);
	}
	buf_finish(&bytes);
	buf_finish(&text);
}

static void refer_part(struct story *s, const char *id, int kind)
{
	const char *part = ooxml_part(s->relations, id);

	if (part && story_paragraph(s) && !s->n_deleted) {
		story_later(s, kind)->part = part;
	}
}

/* ── events ── */

static enum token token_of(const struct xml_element *el)
{
	int t = ooxml_token(el->name, NAMES, N_TOKENS);

	if (t < 0) {
		return T_OTHER;
	}
	if (xml_in(el, "wordprocessingml/")) {
		return (enum token)t;
	}
	switch (t) {
	case T_ALTERNATE:
	case T_CHOICE:
	case T_FALLBACK:
		return xml_in(el, "markup-compatibility") ? (enum token)t : T_OTHER;
	case T_T:
		return xml_in(el, "/math") || xml_in(el, "drawingml") ? T_T : T_OTHER;
	case T_R:
	case T_DENOMINATOR:
	case T_SUB:
	case T_SUP:
		return xml_in(el, "/math") ? (enum token)t : T_OTHER;
	case T_CHART:
	case T_REL_IDS:
		return xml_in(el, "drawingml") ? (enum token)t : T_OTHER;
	default:
		return T_OTHER;
	}
}

/* What is not of the text, or of an earlier state of it. */
static bool passed_over(struct story *s, enum token t, int depth)
{
	enum token parent = (enum token)s->tokens[depth - 1];

	switch (t) {
	case T_P_PR_CHANGE:
	case T_R_PR_CHANGE:
	case T_TBL_PR_CHANGE:
	case T_TC_PR_CHANGE:
	case T_TR_PR_CHANGE:
	case T_SECT_PR:
	case T_SDT_PR:
	case T_RUBY_TEXT:
		return true;
	case T_MOVE_FROM:
		return parent != T_R_PR;
	case T_CHOICE:
	case T_FALLBACK:
		/* The first that is offered; the others say the same for older programs. */
		if (parent != T_ALTERNATE || s->taken[depth - 1]) {
			return true;
		}
		s->taken[depth - 1] = true;
		return false;
	default:
		return false;
	}
}

static void paragraph_property(struct story *s, enum token t, const struct xml_element *el)
{
	struct paragraph *p = story_paragraph(s);
	const char *value = xml_attr(el, "val");

	if (!p) {
		return;
	}
	if (t == T_P_STYLE && value && !p->style_id) {
		p->style_id = strdup(value);
		p->style = docx_style(s->x, p->style_id);
		p->style = p->style ? p->style : s->x->styles.paragraph;
	} else if (t == T_OUTLINE) {
		p->outline = (int)ooxml_number(value, -1);
	} else if (t == T_NUM_ID) {
		p->num_id = ooxml_number(value, -1);
	} else if (t == T_ILVL) {
		p->ilvl = (int)ooxml_number(value, -1);
	} else if (t == T_SHD) {
		p->fill = docx_fill(el);
	}
}

static void table_property(struct story *s, enum token t, const struct xml_element *el)
{
	enum token parent = (enum token)s->tokens[el->depth - 1];
	struct docx_table *table = story_table(s);
	const char *value = xml_attr(el, "val");
	const struct docx_style *style;

	if (!table) {
		return;
	}
	if (t == T_TBL_STYLE) {
		style = docx_style(s->x, value);
		docx_table_style(table, style && style->shaded);
	} else if (t == T_SHD && parent == T_TBL_PR) {
		docx_table_fill(table, docx_fill(el));
	} else if (t == T_SHD && parent == T_TC_PR) {
		docx_cell_fill(table, docx_fill(el));
	} else if (t == T_TBL_HEADER && ooxml_on(value)) {
		docx_row_header(table);
	} else if (t == T_GRID_BEFORE) {
		docx_row_skip(table, ooxml_number(value, 0));
	} else if (t == T_GRID_SPAN) {
		docx_cell_span(table, ooxml_number(value, 1));
	} else if (t == T_V_MERGE) {
		docx_cell_merge(table, value && strcmp(value, "restart") == 0);
	}
}

/* true: it was a property of a paragraph, a run, a table. */
static bool property(struct story *s, enum token t, const struct xml_element *el)
{
	const unsigned char *above = s->tokens + el->depth;
	bool of_run = el->depth > 2 && above[-1] == T_R_PR && above[-2] == T_R;
	bool of_mark = el->depth > 2 && above[-1] == T_R_PR && above[-2] == T_P_PR;
	bool of_list = el->depth > 2 && (t == T_NUM_ID || t == T_ILVL) && above[-2] == T_P_PR;

	if (of_run && t == T_R_STYLE) {
		s->run.style = docx_style(s->x, xml_attr(el, "val"));
	} else if (of_run) {
		docx_look_take(&s->run.look, el);
	} else if (of_mark) {
		struct paragraph *p = story_paragraph(s);
		bool gone = t == T_DEL || (t == T_VANISH && ooxml_on(xml_attr(el, "val")));

		if (p && gone) {
			p->mark_gone = true;
		}
	} else if (of_list || above[-1] == T_P_PR) {
		paragraph_property(s, t, el);
	} else if (above[-1] == T_TBL_PR || above[-1] == T_TR_PR || above[-1] == T_TC_PR) {
		table_property(s, t, el);
	} else {
		return false;
	}
	return true;
}

/* true: it stands for a character, or refers to something. */
static bool inline_start(struct story *s, enum token t, const struct xml_element *el)
{
	bool in_run = s->tokens[el->depth - 1] == T_R;
	const char *id = xml_attr(el, "id");

	switch (t) {
	case T_TAB:
	case T_PTAB:
		story_add(s, "\t", in_run);
		return true;
	case T_BR:
	case T_CR:
		story_add(s, "\n", in_run);
		return true;
	case T_NO_BREAK_HYPHEN:
		story_add(s, "-", 1);
		return true;
	case T_DENOMINATOR:
		story_add(s, "/", 1);
		return true;
	case T_SUB:
		story_add(s, "_", 1);
		return true;
	case T_SUP:
		story_add(s, "^", 1);
		return true;
	case T_SYM:
		add_symbol(s, el);
		return true;
	case T_FIELD:
		field_char(s, el);
		return true;
	case T_HYPERLINK:
		begin_link(s, el);
		return true;
	case T_FOOTNOTE:
		refer_note(s, &s->x->footnotes, "Note", id);
		return true;
	case T_ENDNOTE:
		refer_note(s, &s->x->endnotes, "Endnote", id);
		return true;
	case T_COMMENT_START:
		begin_comment(s, id);
		return true;
	case T_COMMENT:
		refer_comment(s, id);
		return true;
	case T_CHART:
		refer_part(s, id, AFTER_CHART);
		return true;
	case T_REL_IDS:
		refer_part(s, xml_attr(el, "dm"), AFTER_DIAGRAM);
		return true;
	case T_ALT_CHUNK:
		read_chunk(s, id);
		return true;
	default:
		return false;
	}
}

/* Of a w:del: it has the deleted text inside, it does not say of something else that it is. */
static bool holds_text(const struct story *s, int depth)
{
	enum token parent = (enum token)s->tokens[depth - 1];

	return parent != T_R_PR && parent != T_TR_PR;
}

static void outline_start(struct story *s, enum token t, const struct xml_element *el)
{
	long background;

	switch (t) {
	case T_P:
		story_begin_paragraph(s);
		break;
	case T_R:
		s->run = (struct run){.look = DOCX_LOOK_UNSET, .hidden = -2};
		break;
	case T_TBL:
		story_begin_table(s);
		break;
	case T_TR:
		if (story_table(s)) {
			docx_row_begin(story_table(s));
		}
		break;
	case T_TC:
		if (story_table(s)) {
			docx_cell_begin(story_table(s));
		}
		break;
	case T_BOX:
		story_begin_box(s);
		break;
	case T_DEL:
		s->n_deleted += holds_text(s, el->depth);
		break;
	case T_BACKGROUND:
		background = ooxml_color(xml_attr(el, "color"));
		s->x->background = background >= 0 ? background : LOOK_UNKNOWN;
		break;
	default:
		break;
	}
}

void docx_story_start(struct story *s, const struct xml_element *el)
{
	enum token t = token_of(el);

	s->depth = el->depth;
	s->tokens[el->depth] = (unsigned char)t;
	s->taken[el->depth] = false;
	if (s->skip) {
		return;
	}
	if (passed_over(s, t, el->depth)) {
		s->skip = el->depth;
	} else if (!property(s, t, el) && !inline_start(s, t, el)) {
		outline_start(s, t, el);
	}
}

void docx_story_end(struct story *s, const struct xml_element *el)
{
	enum token t = (enum token)s->tokens[el->depth];
	enum token parent = (enum token)s->tokens[el->depth - 1];

	s->depth = el->depth - 1;
	s->tokens[el->depth] = T_OTHER;
	if (s->skip) {
		s->skip = s->skip == el->depth ? 0 : s->skip;
		return;
	}
	if (t == T_P_PR && parent == T_P && story_paragraph(s)) {
		story_number(s, story_paragraph(s));
	} else if (t == T_P) {
		story_end_paragraph(s);
	} else if (t == T_TR) {
		story_end_row(s);
	} else if (t == T_TBL) {
		story_end_table(s);
	} else if (t == T_BOX) {
		story_end_box(s);
	} else if (t == T_HYPERLINK) {
		end_link(s);
	} else if (t == T_DEL && holds_text(s, el->depth)) {
		s->n_deleted--;
	} else if (t == T_OTHER && xml_is(el, "p") && xml_in(el, "drawingml")) {
		story_add(s, "\n", 1);
	}
}

void docx_story_text(struct story *s, const char *p, size_t n_bytes)
{
	enum token t = (enum token)s->tokens[s->depth];
	struct buf *instruction = s->n_fields ? &s->fields[s->n_fields - 1].instruction : NULL;

	if (s->skip) {
		return;
	}
	if (t == T_T) {
		story_add(s, p, n_bytes);
	} else if (t == T_DEL_TEXT) {
		s->n_deleted++;
		story_add(s, p, n_bytes);
		s->n_deleted--;
	} else if (t == T_INSTRUCTION && instruction &&
		   instruction->len + n_bytes < INSTRUCTION_MAX) {
		buf_add(instruction, p, n_bytes);
	}
}

static void on_start(void *arg, const struct xml_element *el)
{
	docx_story_start(arg, el);
}

static void on_end(void *arg, const struct xml_element *el)
{
	docx_story_end(arg, el);
}

static void on_text(void *arg, const char *p, size_t n_bytes)
{
	docx_story_text(arg, p, n_bytes);
}

void docx_story_read(struct docx *x, const char *part)
{
	static const struct xml_handler HANDLER = {on_start, on_end, on_text};

	ooxml_must_read(&x->o, part, &HANDLER, docx_story_begin(x, &x->o.relations, NULL));
}
