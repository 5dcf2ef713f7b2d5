#include "index/base/alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALIGN ((size_t)64) /* of every piece: serves aligned_alloc too */
#define STEP_MS 5

/* The pieces are ordinary allocations, so that whoever frees one need not know of it. Their sizes
 * are those of small objects, of a block of an arena (a page and its head, doubled up to 256 KB),
 * and of a large table. */
struct piece {
	struct piece *next;
};
static struct shelf {
	const size_t size;
	const int n_all;
	int n;
	struct piece *first;
} shelves[] = {
	{256, 2048, 0, NULL},
	{1024, 512, 0, NULL},
	{(size_t)4 * 1024 + 256, 256, 0, NULL},
	{(size_t)64 * 1024 + 256, 32, 0, NULL},
	{(size_t)256 * 1024 + 256, 16, 0, NULL},
	{(size_t)1024 * 1024 + 256, 8, 0, NULL},
};
#define N_SHELVES (sizeof(shelves) / sizeof(shelves[0]))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the shelves */
static pthread_t owner;
static atomic_bool kept;
static atomic_int n_missing;

/* ── the C library's ── */

#ifndef ALLOC_PLAIN /* a sanitizer that is linked into the program has its own malloc there */

static struct {
	void *(*malloc)(size_t n);
	void *(*calloc)(size_t n, size_t size);
	void *(*realloc)(void *p, size_t n);
	void *(*aligned_alloc)(size_t align, size_t n);
	int (*posix_memalign)(void **out, size_t align, size_t n);
	void (*free)(void *p);
} libc;

/* Before any thread and any constructor: the loader allocates. What the look-up itself would like
 * to allocate it can do without. */
static __attribute__((noinline)) bool resolve(void)
{
	static bool resolving;

	if (resolving) {
		return false;
	}
	resolving = true;
	*(void **)&libc.malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&libc.calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&libc.realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **)&libc.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
	*(void **)&libc.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
	*(void **)&libc.free = dlsym(RTLD_NEXT, "free");
	resolving = false;
	return true;
}

static inline bool is_resolved(void)
{
	return __builtin_expect(libc.free != NULL, 1) || resolve();
}

static void *plain_aligned(size_t align, size_t n)
{
	void *p;

	return libc.posix_memalign(&p, align, n) == 0 ? p : NULL;
}

/* ── taking from the shelves, and putting back ── */

static void *take(size_t n, size_t align)
{
	struct piece *p = NULL;
	int n_left;

	if (align > ALIGN) {
		return NULL;
	}
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < N_SHELVES && !p; i++) {
		struct shelf *s = &shelves[i];

		n_left = pthread_equal(owner, pthread_self()) ? 0 : s->n_all / 4;
		if (s->size >= n && s->n > n_left) {
			p = s->first;
			s->first = p->next;
			s->n--;
			atomic_fetch_add(&n_missing, 1);
		}
	}
	pthread_mutex_unlock(&lock);
	return p;
}

/* What is freed while pieces are missing, and is like one of them, takes its place. */
static __attribute__((noinline)) bool put_back(void *p)
{
	size_t n = malloc_usable_size(p);
	bool fits = false;

	if ((uintptr_t)p % ALIGN != 0) {
		return false;
	}
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < N_SHELVES && !fits && atomic_load(&kept); i++) {
		struct shelf *s = &shelves[i];

		fits = s->n < s->n_all && n >= s->size && n < s->size * 2;
		if (fits) {
			struct piece *piece = p;

			piece->next = s->first;
			s->first = piece;
			s->n++;
			atomic_fetch_sub(&n_missing, 1);
		}
	}
	pthread_mutex_unlock(&lock);
	return fits;
}

/* Once the C library had nothing. */
static __attribute__((noinline)) void *try_again(size_t n, size_t align)
{
	const struct timespec step = {0, STEP_MS * 1000000L};
	int errnum = errno;

	for (int ms = 0; atomic_load(&kept) && n <= PTRDIFF_MAX; ms += STEP_MS) {
		void *p = take(n, align);

		if (!p && ms >= ALLOC_WAIT_MS) {
			break;
		}
		if (!p) {
			nanosleep(&step, NULL);
			p = align ? plain_aligned(align, n) : libc.malloc(n);
		}
		if (p) {
			errno = errnum;
			return p;
		}
	}
	errno = ENOMEM;
	return NULL;
}

/* ── instead of the C library's ── */

void *malloc(size_t n)
{
	void *p = is_resolved() ? libc.malloc(n) : NULL;

	return p ? p : try_again(n, 0);
}

void *calloc(size_t n, size_t size)
{
	void *p = is_resolved() ? libc.calloc(n, size) : NULL;
	size_t n_bytes;

	if (!p && !__builtin_mul_overflow(n, size, &n_bytes)) {
		p = try_again(n_bytes, 0);
		if (p) {
			memset(p, 0, n_bytes);
		}
	}
	return p;
}

void *realloc(void *old, size_t n)
{
	void *p = is_resolved() ? libc.realloc(old, n) : NULL;
	size_t n_old;

	if (p || (old && n == 0)) {
		return p;
	}
	p = try_again(n, 0);
	if (p && old) {
		n_old = malloc_usable_size(old);
		memcpy(p, old, n_old < n ? n_old : n);
		free(old);
	}
	return p;
}

void *aligned_alloc(size_t align, size_t n)
{
	void *p = is_resolved() ? libc.aligned_alloc(align, n) : NULL;

	return p ? p : try_again(n, align);
}

int posix_memalign(void **out, size_t align, size_t n)
{
	void *p = NULL;
	int rc = is_resolved() ? libc.posix_memalign(&p, align, n) : ENOMEM;

	if (rc == ENOMEM) {
		p = try_again(n, align);
		rc = p ? 0 : ENOMEM;
	}
	if (rc == 0) {
		*out = p;
	}
	return rc;
}

void free(void *p)
{
	if (p && is_resolved() && (atomic_load(&n_missing) == 0 || !put_back(p))) {
		libc.free(p);
	}
}

#define PLAIN_ALLOC(n) (is_resolved() ? libc.aligned_alloc(ALIGN, (n)) : NULL)
#define PLAIN_FREE(p) libc.free(p)
#else
#define PLAIN_ALLOC(n) aligned_alloc(ALIGN, (n))
#define PLAIN_FREE(p) free(p)
#endif

/* ── the reserve ── */

static bool fill(void)
{
	for (size_t i = 0; i < N_SHELVES; i++) {
		struct shelf *s = &shelves[i];

		while (s->n < s->n_all) {
			struct piece *p = PLAIN_ALLOC(s->size);

			if (!p) {
				return false;
			}
			p->next = s->first;
			s->first = p;
			s->n++;
			atomic_fetch_sub(&n_missing, 1);
		}
	}
	return true;
}

void alloc_reserve(void)
{
	int n_all = 0;

	for (size_t i = 0; i < N_SHELVES; i++) {
		n_all += shelves[i].n_all;
	}
	pthread_mutex_lock(&lock);
	owner = pthread_self();
	atomic_store(&n_missing, n_all);
	fill();
	atomic_store(&kept, true);
	pthread_mutex_unlock(&lock);
}

void alloc_release(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&kept, false);
	for (size_t i = 0; i < N_SHELVES; i++) {
		struct shelf *s = &shelves[i];

		for (; s->n > 0; s->n--) {
			struct piece *p = s->first;

			s->first = p->next;
			PLAIN_FREE(p);
		}
	}
	atomic_store(&n_missing, 0);
	pthread_mutex_unlock(&lock);
}

bool alloc_is_short(void)
{
	bool is_short = atomic_load(&n_missing) > 0;

	if (is_short) {
		pthread_mutex_lock(&lock);
		is_short = !fill();
		pthread_mutex_unlock(&lock);
	}
	return is_short;
}
