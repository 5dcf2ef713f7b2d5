/*
 * FAISS through its official C API, whichever release is installed. Debian 12's headers (1.7.3)
 * lack the search parameters and IDSelectorBitmap, although its C++ library has both: their
 * official prototypes (of FAISS 1.8 and later) are declared here when they are absent, and
 * index/faiss_c_compat.cpp defines what Carrel calls. Included by index/vector_segment.c and the
 * stand-in only.
 */
#ifndef INDEX_FAISS_C_H
#define INDEX_FAISS_C_H

#include <faiss/c_api/IndexIVF_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/faiss_c.h>
#include <faiss/c_api/impl/AuxIndexStructures_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <faiss/c_api/index_io_c.h>

/* The macro came with the search parameters (1.7.4). */
#ifndef FAISS_DECLARE_SEARCH_PARAMETERS_DOWNCAST
#ifdef __cplusplus
extern "C" {
#endif

FAISS_DECLARE_CLASS(SearchParameters)
FAISS_DECLARE_CLASS_INHERITED(SearchParametersIVF, SearchParameters)
FAISS_DECLARE_DESTRUCTOR(SearchParametersIVF)
int faiss_SearchParametersIVF_new_with(
	FaissSearchParametersIVF **p_sp, FaissIDSelector *sel, size_t nprobe, size_t max_codes);

int faiss_Index_search_with_params(const FaissIndex *index, faiss_idx_t n, const float *x,
	faiss_idx_t k, const FaissSearchParameters *params, float *distances, faiss_idx_t *labels);

FAISS_DECLARE_CLASS(IDSelectorBitmap)
FAISS_DECLARE_DESTRUCTOR(IDSelectorBitmap)
int faiss_IDSelectorBitmap_new(FaissIDSelectorBitmap **p_sel, size_t n, const uint8_t *bitmap);

#ifdef __cplusplus
}
#endif
#endif

#endif
