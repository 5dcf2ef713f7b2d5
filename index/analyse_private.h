/*
 * Between the two halves of the analyser: index/analyse.c finds a text's atoms and its CJK,
 * index/analyse_terms.c makes terms of them. Private to them.
 */
#ifndef INDEX_ANALYSE_PRIVATE_H
#define INDEX_ANALYSE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/fts.h"
#include "index/text_tools.h"

#define ATOMS_MAX 8   /* of a compound that is also written together */
#define TERM_SIZE 256 /* of a folded one, with the NUL */

enum atom_kind { LETTERS, DIGITS };

struct atom {
	enum atom_kind kind;
	int start, end;
	int last; /* where its last character begins */
	int n_chars;
	bool all_upper, last_upper;
};

/* What is known while one text is walked. */
struct scan {
	struct arena *arena;
	const char *text;
	int n_bytes;
	char language[3];
	uint32_t stop_mask;
	struct sb_stemmer *stemmer; /* NULL: none for the language */
	bool german;
	bool has_lower; /* capitals stand out: "IT" is no stopword */
	struct atom atoms[ATOMS_MAX];
	int n_atoms;
	bool too_long; /* the compound had more atoms: it is not written together */
	int position;
	struct terms *out;
	int capacity;
};

/* Appends a term; of no bytes none. */
void terms_emit(struct scan *s, const char *text, size_t len, struct term t);
/* The terms of one atom. */
void terms_emit_atom(struct scan *s, const struct atom *a);
/* Those of the atoms that were collected, and of the compound that they are; none is left. */
void terms_flush(struct scan *s);

#endif
