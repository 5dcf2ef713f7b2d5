/*
 * Where `carrel eval` has its questions and asks them: a test set in a data folder of its own
 * (eval_source_set.c), or a workspace that people use, through the API, with a file of questions
 * (eval_source_live.c). Thread: main.
 *
 * An item is what a question expects: a document of the set, or a document and maybe a page.
 */
#ifndef CHAT_CLI_EVAL_SOURCE_H
#define CHAT_CLI_EVAL_SOURCE_H

#include <stdbool.h>

#include "chat/cli/cli.h"
#include "retrieve/eval.h"

struct eval_question {
	const char *id, *text;
	int *grades; /* [n_items]; below 1: judged, and not right */
	int n_items, n_relevant;
	bool unanswerable;
	bool paged; /* a page is expected */
	int number; /* from 0, in its source */
};

/* One rank: several with one key are one document (with pages expected: one page) that was found
 * several times. */
struct eval_entry {
	int key, item;	  /* item -1: nothing that was expected */
	const int *ranks; /* [n_weights of the order] */
};
struct eval_list {
	struct eval_entry *entries; /* best first */
	int n;
	const char *language, *embedder;
	int weight; /* of meaning in fusion, percent */
};

/* How to search. */
struct eval_order {
	const struct settings *settings; /* of a set; NULL: the source's own */
	const json_t *tried;		 /* of a workspace: fusion-weight-… in place of its own */
	const double *weights;		 /* 0 to 1: entries tell their rank under each */
	int n_weights;
};

struct eval_source {
	const char *name;
	struct eval_question *questions;
	int n_questions, n_relevant; /* n_relevant: of those with something right */
	int n_documents, n_chunks;   /* -1: not known */
	int64_t built_ms;
	int n_absent; /* expected documents that the asker cannot see */
	int (*ask)(struct eval_source *s, const struct eval_question *q,
		const struct eval_order *order, struct arena *a, struct eval_list *out,
		struct err *e);
	/* Which item of the question a cited place is, from `after` + 1 on; -1: none. page -1:
	 * whatever the page. */
	int (*item)(struct eval_source *s, const struct eval_question *q, const char *document,
		const char *name, int page, int after);
	/* Whom to ask for answers; of a set, a server is started on its data folder. */
	int (*answerer)(struct eval_source *s, struct cli **out, struct err *e);
	void (*close)(struct eval_source *s);
};

/* A folder with a test set; settings: of its data folder. In the command's arena; close it. */
MUST_CHECK int eval_source_set(struct cli *cli, const char *folder, const struct settings *set,
	struct eval_source **out, struct err *e);
/* A file of questions (chat/cli/eval_questions.h) for the workspace that the command talks to. */
MUST_CHECK int eval_source_live(
	struct cli *cli, const char *path, struct eval_source **out, struct err *e);
void eval_source_close(struct eval_source *s); /* NULL is fine */

/* The figures of a list, in its order (weight -1) or in the order of that weight. */
void eval_list_measure(struct arena *a, const struct eval_question *q, const struct eval_list *list,
	int weight, struct eval_figures *out);

/* ── a run: every question with something right ── */

struct eval_outcome {
	const char *id, *text;
	struct eval_figures figures;
};
struct eval_run {
	struct eval_outcome *outcomes; /* [n] */
	int n;
	double mean[EVAL_N_FIGURES];
	int64_t searched_ms;
};
MUST_CHECK int eval_run(struct cli *cli, struct eval_source *s, const struct eval_order *order,
	struct eval_run *out, struct err *e);

#endif
