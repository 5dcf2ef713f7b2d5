/*
 * XML of any vocabulary. An element that holds text and elements is prose: a paragraph. One that
 * holds only text beside others is a field: "city: Bonn", fields of one parent are one block.
 * Attributes are fields of their element. <title>, <head>, <heading> and <h1> … are headings, as in
 * DocBook, TEI, RSS and Atom.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/xml.h"

#define FIELD_MAX 300 /* bytes: longer text is prose, whatever holds it */
#define NAME_MAX_BYTES 60
#define ATTRIBUTE_MAX 300
#define SAMPLE 65536

struct writer {
	struct draft *d;
	struct buf line; /* of the block element that is open */
	int block_depth; /* its depth; 0: none is open */
	bool mixed;	 /* elements stand inside of its text */
	char name[NAME_MAX_BYTES + 1];
	int parent; /* depth of the parent of the fields in the open block */
};

static const char PROLOG[] = "<?xml";

static bool name_ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcasecmp(name + n - m, end) == 0;
}

bool xml_is_document(struct document *doc)
{
	static const char *const ENDS[] = {".xml", ".xsd", ".rss", ".atom", ".opml", ".svg", ".dbk",
		".docbook", ".fodt", ".kml", ".gpx", ".wsdl", ".xliff", ".tmx"};
	size_t n = doc->n_bytes < SAMPLE ? doc->n_bytes : SAMPLE;
	struct buf text = BUF_INIT;
	const char *p;
	bool ok = false, named = false;

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
		named |= name_ends(doc->name, ENDS[i]);
	}
	if (!text_decode(doc->bytes, n, NULL, &text) || !text.len) {
		buf_finish(&text);
		return false;
	}
	p = text.data + strspn(text.data, " \t\r\n");
	ok = strncmp(p, PROLOG, 5) == 0 || (named && *p == '<');
	buf_finish(&text);
	return ok;
}

/* ── writing ── */

static bool is_heading(const char *name)
{
	return strcasecmp(name, "title") == 0 || strcasecmp(name, "head") == 0 ||
	       strcasecmp(name, "heading") == 0 ||
	       (tolower((unsigned char)name[0]) == 'h' && name[1] >= '1' && name[1] <= '6' &&
		       !name[2]);
}

static void field(struct writer *w, int parent, const char *name, const char *s, size_t n)
{
	struct buf line = BUF_INIT;

	if (w->parent != parent) {
		draft_block(w->d, BLOCK_PARAGRAPH, 0);
		w->parent = parent;
	}
	buf_printf(&line, "%s: ", name);
	buf_add(&line, s, n);
	draft_line(w->d, line.data, line.len, NULL);
	buf_finish(&line);
}

/* Writes what was gathered of the open element. leaf: it has ended and had no other in it. */
static void flush(struct writer *w, bool leaf)
{
	size_t lead = 0;

	if (draft_blank(w->line.data, w->line.len)) {
		buf_clear(&w->line);
		return;
	}
	while (isspace((unsigned char)w->line.data[lead])) {
		lead++;
	}
	buf_remove_front(&w->line, lead);
	if (leaf && !w->mixed && is_heading(w->name)) {
		draft_title(w->d, w->line.data, w->line.len);
		draft_block(w->d, BLOCK_HEADING, w->block_depth > 2 ? w->block_depth - 1 : 1);
		draft_line(w->d, w->line.data, w->line.len, NULL);
		w->parent = 0;
	} else if (leaf && !w->mixed && w->line.len <= FIELD_MAX && strcmp(w->name, "p") != 0 &&
		   strcasecmp(w->name, "para") != 0) {
		field(w, w->block_depth - 1, w->name, w->line.data, w->line.len);
	} else {
		draft_block(w->d, BLOCK_PARAGRAPH, 0);
		draft_line(w->d, w->line.data, w->line.len, NULL);
		w->parent = 0;
	}
	buf_clear(&w->line);
}

/* Layout and links between parts say nothing to a reader: only attributes that stand in no
 * namespace, on elements of vocabularies that keep data in them. */
static void write_attributes(struct writer *w, const struct xml_element *el)
{
	static const char *const NOISE[] = {"id", "class", "style", "lang", "href", "src",
		"version", "width", "height", "xmlns", "schemaLocation", "d", "transform"};

	if (xml_in(el, "svg") || xml_in(el, "office") || xml_in(el, "openxmlformats") ||
		xml_in(el, "oasis") || xml_in(el, "xhtml")) {
		return;
	}
	for (int i = 0; i < el->n_attributes; i++) {
		const struct xml_attribute *a = &el->attributes[i];
		char name[2 * NAME_MAX_BYTES + 2];
		bool noise = *a->ns != '\0' || strlen(a->value) > ATTRIBUTE_MAX || !*a->value;

		for (size_t k = 0; k < sizeof(NOISE) / sizeof(NOISE[0]) && !noise; k++) {
			noise = strcmp(a->name, NOISE[k]) == 0;
		}
		if (!noise) {
			snprintf(name, sizeof(name), "%.*s %.*s", NAME_MAX_BYTES, el->name,
				NAME_MAX_BYTES, a->name);
			field(w, w->parent == el->depth - 1 ? w->parent : el->depth, name, a->value,
				strlen(a->value));
		}
	}
}

static void on_start(void *arg, const struct xml_element *el)
{
	struct writer *w = arg;

	if (w->block_depth && !draft_blank(w->line.data, w->line.len)) {
		w->mixed = true; /* inside of prose */
		return;
	}
	buf_clear(&w->line);
	w->block_depth = el->depth;
	w->mixed = false;
	snprintf(w->name, sizeof(w->name), "%s", el->name);
	write_attributes(w, el);
}

static void on_end(void *arg, const struct xml_element *el)
{
	struct writer *w = arg;

	if (el->depth > w->block_depth) {
		return;
	}
	flush(w, el->depth == w->block_depth);
	if (w->parent > el->depth || (w->parent == el->depth && w->mixed)) {
		w->parent = 0; /* the fields after it belong to another */
	} else if (w->parent == el->depth) {
		w->parent--; /* its attributes are fields of its parent's block */
	}
	w->block_depth = el->depth - 1;
	w->mixed = true; /* what follows in the parent stands beside an element */
}

static void on_text(void *arg, const char *s, size_t n_bytes)
{
	struct writer *w = arg;

	buf_add(&w->line, s, n_bytes);
}

/* ── encodings ── */

/* encoding="…" of the declaration. */
static const char *declared_charset(const char *p, size_t n_bytes, char out[40])
{
	const char *end = memmem(p, n_bytes < 200 ? n_bytes : 200, "?>", 2);
	const char *at = end ? memmem(p, (size_t)(end - p), "encoding", 8) : NULL;
	size_t n = 0;

	if (!at) {
		return NULL;
	}
	for (at += 8; at < end && *at && strchr(" =\"'", *at); at++) {
	}
	while (at < end && n < 39 &&
		(isalnum((unsigned char)*at) || (*at && strchr("-_:.", *at)))) {
		out[n++] = *at++;
	}
	out[n] = '\0';
	return n ? out : NULL;
}

/* Where the declaration ends: its encoding is true no longer. */
static size_t declaration(const struct buf *text)
{
	size_t lead = strspn(text->data, " \t\r\n");
	const char *p = text->data + lead;
	const char *end = strncmp(p, PROLOG, 5) == 0 && isspace((unsigned char)p[5])
				  ? memmem(p, text->len - lead, "?>", 2)
				  : NULL;

	return end ? (size_t)(end + 2 - text->data) : lead;
}

void extract_xml(struct document *doc, struct draft *d)
{
	static const struct xml_handler NOTHING;
	static const struct xml_handler HANDLER = {on_start, on_end, on_text};
	struct writer w = {.d = d};
	struct buf text = BUF_INIT;
	char charset[40];
	size_t skip;

	if (!text_decode(doc->bytes, doc->n_bytes,
		    declared_charset(doc->bytes, doc->n_bytes, charset), &text) ||
		!text.len) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	skip = declaration(&text);
	/* What is not well-formed is read as source: half of it would be worse than none. */
	if (!xml_read_bytes(
		    doc, text.data + skip, text.len - skip, XML_SKIP_DOCTYPE, &NOTHING, NULL)) {
		extract_code(doc, d);
		return;
	}
	draft_page(d, 0, 0);
	(void)xml_read_bytes(
		doc, text.data + skip, text.len - skip, XML_SKIP_DOCTYPE, &HANDLER, &w);
	flush(&w, false);
	buf_finish(&w.line);
	buf_finish(&text);
}
