/*
 * The bitmaps of index/acl.h. One lock guards all of it: it is held for a few words' OR at most.
 * Changes are collected while a transaction runs and applied by db_after_commit, in the order of
 * the commits.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "index/acl_index_private.h"
#include "index/acl_runs.h"
#include "index/base/buf.h"

enum {
	Q_SETS,
	Q_SET,
	Q_READERS,
};

#define SET_COLUMNS                                                                                \
	"w.n, s.n, s.collection_id, k.conversation_id IS NOT NULL FROM acl_set s "                 \
	"JOIN workspace w ON w.id = s.workspace_id LEFT JOIN collection k ON k.id = "              \
	"s.collection_id "

static const char *const sql[] = {
	[Q_SETS] = "SELECT " SET_COLUMNS "ORDER BY w.n, s.n",
	[Q_SET] = "SELECT " SET_COLUMNS "WHERE s.n = ?1",
	[Q_READERS] = "SELECT principal FROM acl_set_reader WHERE set_n = ?1 ORDER BY principal",
};
SQL_TABLE(table, "index/acl_index", sql);

/* ── sets in memory ── */

static void set_finish(struct acl_set *s)
{
	for (int i = 0; i < s->n_readers; i++) {
		free(s->readers[i]);
	}
	free(s->readers);
	bitmap_finish(&s->slots);
}

struct acl_space *acl_space_of(struct acl_index *x, int64_t workspace_n)
{
	for (int i = 0; i < x->n_spaces; i++) {
		if (x->spaces[i].workspace_n == workspace_n) {
			return &x->spaces[i];
		}
	}
	x->spaces = realloc(x->spaces, (size_t)(x->n_spaces + 1) * sizeof(*x->spaces));
	ASSERT(x->spaces);
	x->spaces[x->n_spaces] = (struct acl_space){.workspace_n = workspace_n};
	return &x->spaces[x->n_spaces++];
}

/* Where set n is, or would be. */
static int set_position(const struct acl_space *s, int64_t n)
{
	int low = 0, high = s->n_sets;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (s->sets[middle].n < n) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static void set_add(struct acl_set *s, int64_t slot)
{
	s->n_slots += !bitmap_has(&s->slots, (uint64_t)slot);
	bitmap_set(&s->slots, (uint64_t)slot);
}

static void set_remove(struct acl_set *s, int64_t slot)
{
	s->n_slots -= bitmap_has(&s->slots, (uint64_t)slot);
	bitmap_clear(&s->slots, (uint64_t)slot);
}

struct acl_set *acl_set_lookup(const struct acl_space *s, int64_t n)
{
	int at = set_position(s, n);

	return at < s->n_sets && s->sets[at].n == n ? &s->sets[at] : NULL;
}

/* Takes the set over; what it has already of that number stays, for sets do not change. */
static void insert_set(struct acl_space *s, struct acl_set *set)
{
	int at = set_position(s, set->n);

	if (at < s->n_sets && s->sets[at].n == set->n) {
		set_finish(set);
		return;
	}
	if (s->n_sets == s->capacity) {
		s->capacity = s->capacity ? s->capacity * 2 : 8;
		s->sets = realloc(s->sets, (size_t)s->capacity * sizeof(*s->sets));
		ASSERT(s->sets);
	}
	memmove(&s->sets[at + 1], &s->sets[at], (size_t)(s->n_sets - at) * sizeof(*s->sets));
	s->sets[at] = *set;
	s->n_sets++;
}

static int load_readers(struct db *db, struct acl_set *s, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_READERS);
	int rc;

	stmt_int(q, 1, s->n);
	while ((rc = stmt_step(q, e)) == 1) {
		s->readers = realloc(s->readers, (size_t)(s->n_readers + 1) * sizeof(char *));
		ASSERT(s->readers);
		s->readers[s->n_readers] = strdup(col_text(q, 0));
		ASSERT(s->readers[s->n_readers]);
		s->n_readers++;
	}
	return rc;
}

/* The row of Q_SETS or Q_SET. */
static struct acl_set set_of_row(struct stmt *q)
{
	struct acl_set s = {.n = col_int(q, 1), .attached = col_int(q, 3) != 0};

	strncpy(s.collection, col_text(q, 2), ID_SIZE - 1);
	bitmap_init(&s.slots);
	return s;
}

/* ── opening ── */

static int load_sets(struct acl_index *x, struct db *db, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SETS);
	int rc;

	while ((rc = stmt_step(q, e)) == 1) {
		struct acl_set s = set_of_row(q);

		rc = load_readers(db, &s, e);
		insert_set(acl_space_of(x, col_int(q, 0)), &s);
		if (rc < 0) {
			stmt_reset(q);
			break;
		}
	}
	return rc;
}

struct loading {
	struct acl_index *index;
	int64_t workspace_n;
	struct acl_set *set; /* of the run before: many follow each other in one */
};

static void load_run(void *arg, const struct acl_run *run)
{
	struct loading *l = arg;

	if (!l->set || l->workspace_n != run->workspace_n || l->set->n != run->set_n) {
		l->workspace_n = run->workspace_n;
		l->set = acl_set_lookup(acl_space_of(l->index, run->workspace_n), run->set_n);
	}
	for (int64_t slot = run->from; l->set && slot < run->to; slot++) {
		set_add(l->set, slot);
	}
}

int acl_index_load(struct db *db, bool derive, struct acl_index **out, struct err *e)
{
	struct acl_index *x = calloc(1, sizeof(*x));
	struct loading loading = {.index = x};
	int rc;

	ASSERT(x);
	*out = NULL;
	pthread_mutex_init(&x->lock, NULL);
	rc = load_sets(x, db, e);
	if (rc == 0) {
		rc = acl_runs_each(db, derive, load_run, &loading, e);
	}
	if (rc != 0) {
		acl_index_close(x);
		return rc;
	}
	*out = x;
	return 0;
}

int acl_index_snapshot(struct store *s, bool derive, struct acl_index **out, struct err *e)
{
	struct db *db = store_reader(s, e);
	int rc;

	*out = NULL;
	if (!db) {
		return e ? e->code : ERR_UNAVAILABLE;
	}
	rc = acl_index_load(db, derive, out, e);
	store_reader_drop(db);
	return rc;
}

int acl_index_open(struct store *s, struct acl_index **out, struct err *e)
{
	int rc = acl_index_snapshot(s, false, out, e);

	if (rc == 0) {
		store_attach(s, PART_ACL_INDEX, *out);
	}
	return rc;
}

static void clear_spaces(struct acl_index *x)
{
	for (int i = 0; i < x->n_spaces; i++) {
		for (int k = 0; k < x->spaces[i].n_sets; k++) {
			set_finish(&x->spaces[i].sets[k]);
		}
		free(x->spaces[i].sets);
	}
	free(x->spaces);
	x->spaces = NULL;
	x->n_spaces = 0;
}

void acl_index_take_over(struct acl_index *x, struct acl_index *fresh)
{
	for (int i = 0; i < fresh->n_spaces; i++) {
		fresh->spaces[i].epoch = acl_space_of(x, fresh->spaces[i].workspace_n)->epoch + 1;
	}
	clear_spaces(x);
	x->spaces = fresh->spaces;
	x->n_spaces = fresh->n_spaces;
	fresh->spaces = NULL;
	fresh->n_spaces = 0;
}

void acl_index_close(struct acl_index *x)
{
	if (!x) {
		return;
	}
	for (int i = 0; i < N_CACHED; i++) {
		acl_allowed_drop(x->cache[i].allowed);
	}
	clear_spaces(x);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

/* ── changes ── */

struct change {
	struct acl_index *index;
	int64_t workspace_n;
	int64_t from, to;   /* sets; 0: none */
	struct acl_set set; /* `to`, if it was not known; n 0: it was */
	int n;
	int64_t slots[];
};

static void change_free(void *arg)
{
	struct change *c = arg;

	if (c->set.n) {
		set_finish(&c->set);
	}
	free(c);
}

static void change_apply(void *arg)
{
	struct change *c = arg;
	struct acl_space *s;
	struct acl_set *from, *to;

	pthread_mutex_lock(&c->index->lock);
	s = acl_space_of(c->index, c->workspace_n);
	if (c->set.n) {
		insert_set(s, &c->set);
		c->set.n = 0;
	}
	from = acl_set_lookup(s, c->from);
	to = acl_set_lookup(s, c->to);
	for (int i = 0; i < c->n; i++) {
		if (from) {
			set_remove(from, c->slots[i]);
		}
		if (to) {
			set_add(to, c->slots[i]);
		}
	}
	s->epoch++;
	pthread_mutex_unlock(&c->index->lock);
}

/* A set made by this very transaction is not in memory yet: the change brings it along. */
static void bring_set(struct db *db, struct change *c)
{
	struct stmt *q;
	bool known;

	pthread_mutex_lock(&c->index->lock);
	known = acl_set_lookup(acl_space_of(c->index, c->workspace_n), c->to) != NULL;
	pthread_mutex_unlock(&c->index->lock);
	if (known || c->to == 0) {
		return;
	}
	q = db_stmt(db, &table, Q_SET);
	stmt_int(q, 1, c->to);
	if (stmt_step(q, NULL) == 1) {
		c->set = set_of_row(q);
		stmt_reset(q);
		if (load_readers(db, &c->set, NULL) != 0) {
			set_finish(&c->set);
			c->set = (struct acl_set){.n = 0};
		}
	}
}

int acl_index_move(
	struct db *db, const struct acl_move *m, const int64_t *slots, int n, struct err *e)
{
	struct acl_index *x = db_part(db, PART_ACL_INDEX);
	struct change *c;
	int rc = acl_runs_move(db, m->workspace_n, m->to_set_n, slots, n, e);

	if (rc != 0 || !x || n == 0) {
		return rc;
	}
	c = calloc(1, sizeof(*c) + (size_t)n * sizeof(*slots));
	ASSERT(c);
	c->index = x;
	c->workspace_n = m->workspace_n;
	c->from = m->from_set_n;
	c->to = m->to_set_n;
	c->n = n;
	memcpy(c->slots, slots, (size_t)n * sizeof(*slots));
	bring_set(db, c);
	db_after_commit(db, change_apply, c, change_free);
	return 0;
}

/* ── what an asker may read ── */

static bool reads(const struct asker *who, const struct acl_set *s)
{
	if (who->reads_all) {
		return !s->attached;
	}
	for (int i = 0, k = 0; i < who->n_principals && k < s->n_readers;) { /* both sorted */
		int order = strcmp(who->principals[i], s->readers[k]);

		if (order == 0) {
			return true;
		}
		i += order < 0;
		k += order > 0;
	}
	return false;
}

/* Where to search: one order of a search. */
struct scope {
	const struct id *collections; /* NULL: all that hold no attachments */
	int n;
	const struct id *attached; /* NULL: none */
};

static bool listed(const struct acl_set *s, const struct scope *in)
{
	if (s->attached) {
		return in->attached && strcmp(s->collection, in->attached->s) == 0;
	}
	for (int i = 0; in->collections && i < in->n; i++) {
		if (strcmp(s->collection, in->collections[i].s) == 0) {
			return true;
		}
	}
	return !in->collections;
}

static struct allowed *make_allowed(
	const struct acl_space *s, const struct asker *who, const struct scope *in)
{
	struct allowed *a = calloc(1, sizeof(*a));

	ASSERT(a);
	bitmap_init(&a->slots);
	a->refs = 1;
	a->epoch = s->epoch;
	for (int i = 0; i < s->n_sets; i++) {
		a->n_live += s->sets[i].n_slots;
		if (reads(who, &s->sets[i]) && listed(&s->sets[i], in)) {
			bitmap_or(&a->slots, &s->sets[i].slots);
		}
	}
	a->n_allowed = bitmap_count(&a->slots);
	return a;
}

int64_t acl_index_live(struct db *db, int64_t workspace_n)
{
	struct acl_index *x = db_part(db, PART_ACL_INDEX);
	uint64_t n = 0;

	if (!x) {
		return -1;
	}
	pthread_mutex_lock(&x->lock);
	for (int i = 0; i < x->n_spaces; i++) {
		const struct acl_space *s = &x->spaces[i];

		for (int k = 0; s->workspace_n == workspace_n && k < s->n_sets; k++) {
			n += s->sets[k].n_slots;
		}
	}
	pthread_mutex_unlock(&x->lock);
	return (int64_t)n;
}

static void cache_key(const struct asker *who, const struct scope *in, char out[HASH_HEX_SIZE])
{
	struct buf b = BUF_INIT;

	buf_str(&b, who->key);
	buf_printf(
		&b, " %s %s", in->attached ? in->attached->s : "-", in->collections ? "of" : "all");
	for (int i = 0; in->collections && i < in->n; i++) {
		buf_printf(&b, " %s", in->collections[i].s);
	}
	hash_blake2b_hex(b.data, b.len, out);
	buf_finish(&b);
}

/* The entry of that key, or the one to give up for it. */
static struct cached *cache_slot(struct acl_index *x, const char *key)
{
	struct cached *oldest = &x->cache[0];

	for (int i = 0; i < N_CACHED; i++) {
		if (strcmp(x->cache[i].key, key) == 0) {
			return &x->cache[i];
		}
		if (x->cache[i].used < oldest->used) {
			oldest = &x->cache[i];
		}
	}
	return oldest;
}

struct allowed *acl_allowed(struct acl_index *x, const struct asker *who,
	const struct id *collections, int n_collections, const struct id *attached)
{
	const struct scope in = {collections, n_collections, attached};
	char key[HASH_HEX_SIZE];
	struct allowed *out;
	struct cached *c;
	struct acl_space *s;

	cache_key(who, &in, key);
	pthread_mutex_lock(&x->lock);
	s = acl_space_of(x, who->workspace_n);
	c = cache_slot(x, key);
	if (strcmp(c->key, key) != 0 || c->allowed->epoch != s->epoch) {
		acl_allowed_drop(c->allowed);
		memcpy(c->key, key, sizeof(key));
		c->workspace_n = who->workspace_n;
		c->allowed = make_allowed(s, who, &in);
	}
	c->used = ++x->clock;
	out = c->allowed;
	__atomic_add_fetch(&out->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&x->lock);
	return out;
}

void acl_allowed_drop(struct allowed *a)
{
	if (a && __atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		bitmap_finish(&a->slots);
		free(a);
	}
}

struct allowed *acl_narrow(const struct allowed *a, const struct bitmap *only, bool excluded)
{
	struct allowed *out = calloc(1, sizeof(*out));

	ASSERT(out);
	bitmap_init(&out->slots);
	bitmap_copy(&out->slots, &a->slots);
	if (excluded) {
		bitmap_and_not(&out->slots, only);
	} else {
		bitmap_and(&out->slots, only);
	}
	out->n_allowed = bitmap_count(&out->slots);
	out->n_live = a->n_live;
	out->epoch = a->epoch;
	out->refs = 1;
	return out;
}
