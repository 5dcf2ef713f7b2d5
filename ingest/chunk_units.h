/*
 * Inside the chunker: what is never cut. A unit is a sentence, a list item, a table row, a line of
 * code, a heading; one that is too long for a chunk is first split at words. Units belong to
 * sections (what stands under one heading path) and, if rows, to tables. Thread: the chunker's.
 */
#ifndef INGEST_CHUNK_UNITS_H
#define INGEST_CHUNK_UNITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <unicode/ubrk.h>

#include "index/base/arena.h"
#include "index/tokens.h"
#include "ingest/extracted.h"

#define DEPTH_MAX 6

struct unit {
	int32_t start, end;
	int32_t tokens; /* with what stands between it and the next */
	int section;
	int table; /* -1: none */
	uint8_t kind;
	bool first;  /* of its block */
	bool header; /* a table's header row */
};

struct section {
	int part;			  /* chunks do not cross parts: sheets, messages */
	const char *names[DEPTH_MAX + 1]; /* the heading path, below the sheet's name */
	int levels[DEPTH_MAX + 1];
	int depth;
	int64_t tokens;
};

struct table {
	int32_t start, end; /* its header rows; start == end: none, or too long to repeat */
	int32_t tokens;
	int body; /* the first unit after them */
	bool in_header;
};

struct chunker {
	const struct extracted *x;
	struct arena *arena;
	char *text; /* a copy, its line ends inside of blocks made blanks: same length */
	int target;
	const atomic_bool *cancel;
	UBreakIterator *sentences;
	struct unit *units;
	int n_units, cap_units;
	struct section *sections;
	int n_sections, cap_sections;
	struct table *tables;
	int n_tables, cap_tables;
};

static inline bool chunker_cancelled(const struct chunker *c)
{
	return c->cancel && atomic_load(c->cancel);
}

static inline int chunker_estimate(const struct chunker *c, int32_t start, int32_t end)
{
	return tokens_estimate(c->text + start, (size_t)(end - start));
}

/* Fills units, sections and tables from x; smooths text. */
void units_make(struct chunker *c, const char *language);

#endif
