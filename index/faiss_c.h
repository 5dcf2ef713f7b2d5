/*
 * FAISS through its official C API, whichever release is installed. Debian 12's package has the
 * headers but no C library: index/faiss_c_compat.cpp defines there what Carrel calls. Included by
 * index/vector_lists.c and the stand-in only.
 */
#ifndef INDEX_FAISS_C_H
#define INDEX_FAISS_C_H

#include <faiss/c_api/Clustering_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/faiss_c.h>
#include <faiss/c_api/index_factory_c.h>

#endif
