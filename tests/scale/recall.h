/*
 * How many of the true nearest ten the vector search finds, where permissions follow topics, and
 * what a search costs. Looks into index/vector_space.h: the truth is a scan of its own over the
 * vectors in memory.
 */
#ifndef TESTS_SCALE_RECALL_H
#define TESTS_SCALE_RECALL_H

#include "index/vector_space.h"

struct recall {
	int64_t n_allowed;
	double recall;	       /* @10, the mean */
	double worst;	       /* of one question */
	double p50_ms, p99_ms; /* CPU time of a search for 200 */
	double exact_ms;       /* of a plain scan over the allowed, the mean */
};

/* queries [n × dimension] at length 1. */
struct recall recall_measure(struct vectors *v, const struct space *space,
	const struct allowed *allowed, const float *queries, int n);

/* A space in memory alone, without a store: clustered vectors about topics, each of 20 subtopics.
 * topic_of [n]. */
struct made_space {
	struct vectors vectors;
	struct space space;
	int *topic_of;
	int n_topics;
	double seal_s; /* CPU time of finding the lists */
};
void made_space_open(struct made_space *m, int64_t n, bool uneven, uint64_t seed);
void made_space_close(struct made_space *m);
/* Those of the first topics, in a shuffled order, until the share is reached; of one topic a part
 * if a whole one is more. */
void made_space_allow(const struct made_space *m, double share, struct allowed *out);
/* Near a vector of any topic each, [n × dimension], malloced. */
float *made_space_queries(struct made_space *m, int n, uint64_t seed);

#endif
