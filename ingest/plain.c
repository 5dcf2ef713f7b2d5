#include "ingest/plain.h"

#include <string.h>

#include "index/base/hash.h"
#include "index/catalog.h"
#include "index/embed.h"
#include "ingest/chunker.h"
#include "ingest/draft.h"
#include "ingest/job.h"
#include "ingest/pipeline.h"
#include "ingest/upload.h"

#define OWNER "plain"

/* ── text to chunks ── */

struct reading {
	struct extracted *x;
	struct buf text;
	struct buf blocks; /* struct block, one after the other */
	bool open;	   /* the last block goes on */
};

static void add_line(struct reading *r, const char *s, size_t n)
{
	const size_t from = r->text.len;
	struct block b = {.kind = BLOCK_PARAGRAPH, .page = 1};

	if (draft_blank(s, n)) {
		r->open = false;
		return;
	}
	draft_clean(&r->text, s, n, false);
	if (r->text.len == from) {
		return;
	}
	if (r->open) {
		memcpy(&b, r->blocks.data + r->blocks.len - sizeof(b), sizeof(b));
		r->blocks.len -= sizeof(b);
	} else {
		b.byte_start = (int32_t)from;
	}
	b.byte_end = (int32_t)r->text.len;
	buf_add(&r->blocks, &b, sizeof(b));
	buf_char(&r->text, '\n');
	r->open = true;
}

/* As ingest/extract_text.c writes it, which needs a child to write to. */
static void read_text(const struct plain_text *p, struct arena *a, struct extracted *out)
{
	struct reading r = {.x = out, .text = BUF_INIT, .blocks = BUF_INIT};
	const char *s = p->text;

	while (*s) {
		size_t n = strcspn(s, "\r\n\f");

		add_line(&r, s, n);
		r.open = r.open && s[n] != '\f';
		s += n + (s[n] == '\r' && s[n + 1] == '\n' ? 2 : s[n] != '\0');
	}
	*out = (struct extracted){.text = arena_strn(a, r.text.data ? r.text.data : "", r.text.len),
		.n_bytes = (int32_t)r.text.len,
		.title = arena_str(a, p->title),
		.media_type = "text/plain",
		.paging = PAGING_NONE,
		.n_blocks = (int)(r.blocks.len / sizeof(struct block)),
		.n_pages = 1};
	out->blocks = arena_array(a, struct block, (size_t)out->n_blocks + 1);
	if (out->n_blocks > 0) {
		memcpy(out->blocks, r.blocks.data, r.blocks.len);
	}
	out->pages = arena_array(a, struct page, 1);
	out->pages[0] = (struct page){.number = 1, .byte_end = out->n_bytes, .confidence = -1};
	buf_finish(&r.text);
	buf_finish(&r.blocks);
}

/* ── chunks into the index ── */

struct made { /* of one text */
	struct chunk *chunks;
	int n_chunks;
	float *vectors;
	struct blob_info blob;
};

struct plain {
	struct index *ix;
	const struct id *workspace, *collection;
	const struct plain_text *texts;
	int n;
	struct arena arena;
	struct space space;
	struct made *made; /* [n] */
};

static int make(struct plain *p, int i, struct err *e)
{
	const struct plain_text *t = &p->texts[i];
	const struct chunker_config config = {
		.target_tokens = (int)p->ix->settings->chunk_tokens, .name = ""};
	struct made *m = &p->made[i];
	struct embed_text *texts;
	struct extracted x;
	struct buf key = BUF_INIT;

	read_text(t, &p->arena, &x);
	chunker_run(&x, &config, &p->arena, &m->chunks, &m->n_chunks);
	/* Texts that are the same are documents of their own: the name is in the hash. */
	buf_printf(&key, "%s\n%s", t->name, t->text);
	hash_blake2b_hex(key.data, key.len, m->blob.hash);
	hash_sha256_hex(key.data, key.len, m->blob.sha256);
	m->blob.n_bytes = (int64_t)strlen(t->text);
	buf_finish(&key);
	texts = arena_array(&p->arena, struct embed_text, (size_t)m->n_chunks + 1);
	for (int k = 0; k < m->n_chunks; k++) {
		texts[k] = (struct embed_text){.title = m->chunks[k].title,
			.heading = m->chunks[k].heading,
			.body = m->chunks[k].text,
			.language = m->chunks[k].language};
	}
	m->vectors =
		arena_array(&p->arena, float, (size_t)m->n_chunks *(size_t)p->space.dimension + 1);
	return embed(p->space.embedder, EMBED_DOCUMENT, texts, m->n_chunks, m->vectors, NULL, NULL,
		NULL, e);
}

static int publish_tx(struct db *db, void *arg, struct err *e)
{
	struct plain *p = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < p->n; i++) {
		struct publication what = {.chunks = p->made[i].chunks,
			.n_chunks = p->made[i].n_chunks,
			.space_n = p->space.n,
			.vectors = p->made[i].vectors};
		enum arrival arrival;

		rc = document_arrive(db, NULL, p->workspace, p->collection, p->texts[i].name,
			&p->made[i].blob, "operator", &arrival, &what.document, &what.version, e);
		if (rc == 0) {
			rc = chunks_publish(db, &what, e);
		}
		if (rc == 0) {
			rc = version_chunked(db, &what.version, CHUNKER_VERSION, e);
		}
	}
	return rc;
}

int plain_publish(struct index *ix, const struct id *workspace, const struct id *collection,
	const struct plain_text *texts, int n, int *n_chunks, struct err *e)
{
	struct plain p = {
		.ix = ix, .workspace = workspace, .collection = collection, .texts = texts, .n = n};
	int64_t number;
	int rc = index_workspace_n(ix, workspace, &number, e);

	*n_chunks = 0;
	if (rc == 0) {
		rc = vectors_serving(ix->vectors, number, &p.space, e);
	}
	if (rc < 0) {
		return rc;
	}
	arena_init(&p.arena);
	p.made = arena_array(&p.arena, struct made, (size_t)n);
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = make(&p, i, e);
		*n_chunks += p.made[i].n_chunks;
	}
	if (rc == 0) {
		rc = store_write(ix->store, publish_tx, &p, e);
	}
	embedder_drop(p.space.embedder);
	arena_finish(&p.arena);
	return rc;
}

/* ── training ── */

struct leasing {
	struct arena *arena;
	struct job job;
};

static int lease_tx(struct db *db, void *arg, struct err *e)
{
	struct leasing *l = arg;
	int64_t next_ms;

	return job_lease(db, l->arena, OWNER, &l->job, &next_ms, e);
}

static int end_tx(struct db *db, void *arg, struct err *e)
{
	const struct leasing *l = arg;
	bool final;

	return job_end(db, &l->job.id, OWNER, NULL, 0, &final, e);
}

static int run_training(struct ingest *in, const struct id *workspace, struct err *e)
{
	struct leasing l = {.arena = &in->arena};
	struct err why = ERR_INIT;
	struct id job;
	int rc = ingest_reembed(in->index, workspace, "builtin", "operator", &job, e);

	if (rc == 0) {
		rc = store_write(in->index->store, lease_tx, &l, e);
	}
	if (rc < 0) {
		return rc;
	}
	in->job = &l.job;
	in->owner = OWNER;
	rc = pipeline_run(in, &why);
	in->job = NULL;
	if (rc < 0) {
		return err_set(e, rc, why.reason, "%s", why.message);
	}
	return store_write(in->index->store, end_tx, &l, e);
}

int plain_train(struct ingest *in, const struct id *workspace, struct err *e)
{
	int64_t number;
	bool wants;
	struct db *db;
	int rc = index_workspace_n(in->index, workspace, &number, e);

	if (rc < 0) {
		return rc;
	}
	db = store_reader(in->index->store, e);
	if (!db) {
		return ERR_UNAVAILABLE;
	}
	wants = vectors_wants_training(in->index->vectors, db, number);
	store_reader_drop(db);
	if (wants) {
		arena_init(&in->arena);
		rc = run_training(in, workspace, e);
		arena_finish(&in->arena);
	}
	return rc;
}
