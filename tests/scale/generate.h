/*
 * A corpus of any size for the benchmarks of scale: documents of several chunks about topics, with
 * questions whose answer is known and permissions that follow the topics. Made up from a seed and
 * made again, each document by itself, wherever it is needed; no text is copied from anywhere.
 *
 * A word is one of:
 *   general   of the whole vocabulary, frequencies by Zipf and Mandelbrot: 1 / (rank + 2.7); the
 *             first 90 are English function words
 *   topical   a topic's own 2,000, drawn from the same vocabulary, by the same law
 *   subject   12 of its document, each in one topic only: the vocabulary's rarest two fifths are
 *             dealt to the topics
 * With function words by themselves the mix is .30, .44, .18, .08, which gives what English prose
 * has: some 44 % of the tokens function words, most words rare. Topics are of one size, or of sizes
 * by 1 / (rank
 * + 10) if `uneven`.
 *
 * A corpus is immutable once made; each thread has a text of its own.
 */
#ifndef TESTS_SCALE_GENERATE_H
#define TESTS_SCALE_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"

struct corpus_spec {
	uint64_t seed;
	int64_t n_chunks;
	int n_words;	 /* vocabulary; 0: 300,000 */
	int n_topics;	 /* 0: 200 */
	int chunk_words; /* on average, half to one and a half of it; 0: 110 */
	bool uneven;
};

struct made_corpus;

struct made_corpus *made_create(const struct corpus_spec *spec);
void made_destroy(struct made_corpus *c);
/* The spec with its defaults filled in. */
const struct corpus_spec *made_spec(const struct made_corpus *c);
int64_t made_documents(const struct made_corpus *c);

/* ── documents ── */

#define MADE_CHUNKS_MAX 14 /* a document; 2 at least, the last one may be cut short */

struct made_text {
	int64_t document;
	int topic;
	int n_chunks;
	char name[40]; /* "d0000042.md" */
	char code[16]; /* an identifier that only this document has, in its first chunk */
	/* [n_chunks], NUL-terminated, living until the next made_document or made_finish: */
	const char *title;
	const char *heading[MADE_CHUNKS_MAX];
	const char *body[MADE_CHUNKS_MAX];
	/* private: */
	struct buf bytes;
};

void made_init(struct made_text *t);
void made_finish(struct made_text *t);
/* Document d of [0, made_documents): the same each time. */
void made_document(const struct made_corpus *c, int64_t d, struct made_text *out);
int made_topic(const struct made_corpus *c, int64_t d);
int made_chunks(const struct made_corpus *c, int64_t d);
/* Appends it as a Markdown file: title, a heading and a paragraph for each chunk. */
void made_markdown(const struct made_text *t, struct buf *out);

/* ── questions ── */

enum made_kind {
	MADE_NATURAL, /* a sentence: function words, two topical, two of the subject */
	MADE_SHORT,   /* a word of the subject and a topical one */
	MADE_COMMON,  /* nothing but words that many chunks have */
	MADE_CODE,    /* the document's identifier in a sentence */
	MADE_KINDS
};
const char *made_kind_name(enum made_kind k);

struct made_question {
	enum made_kind kind;
	char text[256];
	int64_t document; /* that holds the answer (of MADE_COMMON: one of many) */
	int seq;	  /* and its chunk */
	int topic;
};
/* Question i; of ten six are natural, two short, one common, one a code. */
void made_question(const struct made_corpus *c, int64_t i, struct made_question *out);

/* ── permissions ── */

/* Groups of readers, each a part of the next larger one: whole topics, and of the smallest the
 * documents of part of a topic. */
enum made_readers { READERS_ALL, READERS_HALF, READERS_10TH, READERS_100TH, READERS_1000TH };
#define N_READERS 5
struct made_share {
	const char *name; /* "10th" */
	double share;	  /* of the chunks, about */
};
extern const struct made_share made_shares[N_READERS];
bool made_may_read(const struct made_corpus *c, enum made_readers who, int64_t d);
/* Whether all documents of a topic have the same readers; where not, READERS_1000TH differs. */
bool made_topic_is_whole(const struct made_corpus *c, int topic);

#endif
