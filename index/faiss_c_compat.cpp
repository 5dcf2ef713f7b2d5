// Exactly those functions of FAISS's C API that Carrel calls, for a system whose libfaiss has no C
// library (Debian 12). The prototypes are the official ones (index/faiss_c.h); the Makefile
// compiles this file only where libfaiss_c is missing. No exception leaves: it becomes the C API's
// return code and text.
#include "index/faiss_c.h"

#include <faiss/Index.h>
#include <faiss/IndexIVF.h>
#include <faiss/impl/FaissException.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>

#include <cstring>
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

const faiss::Index *cxx(const FaissIndex *index)
{
	return reinterpret_cast<const faiss::Index *>(index);
}

const faiss::IndexIVF *ivf(const FaissIndexIVF *index)
{
	return dynamic_cast<const faiss::IndexIVF *>(cxx(index));
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

int faiss_Index_d(const FaissIndex *index)
{
	return static_cast<int>(cxx(index)->d);
}

idx_t faiss_Index_ntotal(const FaissIndex *index)
{
	return cxx(index)->ntotal;
}

FaissMetricType faiss_Index_metric_type(const FaissIndex *index)
{
	return static_cast<FaissMetricType>(cxx(index)->metric_type);
}

int faiss_Index_train(FaissIndex *index, idx_t n, const float *x)
{
	return guarded([&] { cxx(index)->train(n, x); });
}

int faiss_Index_add_with_ids(FaissIndex *index, idx_t n, const float *x, const idx_t *xids)
{
	return guarded([&] { cxx(index)->add_with_ids(n, x, xids); });
}

int faiss_Index_search_with_params(const FaissIndex *index, idx_t n, const float *x, idx_t k,
	const FaissSearchParameters *params, float *distances, idx_t *labels)
{
	return guarded([&] {
		cxx(index)->search(n, x, k, distances, labels,
			reinterpret_cast<const faiss::SearchParameters *>(params));
	});
}

FaissIndexIVF *faiss_IndexIVF_cast(FaissIndex *index)
{
	return reinterpret_cast<FaissIndexIVF *>(dynamic_cast<faiss::IndexIVF *>(cxx(index)));
}

size_t faiss_IndexIVF_nlist(const FaissIndexIVF *index)
{
	return ivf(index)->nlist;
}

size_t faiss_IndexIVF_get_list_size(const FaissIndexIVF *index, size_t list_no)
{
	return ivf(index)->get_list_size(list_no);
}

void faiss_IndexIVF_invlists_get_ids(const FaissIndexIVF *index, size_t list_no, idx_t *invlist)
{
	const faiss::InvertedLists *lists = ivf(index)->invlists;
	faiss::InvertedLists::ScopedIds ids(lists, list_no);
	memcpy(invlist, ids.get(), lists->list_size(list_no) * sizeof(idx_t));
}

int faiss_IDSelectorBitmap_new(FaissIDSelectorBitmap **p_sel, size_t n, const uint8_t *bitmap)
{
	return guarded([&] {
		*p_sel = reinterpret_cast<FaissIDSelectorBitmap *>(
			new faiss::IDSelectorBitmap(n, bitmap));
	});
}

void faiss_IDSelectorBitmap_free(FaissIDSelectorBitmap *obj)
{
	delete reinterpret_cast<faiss::IDSelectorBitmap *>(obj);
}

int faiss_SearchParametersIVF_new_with(
	FaissSearchParametersIVF **p_sp, FaissIDSelector *sel, size_t nprobe, size_t max_codes)
{
	return guarded([&] {
		faiss::SearchParametersIVF *sp = new faiss::SearchParametersIVF;
		sp->sel = reinterpret_cast<faiss::IDSelector *>(sel);
		sp->nprobe = nprobe;
		sp->max_codes = max_codes;
		*p_sp = reinterpret_cast<FaissSearchParametersIVF *>(sp);
	});
}

void faiss_SearchParametersIVF_free(FaissSearchParametersIVF *obj)
{
	delete reinterpret_cast<faiss::SearchParametersIVF *>(obj);
}

int faiss_write_index_fname(const FaissIndex *idx, const char *fname)
{
	return guarded([&] { faiss::write_index(cxx(idx), fname); });
}

int faiss_read_index_fname(const char *fname, int io_flags, FaissIndex **p_out)
{
	return guarded([&] {
		*p_out = reinterpret_cast<FaissIndex *>(faiss::read_index(fname, io_flags));
	});
}
}
