/*
 * A test set: a folder with the three files of BEIR (Thakur et al., "BEIR: A Heterogeneous
 * Benchmark for Zero-shot Evaluation of Information Retrieval Models", NeurIPS 2021).
 *
 *   corpus.jsonl   {"_id": "d1", "title": "…", "text": "…"}   a document a line; title optional
 *   queries.jsonl  {"_id": "q1", "text": "…"}                 "answerable": false: none does
 *   qrels.tsv      q1 <tab> d1 <tab> 1                        a header line may stand first
 *
 * qrels/test.tsv is taken where there is no qrels.tsv. Everything is checked before anything is
 * done with it: an error names file and line. Thread: one.
 */
#ifndef RETRIEVE_EVAL_SET_H
#define RETRIEVE_EVAL_SET_H

#include <stdbool.h>

#include "index/base/arena.h"
#include "index/base/err.h"

struct eval_judgement {
	int document; /* its place in corpus.jsonl, from 0 */
	int grade;    /* below 1: not relevant */
};

struct eval_query {
	const char *id, *text;
	struct eval_judgement *judged; /* [n_judged] */
	int n_judged, n_relevant;
	bool unanswerable;
};

struct id_map;
struct eval_set {
	struct arena arena;
	const char *folder;
	struct eval_query *queries;
	int n_queries, n_relevant; /* n_relevant: of the queries with something relevant */
	int n_documents;
	struct id_map *documents; /* private */
};

/* ERR_NOT_FOUND: a file is not there; ERR_INVALID: malformed, ids twice or unknown, or empty. */
MUST_CHECK int eval_set_open(const char *folder, struct eval_set **out, struct err *e);
void eval_set_close(struct eval_set *s); /* NULL is fine */
/* The place of the document with that id, -1: none. */
int eval_set_document(const struct eval_set *s, const char *id);
/* The corpus again, in its order; stops at what fn returns if that is not 0. */
struct eval_document {
	const char *id, *title, *text; /* until fn returns */
};
MUST_CHECK int eval_set_each(const struct eval_set *s,
	int (*fn)(void *arg, const struct eval_document *d, struct err *e), void *arg,
	struct err *e);

#endif
