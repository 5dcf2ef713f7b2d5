#include "ingest/xml.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 16384

struct reader {
	const struct document *doc;
	const struct xml_handler *h;
	void *arg;
	enum xml_doctype doctype;
	int depth;
	struct buf values; /* of the attributes of the element that starts */
	struct xml_attribute *attributes;
	size_t *at; /* where in values each one's begins */
	int cap;
};

static const char *or_empty(const xmlChar *s)
{
	return s ? (const char *)s : "";
}

/* libxml2 gives, for each attribute: name, prefix, namespace, first byte, end. */
static void take_attributes(struct reader *r, int n, const xmlChar **a)
{
	if (n > r->cap) {
		r->cap = n * 2;
		r->attributes = realloc(r->attributes, (size_t)r->cap * sizeof(*r->attributes));
		r->at = realloc(r->at, (size_t)r->cap * sizeof(*r->at));
		ASSERT(r->attributes != NULL && r->at != NULL);
	}
	buf_clear(&r->values);
	for (int i = 0; i < n; i++) {
		r->at[i] = r->values.len;
		buf_add(&r->values, a[5 * i + 3], (size_t)(a[5 * i + 4] - a[5 * i + 3]));
		buf_char(&r->values, '\0');
	}
	for (int i = 0; i < n; i++) {
		r->attributes[i] = (struct xml_attribute){.ns = or_empty(a[5 * i + 2]),
			.name = or_empty(a[5 * i]),
			.value = r->values.data + r->at[i]};
	}
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
	int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
	const xmlChar **attributes)
{
	struct reader *r = arg;
	struct xml_element el = {.ns = or_empty(uri), .name = or_empty(name)};

	(void)prefix;
	(void)n_namespaces;
	(void)namespaces;
	(void)n_defaulted;
	if (++r->depth > r->doc->limits->nesting_max) {
		draft_fault(r->doc->draft, FAULT_LIMIT, 0,
			"elements inside of each other; ingest-nesting");
	}
	if (r->h->on_start) {
		take_attributes(r, n_attributes, attributes);
		el.attributes = r->attributes;
		el.n_attributes = n_attributes;
		el.depth = r->depth;
		r->h->on_start(r->arg, &el);
	}
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reader *r = arg;
	struct xml_element el = {.ns = or_empty(uri), .name = or_empty(name), .depth = r->depth--};

	(void)prefix;
	if (r->h->on_end) {
		r->h->on_end(r->arg, &el);
	}
}

static void on_text(void *arg, const xmlChar *s, int n)
{
	struct reader *r = arg;

	if (r->h->on_text && n > 0) {
		r->h->on_text(r->arg, (const char *)s, (size_t)n);
	}
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *address)
{
	struct reader *r = arg;

	(void)name;
	(void)id;
	(void)address;
	if (r->doctype == XML_REFUSE_DOCTYPE) {
		draft_fault(r->doc->draft, FAULT_REFUSED, 0,
			"a document type declaration, which office files never have");
	}
}

static xmlEntityPtr on_entity(void *arg, const xmlChar *name)
{
	(void)arg;
	return xmlGetPredefinedEntity(name);
}

static void on_error(void *arg, xmlErrorPtr error)
{
	(void)arg;
	(void)error;
}

static xmlParserCtxtPtr open_parser(struct reader *r)
{
	xmlSAXHandler sax;
	xmlParserCtxtPtr parser;

	memset(&sax, 0, sizeof(sax));
	sax.initialized = XML_SAX2_MAGIC;
	sax.startElementNs = on_start;
	sax.endElementNs = on_end;
	sax.characters = on_text;
	sax.cdataBlock = on_text;
	sax.ignorableWhitespace = on_text;
	sax.internalSubset = on_doctype;
	sax.getEntity = on_entity;
	sax.serror = on_error;
	parser = xmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL);
	ASSERT(parser != NULL);
	/* HUGE lifts libxml2's own limits; the archive counts bytes, on_start depth. */
	xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_HUGE);
	return parser;
}

static bool close_parser(struct reader *r, xmlParserCtxtPtr parser)
{
	bool ok;

	xmlParseChunk(parser, NULL, 0, 1);
	ok = parser->wellFormed;
	xmlFreeParserCtxt(parser);
	buf_finish(&r->values);
	free(r->attributes);
	free(r->at);
	return ok;
}

bool xml_read_part(const struct document *doc, struct archive *a, const char *part,
	enum xml_doctype doctype, const struct xml_handler *h, void *arg)
{
	struct reader r = {.doc = doc, .h = h, .arg = arg, .doctype = doctype};
	struct archive_part *p = archive_open(a, part);
	xmlParserCtxtPtr parser;
	char piece[PIECE];
	size_t n;

	if (!p) {
		return false;
	}
	parser = open_parser(&r);
	/* An undeclared prefix is an error, too, but not one that ends the reading. */
	while (parser->wellFormed && (n = archive_read(p, piece, sizeof(piece))) > 0) {
		xmlParseChunk(parser, piece, (int)n, 0);
	}
	archive_close(p);
	return close_parser(&r, parser);
}

bool xml_read_bytes(const struct document *doc, const char *p, size_t n_bytes,
	enum xml_doctype doctype, const struct xml_handler *h, void *arg)
{
	struct reader r = {.doc = doc, .h = h, .arg = arg, .doctype = doctype};
	xmlParserCtxtPtr parser = open_parser(&r);

	while (n_bytes && parser->wellFormed) {
		size_t n = n_bytes < PIECE ? n_bytes : PIECE;

		xmlParseChunk(parser, p, (int)n, 0);
		p += n;
		n_bytes -= n;
	}
	return close_parser(&r, parser);
}

bool xml_is(const struct xml_element *el, const char *name)
{
	return strcmp(el->name, name) == 0;
}

bool xml_in(const struct xml_element *el, const char *part)
{
	return strstr(el->ns, part) != NULL;
}

const char *xml_attr(const struct xml_element *el, const char *name)
{
	const char *found = NULL;

	for (int i = 0; i < el->n_attributes; i++) {
		const struct xml_attribute *a = &el->attributes[i];

		if (strcmp(a->name, name) == 0 && (!found || !*a->ns)) {
			found = a->value;
		}
	}
	return found;
}

const char *xml_attr_in(const struct xml_element *el, const char *part, const char *name)
{
	for (int i = 0; i < el->n_attributes; i++) {
		const struct xml_attribute *a = &el->attributes[i];

		if (strcmp(a->name, name) == 0 && strstr(a->ns, part)) {
			return a->value;
		}
	}
	return NULL;
}
