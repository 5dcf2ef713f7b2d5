#include "tests/scale/flat.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include <faiss/IndexFlat.h>
#include <faiss/impl/IDSelector.h>

extern "C" void omp_set_num_threads(int n); /* of libgomp; clang has no header of it */

struct flat {
	faiss::IndexFlatIP index;
};

static void give_up(const std::exception &e)
{
	std::fprintf(stderr, "faiss: %s\n", e.what());
	std::exit(1);
}

struct flat *flat_create(const float *vectors, int64_t n, int dimension)
{
	try {
		struct flat *f = new flat{faiss::IndexFlatIP(dimension)};

		omp_set_num_threads(1); /* as the server's threads do */
		f->index.add(n, vectors);
		return f;
	} catch (const std::exception &e) {
		give_up(e);
		return nullptr;
	}
}

void flat_destroy(struct flat *f)
{
	delete f;
}

int flat_search(struct flat *f, const float *query, const uint8_t *bits, size_t n_bytes, int k,
	int64_t *slots, float *cosines)
{
	try {
		faiss::IDSelectorBitmap selector(n_bytes, bits);
		faiss::SearchParameters parameters;
		int n = 0;

		parameters.sel = &selector;
		f->index.search(1, query, k, cosines, slots, &parameters);
		while (n < k && slots[n] >= 0) {
			n++;
		}
		return n;
	} catch (const std::exception &e) {
		give_up(e);
		return 0;
	}
}
