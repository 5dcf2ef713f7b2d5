#include "index/fts_vocabulary.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"
#include "index/base/thread.h"
#include "index/fts_private.h"

#define AT_ONCE 50000	 /* rows of an index that is read while somebody waits: 50 ms */
#define EXACT_BELOW 5000 /* rows of an index that is read again after every change */
#define CHANGED 16	 /* a larger one when this part of its rows has come or gone */
#define WORKSPACES 64	 /* whose vocabularies are kept */
#define HEADER 4	 /* bytes of a page before its content */

struct kept_vocabulary {
	struct vocabulary *v;
	struct fts_totals totals;
	int refs;
};

struct entry {
	int64_t workspace_n;
	struct kept_vocabulary *kept; /* NULL: none yet */
};

struct vocabularies {
	struct store *store;
	pthread_mutex_t lock;
	struct entry entries[WORKSPACES];
	int n_entries;
	pthread_t thread;
	bool running, joinable, stopping;
	int64_t making; /* the workspace that the thread reads */
};

/* ── reading a segment's leaf pages ── */

/* SQLite's, of at most 32 bits; 0: there is none. */
static size_t varint(const uint8_t *p, size_t left, uint32_t *v)
{
	*v = 0;
	for (size_t i = 0; i < left && i < 5; i++) {
		*v = *v << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80)) {
			return i + 1;
		}
	}
	return 0;
}

struct reading {
	struct vocabulary *v;
	char term[1024];
	size_t n;	 /* bytes of the term; 0: none is open */
	uint64_t weight; /* bytes of its postings so far */
	int64_t segment;
};

static void close_term(struct reading *r)
{
	/* A main term begins with '0', which stands for no prefix index. */
	if (r->n > 1 && r->term[0] == '0') {
		uint64_t weight = r->weight > UINT32_MAX ? UINT32_MAX : r->weight;

		vocabulary_add(r->v, r->term + 1, r->n - 1, (uint32_t)weight);
	}
	r->n = 0;
	r->weight = 0;
}

/* The term at p; what of the one before it is kept comes first, but for a page's first. */
static size_t read_term(struct reading *r, const uint8_t *p, size_t left, bool first)
{
	uint32_t keep = 0, more = 0;
	size_t at = first ? 0 : varint(p, left, &keep);
	size_t used = varint(p + at, left - at, &more);

	if ((!first && at == 0) || used == 0 || more > left - at - used || keep > r->n ||
		keep + more >= sizeof(r->term)) {
		return 0;
	}
	at += used;
	{
		size_t n_before = keep;
		char kept[sizeof(r->term)];

		memcpy(kept, r->term, n_before);
		close_term(r);
		memcpy(r->term, kept, n_before);
	}
	memcpy(r->term + keep, p + at, more);
	r->n = keep + more;
	return at + more;
}

static bool read_page(struct reading *r, const uint8_t *page, size_t n)
{
	size_t leaf = n >= HEADER ? (size_t)(page[2] << 8 | page[3]) : 0;
	size_t footer = leaf, at = 0, end = HEADER;
	bool first = true;

	if (leaf < HEADER || leaf > n) {
		return false;
	}
	while (footer < n) {
		uint32_t delta;
		size_t used = varint(page + footer, n - footer, &delta);

		if (used == 0 || delta > leaf - at) {
			return false;
		}
		footer += used;
		at += delta;
		if (at < end) {
			return false;
		}
		r->weight += at - end;
		used = read_term(r, page + at, leaf - at, first);
		if (used == 0) {
			return false;
		}
		end = at + used;
		first = false;
	}
	r->weight += leaf - end;
	return true;
}

static int read_terms(struct db *db, int64_t workspace_n, const bool *stopping,
	struct vocabulary *v, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, workspace_n, FTS_LEAVES, e ? e : &own);
	struct reading r = {.v = v};
	int rc;

	if (!q) {
		return err_code(e ? e : &own);
	}
	while ((rc = stmt_step(q, e)) == 1 && !__atomic_load_n(stopping, __ATOMIC_RELAXED)) {
		int64_t id = col_int(q, 0);
		size_t n;
		const uint8_t *page = col_blob(q, 1, &n);

		if (id >> 31 & 0x3f) { /* of a doclist's index */
			continue;
		}
		if (id >> 37 != r.segment) {
			close_term(&r);
			r.segment = id >> 37;
		}
		if (!read_page(&r, page, n)) {
			break;
		}
	}
	close_term(&r);
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

/* ── life ── */

struct vocabularies *vocabularies_open(struct store *s)
{
	struct vocabularies *v = calloc(1, sizeof(*v));

	ASSERT(v);
	v->store = s;
	pthread_mutex_init(&v->lock, NULL);
	store_attach(s, PART_VOCABULARIES, v);
	return v;
}

void vocabularies_stop(struct vocabularies *v)
{
	if (!v) {
		return;
	}
	__atomic_store_n(&v->stopping, true, __ATOMIC_RELAXED);
	if (v->joinable) {
		pthread_join(v->thread, NULL);
		v->joinable = false;
	}
}

void vocabularies_close(struct vocabularies *v)
{
	if (!v) {
		return;
	}
	vocabularies_stop(v);
	for (int i = 0; i < v->n_entries; i++) {
		fts_vocabulary_drop(v->entries[i].kept);
	}
	pthread_mutex_destroy(&v->lock);
	free(v);
}

const struct vocabulary *kept_vocabulary(const struct kept_vocabulary *k)
{
	return k->v;
}

void fts_vocabulary_drop(struct kept_vocabulary *k)
{
	if (k && __atomic_sub_fetch(&k->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		vocabulary_destroy(k->v);
		free(k);
	}
}

/* ── making one ── */

static int make(struct vocabularies *all, struct db *db, int64_t workspace_n,
	struct kept_vocabulary **out, struct err *e)
{
	struct kept_vocabulary *k = calloc(1, sizeof(*k));
	int rc;

	ASSERT(k);
	k->v = vocabulary_create();
	k->refs = 1;
	rc = fts_totals_load(db, workspace_n, &k->totals, e);
	if (rc == 0) {
		rc = read_terms(db, workspace_n, &all->stopping, k->v, e);
	}
	vocabulary_seal(k->v);
	if (rc != 0) {
		fts_vocabulary_drop(k);
		k = NULL;
	}
	*out = k;
	return rc;
}

/* The lock is held. NULL: there are too many. */
static struct entry *entry_of(struct vocabularies *v, int64_t workspace_n)
{
	for (int i = 0; i < v->n_entries; i++) {
		if (v->entries[i].workspace_n == workspace_n) {
			return &v->entries[i];
		}
	}
	if (v->n_entries == WORKSPACES) {
		return NULL;
	}
	v->entries[v->n_entries] = (struct entry){.workspace_n = workspace_n};
	return &v->entries[v->n_entries++];
}

/* Takes k over. */
static void put(struct vocabularies *v, int64_t workspace_n, struct kept_vocabulary *k)
{
	struct kept_vocabulary *before = k;
	struct entry *entry;

	pthread_mutex_lock(&v->lock);
	entry = entry_of(v, workspace_n);
	if (entry) {
		before = entry->kept;
		entry->kept = k;
	}
	pthread_mutex_unlock(&v->lock);
	fts_vocabulary_drop(before);
}

static void *make_aside(void *arg)
{
	struct vocabularies *v = arg;
	struct kept_vocabulary *k = NULL;
	struct err e = ERR_INIT;
	struct db *db = store_reader(v->store, &e);
	int rc = db ? make(v, db, v->making, &k, &e) : ERR_UNAVAILABLE;

	store_reader_drop(db);
	if (rc != 0) {
		log_warn("fts.vocabulary", LT("message", e.message));
	} else {
		log_debug("fts.vocabulary", LN("terms", vocabulary_count(k->v)));
		put(v, v->making, k);
	}
	pthread_mutex_lock(&v->lock);
	v->running = false;
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

/* The lock is held. */
static void start_aside(struct vocabularies *v, int64_t workspace_n)
{
	if (v->running || __atomic_load_n(&v->stopping, __ATOMIC_RELAXED)) {
		return;
	}
	if (v->joinable) {
		pthread_join(v->thread, NULL);
	}
	v->making = workspace_n;
	v->running = true;
	v->joinable = thread_start(&v->thread, make_aside, v) == 0;
	v->running = v->joinable;
}

static bool is_fresh(const struct kept_vocabulary *k, const struct fts_totals *now)
{
	int64_t changed;

	if (!k || k->totals.digest == now->digest || now->n_rows < EXACT_BELOW) {
		return k && k->totals.digest == now->digest;
	}
	changed = llabs(now->n_rows - k->totals.n_rows);
	return changed * CHANGED < now->n_rows;
}

int fts_vocabulary_keep(
	struct db *db, int64_t workspace_n, struct kept_vocabulary **out, struct err *e)
{
	struct vocabularies *v = db_part(db, PART_VOCABULARIES);
	struct kept_vocabulary *k = NULL;
	struct entry *entry;
	struct fts_totals now;
	bool fresh;
	int rc;

	*out = NULL;
	rc = v ? fts_totals_load(db, workspace_n, &now, e) : 0;
	if (rc != 0 || !v) {
		return rc;
	}
	pthread_mutex_lock(&v->lock);
	entry = entry_of(v, workspace_n);
	k = entry ? entry->kept : NULL;
	fresh = is_fresh(k, &now);
	if (k) {
		__atomic_add_fetch(&k->refs, 1, __ATOMIC_RELAXED);
	}
	if (entry && !fresh && now.n_rows > AT_ONCE) {
		start_aside(v, workspace_n);
	}
	pthread_mutex_unlock(&v->lock);
	*out = k;
	if (!entry || fresh || now.n_rows > AT_ONCE) {
		return 0;
	}
	*out = NULL;
	fts_vocabulary_drop(k);
	rc = make(v, db, workspace_n, &k, e);
	if (rc == 0) {
		__atomic_add_fetch(&k->refs, 1, __ATOMIC_RELAXED);
		put(v, workspace_n, k);
		*out = k;
	}
	return rc;
}
