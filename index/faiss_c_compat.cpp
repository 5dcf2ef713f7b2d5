// Exactly those functions of FAISS's C API that Carrel calls, for a system whose libfaiss has no C
// library (Debian 12). The prototypes are the official ones (index/faiss_c.h); the Makefile
// compiles this file only where libfaiss_c is missing. No exception leaves: it becomes the C API's
// return code and text.
#include "index/faiss_c.h"

#include <faiss/Clustering.h>
#include <faiss/Index.h>
#include <faiss/impl/FaissException.h>
#include <faiss/index_factory.h>

#include <exception>
#include <string>

namespace
{
thread_local std::string last_error;

template <typename Body> int guarded(Body body)
{
	try {
		body();
		return OK;
	} catch (const faiss::FaissException &e) {
		last_error = e.what();
		return FAISS_EXCEPT;
	} catch (const std::exception &e) {
		last_error = e.what();
		return STD_EXCEPT;
	} catch (...) {
		last_error = "unknown exception";
		return UNKNOWN_EXCEPT;
	}
}

faiss::Index *cxx(FaissIndex *index)
{
	return reinterpret_cast<faiss::Index *>(index);
}

faiss::Clustering *cxx(FaissClustering *clustering)
{
	return reinterpret_cast<faiss::Clustering *>(clustering);
}
} // namespace

extern "C" {

const char *faiss_get_last_error()
{
	return last_error.c_str();
}

int faiss_index_factory(
	FaissIndex **p_index, int d, const char *description, FaissMetricType metric)
{
	return guarded([&] {
		*p_index = reinterpret_cast<FaissIndex *>(faiss::index_factory(
			d, description, static_cast<faiss::MetricType>(metric)));
	});
}

void faiss_Index_free(FaissIndex *obj)
{
	delete cxx(obj);
}

void faiss_ClusteringParameters_init(FaissClusteringParameters *params)
{
	const faiss::ClusteringParameters from;

	params->niter = from.niter;
	params->nredo = from.nredo;
	params->verbose = from.verbose;
	params->spherical = from.spherical;
	params->int_centroids = from.int_centroids;
	params->update_index = from.update_index;
	params->frozen_centroids = from.frozen_centroids;
	params->min_points_per_centroid = from.min_points_per_centroid;
	params->max_points_per_centroid = from.max_points_per_centroid;
	params->seed = from.seed;
	params->decode_block_size = from.decode_block_size;
}

int faiss_Clustering_new_with_params(
	FaissClustering **p_clustering, int d, int k, const FaissClusteringParameters *cp)
{
	return guarded([&] {
		faiss::ClusteringParameters to;

		to.niter = cp->niter;
		to.nredo = cp->nredo;
		to.verbose = cp->verbose;
		to.spherical = cp->spherical;
		to.int_centroids = cp->int_centroids;
		to.update_index = cp->update_index;
		to.frozen_centroids = cp->frozen_centroids;
		to.min_points_per_centroid = cp->min_points_per_centroid;
		to.max_points_per_centroid = cp->max_points_per_centroid;
		to.seed = cp->seed;
		to.decode_block_size = cp->decode_block_size;
		*p_clustering =
			reinterpret_cast<FaissClustering *>(new faiss::Clustering(d, k, to));
	});
}

int faiss_Clustering_train(FaissClustering *clustering, idx_t n, const float *x, FaissIndex *index)
{
	return guarded([&] { cxx(clustering)->train(n, x, *cxx(index)); });
}

void faiss_Clustering_centroids(FaissClustering *clustering, float **centroids, size_t *size)
{
	*centroids = cxx(clustering)->centroids.data();
	*size = cxx(clustering)->centroids.size();
}

void faiss_Clustering_free(FaissClustering *clustering)
{
	delete cxx(clustering);
}
}
