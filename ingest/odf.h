/*
 * Inside the house of the OpenDocument readers (OASIS ODF 1.3 part 3): packages and flat XML, read
 * as one stream of elements. odf.c walks it and keeps a frame an open element, odf_styles.c learns
 * the styles before the body comes, odf_text.c turns paragraphs, lists, notes and comments into
 * blocks, odf_table.c tables of text documents and slides; extract_odt.c, extract_ods.c and
 * extract_odp.c know what their documents are made of.
 *
 *   frame of text:p        to = the paragraph's flow, container = NULL: it is a block of its own
 *     frame of text:note     container = the note: paragraphs inside are added to it
 *     frame of text:span     to as above, its look from the style
 *
 * What nobody sees goes aside: whole elements (a hidden section, a deletion) by odf_aside, single
 * runs of text by their look. Thread: the child's only one.
 */
#ifndef INGEST_ODF_H
#define INGEST_ODF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/child.h"
#include "ingest/flow.h"
#include "ingest/xml.h"

/* X(enumerator, prefix:name), sorted by name: it is searched */
#define ODF_TAG_MAP(X)                                                                             \
	X(ODF_DC_CREATOR, "dc:creator")                                                            \
	X(ODF_DC_DATE, "dc:date")                                                                  \
	X(ODF_DC_SUBJECT, "dc:subject")                                                            \
	X(ODF_DC_TITLE, "dc:title")                                                                \
	X(ODF_DRAW_A, "draw:a")                                                                    \
	X(ODF_DRAW_FRAME, "draw:frame")                                                            \
	X(ODF_DRAW_G, "draw:g")                                                                    \
	X(ODF_DRAW_IMAGE, "draw:image")                                                            \
	X(ODF_DRAW_OBJECT, "draw:object")                                                          \
	X(ODF_DRAW_OBJECT_OLE, "draw:object-ole")                                                  \
	X(ODF_DRAW_PAGE, "draw:page")                                                              \
	X(ODF_DRAW_PAGE_THUMBNAIL, "draw:page-thumbnail")                                          \
	X(ODF_MATH_MATH, "math:math")                                                              \
	X(ODF_META_CREATION_DATE, "meta:creation-date")                                            \
	X(ODF_META_CREATOR_INITIALS, "meta:creator-initials")                                      \
	X(ODF_META_INITIAL_CREATOR, "meta:initial-creator")                                        \
	X(ODF_META_KEYWORD, "meta:keyword")                                                        \
	X(ODF_OFFICE_ANNOTATION, "office:annotation")                                              \
	X(ODF_OFFICE_AUTOMATIC_STYLES, "office:automatic-styles")                                  \
	X(ODF_OFFICE_BINARY_DATA, "office:binary-data")                                            \
	X(ODF_OFFICE_BODY, "office:body")                                                          \
	X(ODF_OFFICE_CHANGE_INFO, "office:change-info")                                            \
	X(ODF_OFFICE_EVENT_LISTENERS, "office:event-listeners")                                    \
	X(ODF_OFFICE_FORMS, "office:forms")                                                        \
	X(ODF_OFFICE_MASTER_STYLES, "office:master-styles")                                        \
	X(ODF_OFFICE_META, "office:meta")                                                          \
	X(ODF_OFFICE_PRESENTATION, "office:presentation")                                          \
	X(ODF_OFFICE_SCRIPTS, "office:scripts")                                                    \
	X(ODF_OFFICE_SETTINGS, "office:settings")                                                  \
	X(ODF_OFFICE_SPREADSHEET, "office:spreadsheet")                                            \
	X(ODF_OFFICE_STYLES, "office:styles")                                                      \
	X(ODF_OFFICE_TEXT, "office:text")                                                          \
	X(ODF_PRESENTATION_NOTES, "presentation:notes")                                            \
	X(ODF_STYLE_DEFAULT_STYLE, "style:default-style")                                          \
	X(ODF_STYLE_DRAWING_PAGE_PROPERTIES, "style:drawing-page-properties")                      \
	X(ODF_STYLE_GRAPHIC_PROPERTIES, "style:graphic-properties")                                \
	X(ODF_STYLE_MASTER_PAGE, "style:master-page")                                              \
	X(ODF_STYLE_PAGE_LAYOUT, "style:page-layout")                                              \
	X(ODF_STYLE_PAGE_LAYOUT_PROPERTIES, "style:page-layout-properties")                        \
	X(ODF_STYLE_PARAGRAPH_PROPERTIES, "style:paragraph-properties")                            \
	X(ODF_STYLE_SECTION_PROPERTIES, "style:section-properties")                                \
	X(ODF_STYLE_STYLE, "style:style")                                                          \
	X(ODF_STYLE_TABLE_CELL_PROPERTIES, "style:table-cell-properties")                          \
	X(ODF_STYLE_TABLE_PROPERTIES, "style:table-properties")                                    \
	X(ODF_STYLE_TABLE_ROW_PROPERTIES, "style:table-row-properties")                            \
	X(ODF_STYLE_TEXT_PROPERTIES, "style:text-properties")                                      \
	X(ODF_SVG_DESC, "svg:desc")                                                                \
	X(ODF_SVG_TITLE, "svg:title")                                                              \
	X(ODF_TABLE_CONTENT_VALIDATIONS, "table:content-validations")                              \
	X(ODF_TABLE_COVERED_TABLE_CELL, "table:covered-table-cell")                                \
	X(ODF_TABLE_DDE_LINKS, "table:dde-links")                                                  \
	X(ODF_TABLE_NAMED_EXPRESSIONS, "table:named-expressions")                                  \
	X(ODF_TABLE_SHAPES, "table:shapes")                                                        \
	X(ODF_TABLE_TABLE, "table:table")                                                          \
	X(ODF_TABLE_TABLE_CELL, "table:table-cell")                                                \
	X(ODF_TABLE_TABLE_COLUMN, "table:table-column")                                            \
	X(ODF_TABLE_TABLE_HEADER_ROWS, "table:table-header-rows")                                  \
	X(ODF_TABLE_TABLE_ROW, "table:table-row")                                                  \
	X(ODF_TABLE_TRACKED_CHANGES, "table:tracked-changes")                                      \
	X(ODF_TEXT_A, "text:a")                                                                    \
	X(ODF_TEXT_ALPHABETICAL_INDEX_SOURCE, "text:alphabetical-index-source")                    \
	X(ODF_TEXT_BIBLIOGRAPHY_SOURCE, "text:bibliography-source")                                \
	X(ODF_TEXT_DDE_CONNECTION_DECLS, "text:dde-connection-decls")                              \
	X(ODF_TEXT_DELETION, "text:deletion")                                                      \
	X(ODF_TEXT_H, "text:h")                                                                    \
	X(ODF_TEXT_HIDDEN_PARAGRAPH, "text:hidden-paragraph")                                      \
	X(ODF_TEXT_HIDDEN_TEXT, "text:hidden-text")                                                \
	X(ODF_TEXT_ILLUSTRATION_INDEX_SOURCE, "text:illustration-index-source")                    \
	X(ODF_TEXT_LINE_BREAK, "text:line-break")                                                  \
	X(ODF_TEXT_LIST, "text:list")                                                              \
	X(ODF_TEXT_LIST_HEADER, "text:list-header")                                                \
	X(ODF_TEXT_LIST_ITEM, "text:list-item")                                                    \
	X(ODF_TEXT_LIST_LEVEL_STYLE_BULLET, "text:list-level-style-bullet")                        \
	X(ODF_TEXT_LIST_LEVEL_STYLE_IMAGE, "text:list-level-style-image")                          \
	X(ODF_TEXT_LIST_LEVEL_STYLE_NUMBER, "text:list-level-style-number")                        \
	X(ODF_TEXT_LIST_STYLE, "text:list-style")                                                  \
	X(ODF_TEXT_NOTE, "text:note")                                                              \
	X(ODF_TEXT_NOTE_BODY, "text:note-body")                                                    \
	X(ODF_TEXT_NOTE_CITATION, "text:note-citation")                                            \
	X(ODF_TEXT_NUMBER, "text:number")                                                          \
	X(ODF_TEXT_OBJECT_INDEX_SOURCE, "text:object-index-source")                                \
	X(ODF_TEXT_P, "text:p")                                                                    \
	X(ODF_TEXT_RUBY_TEXT, "text:ruby-text")                                                    \
	X(ODF_TEXT_S, "text:s")                                                                    \
	X(ODF_TEXT_SCRIPT, "text:script")                                                          \
	X(ODF_TEXT_SECTION, "text:section")                                                        \
	X(ODF_TEXT_SEQUENCE_DECLS, "text:sequence-decls")                                          \
	X(ODF_TEXT_SPAN, "text:span")                                                              \
	X(ODF_TEXT_TAB, "text:tab")                                                                \
	X(ODF_TEXT_TABLE_INDEX_SOURCE, "text:table-index-source")                                  \
	X(ODF_TEXT_TABLE_OF_CONTENT_SOURCE, "text:table-of-content-source")                        \
	X(ODF_TEXT_TRACKED_CHANGES, "text:tracked-changes")                                        \
	X(ODF_TEXT_USER_FIELD_DECLS, "text:user-field-decls")                                      \
	X(ODF_TEXT_USER_INDEX_SOURCE, "text:user-index-source")                                    \
	X(ODF_TEXT_VARIABLE_DECLS, "text:variable-decls")

enum odf_tag {
	ODF_OTHER,
#define X(enumerator, name) enumerator,
	ODF_TAG_MAP(X)
#undef X
};

bool odf_in(const struct xml_element *el, const char *prefix); /* of that namespace */

/* ── styles ── */

#define ODF_LEVELS 10 /* of lists */

enum { ODF_UNSET = -3, ODF_UNKNOWN = -2, ODF_NONE = -1 }; /* beside colours, 0xRRGGBB */

enum odf_role { ODF_ROLE_NONE, ODF_ROLE_CODE, ODF_ROLE_TITLE, ODF_ROLE_TABLE_HEADING };

enum odf_marker { ODF_MARKER_BULLET, ODF_MARKER_NUMBER, ODF_MARKER_NONE };

/* With what it inherits, once odf_style returned it. */
struct odf_style {
	char *key; /* "family\nname" */
	char *parent;
	char *list;	      /* list style of its paragraphs, or NULL */
	int32_t color;	      /* ODF_NONE: automatic */
	int32_t text_ground;  /* behind its characters; ODF_NONE: transparent */
	int32_t block_ground; /* behind the whole */
	int32_t fill;	      /* of a shape or slide; ODF_UNKNOWN: a picture or gradient */
	float size;	      /* points; 0: unset */
	float percent;	      /* of the parent's size; 0: unset */
	int8_t hidden;	      /* -1: unset */
	int8_t outline;	      /* level; -1: unset */
	enum odf_role role;
	bool resolved;
	/* of list styles, by level from 0 */
	uint8_t markers[ODF_LEVELS]; /* enum odf_marker */
	int32_t starts[ODF_LEVELS];
	int32_t last; /* number of the last item, for lists that go on */
	/* of page layouts and master pages */
	double width, height; /* points */
	char *layout;
	bool painted; /* it has pictures or shapes of its own */
};

struct odf;

/* Told of every element of the styles and of the master pages. */
void odf_styles_start(struct odf *o, enum odf_tag tag, const struct xml_element *el);
void odf_styles_end(struct odf *o, enum odf_tag tag);
/* NULL: there is none of that name (NULL is none). */
struct odf_style *odf_style(struct odf *o, const char *family, const char *name);
/* "2.5cm" in points; 0 where it is no length. */
double odf_points(const char *s);

/* ── the walk ── */

/* How text looks: enough to tell whether anybody sees it. */
struct odf_look {
	int32_t color;	/* ODF_NONE: automatic, always readable */
	int32_t ground; /* the colour behind it, or ODF_UNKNOWN */
	float size;	/* points */
	bool hidden;
};

struct odf_frame {
	enum odf_tag tag;
	struct odf_look look;
	struct flow *to;	/* takes text; NULL: it is no text of the document */
	struct flow *container; /* takes whole paragraphs; NULL: each is a block */
	int columns;		/* of the table around; 1: there is none that makes rows */
	bool skipped;		/* with all that is inside */
	bool paragraph, link, list, aside, row, cell, note, page, title, speech,
		box; /* it opened one */
};

struct odf_list {
	struct odf_style *style; /* NULL: unknown */
	int number;		 /* of the last item */
};

struct odf_paragraph {
	struct flow *flow;
	enum block_kind kind;
	int level;
	enum odf_role role;
	bool hidden; /* by a field in it */
};

/* What one kind of document does with the elements that are not text. */
struct odf_kind {
	enum odf_tag root;
	enum odf_tag child; /* a page, what alone counts in the root; ODF_OTHER: the root is one */
	void (*on_start)(
		struct odf *o, enum odf_tag tag, const struct xml_element *el, struct odf_frame *f);
	void (*on_end)(struct odf *o, struct odf_frame *f);
};

struct odf {
	struct document *doc;
	struct draft *d;
	const struct odf_kind *kind;
	void *arg; /* the kind's own */
	struct odf_frame *frames;
	int n_frames, cap;
	bool in_meta, in_styles, in_body;
	bool body_due; /* the first in the part that has it; what else looks like one is skipped */

	void *styles;						/* a tree by key */
	struct odf_style *style, *list_style, *layout, *master; /* open ones */

	struct buf property; /* of the element of office:meta that is open */

	struct odf_paragraph *paragraphs; /* open ones, each inside of the one before */
	int n_paragraphs, cap_paragraphs;
	struct flow_queue later;
	bool held;    /* blocks wait: a row or sheet is open */
	bool in_code; /* the last block was code and goes on */
	int n_notes;
	struct flow note, citation;
	struct odf_list *lists;
	int n_lists, cap_lists;
	bool item_pending; /* its first paragraph is to come */

	struct flow aside;
	enum annotation_kind aside_kind;
	struct flow *aside_host; /* where it stands; NULL: between blocks */
	bool aside_open;

	struct flow_row row;
	struct flow cell;
	bool first_row, header_rows, heading_cells;

	struct box box; /* where the blocks stand */
	bool has_box;
};

/* Reads the whole document; faults end the process. */
void odf_read(struct document *doc, struct draft *d, const struct odf_kind *kind, void *arg);

/* ── text ── */

/* true: the element is text's, or inside of what is left out. */
bool odf_text_start(
	struct odf *o, enum odf_tag tag, const struct xml_element *el, struct odf_frame *f);
void odf_text_end(struct odf *o, struct odf_frame *f);
void odf_text(struct odf *o, const char *s, size_t n_bytes);
/* Everything in the frame is annotated as this, unless it stands in an aside already. */
void odf_aside(struct odf *o, struct odf_frame *f, enum annotation_kind kind);
/* What waits is written, unless a block or row is open. */
void odf_write_later(struct odf *o);
/* The look of f: changed by a style of this family. */
void odf_dress(struct odf *o, struct odf_frame *f, const char *family, const char *name);

/* ── tables in text and on slides ── */

void odf_table_start(
	struct odf *o, enum odf_tag tag, const struct xml_element *el, struct odf_frame *f);
void odf_table_end(struct odf *o, struct odf_frame *f);
/* The value of an attribute that counts, at least 1. */
int odf_count(const struct xml_element *el, const char *name, int max);

#endif
