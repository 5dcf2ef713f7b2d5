/*
 * One call of the openai embedder: texts cut into batches and batches into requests, several in
 * flight.
 *
 *   texts -> pieces -> batches, by number and by tokens -> requests (index/upstream.h)
 *   answer: 200: the vectors, checked
 *           too long, or a 400 that may be: the batch in halves, at last one text in two
 *           the format is not known: the next format
 *           anything else: an error
 *   vector of a text = the sum of its pieces' vectors, each times its tokens
 *
 * Private to index/embed*.c. Thread: any, one for a run.
 */
#ifndef INDEX_EMBED_BATCH_H
#define INDEX_EMBED_BATCH_H

#include "index/embed_kind.h"
#include "index/upstream.h"

/* What is found out about a server, kept with its embedder; 0: nothing yet. */
struct batch_limits {
	atomic_int format;	   /* enum wire_format */
	atomic_int texts, tokens;  /* that it takes at once */
	atomic_int refused_tokens; /* of one text: the least that it found too long */
};

struct batch_run {
	struct embedder *em;
	struct batch_limits *limits;
	const struct embed_job *job;
	struct upstream *upstream; /* begun */
	int dimension;		   /* 0: found out, job->n is 1 then */
	float *out;		   /* [n × dimension] sums, zeroed */
	char answers_as[128];	   /* OUT: the server's name for its model */

	/* batch_run's own */
	struct load *loads;  /* that are not answered */
	struct batch *queue; /* to be sent, the last cut first */
	int at;		     /* the next of job->texts */
	int *open;	     /* [n] pieces of each text that are not answered */
	int n_done;
};

/* Errors of index/embed.h. The upstream has nothing in flight after it. */
MUST_CHECK int batch_run(struct batch_run *r, struct err *e);

bool text_blank(const char *s); /* NULL, or nothing but white space */

#endif
