/*
 * The throwaway data folder of `carrel eval FOLDER`: a set's documents, brought in by the
 * product's own chunker, embedder, publication and training, in a folder of its own under TMPDIR
 * that goes with it. What searches it is its operator, who may read all. Thread: main.
 */
#ifndef CHAT_CLI_EVAL_DATA_H
#define CHAT_CLI_EVAL_DATA_H

#include <stdint.h>

#include "index/acl.h"
#include "index/index.h"
#include "retrieve/eval_set.h"

struct eval_data {
	struct settings settings; /* the command's, but for `data` */
	char folder[128];	  /* "": not made yet */
	struct index *index;
	struct id workspace, collection;
	int n_chunks;
	struct arena arena; /* of who */
	struct asker who;
};

/* ERR_CANCELLED "interrupted" after a signal. Whatever it returns, close it. */
MUST_CHECK int eval_data_open(struct eval_data *d, const struct settings *set,
	const struct eval_set *corpus, bool quiet, struct err *e);
void eval_data_close(struct eval_data *d);

#endif
