#include "index/fts_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/base/err.h"
#include "index/base/hash.h"

#define N_FREQUENCIES 32768 /* a power of two; a term has two places to stand in */
#define SLOTS 65536	    /* of a block of lengths */
#define N_BLOCKS 4096	    /* lengths past 268 million slots are not kept */
#define STALE_PART 64	    /* see the header */

struct frequency {
	uint64_t key; /* of the term; 0: free */
	int64_t df;
	struct fts_state state;
};

struct fts_memory {
	int64_t workspace_n;
	pthread_mutex_t lock; /* of frequencies */
	struct frequency *frequencies;
	bool knows_languages; /* as the next two, under lock */
	struct fts_state languages_state;
	uint64_t languages;
	_Atomic(_Atomic uint16_t *) lengths[N_BLOCKS];
	pthread_mutex_t merge_lock;
	pthread_cond_t merge_ended;
	int64_t merge_wanted, merge_done; /* turns */
	bool merging;
	struct fts_memory *next;
};

struct fts_cache {
	pthread_mutex_t lock;
	struct fts_memory *workspaces;
};

/* ── life ── */

struct fts_cache *fts_cache_create(void)
{
	struct fts_cache *c = calloc(1, sizeof(*c));

	ASSERT(c != NULL && pthread_mutex_init(&c->lock, NULL) == 0);
	return c;
}

void fts_cache_destroy(struct fts_cache *c)
{
	while (c && c->workspaces) {
		struct fts_memory *m = c->workspaces;

		c->workspaces = m->next;
		for (int i = 0; i < N_BLOCKS; i++) {
			free((void *)atomic_load(&m->lengths[i]));
		}
		pthread_mutex_destroy(&m->lock);
		pthread_mutex_destroy(&m->merge_lock);
		pthread_cond_destroy(&m->merge_ended);
		free(m->frequencies);
		free(m);
	}
	if (c) {
		pthread_mutex_destroy(&c->lock);
		free(c);
	}
}

struct fts_memory *fts_cache_lookup(struct fts_cache *c, int64_t workspace_n)
{
	struct fts_memory *m;

	if (!c) {
		return NULL;
	}
	pthread_mutex_lock(&c->lock);
	for (m = c->workspaces; m && m->workspace_n != workspace_n;) {
		m = m->next;
	}
	if (!m) {
		m = calloc(1, sizeof(*m));
		ASSERT(m != NULL && pthread_mutex_init(&m->lock, NULL) == 0);
		ASSERT(pthread_mutex_init(&m->merge_lock, NULL) == 0 &&
			pthread_cond_init(&m->merge_ended, NULL) == 0);
		m->frequencies = calloc(N_FREQUENCIES, sizeof(*m->frequencies));
		ASSERT(m->frequencies != NULL);
		m->workspace_n = workspace_n;
		m->merge_wanted = 1;
		m->next = c->workspaces;
		c->workspaces = m;
	}
	pthread_mutex_unlock(&c->lock);
	return m;
}

void fts_memory_forget(struct fts_memory *m)
{
	if (!m) {
		return;
	}
	pthread_mutex_lock(&m->lock);
	memset(m->frequencies, 0, N_FREQUENCIES * sizeof(*m->frequencies));
	m->knows_languages = false;
	pthread_mutex_unlock(&m->lock);
	for (int i = 0; i < N_BLOCKS; i++) {
		_Atomic uint16_t *block = atomic_load(&m->lengths[i]);

		for (int k = 0; block && k < SLOTS; k++) {
			atomic_store_explicit(&block[k], 0, memory_order_relaxed);
		}
	}
}

/* ── frequencies ── */

static bool same_state(const struct fts_state *then, const struct fts_state *now)
{
	return then->n_written == now->n_written && then->n_rows == now->n_rows &&
	       then->n_tokens == now->n_tokens;
}

static bool serves(const struct fts_state *then, const struct fts_state *now)
{
	int64_t written = llabs(now->n_written - then->n_written);

	return written == 0 ? same_state(then, now) : written <= then->n_pages / STALE_PART;
}

static uint64_t key_of(const char *term)
{
	uint64_t key = hash64(term, strlen(term));

	return key ? key : 1;
}

bool fts_memory_df(struct fts_memory *m, const struct fts_state *now, const char *term, int64_t *df)
{
	uint64_t key = key_of(term);
	bool known = false;

	if (!m) {
		return false;
	}
	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < 2 && !known; i++) {
		const struct frequency *f = &m->frequencies[(key % N_FREQUENCIES) ^ (uint64_t)i];

		known = f->key == key && serves(&f->state, now);
		*df = known ? f->df : *df;
	}
	pthread_mutex_unlock(&m->lock);
	return known;
}

void fts_memory_keep_df(
	struct fts_memory *m, const struct fts_state *now, const char *term, int64_t df)
{
	uint64_t key = key_of(term);
	struct frequency *pair;
	int i;

	if (!m || df == 0) {
		return;
	}
	pthread_mutex_lock(&m->lock);
	pair = &m->frequencies[(key % N_FREQUENCIES) & ~UINT64_C(1)];
	if (pair[0].key == key || pair[1].key == key) {
		i = pair[1].key == key;
	} else { /* the one that costs more to count again stays */
		i = pair[0].key && (!pair[1].key || pair[1].df < pair[0].df);
	}
	pair[i] = (struct frequency){key, df, *now};
	pthread_mutex_unlock(&m->lock);
}

/* ── languages ── */

bool fts_memory_languages(struct fts_memory *m, const struct fts_state *now, uint64_t *languages)
{
	bool known;

	if (!m) {
		return false;
	}
	pthread_mutex_lock(&m->lock);
	known = m->knows_languages && same_state(&m->languages_state, now);
	*languages = known ? m->languages : *languages;
	pthread_mutex_unlock(&m->lock);
	return known;
}

void fts_memory_keep_languages(
	struct fts_memory *m, const struct fts_state *now, uint64_t languages)
{
	if (!m) {
		return;
	}
	pthread_mutex_lock(&m->lock);
	m->knows_languages = true;
	m->languages_state = *now;
	m->languages = languages;
	pthread_mutex_unlock(&m->lock);
}

/* ── lengths ── */

int fts_memory_length(struct fts_memory *m, int64_t slot)
{
	_Atomic uint16_t *block;

	if (!m || slot < 0 || slot / SLOTS >= N_BLOCKS) {
		return 0;
	}
	block = atomic_load_explicit(&m->lengths[slot / SLOTS], memory_order_acquire);
	return block ? atomic_load_explicit(&block[slot % SLOTS], memory_order_relaxed) : 0;
}

void fts_memory_keep_length(struct fts_memory *m, int64_t slot, int length)
{
	_Atomic uint16_t *block, *none = NULL;

	if (!m || slot < 0 || slot / SLOTS >= N_BLOCKS || length > UINT16_MAX) {
		return;
	}
	block = atomic_load_explicit(&m->lengths[slot / SLOTS], memory_order_acquire);
	if (!block) {
		_Atomic uint16_t *fresh = calloc(SLOTS, sizeof(*fresh));

		ASSERT(fresh != NULL);
		if (atomic_compare_exchange_strong(&m->lengths[slot / SLOTS], &none, fresh)) {
			block = fresh;
		} else {
			free((void *)fresh);
			block = none;
		}
	}
	atomic_store_explicit(&block[slot % SLOTS], (uint16_t)length, memory_order_relaxed);
}

/* ── one merge for all ── */

void fts_memory_merge_want(struct fts_memory *m)
{
	pthread_mutex_lock(&m->merge_lock);
	m->merge_wanted++;
	pthread_mutex_unlock(&m->merge_lock);
}

int64_t fts_memory_merge_turn(struct fts_memory *m)
{
	int64_t turn = 0;

	if (m) {
		pthread_mutex_lock(&m->merge_lock);
		turn = m->merge_wanted;
		pthread_mutex_unlock(&m->merge_lock);
	}
	return turn;
}

enum fts_merge fts_memory_merge_begin(
	struct fts_memory *m, int64_t turn, int wait_ms, int64_t *covers)
{
	enum fts_merge answer = FTS_MERGE_YOURS;
	struct timespec until;

	*covers = 0;
	if (!m) {
		return answer;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)wait_ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&m->merge_lock);
	if (m->merging && m->merge_done < turn) {
		(void)pthread_cond_timedwait(&m->merge_ended, &m->merge_lock, &until);
	}
	if (m->merge_done >= turn) {
		answer = FTS_MERGE_DONE;
	} else if (m->merging) {
		answer = FTS_MERGE_RUNS;
	} else {
		m->merging = true;
		*covers = m->merge_wanted;
	}
	pthread_mutex_unlock(&m->merge_lock);
	return answer;
}

void fts_memory_merge_end(struct fts_memory *m, int64_t covers)
{
	if (!m) {
		return;
	}
	pthread_mutex_lock(&m->merge_lock);
	m->merging = false;
	if (covers > m->merge_done) {
		m->merge_done = covers;
	}
	pthread_cond_broadcast(&m->merge_ended);
	pthread_mutex_unlock(&m->merge_lock);
}
