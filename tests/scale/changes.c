/* What changes a made workspace while it is measured: documents that come in, and go. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/hash.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/embed.h"
#include "index/fts.h"
#include "tests/scale/workspace.h"

struct added {
	struct scale *s;
	struct made_text text;
	struct space space;
	float *vectors;
	struct id document;
	double cpu_us; /* of the writer when this transaction began */
	const char *name;
};

static double thread_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int tx_add(struct db *db, void *arg, struct err *e)
{
	struct added *x = arg;
	struct scale *s = x->s;
	struct chunk chunks[MADE_CHUNKS_MAX];
	struct publication what = {.chunks = chunks,
		.n_chunks = x->text.n_chunks,
		.space_n = x->space.n,
		.vectors = x->vectors};
	struct blob_info blob = {.n_bytes = 1000};
	struct collection home;
	enum arrival arrival;
	struct asker who;
	struct arena a;
	char topic[24];
	int rc;

	x->cpu_us = thread_cpu_us();
	arena_init(&a);
	snprintf(topic, sizeof(topic), "topic %d", x->text.topic);
	hash_blake2b_hex(x->name, strlen(x->name), blob.hash);
	hash_sha256_hex(x->name, strlen(x->name), blob.sha256);
	rc = acl_operator(db, &a, &s->workspace, &who, e);
	if (rc == 0) {
		rc = collection_by_name(db, &a, &who, topic, &home, e);
	}
	if (rc == 0) {
		rc = document_arrive(db, NULL, &s->workspace, &home.id, x->name, &blob, "operator",
			&arrival, &what.document, &what.version, e);
	}
	for (int i = 0; i < x->text.n_chunks; i++) {
		chunks[i] = (struct chunk){.language = "en",
			.title = x->text.title,
			.heading = x->text.heading[i],
			.text = x->text.body[i],
			.page_first = 1 + i / 2,
			.page_last = 1 + i / 2,
			.byte_end = 1000,
			.n_tokens = 160};
	}
	if (rc == 0) {
		rc = chunks_publish(db, &what, e);
	}
	x->document = what.document;
	arena_finish(&a);
	return rc;
}

static void added_init(struct added *x, struct scale *s)
{
	struct err e = ERR_INIT;

	memset(x, 0, sizeof(*x));
	x->s = s;
	made_init(&x->text);
	scale_check(vectors_serving(s->index->vectors, s->workspace_n, &x->space, &e), &e, "space");
	x->vectors = malloc(MADE_CHUNKS_MAX * (size_t)x->space.dimension * sizeof(float));
	ASSERT(x->vectors != NULL);
}

static void added_finish(struct added *x)
{
	made_finish(&x->text);
	embedder_drop(x->space.embedder);
	free(x->vectors);
}

/* The text of document d once more, under another name. */
static void add_one(struct added *x, int64_t d)
{
	struct embed_text texts[MADE_CHUNKS_MAX];
	struct id unique = id_create("new");
	struct err e = ERR_INIT;

	made_document(x->s->corpus, d % made_documents(x->s->corpus), &x->text);
	for (int i = 0; i < x->text.n_chunks; i++) {
		texts[i] = (struct embed_text){.title = x->text.title,
			.heading = x->text.heading[i],
			.body = x->text.body[i],
			.language = "en"};
	}
	scale_check(embed(x->space.embedder, EMBED_DOCUMENT, texts, x->text.n_chunks, x->vectors,
			    NULL, NULL, NULL, &e),
		&e, "embed");
	x->name = unique.s;
	scale_check(store_write(x->s->index->store, tx_add, x, &e), &e, "add");
}

static int tx_delete(struct db *db, void *arg, struct err *e)
{
	return document_delete(db, arg, e);
}

static int tx_purge(struct db *db, void *arg, struct err *e)
{
	struct arena a;
	char **hashes;
	int n, rc = chunks_purge_document(db, arg, e);

	arena_init(&a);
	if (rc == 0) {
		rc = document_purge(db, &a, arg, &hashes, &n, e);
	}
	arena_finish(&a);
	return rc;
}

double scale_add(struct scale *s, const atomic_bool *stop, int64_t most, int64_t *n_chunks)
{
	struct added x;
	struct buf all = BUF_INIT;
	struct err e = ERR_INIT;
	double first_us = 0;
	int64_t n_between = 0; /* chunks of all transactions but the last */

	*n_chunks = 0;
	added_init(&x, s);
	for (int64_t d = 0; !atomic_load(stop) && d < most; d++) {
		n_between = *n_chunks;
		add_one(&x, d * 7919);
		buf_add(&all, &x.document, sizeof(x.document));
		*n_chunks += x.text.n_chunks;
		first_us = d == 0 ? x.cpu_us : first_us;
	}
	for (size_t at = 0; at < all.len; at += sizeof(struct id)) {
		struct id id;

		memcpy(&id, all.data + at, sizeof(id));
		scale_check(store_write(s->index->store, tx_delete, &id, &e), &e, "delete");
	}
	buf_finish(&all);
	added_finish(&x);
	return n_between ? (x.cpu_us - first_us) / (double)n_between : 0;
}

/* ── purges, and who waits for them ── */

struct waiting {
	struct scale *s;
	atomic_bool stop;
	double longest_ms;
};

static int tx_nothing(struct db *db, void *arg, struct err *e)
{
	(void)db, (void)arg, (void)e;
	return 0;
}

static void *write_now_and_then(void *arg)
{
	struct waiting *w = arg;
	struct timespec pause = {0, 2000000};
	struct err e = ERR_INIT;

	while (!atomic_load(&w->stop)) {
		int64_t start = clock_mono_us();
		double ms;

		scale_check(store_write(w->s->index->store, tx_nothing, NULL, &e), &e, "write");
		ms = (double)(clock_mono_us() - start) / 1e3;
		w->longest_ms = ms > w->longest_ms ? ms : w->longest_ms;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void purge(struct scale *s, const struct id *document)
{
	struct index *ix = s->index;
	struct id id = *document;
	struct err e = ERR_INIT;

	scale_check(store_write(ix->store, tx_purge, &id, &e), &e, "purge");
	scale_check(chunks_forget(ix->store, s->workspace_n, NULL, NULL, &e), &e, "dictionaries");
	scale_check(vectors_forget(ix->vectors, s->workspace_n, &e), &e, "vectors");
	scale_check(fts_forget(ix->store, s->workspace_n, NULL, NULL, &e), &e, "full text");
	scale_check(store_checkpoint(ix->store, &e), &e, "checkpoint");
}

/* Seconds that the purges took; *wait_ms: how long another writer waited at most. */
static double purge_all(struct scale *s, const struct id *documents, int n, double *wait_ms)
{
	struct waiting w = {.s = s};
	pthread_t thread;
	int64_t start = clock_mono_us();
	double seconds;

	ASSERT(pthread_create(&thread, NULL, write_now_and_then, &w) == 0);
	for (int i = 0; i < n; i++) {
		purge(s, &documents[i]);
	}
	seconds = (double)(clock_mono_us() - start) / 1e6;
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	*wait_ms = w.longest_ms > *wait_ms ? w.longest_ms : *wait_ms;
	return seconds;
}

static double delete_ms(struct scale *s, const struct id *document)
{
	struct id id = *document;
	struct err e = ERR_INIT;
	int64_t start = clock_mono_us();

	scale_check(store_write(s->index->store, tx_delete, &id, &e), &e, "delete");
	return (double)(clock_mono_us() - start) / 1e3;
}

void scale_delete(struct scale *s, int n, struct scale_purges *out)
{
	struct id *documents = calloc((size_t)n, sizeof(*documents));
	struct added x;

	memset(out, 0, sizeof(*out));
	out->n = n;
	out->delete_ms = calloc((size_t)n, sizeof(*out->delete_ms));
	ASSERT(documents != NULL && out->delete_ms != NULL);
	added_init(&x, s);
	for (int i = 0; i < SCALE_ALONE; i++) {
		add_one(&x, i * 104729);
		(void)delete_ms(s, &x.document);
		out->alone_s[i] = purge_all(s, &x.document, 1, &out->wait_alone_ms);
	}
	for (int i = 0; i < n; i++) {
		add_one(&x, (SCALE_ALONE + i) * 104729);
		documents[i] = x.document;
	}
	for (int i = 0; i < n; i++) {
		out->delete_ms[i] = delete_ms(s, &documents[i]);
	}
	out->all_s = purge_all(s, documents, n, &out->wait_all_ms);
	added_finish(&x);
	free(documents);
}
