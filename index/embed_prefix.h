/*
 * What stands before a text for models that were trained so: "query: " and "passage: " for e5, an
 * instruction before questions for bge, and so on, by the model's name; the settings
 * embed-query-prefix and embed-document-prefix win. Private to index/embed*.c. Thread: any.
 */
#ifndef INDEX_EMBED_PREFIX_H
#define INDEX_EMBED_PREFIX_H

#include "index/embed.h"

/* Fills identity->query_prefix and ->document_prefix by ->model. ERR_CONFIG: one is too long. */
MUST_CHECK int embed_prefixes(
	const struct settings *set, struct embed_identity *identity, struct err *e);

#endif
