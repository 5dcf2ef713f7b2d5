/* The corpus that the builtin's table is trained on: the live chunks as sequences of term ids. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/arena.h"
#include "index/base/hash.h"
#include "index/chunks.h"
#include "index/embed.h"
#include "index/embed_kind.h"
#include "index/embed_table.h"
#include "index/embed_train.h"

#define CHUNKS_LEAST 300
#define CHUNKS_MOST 20000 /* of a larger workspace an even sample: 40,000 pairs need no more */
#define BATCH 64
#define BODY_TERMS_MAX 2000

void corpus_init(struct corpus *c)
{
	memset(c, 0, sizeof(*c));
	c->n_slots = 1 << 12;
	c->slots = calloc(c->n_slots, sizeof(*c->slots));
	ASSERT(c->slots != NULL);
}

void corpus_finish(struct corpus *c)
{
	for (int32_t i = 0; i < c->n_terms; i++) {
		free(c->texts[i]);
	}
	free(c->texts);
	free(c->df);
	free(c->last_doc);
	free(c->slots);
	free(c->ids);
	free(c->docs);
	memset(c, 0, sizeof(*c));
}

static void *grown(void *p, int64_t n, size_t size)
{
	p = realloc(p, (size_t)n * size);
	ASSERT(p != NULL);
	return p;
}

static uint32_t find_slot(const struct corpus *c, const char *text)
{
	uint32_t at = (uint32_t)hash64(text, strlen(text)) & (c->n_slots - 1);

	while (c->slots[at] && strcmp(c->texts[c->slots[at] - 1], text) != 0) {
		at = (at + 1) & (c->n_slots - 1);
	}
	return at;
}

static void grow_slots(struct corpus *c)
{
	free(c->slots);
	c->n_slots *= 2;
	c->slots = calloc(c->n_slots, sizeof(*c->slots));
	ASSERT(c->slots != NULL);
	for (int32_t i = 0; i < c->n_terms; i++) {
		c->slots[find_slot(c, c->texts[i])] = i + 1;
	}
}

static int32_t intern(struct corpus *c, const char *text)
{
	uint32_t at = find_slot(c, text);
	int32_t id;

	if (c->slots[at]) {
		return c->slots[at] - 1;
	}
	if (c->n_terms == c->terms_cap) {
		c->terms_cap = c->terms_cap ? 2 * c->terms_cap : 1024;
		c->texts = grown(c->texts, c->terms_cap, sizeof(*c->texts));
		c->df = grown(c->df, c->terms_cap, sizeof(*c->df));
		c->last_doc = grown(c->last_doc, c->terms_cap, sizeof(*c->last_doc));
	}
	id = c->n_terms++;
	c->texts[id] = strdup(text);
	ASSERT(c->texts[id] != NULL);
	c->df[id] = 0;
	c->last_doc[id] = -1;
	c->slots[at] = id + 1;
	if ((uint32_t)c->n_terms * 2 > c->n_slots) {
		grow_slots(c);
	}
	return id;
}

static int32_t add_sequence(
	struct corpus *c, const struct terms *terms, int32_t most, uint64_t *hash)
{
	int32_t n = 0;

	for (int i = 0; i < terms->n && n < most; i++) {
		int32_t id;

		if (terms->items[i].stopword) {
			continue;
		}
		id = intern(c, terms->items[i].text);
		if (c->last_doc[id] != c->n_docs) {
			c->last_doc[id] = c->n_docs;
			c->df[id]++;
		}
		if (c->n_ids == c->ids_cap) {
			c->ids_cap = c->ids_cap ? 2 * c->ids_cap : 1 << 16;
			c->ids = grown(c->ids, c->ids_cap, sizeof(*c->ids));
		}
		c->ids[c->n_ids++] = id;
		*hash = *hash * UINT64_C(0x100000001b3) + (uint64_t)id + 1;
		n++;
	}
	return n;
}

void corpus_add(struct corpus *c, const struct terms *head, const struct terms *body)
{
	struct corpus_doc doc = {.from = c->n_ids};
	uint64_t unused = 0;

	doc.n_head = add_sequence(c, head, BODY_TERMS_MAX, &doc.head_hash);
	doc.n_body = add_sequence(c, body, BODY_TERMS_MAX, &unused);
	if (c->n_docs == c->docs_cap) {
		c->docs_cap = c->docs_cap ? 2 * c->docs_cap : 1024;
		c->docs = grown(c->docs, c->docs_cap, sizeof(*c->docs));
	}
	c->docs[c->n_docs++] = doc;
}

/* ── from the live chunks ── */

static void add_chunk(struct corpus *c, struct arena *a, const struct chunk *chunk)
{
	struct terms head, body;
	char *both = arena_printf(a, "%s\n%s", chunk->title ? chunk->title : "",
		chunk->heading ? chunk->heading : "");

	analyse(a, both, strlen(both), chunk->language, &head);
	analyse(a, chunk->text, strlen(chunk->text), chunk->language, &body);
	corpus_add(c, &head, &body);
}

/* Those of the n chunks that are live still. */
static int read_batch(struct store *s, int64_t workspace_n, const int64_t *slots, int n,
	struct corpus *c, struct err *e)
{
	struct chunk chunks[BATCH];
	struct db *db = store_reader(s, e);
	struct arena a;
	int rc = 0, n_read = 0;

	if (!db) {
		return err_code(e);
	}
	arena_init(&a);
	for (int i = 0; rc == 0 && i < n; i++) {
		int one = 0;

		rc = chunks_scan(db, &a, workspace_n, slots[i], 1, &chunks[n_read], &one, e);
		n_read += one && chunks[n_read].slot == slots[i];
	}
	store_reader_drop(db);
	for (int i = 0; rc == 0 && i < n_read; i++) {
		add_chunk(c, &a, &chunks[i]);
	}
	arena_finish(&a);
	return rc;
}

static int choose_chunks(struct store *s, int64_t workspace_n, int64_t *slots, int *n,
	int64_t *n_live, struct err *e)
{
	struct db *db = store_reader(s, e);
	int rc;

	if (!db) {
		return err_code(e);
	}
	*n_live = chunks_live_count(db, workspace_n);
	rc = chunks_sample(db, workspace_n, CHUNKS_MOST, slots, n, e);
	store_reader_drop(db);
	return rc;
}

/* In snapshots of BATCH chunks, so that the writer's log can be taken in meanwhile. */
static int read_corpus(struct store *s, int64_t workspace_n, const int64_t *slots, int n,
	const atomic_bool *cancel, struct corpus *c, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < n; i += BATCH) {
		if (embed_cancelled(cancel)) {
			return err_set(e, ERR_CANCELLED, "cancelled", "training was cancelled");
		}
		rc = read_batch(s, workspace_n, slots + i, n - i < BATCH ? n - i : BATCH, c, e);
	}
	return rc;
}

int embed_train(struct store *s, int64_t workspace_n, const atomic_bool *cancel, void **data,
	size_t *n_bytes, int64_t *n_chunks, struct err *e)
{
	struct corpus c;
	struct buf out = BUF_INIT;
	int64_t *slots = calloc(CHUNKS_MOST, sizeof(*slots));
	int rc, n = 0;

	ASSERT(slots != NULL);
	*data = NULL;
	*n_bytes = 0;
	*n_chunks = 0;
	rc = choose_chunks(s, workspace_n, slots, &n, n_chunks, e);
	if (rc || *n_chunks < CHUNKS_LEAST) {
		free(slots);
		return rc;
	}
	corpus_init(&c);
	rc = read_corpus(s, workspace_n, slots, n, cancel, &c, e);
	free(slots);
	if (rc == 0) {
		rc = corpus_train(&c, cancel, &out, e);
	}
	corpus_finish(&c);
	if (rc == 0) {
		*n_bytes = out.len;
		*data = buf_take(&out);
	}
	buf_finish(&out);
	/* What training held is more than the rest of a small server: back to the system with it.
	 */
	(void)malloc_trim(0);
	return rc;
}
