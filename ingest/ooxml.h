/*
 * What Word, Excel and PowerPoint files have in common (ECMA-376 parts 1 and 2; strict and
 * transitional): parts that point to each other by relationships, core properties, files inside,
 * charts and diagrams. Addresses of relationships are resolved inside of the archive: what points
 * out of it is no part. In the child only; everything is in the arena, which ends with the process.
 */
#ifndef INGEST_OOXML_H
#define INGEST_OOXML_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/arena.h"
#include "ingest/archive.h"
#include "ingest/child.h"
#include "ingest/xml.h"

struct ooxml_relation {
	const char *id;
	const char *type;   /* the last part of its address: "styles", "hyperlink" */
	const char *target; /* an external one's address, else the name of a part */
	bool external;
};

struct ooxml_relations {
	struct ooxml_relation *items; /* by id */
	int n;
};

struct ooxml {
	struct document *doc;
	struct archive *archive;
	struct draft *draft;
	struct arena arena;
	const char *main;		  /* the part where the document begins */
	struct ooxml_relations relations; /* of that part */
};

/* Finds the main part (usual_main where the package does not say), tells title and properties.
 * FAULT_BROKEN where there is none. */
void ooxml_open(struct ooxml *o, struct document *doc, struct draft *d, const char *usual_main);
/* xml_read_part, without DOCTYPE. */
bool ooxml_read(struct ooxml *o, const char *part, const struct xml_handler *h, void *arg);
/* The same of a part that the document cannot be read without: FAULT_BROKEN. */
void ooxml_must_read(struct ooxml *o, const char *part, const struct xml_handler *h, void *arg);

/* None where the part has none. */
void ooxml_relations_load(struct ooxml *o, const char *part, struct ooxml_relations *out);
/* The part that an id, or the first relationship of a type, points to; NULL: none inside. */
const char *ooxml_part(const struct ooxml_relations *r, const char *id);
const char *ooxml_part_of_type(const struct ooxml_relations *r, const char *type);
/* The address that id points to outside of the file; NULL: none. */
const char *ooxml_address(const struct ooxml_relations *r, const char *id);

/* Hands on the files in `folder` ("word/embeddings/"), but the data of charts. */
void ooxml_children(struct ooxml *o, const char *folder);

/* A chart's title and the values it was drawn from, as a table; a diagram's texts as a list
 * (ooxml_chart.c). box: where it stands, or NULL. */
void ooxml_chart(struct ooxml *o, const char *part, const struct box *box);
void ooxml_diagram(struct ooxml *o, const char *part, const struct box *box);

/* ── values of attributes ── */

/* ST_OnOff: missing is on, "0", "false" and "off" are off. */
bool ooxml_on(const char *value);
/* fallback where it is missing or not a number; bounded to ±2^31. */
long ooxml_number(const char *value, long fallback);
/* "FFFFFF" or "FFFFFFFF" (with transparency first) as 0xRRGGBB; -1: no such thing ("auto"). */
long ooxml_color(const char *value);
/* Where name stands in a sorted list of names, -1: nowhere. */
int ooxml_token(const char *name, const char *const *sorted, int n);

#endif
