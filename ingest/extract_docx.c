/*
 * Word documents (docx, docm and their templates; ECMA-376 part 1, 17). One page of no size: where
 * pages end is not in the file. Styles, lists, notes and comments are read first, then the body as
 * it comes.
 */
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/docx.h"

#define NOTES_MAX 100000

/* ── notes and comments ── */

struct notes_reader {
	struct docx *x;
	struct docx_notes *notes;
	struct ooxml_relations relations;
	const char *element; /* "footnote", "endnote", "comment" */
	struct story *story; /* of the open one */
	size_t n_bytes;	     /* of all */
};

static bool has_text(const struct xml_element *el)
{
	const char *type = xml_attr(el, "type");

	return !type || strcmp(type, "normal") == 0; /* the others are lines between */
}

static void on_note_start(void *arg, const struct xml_element *el)
{
	struct notes_reader *r = arg;
	struct docx_notes *all = r->notes;
	const char *id = xml_attr(el, "id"), *author = xml_attr(el, "author");
	struct docx_note *note;

	if (r->story) {
		docx_story_start(r->story, el);
		return;
	}
	if (!xml_is(el, r->element) || !id || !has_text(el) || all->n >= NOTES_MAX) {
		return;
	}
	all->items = array_grow(all->items, all->n, &all->cap, sizeof(*all->items));
	note = &all->items[all->n++];
	*note = (struct docx_note){.id = arena_str(&r->x->o.arena, id)};
	if (author && *author) {
		buf_printf(&note->text.text, "%s: ", author);
	}
	r->story = docx_story_begin(r->x, &r->relations, &note->text);
}

static void on_note_end(void *arg, const struct xml_element *el)
{
	struct notes_reader *r = arg;

	if (!r->story) {
		return;
	}
	if (!xml_is(el, r->element)) {
		docx_story_end(r->story, el);
		return;
	}
	r->story = NULL;
	r->n_bytes += r->notes->items[r->notes->n - 1].text.text.len;
	if (r->n_bytes > r->x->o.draft->text_max) {
		draft_fault(r->x->o.draft, FAULT_TEXT, 0, NULL);
	}
}

static void on_note_text(void *arg, const char *p, size_t n_bytes)
{
	struct notes_reader *r = arg;

	if (r->story) {
		docx_story_text(r->story, p, n_bytes);
	}
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct docx_note *)a)->id, ((const struct docx_note *)b)->id);
}

static void load_notes(
	struct docx *x, struct docx_notes *notes, const char *type, const char *element)
{
	static const struct xml_handler HANDLER = {on_note_start, on_note_end, on_note_text};
	struct notes_reader r = {.x = x, .notes = notes, .element = element};
	const char *part = ooxml_part_of_type(&x->o.relations, type);

	if (!part || !archive_has(x->o.archive, part)) {
		return;
	}
	ooxml_relations_load(&x->o, part, &r.relations);
	ooxml_must_read(&x->o, part, &HANDLER, &r);
	if (notes->n) {
		qsort(notes->items, (size_t)notes->n, sizeof(*notes->items), by_id);
	}
}

struct docx_note *docx_note(struct docx_notes *notes, const char *id)
{
	struct docx_note key = {.id = id};

	return id && notes->n ? bsearch(&key, notes->items, (size_t)notes->n, sizeof(key), by_id)
			      : NULL;
}

/* Comments on nothing: nobody who reads the text meets them. */
static void tell_comments(struct docx *x)
{
	for (int i = 0; i < x->comments.n; i++) {
		const struct docx_note *c = &x->comments.items[i];

		if (!c->told && c->text.text.len) {
			draft_annotate(x->o.draft, ANNOTATION_COMMENT, draft_at(x->o.draft),
				draft_at(x->o.draft), c->text.text.data, c->text.text.len);
		}
	}
}

void extract_docx(struct document *doc, struct draft *d)
{
	struct docx *x = calloc(1, sizeof(*x));

	ASSERT(x != NULL);
	ooxml_open(&x->o, doc, d, "word/document.xml");
	x->aside.draft = d;
	x->background = 0xffffff;
	docx_styles_load(x);
	docx_numbering_load(x);
	draft_page(d, 0, 0);
	load_notes(x, &x->footnotes, "footnotes", "footnote");
	load_notes(x, &x->endnotes, "endnotes", "endnote");
	load_notes(x, &x->comments, "comments", "comment");
	docx_story_read(x, x->o.main);
	tell_comments(x);
	ooxml_children(&x->o, "word/embeddings/");
}
