/*
 * A sample is divided into √k groups, and each group by itself into its share of the k lists. A
 * vector is compared with the groups' centroids, and with the lists of the nearest GROUPS_TRIED.
 */
#include "index/vector_lists.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/faiss_c.h"
#include "index/vector_kernel.h"

#define TRAIN_PER_LIST 40 /* sampled vectors; FAISS asks for 39 at least */
#define ROUNDS 10	  /* of k-means, as FAISS's IVF takes */
#define GROUPS_TRIED 4	  /* of 20,000 vectors 3 then miss their nearest list */

extern void omp_set_num_threads(int n);

static int faiss_error(struct err *e)
{
	const char *text = faiss_get_last_error();

	return err_set(e, ERR_INTERNAL, "vector_segment",
		"cannot divide vectors into lists: %.200s", text && *text ? text : "unknown");
}

/* k centroids of length 1 of n vectors [n × dimension], to out [k × dimension]. */
static int k_means(const float *x, int64_t n, int64_t k, int dimension, float *out, struct err *e)
{
	FaissClusteringParameters params;
	FaissClustering *clustering = NULL;
	FaissIndex *index = NULL;
	float *found;
	size_t n_found = 0;
	int rc = 0;

	faiss_ClusteringParameters_init(&params);
	params.niter = ROUNDS;
	params.spherical = 1;
	params.min_points_per_centroid = 1; /* below it warns on stderr */
	if (faiss_index_factory(&index, dimension, "Flat", METRIC_INNER_PRODUCT) ||
		faiss_Clustering_new_with_params(&clustering, dimension, (int)k, &params) ||
		faiss_Clustering_train(clustering, n, x, index)) {
		rc = faiss_error(e);
	} else {
		faiss_Clustering_centroids(clustering, &found, &n_found);
		ASSERT(n_found == (size_t)k * (size_t)dimension);
		memcpy(out, found, n_found * sizeof(*out));
	}
	if (clustering) {
		faiss_Clustering_free(clustering);
	}
	if (index) {
		faiss_Index_free(index);
	}
	return rc;
}

struct tree {
	int dimension;
	int64_t n_groups, n_lists;
	float *groups;	/* [n_groups × dimension] */
	int64_t *first; /* [n_groups + 1]: the lists of a group */
	float *lists;	/* [lists_cap × dimension] */
	int64_t lists_cap;
};

static int64_t nearest_group(const struct tree *t, const float *x)
{
	const struct vector_kernel *kernel = vector_kernel();
	size_t d = (size_t)t->dimension;
	float best = -INFINITY;
	int64_t at = 0;

	for (int64_t g = 0; g < t->n_groups; g++) {
		float cosine = kernel->dot(x, t->groups + (size_t)g * d, d);

		if (cosine > best) {
			best = cosine;
			at = g;
		}
	}
	return at;
}

/* Evenly spread, since neighbours are of one document. */
static float *take_sample(
	const uint16_t *const *vectors, int64_t n, int dimension, int64_t n_sample)
{
	float *sample = malloc((size_t)n_sample * (size_t)dimension * sizeof(*sample));

	ASSERT(sample != NULL);
	for (int64_t i = 0; i < n_sample; i++) {
		int64_t from = (int64_t)((double)i * (double)n / (double)n_sample);

		vector_from_half(
			vectors[from], sample + (size_t)i * (size_t)dimension, (size_t)dimension);
	}
	return sample;
}

/* Divides the n sampled vectors of group g into its share of lists. */
static int divide_group(
	struct tree *t, int64_t g, const float *x, int64_t n, int64_t n_lists, struct err *e)
{
	size_t d = (size_t)t->dimension;
	float *into = t->lists + (size_t)t->first[g] * d;

	t->first[g + 1] = t->first[g] + n_lists;
	ASSERT(t->first[g + 1] <= t->lists_cap);
	if (n_lists <= 1) {
		memcpy(into, t->groups + (size_t)g * d, d * sizeof(*into));
		return 0;
	}
	return k_means(x, n, n_lists, t->dimension, into, e);
}

static int divide(struct tree *t, const float *sample, int64_t n, int64_t n_lists, struct err *e)
{
	size_t d = (size_t)t->dimension;
	int64_t *of = malloc((size_t)n * sizeof(*of));
	float *members = malloc((size_t)n * d * sizeof(*members));
	int rc = 0;

	ASSERT(of != NULL && members != NULL);
	for (int64_t i = 0; i < n; i++) {
		of[i] = nearest_group(t, sample + (size_t)i * d);
	}
	for (int64_t g = 0; rc == 0 && g < t->n_groups; g++) {
		int64_t m = 0, share;

		for (int64_t i = 0; i < n; i++) {
			if (of[i] == g) {
				memcpy(members + (size_t)m++ * d, sample + (size_t)i * d,
					d * sizeof(*members));
			}
		}
		share = (int64_t)((double)n_lists * (double)m / (double)n + .5);
		share = share > m ? m : share;
		rc = divide_group(t, g, members, m, share > 1 ? share : 1, e);
	}
	t->n_lists = t->first[t->n_groups];
	free(of);
	free(members);
	return rc;
}

static int grow_tree(
	struct tree *t, const uint16_t *const *vectors, int64_t n, int64_t n_lists, struct err *e)
{
	size_t d = (size_t)t->dimension;
	int64_t n_sample = n_lists * TRAIN_PER_LIST < n ? n_lists * TRAIN_PER_LIST : n;
	float *sample = take_sample(vectors, n, t->dimension, n_sample);
	int rc;

	t->n_groups = (int64_t)sqrt((double)n_lists);
	t->lists_cap = n_lists + t->n_groups; /* each share is rounded up by one at most */
	t->groups = malloc((size_t)t->n_groups * d * sizeof(*t->groups));
	t->first = calloc((size_t)t->n_groups + 1, sizeof(*t->first));
	t->lists = malloc((size_t)t->lists_cap * d * sizeof(*t->lists));
	ASSERT(t->groups != NULL && t->first != NULL && t->lists != NULL);
	rc = k_means(sample, n_sample, t->n_groups, t->dimension, t->groups, e);
	if (rc == 0) {
		rc = divide(t, sample, n_sample, n_lists, e);
	}
	free(sample);
	return rc;
}

static uint32_t nearest_list(const struct tree *t, const float *x)
{
	const struct vector_kernel *kernel = vector_kernel();
	size_t d = (size_t)t->dimension;
	int64_t tried[GROUPS_TRIED];
	float cosine[GROUPS_TRIED], best = -INFINITY;
	int n = 0;
	uint32_t at = 0;

	for (int64_t g = 0; g < t->n_groups; g++) {
		float c = kernel->dot(x, t->groups + (size_t)g * d, d);
		int i;

		if (n == GROUPS_TRIED && c <= cosine[n - 1]) {
			continue;
		}
		n += n < GROUPS_TRIED;
		for (i = n - 1; i > 0 && cosine[i - 1] < c; i--) {
			cosine[i] = cosine[i - 1];
			tried[i] = tried[i - 1];
		}
		cosine[i] = c;
		tried[i] = g;
	}
	for (int i = 0; i < n; i++) {
		for (int64_t l = t->first[tried[i]]; l < t->first[tried[i] + 1]; l++) {
			float c = kernel->dot(x, t->lists + (size_t)l * d, d);

			if (c > best) {
				best = c;
				at = (uint32_t)l;
			}
		}
	}
	return at;
}

static void assign(
	const struct tree *t, const uint16_t *const *vectors, int64_t n, uint32_t *list_of)
{
	float *x = malloc((size_t)t->dimension * sizeof(*x));

	ASSERT(x != NULL);
	for (int64_t i = 0; i < n; i++) {
		vector_from_half(vectors[i], x, (size_t)t->dimension);
		list_of[i] = nearest_list(t, x);
	}
	free(x);
}

int lists_find(const uint16_t *const *vectors, int64_t n, int dimension, uint16_t **centroids,
	int64_t *n_lists, uint32_t *list_of, struct err *e)
{
	struct tree t = {.dimension = dimension};
	int64_t k = (int64_t)(4 * sqrt((double)n));
	size_t n_numbers;
	int rc;

	*centroids = NULL;
	k = k * TRAIN_PER_LIST > n ? n / TRAIN_PER_LIST : k;
	omp_set_num_threads(1);
	rc = grow_tree(&t, vectors, n, k > 1 ? k : 1, e);
	if (rc == 0) {
		assign(&t, vectors, n, list_of);
		*n_lists = t.n_lists;
		n_numbers = (size_t)t.n_lists * (size_t)dimension;
		*centroids = malloc(n_numbers * sizeof(**centroids));
		ASSERT(*centroids != NULL);
		vector_to_half(t.lists, *centroids, n_numbers);
	}
	free(t.groups);
	free(t.first);
	free(t.lists);
	return rc;
}
