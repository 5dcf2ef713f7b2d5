/* What the steps of a search share: each reads what those before it left here. The table in
 * search.c says their order; search_find.c goes as far as the one ranked list, search_load.c reads
 * what is on it, search_show.c makes passages of that. */
#ifndef RETRIEVE_SEARCH_PRIVATE_H
#define RETRIEVE_SEARCH_PRIVATE_H

#include "index/fts.h"
#include "retrieve/evidence.h"
#include "retrieve/fuse.h"
#include "retrieve/pack.h"
#include "retrieve/search.h"

#define LIST_LENGTH (SEARCH_DEPTH_MAX / 2) /* of each ranked list; design, section 5 */

struct search {
	struct index *index;
	struct db *db;
	const struct search_request *request;
	struct arena *arena;
	struct search_result *out;

	struct question question;
	struct fts_extra *extra; /* terms near words that no document has */
	int n_extra;
	struct allowed *allowed;
	struct fts_hit *lexical;
	int n_lexical;
	struct vector_hit *vector;
	int n_vector;
	struct space space; /* space.embedder NULL: words only */
	float *query_vector;
	double vector_weight;
	struct fused *fused;
	int n_fused;
	struct ranked *ranked;
	int n_ranked;
};

static inline const struct settings *search_settings(const struct search *s)
{
	return s->request->settings ? s->request->settings : s->index->settings;
}

/* What passages are cut to (search_show.c). */
struct pack_limits search_limits(const struct search *s);

/* search_find.c */
int search_permit(struct search *s, struct err *e);
int search_understand(struct search *s, struct err *e);
int search_lexical(struct search *s, struct err *e);
int search_vector(struct search *s, struct err *e);
int search_fuse(struct search *s, struct err *e);
/* search_load.c */
int search_load(struct search *s, struct err *e);
/* search_rerank.c */
int search_rerank(struct search *s, struct err *e);
/* search_show.c */
int search_pack(struct search *s, struct err *e);
int search_judge(struct search *s, struct err *e);

#endif
