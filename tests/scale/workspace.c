#include "tests/scale/workspace.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chat/accounts.h"
#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/base/hash.h"
#include "index/base/log.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/embed.h"

#define MADE_VERSION 1	     /* +1 when the same parameters make another corpus or workspace */
#define BATCH_CHUNKS 512     /* published in one transaction */
#define TRAINED_CHUNKS 16000 /* the first, whose table the rest is embedded with */
#define DICTIONARY_CHUNKS 4000

void scale_check(int rc, const struct err *e, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "scale: %s: %s: %s\n", what, e->reason, e->message);
		exit(1);
	}
}

static double since_s(int64_t start_us)
{
	return (double)(clock_mono_us() - start_us) / 1e6;
}

/* ── people and collections ── */

struct people {
	struct scale *s;
	struct id *groups;	/* [N_READERS] */
	struct id *collections; /* [n_topics] */
};

static int find_workspace(struct db *db, struct scale *s, struct err *e)
{
	struct workspace w;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = workspace_by_name(db, &a, "default", &w, e);
	s->workspace = w.id;
	s->workspace_n = w.n;
	arena_finish(&a);
	return rc;
}

static int make_people(struct db *db, struct people *p, struct err *e)
{
	struct scale *s = p->s;
	int rc = 0;

	for (int i = 0; rc == 0 && i < N_READERS; i++) {
		struct user_new u = {.workspace = s->workspace, .name = made_shares[i].name};

		rc = group_create(db, &s->workspace, made_shares[i].name, &p->groups[i], e);
		if (rc == 0) {
			rc = user_create(db, &u, &s->users[i], e);
		}
		if (rc == 0) {
			rc = group_join(db, &s->workspace, &p->groups[i], &s->users[i], e);
		}
	}
	return rc;
}

/* The groups that read document d, of the collection if d is any of a whole topic. */
static int readers_of(const struct people *p, int64_t d, struct acl_entry out[N_READERS])
{
	int n = 0;

	for (int i = 0; i < N_READERS; i++) {
		if (made_may_read(p->s->corpus, (enum made_readers)i, d)) {
			out[n].right = RIGHT_READ;
			snprintf(out[n++].principal, ID_SIZE, "%s", p->groups[i].s);
		}
	}
	return n;
}

static int tx_people(struct db *db, void *arg, struct err *e)
{
	struct people *p = arg;
	const struct made_corpus *c = p->s->corpus;
	int n = made_spec(c)->n_topics, rc = make_people(db, p, e);
	bool *done = calloc((size_t)n, sizeof(*done));

	ASSERT(done != NULL);
	for (int64_t d = 0; rc == 0 && d < made_documents(c); d++) {
		struct acl_entry entries[N_READERS];
		int t = made_topic(c, d);
		char name[24];

		if (done[t]) {
			continue;
		}
		done[t] = true;
		snprintf(name, sizeof(name), "topic %d", t);
		rc = collection_create(
			db, &p->s->workspace, name, "operator", &p->collections[t], e);
		if (rc == 0) {
			rc = acl_replace(db, &p->s->workspace, &p->collections[t], entries,
				readers_of(p, d, entries), e);
		}
	}
	free(done);
	return rc;
}

/* ── publishing ── */

/* A batch of documents: made and embedded here while the writer publishes the one before. */
struct batch {
	struct tx tx;
	struct people *people;
	const struct space *space; /* NULL: no vectors yet */
	struct made_text texts[BATCH_CHUNKS];
	float *vectors; /* [n_chunks × dimension] */
	int n, n_chunks;
	double cpu_us; /* of the writer when its function began */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool busy;
};

static double thread_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int publish_one(struct db *db, struct batch *b, const struct made_text *t,
	const float *vectors, struct err *e)
{
	struct people *p = b->people;
	struct chunk chunks[MADE_CHUNKS_MAX];
	struct publication what = {.chunks = chunks, .n_chunks = t->n_chunks, .vectors = vectors};
	struct blob_info blob = {.n_bytes = 1000 * t->n_chunks};
	enum arrival arrival;
	int rc;

	hash_blake2b_hex(t->name, strlen(t->name), blob.hash);
	hash_sha256_hex(t->name, strlen(t->name), blob.sha256);
	rc = document_arrive(db, NULL, &p->s->workspace, &p->collections[t->topic], t->name, &blob,
		"operator", &arrival, &what.document, &what.version, e);
	if (rc == 0 && !made_topic_is_whole(p->s->corpus, t->topic)) {
		struct acl_entry entries[N_READERS];

		rc = acl_replace(db, &p->s->workspace, &what.document, entries,
			readers_of(p, t->document, entries), e);
	}
	for (int i = 0; i < t->n_chunks; i++) {
		chunks[i] = (struct chunk){.language = "en",
			.title = t->title,
			.heading = t->heading[i],
			.text = t->body[i],
			.page_first = 1 + i / 2,
			.page_last = 1 + i / 2,
			.byte_start = i * 1000,
			.byte_end = i * 1000 + 999,
			.n_tokens = made_spec(p->s->corpus)->chunk_words * 3 / 2};
	}
	what.space_n = b->space ? b->space->n : 0;
	return rc == 0 ? chunks_publish(db, &what, e) : rc;
}

static int tx_publish(struct db *db, void *arg, struct err *e)
{
	struct batch *b = arg;
	int rc = 0, at = 0;

	b->cpu_us = thread_cpu_us();
	for (int i = 0; rc == 0 && i < b->n; i++) {
		rc = publish_one(db, b, &b->texts[i],
			b->space ? b->vectors + (size_t)at * (size_t)b->space->dimension : NULL, e);
		at += b->texts[i].n_chunks;
	}
	return rc;
}

static void on_published(struct tx *tx)
{
	struct batch *b = tx->arg;

	pthread_mutex_lock(&b->lock);
	b->busy = false;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
}

static void batch_wait(struct batch *b)
{
	pthread_mutex_lock(&b->lock);
	while (b->busy) {
		pthread_cond_wait(&b->wake, &b->lock);
	}
	pthread_mutex_unlock(&b->lock);
	scale_check(b->tx.rc, &b->tx.err, "publish");
}

static void embed_batch(struct batch *b)
{
	struct embed_text texts[BATCH_CHUNKS];
	struct err e = ERR_INIT;
	int n = 0;

	for (int i = 0; i < b->n; i++) {
		for (int k = 0; k < b->texts[i].n_chunks; k++) {
			texts[n++] = (struct embed_text){.title = b->texts[i].title,
				.heading = b->texts[i].heading[k],
				.body = b->texts[i].body[k],
				.language = "en"};
		}
	}
	scale_check(embed(b->space->embedder, EMBED_DOCUMENT, texts, n, b->vectors, NULL, NULL,
			    NULL, &e),
		&e, "embed");
}

/* Documents from d on, as many as go into a batch; to: at most up to that one. */
static int64_t make_batch(struct batch *b, int64_t d, int64_t to)
{
	const struct made_corpus *c = b->people->s->corpus;

	for (b->n = b->n_chunks = 0; d < to; d++, b->n++) {
		if (b->n_chunks + made_chunks(c, d) > BATCH_CHUNKS) {
			break;
		}
		made_document(c, d, &b->texts[b->n]);
		b->n_chunks += b->texts[b->n].n_chunks;
	}
	if (b->space) {
		embed_batch(b);
	}
	return d;
}

static void batch_init(struct batch *b, struct people *p, const struct space *space)
{
	memset(b, 0, sizeof(*b));
	b->people = p;
	b->space = space;
	b->tx.fn = tx_publish;
	b->tx.arg = b;
	b->tx.on_done = on_published;
	b->vectors = malloc(BATCH_CHUNKS * (size_t)EMBED_DIMENSION_MAX * sizeof(float) / 8);
	ASSERT(b->vectors != NULL);
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->wake, NULL);
}

static void batch_finish(struct batch *b)
{
	for (int i = 0; i < BATCH_CHUNKS; i++) {
		made_finish(&b->texts[i]);
	}
	free(b->vectors);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->wake);
}

/* Publishes documents [d, to): two batches in turn. Returns the writer's CPU time a chunk, from the
 * second batch on. */
static double publish(struct people *p, const struct space *space, int64_t d, int64_t to)
{
	struct batch *b = malloc(2 * sizeof(*b));
	double first_us = -1, last_us = 0;
	int64_t n_chunks = 0;
	int at = 0, pending;

	ASSERT(b != NULL);
	batch_init(&b[0], p, space);
	batch_init(&b[1], p, space);
	for (; d < to; at = !at) {
		batch_wait(&b[at]);
		if (b[at].n) {
			first_us = first_us < 0 ? b[at].cpu_us : first_us;
			last_us = b[at].cpu_us;
		}
		pending = b[at].n_chunks;
		n_chunks += pending;
		d = make_batch(&b[at], d, to);
		b[at].busy = true;
		store_submit(p->s->index->store, &b[at].tx);
	}
	batch_wait(&b[0]);
	batch_wait(&b[1]);
	batch_finish(&b[0]);
	batch_finish(&b[1]);
	free(b);
	return n_chunks > 0 ? (last_us - first_us) / (double)n_chunks : 0;
}

/* ── vectors ── */

struct filling {
	const struct space *space;
	struct chunk rows[BATCH_CHUNKS];
	float *vectors;
	int n;
};

static int tx_put(struct db *db, void *arg, struct err *e)
{
	struct filling *f = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < f->n; i++) {
		rc = vectors_put_late(db, f->space->n, f->rows[i].slot,
			f->vectors + (size_t)i * (size_t)f->space->dimension, f->space->dimension,
			e);
	}
	return rc;
}

/* Embeds the chunks from a slot on; the slot after them, or -1 after the last. */
static int64_t fill_some(struct scale *s, struct filling *f, int64_t slot)
{
	struct embed_text texts[BATCH_CHUNKS];
	struct err e = ERR_INIT;
	struct db *db = store_reader(s->index->store, &e);
	struct arena a;

	ASSERT(db != NULL);
	arena_init(&a);
	scale_check(chunks_scan(db, &a, s->workspace_n, slot, BATCH_CHUNKS, f->rows, &f->n, &e), &e,
		"scan");
	store_reader_drop(db);
	for (int i = 0; i < f->n; i++) {
		texts[i] = (struct embed_text){.title = f->rows[i].title,
			.heading = f->rows[i].heading,
			.body = f->rows[i].text,
			.language = f->rows[i].language};
	}
	scale_check(embed(f->space->embedder, EMBED_DOCUMENT, texts, f->n, f->vectors, NULL, NULL,
			    NULL, &e),
		&e, "embed");
	scale_check(store_write(s->index->store, tx_put, f, &e), &e, "put");
	slot = f->n ? f->rows[f->n - 1].slot + 1 : -1;
	arena_finish(&a);
	return slot;
}

/* Trains on what is published so far and gives it vectors of the new table. */
static void train(struct scale *s)
{
	struct embed_identity identity;
	struct filling *f = calloc(1, sizeof(*f));
	struct space space;
	struct err e = ERR_INIT;
	int64_t n_trained, space_n, slot = 0;
	void *table;
	size_t n_bytes;

	ASSERT(f != NULL);
	scale_check(embed_train(s->index->store, s->workspace_n, NULL, &table, &n_bytes, &n_trained,
			    &e),
		&e, "train");
	scale_check(embed_identify(&s->settings, "builtin", &identity, &e), &e, "identify");
	/* As if of the whole, so that no server begins a training while it is measured. */
	n_trained = made_spec(s->corpus)->n_chunks;
	scale_check(vectors_space_fill(s->index->vectors, s->workspace_n, &identity, table, n_bytes,
			    n_trained, &space_n, &e),
		&e, "space");
	free(table);
	scale_check(vectors_space_open(s->index->vectors, space_n, &space, &e), &e, "space");
	f->space = &space;
	f->vectors = malloc(BATCH_CHUNKS * (size_t)space.dimension * sizeof(float));
	ASSERT(f->vectors != NULL);
	while (slot >= 0) {
		slot = fill_some(s, f, slot);
	}
	scale_check(vectors_space_swap(s->index->vectors, space_n, &e), &e, "swap");
	embedder_drop(space.embedder);
	free(f->vectors);
	free(f);
}

/* ── the whole ── */

static int64_t document_at(const struct made_corpus *c, int64_t n_chunks)
{
	int64_t d = 0;

	for (int64_t n = 0; d < made_documents(c) && n < n_chunks; d++) {
		n += made_chunks(c, d);
	}
	return d;
}

static void publish_all(struct scale *s, struct people *p)
{
	const struct made_corpus *c = s->corpus;
	int64_t n = made_documents(c), trained = document_at(c, TRAINED_CHUNKS);
	int64_t dictionary = document_at(c, DICTIONARY_CHUNKS);
	int64_t tenth = trained + (n - trained) / 10, last = n - (n - trained) / 10;
	struct err e = ERR_INIT;
	struct space space;
	int64_t start = clock_mono_us();

	scale_check(vectors_serving(s->index->vectors, s->workspace_n, &space, &e), &e, "space");
	publish(p, NULL, 0, dictionary);
	scale_check(chunks_train_dictionary(s->index->store, s->workspace_n, &e), &e, "dictionary");
	publish(p, NULL, dictionary, trained);
	embedder_drop(space.embedder);
	s->times.publish_s = since_s(start);
	start = clock_mono_us();
	train(s);
	s->times.train_s = since_s(start);
	start = clock_mono_us();
	scale_check(vectors_serving(s->index->vectors, s->workspace_n, &space, &e), &e, "space");
	s->times.first_us = publish(p, &space, trained, tenth);
	publish(p, &space, tenth, last);
	s->times.last_us = publish(p, &space, last, n);
	embedder_drop(space.embedder);
	s->times.publish_s += since_s(start);
}

static void build(struct scale *s)
{
	struct people p = {.s = s};
	struct err e = ERR_INIT;
	int64_t start = clock_mono_us(), before;

	p.groups = calloc(N_READERS, sizeof(*p.groups));
	p.collections = calloc((size_t)made_spec(s->corpus)->n_topics, sizeof(*p.collections));
	ASSERT(p.groups != NULL && p.collections != NULL);
	scale_check(store_write(s->index->store, tx_people, &p, &e), &e, "people");
	publish_all(s, &p);
	before = clock_mono_us();
	scale_check(vectors_maintain(s->index->vectors, &e), &e, "seal");
	s->times.seal_s = since_s(before);
	scale_check(store_checkpoint(s->index->store, &e), &e, "checkpoint");
	s->times.total_s = since_s(start);
	s->times.built = true;
	free(p.groups);
	free(p.collections);
}

static void describe(const struct scale *s, struct buf *out)
{
	const struct corpus_spec *k = made_spec(s->corpus);

	/* Not the schema's version: an old workspace is brought up to date as any is. */
	buf_printf(out, "made %d seed %llu chunks %lld words %d topics %d of %d%s\n", MADE_VERSION,
		(unsigned long long)k->seed, (long long)k->n_chunks, k->n_words, k->n_topics,
		k->chunk_words, k->uneven ? " uneven" : "");
	buf_char(out, '\0');
}

static bool is_built(const struct scale *s)
{
	struct buf want = BUF_INIT, have = BUF_INIT;
	struct err e = ERR_INIT;
	char path[600];
	bool same;

	snprintf(path, sizeof(path), "%s/made", s->folder);
	describe(s, &want);
	same = fs_read(path, 1000, &have, &e) == 0 && have.len + 1 == want.len &&
	       memcmp(have.data, want.data, have.len) == 0;
	buf_finish(&want);
	buf_finish(&have);
	return same;
}

static void mark_built(const struct scale *s)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	char path[600];

	snprintf(path, sizeof(path), "%s/made", s->folder);
	describe(s, &text);
	scale_check(fs_replace(path, text.data, text.len - 1, &e), &e, "mark");
	buf_finish(&text);
}

static int find_users(struct db *db, struct scale *s, struct err *e)
{
	struct user user;
	struct arena a;
	int rc = 0;

	arena_init(&a);
	for (int i = 0; rc == 0 && i < N_READERS; i++) {
		rc = user_by_name(db, &a, &s->workspace, made_shares[i].name, &user, e);
		s->users[i] = user.id;
	}
	arena_finish(&a);
	return rc;
}

static void reading(struct scale *s, int (*fn)(struct db *, struct scale *, struct err *))
{
	struct err e = ERR_INIT;
	struct db *db = store_reader(s->index->store, &e);

	ASSERT(db != NULL);
	scale_check(fn(db, s, &e), &e, "lookup");
	store_reader_drop(db);
}

void scale_open(struct scale *s, const struct corpus_spec *spec, const char *under)
{
	struct err e = ERR_INIT;
	bool built;

	memset(s, 0, sizeof(*s));
	log_level_set(LOG_WARN);
	s->corpus = made_create(spec);
	spec = made_spec(s->corpus);
	snprintf(s->folder, sizeof(s->folder), "%s/%lld-%llu%s", under, (long long)spec->n_chunks,
		(unsigned long long)spec->seed, spec->uneven ? "-uneven" : "");
	built = is_built(s);
	if (!built) {
		fs_remove_tree(s->folder);
	}
	scale_check(fs_mkdirs(s->folder, &e), &e, "folder");
	settings_init(&s->settings);
	scale_check(settings_set(&s->settings, "data", s->folder, "scale", &e), &e, "setting");
	scale_check(index_open(&s->settings, &s->index, &e), &e, "open");
	reading(s, find_workspace);
	if (!built) {
		build(s);
		mark_built(s);
	}
	reading(s, find_users);
}

void scale_close(struct scale *s)
{
	index_close(s->index);
	settings_finish(&s->settings);
	made_destroy(s->corpus);
}

void scale_asker(
	struct scale *s, struct db *db, struct arena *a, enum made_readers who, struct asker *out)
{
	struct err e = ERR_INIT;

	scale_check(acl_asker(db, a, &s->users[who], out, &e), &e, "asker");
}
