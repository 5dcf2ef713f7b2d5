/* extract, chunk, embed, publish: the steps of a document that comes in. */
#include <string.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/log.h"
#include "index/base/utf8.h"
#include "index/catalog.h"
#include "index/embed.h"
#include "index/fts.h"
#include "ingest/chunker.h"
#include "ingest/external.h"
#include "ingest/parts.h"
#include "ingest/stage.h"
#include "ingest/step.h"

#define TEXT_BLOB_MAX ((int64_t)8 << 30)
#define SLICE_CHUNKS 64	    /* embedded between two looks at the clock */
#define PART_MS 2000	    /* finished vectors are put aside this often */
#define SPACE_CHANGES_MAX 5 /* times the vector space may be swapped before publishing */

/* ── the rows ── */

struct rows {
	struct document document;
	struct version version;
};

static int load_rows(struct ingest *in, struct rows *out, struct err *e)
{
	struct db *db = store_reader(in->index->store, e);
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	rc = document_lookup(db, &in->arena, &in->job->document, &out->document, NULL);
	if (rc == 0) {
		rc = version_lookup(db, &in->arena, &in->job->version, &out->version, NULL);
	}
	store_reader_drop(db);
	if (rc == ERR_NOT_FOUND || (rc == 0 && !out->version.blob_hash)) {
		return err_set(e, ERR_CANCELLED, "document_deleted", "the document was deleted");
	}
	return rc < 0 ? err_set(e, rc, "lookup_failed", "the document could not be looked up") : 0;
}

/* ── extract ── */

struct facts {
	struct ingest *in;
	struct version_facts version;
	struct parts *parts;
};

/* The text and the parts are the document's together, or not at all. */
static int record_facts(struct db *db, void *arg, struct err *e)
{
	struct facts *f = arg;
	const struct job *job = f->in->job;
	struct document d;
	struct version v;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = document_lookup(db, &a, &job->document, &d, NULL);
	if (rc < 0) {
		rc = err_set(e, rc == ERR_NOT_FOUND ? ERR_CANCELLED : rc, "document_deleted",
			"the document was deleted");
	} else {
		rc = version_lookup(db, &a, &job->version, &v, e);
	}
	if (rc == 0) {
		rc = version_extracted(db, &job->version, &f->version, e);
	}
	if (rc == 0) {
		rc = parts_record(db, f->parts, &d, &v, e);
	}
	arena_finish(&a);
	return rc;
}

static int count_poor(const struct extracted *x)
{
	int n = 0;

	for (int i = 0; i < x->n_annotations; i++) {
		n += x->annotations[i].kind == ANNOTATION_POOR_SCAN;
	}
	return n;
}

/* The text becomes a blob that the version names; the files inside become its parts. */
static int keep_text(struct ingest *in, const struct extracted *x, struct parts *parts,
	struct blob_info *blob, struct err *e)
{
	struct facts f = {.in = in, .parts = parts};
	struct buf packed = BUF_INIT;
	int rc;

	extracted_pack(x, &packed);
	index_naming_begin(in->index);
	rc = blob_put(in->index->blobs, packed.data, packed.len, blob, e);
	buf_finish(&packed);
	if (rc == 0) {
		rc = parts_store(parts, e);
	}
	if (rc == 0) {
		f.version = (struct version_facts){
			.media_type = x->media_type,
			.title = x->title,
			.language = language_detect(
				x->text, utf8_floor(x->text, (size_t)x->n_bytes, 65536)),
			.text_hash = blob->hash,
			.paging = paging_name(x->paging),
			.n_pages = x->n_pages,
			.n_hidden = extracted_hidden_count(x),
			.n_poor = count_poor(x),
		};
		rc = store_write(in->index->store, record_facts, &f, e);
	}
	index_naming_end(in->index);
	if (rc < 0 && *blob->hash) {
		const char *hash = blob->hash;
		struct err ignored = ERR_INIT;

		if (index_remove_unnamed(in->index, &hash, 1, &ignored) < 0) {
			log_warn("ingest.text_left", LT("job", in->job->id.s),
				LT("message", ignored.message));
		}
	}
	if (rc < 0) {
		parts_forget(parts);
	}
	return rc;
}

static int read_document(struct ingest *in, const struct rows *r, struct parts *parts,
	struct extracted *x, struct err *e)
{
	struct extract_request q = {.name = r->document.name,
		.cancel = &in->cancel,
		.progress = step_progress,
		.arg = in,
		.children = parts_sink(parts),
		.no_children = !parts_sink(parts)};
	int rc = blob_memfd(in->index->blobs, r->version.blob_hash, &q.memfd, e);

	if (rc == 0) {
		rc = external_read(in->zygote, in->index->settings, &q,
			arena_printf(&in->arena, "%s/stage/%s/external", in->index->data_dir,
				in->job->id.s),
			&in->arena, x, e);
		close(q.memfd);
	}
	return rc;
}

int step_extract(struct ingest *in, struct err *e)
{
	struct rows r;
	struct extracted x;
	struct blob_info blob = {.hash = ""};
	struct buf left = BUF_INIT;
	struct parts *parts = NULL;
	int rc = load_rows(in, &r, e);

	if (rc == 0) {
		rc = parts_open(in, &r.document, &parts, e);
	}
	if (rc == 0) {
		rc = read_document(in, &r, parts, &x, e);
	}
	if (rc == 0) {
		rc = keep_text(in, &x, parts, &blob, e);
	}
	parts_close(parts);
	if (rc == 0) {
		buf_str(&left, blob.hash);
		rc = stage_write(in->index, &in->job->id, "extract", &left, e);
		buf_finish(&left);
	}
	if (rc == 0 && r.version.text_hash && strcmp(r.version.text_hash, blob.hash) != 0) {
		const char *former = r.version.text_hash;

		rc = index_remove_unnamed(in->index, &former, 1, e);
	}
	return rc;
}

/* ── chunk ── */

static int load_extracted(struct ingest *in, struct extracted *x, struct err *e)
{
	struct buf hash = BUF_INIT, packed = BUF_INIT;
	int rc = stage_read(in->index, &in->job->id, "extract", &hash, e);

	if (rc == 0) {
		rc = blob_read(in->index->blobs, hash.data, TEXT_BLOB_MAX, &packed, e);
		if (rc < 0) { /* the next try extracts again */
			stage_remove(in->index, &in->job->id, "extract");
		}
	}
	if (rc == 0) {
		rc = extracted_unpack(packed.data, packed.len, &in->arena, x, e);
	}
	buf_finish(&hash);
	buf_finish(&packed);
	return rc;
}

int step_chunk(struct ingest *in, struct err *e)
{
	struct rows r;
	struct extracted x;
	struct chunk *chunks;
	struct buf left = BUF_INIT;
	int n, rc = load_rows(in, &r, e);

	if (rc == 0) {
		rc = load_extracted(in, &x, e);
	}
	if (rc == 0) {
		struct chunker_config config = {
			.target_tokens = (int)in->index->settings->chunk_tokens,
			.name = r.document.name,
			.cancel = &in->cancel};

		chunker_run(&x, &config, &in->arena, &chunks, &n);
		rc = step_goes_on(in, e);
	}
	if (rc == 0) {
		stage_pack_chunks(chunks, n, &left);
		rc = stage_write(in->index, &in->job->id, "chunks", &left, e);
	}
	buf_finish(&left);
	return rc;
}

/* ── embed ── */

/*
 * Finished vectors are put aside every PART_MS in files "vectors.0", "vectors.1", …; so an
 * embedding server is not asked twice for what it has given. The last part is "vectors". A part is
 *
 *   u64 space  u32 dimension  u32 first chunk  u32 chunks  float[chunks × dimension]
 */
struct vectors_of {
	int64_t space_n;
	int dimension;
	int n;
	float *all; /* [n × dimension] */
	int n_parts;
	int n_kept; /* the first so many are in the parts */
};

static const char *part_name(struct ingest *in, int i)
{
	return arena_printf(&in->arena, "vectors.%d", i);
}

/* What comes after the parts that are there, up to chunk `end`. */
static int write_part(
	struct ingest *in, struct vectors_of *v, const char *name, int end, struct err *e)
{
	size_t row = (size_t)v->dimension;
	struct buf b = BUF_INIT;
	int n = end - v->n_kept, rc;

	buf_u64(&b, (uint64_t)v->space_n);
	buf_u32(&b, (uint32_t)v->dimension);
	buf_u32(&b, (uint32_t)v->n_kept);
	buf_u32(&b, (uint32_t)n);
	buf_add(&b, v->all + (size_t)v->n_kept * row, (size_t)n * row * sizeof(float));
	rc = stage_write(in->index, &in->job->id, name, &b, e);
	buf_finish(&b);
	v->n_kept = rc == 0 ? end : v->n_kept;
	return rc;
}

static int put_aside(struct ingest *in, struct vectors_of *v, int end, struct err *e)
{
	int rc = write_part(in, v, part_name(in, v->n_parts), end, e);

	v->n_parts += rc == 0;
	return rc;
}

/* false: it is of another space or of other chunks. */
static bool take_part(struct vectors_of *v, const struct buf *part)
{
	struct cursor c = cursor_over(part->data, part->len);
	bool fits = cursor_u64(&c) == (uint64_t)v->space_n &&
		    cursor_u32(&c) == (uint32_t)v->dimension &&
		    cursor_u32(&c) == (uint32_t)v->n_kept;
	uint32_t n = cursor_u32(&c);
	size_t row = (size_t)v->dimension * sizeof(float);

	if (!fits || c.bad || (int64_t)v->n_kept + n > v->n || (size_t)(c.end - c.p) != n * row) {
		return false;
	}
	if (n > 0) {
		memcpy((char *)v->all + (size_t)v->n_kept * row, c.p, n * row);
	}
	v->n_kept += (int)n;
	return true;
}

static void read_parts(struct ingest *in, struct vectors_of *v)
{
	bool fits = true;

	v->n_kept = v->n_parts = 0;
	while (fits) {
		struct buf b = BUF_INIT;

		fits = stage_read(in->index, &in->job->id, part_name(in, v->n_parts), &b, NULL) ==
			       0 &&
		       take_part(v, &b);
		v->n_parts += fits;
		buf_finish(&b);
	}
}

static int embed_slice(struct ingest *in, struct embedder *em, const struct chunk *chunks, int n,
	float *out, struct err *e)
{
	struct embed_text texts[SLICE_CHUNKS];

	for (int i = 0; i < n; i++) {
		texts[i] = (struct embed_text){.title = chunks[i].title,
			.heading = chunks[i].heading,
			.body = chunks[i].text,
			.language = chunks[i].language};
	}
	return embed(em, EMBED_DOCUMENT, texts, n, out, &in->cancel, NULL, NULL, e);
}

static int embed_rest(struct ingest *in, struct embedder *em, const struct chunk *chunks,
	struct vectors_of *v, struct err *e)
{
	int64_t kept_ms = clock_mono_ms();
	int done, rc = 0;

	read_parts(in, v);
	done = v->n_kept;
	while (rc == 0 && done < v->n) {
		int n = v->n - done < SLICE_CHUNKS ? v->n - done : SLICE_CHUNKS;
		struct err why = ERR_INIT;

		step_progress(in, done, v->n);
		rc = step_goes_on(in, &why);
		if (rc == 0) {
			rc = embed_slice(in, em, chunks + done, n,
				v->all + (size_t)done * (size_t)v->dimension, &why);
		}
		done += rc == 0 ? n : 0;
		if (done > v->n_kept && done < v->n &&
			(rc < 0 || clock_mono_ms() - kept_ms >= PART_MS)) {
			struct err ignored = ERR_INIT;
			int wrote = put_aside(in, v, done, rc < 0 ? &ignored : e);

			rc = rc < 0 ? rc : wrote;
			kept_ms = clock_mono_ms();
		}
		if (why.code) {
			return err_set(e, why.code, why.reason, "%s", why.message);
		}
	}
	return rc;
}

static int load_chunks(struct ingest *in, struct chunk **chunks, int *n, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = stage_read(in->index, &in->job->id, "chunks", &b, e);

	if (rc == 0) {
		rc = stage_unpack_chunks(&b, &in->arena, chunks, n, e);
	}
	buf_finish(&b);
	return rc;
}

int step_embed(struct ingest *in, struct err *e)
{
	struct vectors_of v = {.n = 0};
	struct space space = {.n = 0};
	struct chunk *chunks;
	int64_t workspace_n;
	int rc = load_chunks(in, &chunks, &v.n, e);

	if (rc == 0) {
		rc = index_workspace_n(in->index, &in->job->workspace, &workspace_n, e);
	}
	if (rc == 0) {
		rc = vectors_serving(in->index->vectors, workspace_n, &space, e);
	}
	if (rc == 0) {
		v.space_n = space.n;
		v.dimension = space.dimension;
		v.all = arena_array(&in->arena, float, (size_t)v.n *(size_t)v.dimension);
		rc = embed_rest(in, space.embedder, chunks, &v, e);
	}
	if (rc == 0) {
		rc = write_part(in, &v, "vectors", v.n, e);
	}
	embedder_drop(space.embedder);
	return rc;
}

/* ERR_CONFLICT: they have to be made again. */
static int load_vectors(struct ingest *in, int n_chunks, struct vectors_of *v, struct err *e)
{
	struct buf last = BUF_INIT;
	int rc = stage_read(in->index, &in->job->id, "vectors", &last, NULL);
	struct cursor c = cursor_over(last.data, last.len);
	bool all = false;

	v->space_n = (int64_t)cursor_u64(&c);
	v->dimension = (int)cursor_u32(&c);
	v->n = n_chunks;
	if (rc == 0 && !c.bad && v->dimension > 0 && v->dimension <= EMBED_DIMENSION_MAX) {
		v->all = arena_array(&in->arena, float, (size_t)v->n *(size_t)v->dimension);
		read_parts(in, v);
		all = take_part(v, &last) && v->n_kept == v->n;
	}
	buf_finish(&last);
	return all ? 0
		   : err_set(e, ERR_CONFLICT, "no_vectors",
			     "the vectors of the step before do not read");
}

/* ── publish ── */

struct publishing {
	struct ingest *in;
	struct publication what;
};

/* A newer version may have overtaken this one on another worker. */
static int overtaken(struct db *db, struct ingest *in, bool *yes, struct err *e)
{
	struct version this, current = {.seq = 0};
	struct document d;
	int rc = document_lookup(db, &in->arena, &in->job->document, &d, NULL);

	if (rc < 0) {
		return err_set(e, rc == ERR_NOT_FOUND ? ERR_CANCELLED : rc, "document_deleted",
			"the document was deleted");
	}
	rc = version_lookup(db, &in->arena, &in->job->version, &this, e);
	if (rc == 0 && !id_empty(&d.current_version)) {
		rc = version_lookup(db, &in->arena, &d.current_version, &current, e);
	}
	*yes = rc == 0 && current.seq > this.seq;
	return rc;
}

static int publish_tx(struct db *db, void *arg, struct err *e)
{
	struct publishing *p = arg;
	struct ingest *in = p->in;
	bool late = false;
	int n_steps, rc = overtaken(db, in, &late, e);

	if (rc == 0 && late) {
		rc = version_state(db, &in->job->version, "superseded", NULL, NULL, e);
	} else if (rc == 0) {
		rc = chunks_publish(db, &p->what, e);
		if (rc == 0) {
			rc = version_chunked(db, &in->job->version, CHUNKER_VERSION, e);
		}
		if (rc == 0) {
			rc = chunks_sweep(db, &in->job->version, e);
		}
	}
	/* Recorded here, since publishing again would make new chunks. */
	pipeline_steps(in->job->kind, &n_steps);
	return rc < 0 ? rc : job_step(db, &in->job->id, n_steps, e);
}

static int publish_once(struct ingest *in, const struct chunk *chunks, int n, struct err *e)
{
	struct vectors_of v = {.n = 0};
	struct publishing p = {.in = in};
	int rc = load_vectors(in, n, &v, e);

	if (rc < 0) {
		return rc;
	}
	p.what = (struct publication){.document = in->job->document,
		.version = in->job->version,
		.chunks = chunks,
		.n_chunks = n,
		.space_n = v.space_n,
		.vectors = v.all};
	return store_write(in->index->store, publish_tx, &p, e);
}

/* If the vector space was swapped meanwhile, or the vectors are lost, they are made again. */
int step_publish(struct ingest *in, struct err *e)
{
	struct chunk *chunks;
	int n, rc = load_chunks(in, &chunks, &n, e);

	for (int i = 0; rc == 0; i++) {
		struct err why = ERR_INIT;

		rc = publish_once(in, chunks, n, &why);
		if (rc == 0) {
			return 0;
		}
		if (rc != ERR_CONFLICT || i == SPACE_CHANGES_MAX) {
			return err_set(e, rc, why.reason, "%s", why.message);
		}
		rc = step_embed(in, e);
	}
	return rc;
}
