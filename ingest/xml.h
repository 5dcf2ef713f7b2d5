/*
 * XML as a stream of events, by libxml2's push parser: no tree is ever built, so memory does not
 * grow with the document. In office formats a DOCTYPE ends the process with FAULT_REFUSED: they
 * never have one, and it is how entities attack. Elsewhere it is passed over and no entity but the
 * five of XML is known. Elements nested deeper than ingest-nesting are FAULT_LIMIT. Thread: the
 * child's only one.
 */
#ifndef INGEST_XML_H
#define INGEST_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"
#include "ingest/archive.h"
#include "ingest/child.h"

struct xml_attribute {
	const char *ns, *name, *value; /* ns "": none */
};

struct xml_element {
	const char *ns, *name; /* the namespace's address, "" for none; the name without prefix */
	const struct xml_attribute *attributes; /* none when it ends */
	int n_attributes;
	int depth; /* 1: the root */
};

/* Everything that is passed lives until the function returns. NULL functions are not called. */
struct xml_handler {
	void (*on_start)(void *arg, const struct xml_element *el);
	void (*on_end)(void *arg, const struct xml_element *el);
	void (*on_text)(void *arg, const char *s, size_t n_bytes); /* in pieces of any size */
};

enum xml_doctype { XML_REFUSE_DOCTYPE, XML_SKIP_DOCTYPE };

/* Both return false where the XML is not well-formed (what came before was told), or the part is
 * missing. */
bool xml_read_part(const struct document *doc, struct archive *a, const char *part,
	enum xml_doctype doctype, const struct xml_handler *h, void *arg);
bool xml_read_bytes(const struct document *doc, const char *p, size_t n_bytes,
	enum xml_doctype doctype, const struct xml_handler *h, void *arg);

/* The name alone. */
bool xml_is(const struct xml_element *el, const char *name);
/* Its namespace's address contains `part` ("wordprocessingml", "opendocument:xmlns:text"): strict
 * and transitional OOXML have different addresses. */
bool xml_in(const struct xml_element *el, const char *part);
/* The value of an attribute by its name without prefix, one without a namespace first; NULL: none.
 */
const char *xml_attr(const struct xml_element *el, const char *name);
/* The same, in a namespace whose address contains `part`. */
const char *xml_attr_in(const struct xml_element *el, const char *part, const char *name);

#endif
