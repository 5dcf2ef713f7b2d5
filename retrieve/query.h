/*
 * The query language: what a person typed, taken apart once for both searches. Pure; thread: any.
 *
 *   query     = items with white space between them
 *   item      = [-] ( phrase | field | word )
 *   phrase    = "…" “…” „…“ «…» 「…」 『…』       its words must stand one after the other
 *   field     = title:V  collection:V (in:V)  type:V  owner:V (by:V)  date:D  before:D  after:D
 *   V         = a word or a phrase
 *   D         = 2026 | 2026-03 | 2026-03-14, for date: also D..D, D.. and ..D
 *   -item     what has it is left out
 *   word      = anything else: searched for by words and by meaning
 *
 * People write questions, not syntax. So these are only words: a quote that does not open an item
 * or is not closed (24" screens), a quotation longer than QUERY_PHRASE_BYTES, a hyphen inside a
 * word, before a blank, a number or one or two letters (e-mail, - item, -5, rm -rf), a colon after
 * anything but those names, before a blank or a slash (note: …, https://…, 10:30), and a field
 * whose value means nothing (before:lunch). Of a query that only leaves things out nothing is
 * syntax.
 */
#ifndef RETRIEVE_QUERY_H
#define RETRIEVE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/arena.h"

#define QUERY_CONDITIONS_MAX 16 /* what comes after them is words */
#define QUERY_PHRASE_BYTES 400

enum query_kind {
	QUERY_PHRASE, /* text: as typed, without the quotes; a lone excluded word, too */
	QUERY_TITLE,  /* text: the same, in the title */
	QUERY_COLLECTION,
	QUERY_TYPE,  /* text: as typed; media_type: of it */
	QUERY_OWNER, /* text: a user's name */
	QUERY_DATE   /* from_ms <= the version's date < to_ms */
};

struct query_condition {
	enum query_kind kind;
	bool excluded;
	const char *written; /* the item, as typed */
	const char *text;
	const char *media_type;
	int64_t from_ms, to_ms; /* Unix time; INT64_MIN, INT64_MAX: open */
};

struct query {
	const char *plain; /* the words, those of required phrases and titles among them; "" none */
	struct query_condition *conditions; /* all have to hold */
	int n_conditions;
};

/* The media type that a word after type: stands for ("docx"), NULL: none. */
typedef const char *(*query_type_fn)(const char *name);

/* text: UTF-8. type_of NULL: type: is no field. All of *out in the arena. */
void query_parse(struct arena *a, const char *text, query_type_fn type_of, struct query *out);

#endif
