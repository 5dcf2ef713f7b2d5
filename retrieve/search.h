/*
 * A question finds passages: normalise -> lexical + vector search, both filtered by the asker's one
 * bitmap -> weighted fusion of max-normalised scores -> load and check permission again ->
 * reranked, where a server for it is set -> near-duplicates removed -> neighbours merged -> cut to
 * a limit or packed to a token budget. The table of steps in search.c is the story; what they do
 * stands in search_find.c and search_show.c. Raw bm25 stays inside; ranks and fused scores (0 to 1,
 * relative to the best) go out.
 *
 * Thread: a worker with a reader; blocks (an openai embedder: its request). If the embedding fails
 * the search goes on lexically and says so (vector_error).
 */
#ifndef RETRIEVE_SEARCH_H
#define RETRIEVE_SEARCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/chunks.h"
#include "index/index.h"
#include "retrieve/correct.h"
#include "retrieve/narrow.h"

struct search_request {
	const struct asker *who;
	const char *query;	      /* at most SEARCH_QUERY_MAX bytes */
	const struct id *collections; /* only in these; NULL: all */
	int n_collections;
	const struct id
		*attached;     /* the attachments of the asker's conversation besides, or NULL */
	int limit;	       /* passages, 1 to 100 */
	int token_budget;      /* 0: by limit alone; else passages are packed into it */
	bool explain;	       /* fill candidates */
	bool plain;	       /* the query is words alone, whatever it looks like */
	bool lenient;	       /* of a conversation: as in retrieve/narrow.h */
	bool openings;	       /* fill passage.opening */
	query_type_fn type_of; /* what type: knows; NULL: it is a word */
	/* Fusion weights and the reranker as they are now; NULL: as they were when the index was
	 * opened. */
	const struct settings *settings;
	const atomic_bool *cancel; /* from then on no server is waited for; NULL */
	/* ── for measuring (carrel eval, a replay); zero for people ── */
	int64_t space_n;   /* this loaded vector space in place of the one that serves */
	int depth;	   /* candidates that are loaded, at most SEARCH_DEPTH_MAX; 0: enough */
	bool ranking_only; /* candidates alone, without text: nothing is packed or judged */
	const double *vector_weight; /* 0 to 1, in place of the settings'; NULL */
	/* The ranks that candidates would have under each of these; for finding a weight without
	 * searching again. */
	const double *weights;
	int n_weights;
};
#define SEARCH_DEPTH_MAX 400 /* both ranked lists */
#define SEARCH_QUERY_MAX 8192

/* Where the text of one chunk stands in a passage. */
struct passage_part {
	struct id chunk;
	int text_start, text_end;     /* in passage.text */
	int64_t byte_start, byte_end; /* in the extracted text; as long as the part, unless a
				       * table's header row was repeated in front */
	int page_first, page_last;
	const char *place; /* of the chunk (index/place.h) */
};

/* Where the same is said besides: a copy, another version. The asker may read it. */
struct passage_also {
	struct id document, chunk;
	const char *document_name;
	int page;
	const char *place, *unit;
};

/* What a person is shown and a prompt is made of: one chunk, or adjacent ones merged. */
struct passage {
	struct id chunk;   /* the best-ranked of them: opens the page */
	struct id *chunks; /* [n_chunks] in text order */
	int n_chunks;
	struct passage_part *parts; /* [n_chunks], the same order */
	struct id document, version, collection;
	const char *document_name, *title, *heading, *language;
	/* How its document begins, which names its subject; NULL not read. */
	const char *opening;
	const char *text; /* of all of them */
	int page;	  /* where `chunk` begins */
	/* That page in the document's own words, on a sheet with the cells of all the passage
	 * there: "iv", "Prices!A2:F9"; "" none. unit: "page", "sheet", …; NULL none. */
	const char *place, *unit;
	int page_first, page_last;
	int64_t byte_start, byte_end;
	struct box *boxes;
	int n_boxes;
	int n_tokens;
	double score;		       /* fused, best = 1 */
	int lexical_rank, vector_rank; /* 1-based; 0: not found that way */
	struct passage_also *also;     /* [n_also] one a document */
	int n_also;
};

/* The steps, in order; the time of each is measured. */
#define SEARCH_STEP_MAP(X)                                                                         \
	X(SEARCH_PERMIT, "permit")                                                                 \
	X(SEARCH_UNDERSTAND, "understand")                                                         \
	X(SEARCH_LEXICAL, "lexical")                                                               \
	X(SEARCH_VECTOR, "vector")                                                                 \
	X(SEARCH_FUSE, "fuse")                                                                     \
	X(SEARCH_LOAD, "load")                                                                     \
	X(SEARCH_RERANK, "rerank")                                                                 \
	X(SEARCH_PACK, "pack")                                                                     \
	X(SEARCH_JUDGE, "judge")
enum search_step {
#define X(name, text) name,
	SEARCH_STEP_MAP(X)
#undef X
		SEARCH_N_STEPS
};
const char *search_step_name(enum search_step s);

/* Why a candidate was kept or cut (explain). */
#define FATE_MAP(X)                                                                                \
	X(FATE_KEPT, "kept")                                                                       \
	X(FATE_MERGED, "merged into a neighbour")                                                  \
	X(FATE_DUPLICATE, "near-duplicate")                                                        \
	X(FATE_RANK, "below the limit")                                                            \
	X(FATE_BUDGET, "did not fit the token budget")                                             \
	X(FATE_SHARE, "its document has its share already")                                        \
	X(FATE_WEAK, "too weak")                                                                   \
	X(FATE_GONE, "deleted, replaced or no longer readable")
enum fate {
#define X(name, text) name,
	FATE_MAP(X)
#undef X
};
const char *fate_text(enum fate f);
bool fate_keeps(enum fate f); /* its text stands in a passage */

struct candidate {
	struct id chunk; /* empty for FATE_GONE: nothing of it is told but that it was cut */
	struct id document;
	const char *document_name, *heading;
	int page, page_last;
	const char *place, *unit; /* as of a passage */
	int lexical_rank, vector_rank, fused_rank;
	int rerank_rank;  /* 0: not reranked */
	const int *ranks; /* [n_weights of the request] by fusion alone; or NULL */
	double fused;	  /* best = 1 */
	int n_tokens;
	const char *text;
	enum fate fate;
	int same_as; /* FATE_DUPLICATE: the fused rank of the one that stands for it; else 0 */
};

struct search_result {
	struct passage *passages; /* best first */
	int n_passages;
	struct candidate *candidates; /* in their last order; explain only */
	int n_candidates;
	const char *language; /* of the question */
	const char *words;    /* what was searched for: the query without its conditions */
	struct condition *conditions;
	int n_conditions;
	const char *embedder;		/* whose vectors were searched; "" none */
	double vector_weight;		/* of them in fusion, 0 to 1 */
	struct correction *corrections; /* made in words */
	int n_corrections;
	/* How well the passages answer, 0 to 1: the idf-weighted share of the question's content
	 * words that the best passages hold, see search.c. Below what is needed
	 * (retrieve/evidence.h) an answer is refused. */
	double evidence, needed;
	int n_tokens;		  /* of all passages */
	const char *vector_error; /* NULL, or why only words were searched: a reason of err.h */
	const char *rerank_error; /* NULL, or why the fused order stayed */
	int64_t step_us[SEARCH_N_STEPS], total_us;
};

/* Share of a question's content words that the passage holds, its title and headings counted in
 * (retrieve/evidence.h). */
struct question;
double passage_covers(struct arena *a, const struct passage *p, const struct question *q);

/* ERR_INVALID: empty or too long query (conditions alone are "empty_query"), bad limit. Nothing
 * found is a success with none. */
MUST_CHECK int search_run(struct index *ix, struct db *db, const struct search_request *r,
	struct arena *a, struct search_result *out, struct err *e);

#endif
