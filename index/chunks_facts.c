#include "index/chunks_facts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "index/base/hash.h"
#include "index/base/log.h"
#include "index/base/thread.h"

#define WORKSPACES 64 /* whose facts are kept */
#define NICE 10	      /* as ingestion's threads */
/* More runs than twice those read at first, and these: many are of what is gone. */
#define SPARE_RUNS 10000

enum { Q_OF_VERSION, Q_ALL };

#define FACTS "d.collection_id, d.created_by, v.media_type, v.created_ms"
static const char *const sql[] = {
	[Q_OF_VERSION] = "SELECT " FACTS " FROM document_version v JOIN document d"
			 " ON d.id = v.document_id WHERE v.id = ?1",
	/* The chunks come from chunk_document alone. */
	[Q_ALL] = "SELECT " FACTS ", min(c.slot), count(*), max(c.slot) FROM document d"
		  " JOIN document_version v ON v.id = d.current_version_id"
		  " CROSS JOIN chunk c ON c.document_id = d.id AND c.live = 1"
		  " WHERE d.workspace_id = (SELECT id FROM workspace WHERE n = ?1)"
		  " AND d.deleted_ms IS NULL GROUP BY d.id",
};
SQL_TABLE(table, "index/chunks_facts", sql);

struct facts {
	uint64_t collection, owner, type; /* hashes */
	int64_t created_ms;
};

struct run {
	int64_t first;
	int32_t n;
	struct facts facts;
};

struct runs {
	struct run *items;
	size_t n, capacity;
};

enum state { UNKNOWN, READING, KNOWN };

struct entry {
	int64_t workspace_n;
	enum state state;
	struct runs runs; /* READING: of commits since it began */
	size_t n_at_first;
};

struct chunks_facts {
	struct store *store;
	pthread_mutex_t lock;
	pthread_cond_t read;
	struct entry entries[WORKSPACES];
	int n_entries;
	pthread_t thread;
	bool running, joinable, stopping;
	int64_t reading; /* the workspace that the thread reads */
};

static uint64_t hash_of(const char *text)
{
	return text ? hash64(text, strlen(text)) : 0;
}

static void add_run(struct runs *r, const struct run *x)
{
	if (r->n == r->capacity) {
		r->capacity = r->capacity ? r->capacity * 2 : 256;
		r->items = realloc(r->items, r->capacity * sizeof(*r->items));
		ASSERT(r->items);
	}
	r->items[r->n++] = *x;
}

static struct facts facts_of_row(struct stmt *q)
{
	return (struct facts){.collection = hash_of(col_text(q, 0)),
		.owner = hash_of(col_text(q, 1)),
		.type = hash_of(col_text(q, 2)),
		.created_ms = col_int(q, 3)};
}

/* ── life ── */

struct chunks_facts *chunks_facts_open(struct store *s)
{
	struct chunks_facts *f = calloc(1, sizeof(*f));

	ASSERT(f);
	f->store = s;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->read, NULL);
	store_attach(s, PART_CHUNKS_FACTS, f);
	return f;
}

void chunks_facts_stop(struct chunks_facts *f)
{
	if (!f) {
		return;
	}
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_mutex_unlock(&f->lock);
	if (f->joinable) {
		pthread_join(f->thread, NULL);
		f->joinable = false;
	}
}

void chunks_facts_close(struct chunks_facts *f)
{
	if (!f) {
		return;
	}
	chunks_facts_stop(f);
	for (int i = 0; i < f->n_entries; i++) {
		free(f->entries[i].runs.items);
	}
	pthread_cond_destroy(&f->read);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void chunks_facts_wait(struct chunks_facts *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->running) {
		pthread_cond_wait(&f->read, &f->lock);
	}
	pthread_mutex_unlock(&f->lock);
}

/* The lock is held. NULL: there is none. */
static struct entry *lookup_entry(struct chunks_facts *f, int64_t workspace_n)
{
	for (int i = 0; i < f->n_entries; i++) {
		if (f->entries[i].workspace_n == workspace_n) {
			return &f->entries[i];
		}
	}
	return NULL;
}

/* The lock is held. NULL: there are too many. */
static struct entry *entry_of(struct chunks_facts *f, int64_t workspace_n)
{
	struct entry *entry = lookup_entry(f, workspace_n);

	if (entry || f->n_entries == WORKSPACES) {
		return entry;
	}
	f->entries[f->n_entries] = (struct entry){.workspace_n = workspace_n};
	return &f->entries[f->n_entries++];
}

/* ── reading them ── */

static int read_all(
	struct db *db, int64_t workspace_n, const bool *stopping, struct runs *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ALL);
	int rc;

	stmt_int(q, 1, workspace_n);
	while ((rc = stmt_step(q, e)) == 1 && !__atomic_load_n(stopping, __ATOMIC_RELAXED)) {
		struct run run = {.first = col_int(q, 4),
			.n = (int32_t)col_int(q, 5),
			.facts = facts_of_row(q)};

		if (col_int(q, 6) != run.first + run.n - 1) {
			rc = err_set(e, ERR_CORRUPT, "scattered_slots",
				"the slots of a document's chunks do not follow each other");
			break;
		}
		add_run(out, &run);
	}
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

/* Takes what was read over, with what was committed meanwhile after it. */
static void put(struct chunks_facts *f, struct runs *runs)
{
	struct entry *entry;

	pthread_mutex_lock(&f->lock);
	entry = lookup_entry(f, f->reading);
	entry->n_at_first = runs->n;
	for (size_t i = 0; i < entry->runs.n; i++) {
		add_run(runs, &entry->runs.items[i]);
	}
	free(entry->runs.items);
	entry->runs = *runs;
	entry->state = KNOWN;
	pthread_mutex_unlock(&f->lock);
}

static void give_up(struct chunks_facts *f)
{
	struct entry *entry;

	pthread_mutex_lock(&f->lock);
	entry = lookup_entry(f, f->reading);
	free(entry->runs.items);
	entry->runs = (struct runs){.n = 0};
	entry->state = UNKNOWN;
	pthread_mutex_unlock(&f->lock);
}

/* The snapshot begins after the state is READING: what is committed later is in the runs. */
static void *read_aside(void *arg)
{
	struct chunks_facts *f = arg;
	struct runs runs = {.n = 0};
	struct err e = ERR_INIT;
	struct db *db;
	int rc;

	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	db = store_reader(f->store, &e);
	rc = db ? read_all(db, f->reading, &f->stopping, &runs, &e) : ERR_UNAVAILABLE;
	store_reader_drop(db);
	if (rc == 0 && !__atomic_load_n(&f->stopping, __ATOMIC_RELAXED)) {
		log_debug("chunks.facts", LN("runs", runs.n));
		put(f, &runs);
	} else {
		log_debug("chunks.facts", LT("message", e.message));
		free(runs.items);
		give_up(f);
	}
	pthread_mutex_lock(&f->lock);
	f->running = false;
	pthread_cond_broadcast(&f->read);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* The lock is held. */
static void start_aside(struct chunks_facts *f, struct entry *entry)
{
	if (f->running || f->stopping) {
		return;
	}
	if (f->joinable) {
		pthread_join(f->thread, NULL);
	}
	free(entry->runs.items);
	entry->runs = (struct runs){.n = 0};
	entry->state = READING;
	f->reading = entry->workspace_n;
	f->running = true;
	f->joinable = thread_start(&f->thread, read_aside, f) == 0;
	if (!f->joinable) {
		f->running = false;
		entry->state = UNKNOWN;
	}
}

/* ── following the database ── */

struct addition {
	struct chunks_facts *of;
	int64_t workspace_n;
	struct run run;
};

static void apply(void *arg)
{
	struct addition *x = arg;
	struct entry *entry;

	pthread_mutex_lock(&x->of->lock);
	entry = lookup_entry(x->of, x->workspace_n);
	if (entry && entry->state != UNKNOWN) {
		add_run(&entry->runs, &x->run);
	}
	pthread_mutex_unlock(&x->of->lock);
}

int chunks_facts_add(struct db *db, int64_t workspace_n, const struct id *version, int64_t first,
	int n, struct err *e)
{
	struct chunks_facts *f = db_part(db, PART_CHUNKS_FACTS);
	struct addition *x;
	struct stmt *q;
	int rc;

	if (!f) {
		return 0;
	}
	q = db_stmt(db, &table, Q_OF_VERSION);
	stmt_id(q, 1, version);
	rc = stmt_step(q, e);
	if (rc == 1) {
		x = malloc(sizeof(*x));
		ASSERT(x);
		*x = (struct addition){f, workspace_n,
			{.first = first, .n = (int32_t)n, .facts = facts_of_row(q)}};
		stmt_reset(q);
		db_after_commit(db, apply, x, free);
	}
	return rc < 0 ? rc : 0;
}

/* ── asking ── */

static bool is_one_of(uint64_t hash, const uint64_t *hashes, int n)
{
	for (int i = 0; i < n; i++) {
		if (hashes[i] == hash) {
			return true;
		}
	}
	return false;
}

static bool meets(const struct facts *f, const struct facts_wanted *w, const uint64_t *hashes)
{
	switch (w->kind) {
	case FILTER_COLLECTION:
		return is_one_of(f->collection, hashes, w->n_ids);
	case FILTER_OWNER:
		return is_one_of(f->owner, hashes, w->n_ids);
	case FILTER_TYPE:
		return f->type == hashes[0];
	case FILTER_DATE:
		break;
	}
	return f->created_ms >= w->from_ms && f->created_ms < w->to_ms;
}

static void set_bits(const struct runs *runs, const struct facts_wanted *w, const uint64_t *hashes,
	struct bitmap *out)
{
	for (size_t i = 0; i < runs->n; i++) {
		const struct run *r = &runs->items[i];

		if (meets(&r->facts, w, hashes)) {
			for (int32_t k = 0; k < r->n; k++) {
				bitmap_set(out, (uint64_t)(r->first + k));
			}
		}
	}
}

bool chunks_facts_match(
	struct db *db, int64_t workspace_n, const struct facts_wanted *w, struct bitmap *out)
{
	struct chunks_facts *f = db_part(db, PART_CHUNKS_FACTS);
	uint64_t *hashes = calloc((size_t)w->n_ids + 1, sizeof(*hashes));
	struct entry *entry;
	bool known = false;

	ASSERT(hashes);
	hashes[0] = hash_of(w->media_type);
	for (int i = 0; i < w->n_ids; i++) {
		hashes[i] = hash_of(w->ids[i].s);
	}
	if (f) {
		pthread_mutex_lock(&f->lock);
		entry = entry_of(f, workspace_n);
		if (entry && (entry->state == UNKNOWN ||
				     (entry->state == KNOWN &&
					     entry->runs.n > 2 * entry->n_at_first + SPARE_RUNS))) {
			start_aside(f, entry);
		}
		known = entry && entry->state == KNOWN;
		if (known) {
			set_bits(&entry->runs, w, hashes, out);
		}
		pthread_mutex_unlock(&f->lock);
	}
	free(hashes);
	return known;
}
