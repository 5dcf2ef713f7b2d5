#include "ingest/view.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/log.h"
#include "ingest/external.h"

#define VIEW_BYTES_MAX ((int64_t)512 * 1024 * 1024)
#define PIECE (1 << 18)
#define READ_KEPT 4			 /* views whose text is kept in memory … */
#define READ_BYTES_MAX ((size_t)8 << 20) /* … unless one is larger */
#define FAILED_KEPT 256
#define AWAY_MS 60000 /* a service that did not answer */

struct failed {
	struct id version;
	int64_t until_ms; /* INT64_MAX: as long as this process lives */
};

struct read_view {
	char hash[HASH_HEX_SIZE]; /* "": free */
	struct buf packed;	  /* struct extracted */
	int64_t used;
};

struct views {
	struct index *ix;
	struct zygote *zygote;
	atomic_bool stopping;
	pthread_mutex_t lock; /* of all below */
	bool busy;
	struct failed failed[FAILED_KEPT]; /* a ring */
	int n_failed;
	struct read_view read[READ_KEPT];
	int64_t n_used;
};

/* Kinds that office programs draw. */
static const struct {
	const char *media_type, *extension;
} drawable[] = {
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
	{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
	{"application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"},
	{"application/vnd.oasis.opendocument.text", "odt"},
	{"application/vnd.oasis.opendocument.spreadsheet", "ods"},
	{"application/vnd.oasis.opendocument.presentation", "odp"},
	{"application/rtf", "rtf"},
	{"text/rtf", "rtf"},
	{"application/msword", "doc"},
	{"application/vnd.ms-excel", "xls"},
	{"application/vnd.ms-powerpoint", "ppt"},
};

/* The name that says what it is, whatever the document is called; NULL: it is not drawn. */
static const char *name_for(const char *media_type, struct arena *a)
{
	for (size_t i = 0; media_type && i < sizeof(drawable) / sizeof(drawable[0]); i++) {
		if (strcmp(drawable[i].media_type, media_type) == 0) {
			return arena_printf(a, "document.%s", drawable[i].extension);
		}
	}
	return NULL;
}

struct views *views_create(struct index *ix, struct zygote *z)
{
	struct views *v = calloc(1, sizeof(*v));

	ASSERT(v != NULL);
	v->ix = ix;
	v->zygote = z;
	ASSERT(pthread_mutex_init(&v->lock, NULL) == 0);
	return v;
}

void views_stop(struct views *v)
{
	atomic_store(&v->stopping, true);
}

void views_destroy(struct views *v)
{
	if (!v) {
		return;
	}
	for (int i = 0; i < READ_KEPT; i++) {
		buf_finish(&v->read[i].packed);
	}
	pthread_mutex_destroy(&v->lock);
	free(v);
}

/* ── what failed ── */

static bool has_failed(struct views *v, const struct id *version)
{
	int64_t now_ms = clock_mono_ms();
	bool out = false;

	ASSERT(pthread_mutex_lock(&v->lock) == 0);
	for (int i = 0; i < FAILED_KEPT && !out; i++) {
		out = id_equal(&v->failed[i].version, version) && v->failed[i].until_ms > now_ms;
	}
	ASSERT(pthread_mutex_unlock(&v->lock) == 0);
	return out;
}

static void remember_failed(struct views *v, const struct id *version, int64_t until_ms)
{
	ASSERT(pthread_mutex_lock(&v->lock) == 0);
	v->failed[v->n_failed++ % FAILED_KEPT] = (struct failed){*version, until_ms};
	ASSERT(pthread_mutex_unlock(&v->lock) == 0);
}

bool views_possible(struct views *v, const struct settings *set, const struct version *of)
{
	struct arena a;
	bool out;

	arena_init(&a);
	out = of->view_hash || (of->blob_hash && name_for(of->media_type, &a) &&
				       external_available(set) && !has_failed(v, &of->id));
	arena_finish(&a);
	return out;
}

static int no_pages(struct err *e)
{
	return err_replace(e, ERR_UNPROCESSABLE, "no_pages",
		"This document has no pages to draw: open its text or its content.");
}

/* ── what was read out of the last ones ── */

static bool recall(struct views *v, const char *hash, struct buf *packed)
{
	bool found = false;

	ASSERT(pthread_mutex_lock(&v->lock) == 0);
	for (int i = 0; i < READ_KEPT && !found; i++) {
		struct read_view *r = &v->read[i];

		if (strcmp(r->hash, hash) == 0) {
			buf_add(packed, r->packed.data, r->packed.len);
			r->used = ++v->n_used;
			found = true;
		}
	}
	ASSERT(pthread_mutex_unlock(&v->lock) == 0);
	return found;
}

static void remember(struct views *v, const char *hash, const struct extracted *x)
{
	struct buf packed = BUF_INIT;
	struct read_view *oldest = &v->read[0];

	extracted_pack(x, &packed);
	if (packed.len > READ_BYTES_MAX) {
		buf_finish(&packed);
		return;
	}
	ASSERT(pthread_mutex_lock(&v->lock) == 0);
	for (int i = 1; i < READ_KEPT; i++) {
		oldest = v->read[i].used < oldest->used ? &v->read[i] : oldest;
	}
	buf_finish(&oldest->packed);
	*oldest = (struct read_view){.packed = packed, .used = ++v->n_used};
	memcpy(oldest->hash, hash, HASH_HEX_SIZE);
	ASSERT(pthread_mutex_unlock(&v->lock) == 0);
}

static int read_pdf(
	struct views *v, int memfd, struct arena *a, struct extracted *out, struct err *e)
{
	struct extract_request r = {
		.memfd = memfd, .name = "view.pdf", .cancel = &v->stopping, .no_children = true};

	return zygote_extract(v->zygote, &r, a, out, e);
}

static int read_kept(struct views *v, struct view *out, struct arena *a, struct err *e)
{
	struct buf packed = BUF_INIT;
	int memfd, rc;

	if (recall(v, out->hash, &packed)) {
		rc = extracted_unpack(packed.data, packed.len, a, &out->pages, e);
		buf_finish(&packed);
		return rc;
	}
	rc = blob_memfd(v->ix->blobs, out->hash, &memfd, e);
	if (rc == 0) {
		rc = read_pdf(v, memfd, a, &out->pages, e);
		close(memfd);
	}
	if (rc == 0) {
		remember(v, out->hash, &out->pages);
	}
	return rc;
}

/* ── a new one ── */

struct viewed {
	const struct id *version;
	const char *hash;
};

static int viewed_tx(struct db *db, void *arg, struct err *e)
{
	struct viewed *w = arg;

	return version_viewed(db, w->version, w->hash, e);
}

static int write_blob(struct views *v, int memfd, struct blob_info *out, struct err *e)
{
	struct blob_writer *w;
	char *piece = malloc(PIECE);
	int rc = blob_writer_open(v->ix->blobs, VIEW_BYTES_MAX, &w, e);
	off_t at = 0;
	ssize_t n = 1;

	ASSERT(piece != NULL);
	while (rc == 0 && n > 0) {
		n = pread(memfd, piece, PIECE, at);
		at += n;
		rc = n > 0 ? blob_write(w, piece, (size_t)n, e) : rc;
	}
	free(piece);
	if (rc == 0) {
		return blob_writer_commit(w, out, e);
	}
	blob_writer_abort(w);
	return rc;
}

static int keep(struct views *v, const struct version *of, int memfd, char hash[HASH_HEX_SIZE],
	struct err *e)
{
	struct blob_info blob = {.hash = ""};
	int rc;

	index_naming_begin(v->ix);
	rc = write_blob(v, memfd, &blob, e);
	if (rc == 0) {
		struct viewed w = {&of->id, blob.hash};

		memcpy(hash, blob.hash, HASH_HEX_SIZE);
		rc = store_write(v->ix->store, viewed_tx, &w, e);
	}
	index_naming_end(v->ix);
	if (rc < 0 && *blob.hash) {
		const char *unnamed = blob.hash;
		struct err ignored = ERR_INIT;

		if (index_remove_unnamed(v->ix, &unnamed, 1, &ignored) < 0) {
			log_warn("view.left", LT("message", ignored.message));
		}
	}
	return rc;
}

static int convert(struct views *v, const struct settings *set, const struct version *of,
	struct arena *a, struct view *out, struct err *e)
{
	struct external_request r = {.name = name_for(of->media_type, a),
		.to = "pdf",
		.folder = arena_printf(a, "%s/stage/%s", v->ix->data_dir, of->id.s),
		.cancel = &v->stopping};
	int64_t start_ms = clock_mono_ms();
	int memfd = -1;
	int rc = blob_memfd(v->ix->blobs, of->blob_hash, &r.memfd, e);

	if (rc < 0) {
		return rc;
	}
	rc = external_convert(v->zygote, set, &r, &memfd, e);
	close(r.memfd);
	if (rc == 0) {
		rc = read_pdf(v, memfd, a, &out->pages, e);
		if (rc == 0 && strcmp(out->pages.media_type, "application/pdf") != 0) {
			rc = err_set(e, ERR_UNPROCESSABLE, "external_failed",
				"what came of the conversion is no PDF");
		}
	}
	if (rc == 0) {
		rc = keep(v, of, memfd, out->hash, e);
	}
	if (memfd >= 0) {
		close(memfd);
	}
	if (rc == 0) {
		remember(v, out->hash, &out->pages);
		log_info("view.made", LT("version", of->id.s), LN("pages", out->pages.n_pages),
			LN("ms", clock_mono_ms() - start_ms));
	}
	return rc;
}

/* false: another one is being converted. */
static bool begin(struct views *v)
{
	bool mine;

	ASSERT(pthread_mutex_lock(&v->lock) == 0);
	mine = !v->busy;
	v->busy = true;
	ASSERT(pthread_mutex_unlock(&v->lock) == 0);
	return mine;
}

static void end(struct views *v)
{
	ASSERT(pthread_mutex_lock(&v->lock) == 0);
	v->busy = false;
	ASSERT(pthread_mutex_unlock(&v->lock) == 0);
}

int views_open(struct views *v, const struct settings *set, const struct version *of,
	struct arena *a, struct view *out, struct err *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (of->view_hash) {
		memcpy(out->hash, of->view_hash, HASH_HEX_SIZE);
		return read_kept(v, out, a, e);
	}
	if (!views_possible(v, set, of)) {
		return no_pages(e);
	}
	if (atomic_load(&v->stopping) || !begin(v)) {
		return err_set(e, ERR_UNAVAILABLE, "view_busy",
			"The pages of another document are being drawn. Try again in a moment.");
	}
	rc = convert(v, set, of, a, out, e);
	end(v);
	if (rc == ERR_UNPROCESSABLE || rc == ERR_UPSTREAM) {
		log_warn("view.failed", LT("version", of->id.s), LT("reason", e->reason),
			LT("message", e->message));
		remember_failed(
			v, &of->id, rc == ERR_UPSTREAM ? clock_mono_ms() + AWAY_MS : INT64_MAX);
		return no_pages(e);
	}
	return rc;
}
