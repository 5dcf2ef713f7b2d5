/* A document's bytes: the original, and the text that was read out of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/documents.h"
#include "chat/routes.h"
#include "index/base/log.h"
#include "index/base/utf8.h"
#include "index/place.h"
#include "ingest/extracted.h"

/* ── the original, streamed from its blob: each piece is read on a worker when the connection can
 * take it ── */

#define PIECE ((size_t)128 * 1024)
/* Of a document that a browser shows: no script, nothing from anywhere. */
#define SHOWN_POLICY                                                                               \
	"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "           \
	"frame-ancestors 'self'"

struct download {
	struct stream s;
	struct pool_item item;
	struct server *server;
	struct blob_reader *reader; /* the worker's while it reads */
	char *piece;		    /* [PIECE] */
	int n_piece;
	struct err err;
	int64_t n_left;
	bool reading, stopped;
};

static void download_destroy(struct download *d)
{
	blob_reader_close(d->reader);
	free(d->piece);
	free(d);
}

static void on_piece(void *arg)
{
	struct download *d = arg;

	d->reading = false;
	if (d->stopped) {
		download_destroy(d);
	} else if (d->n_piece <= 0 || d->n_piece > d->n_left) {
		log_error("download.failed", LT("document", d->s.object.s),
			LT("message", d->err.message));
		stream_abort(&d->s);
	} else {
		d->n_left -= d->n_piece;
		stream_send(&d->s, d->piece, (size_t)d->n_piece, d->n_left == 0);
	}
}

static void piece_work(struct pool_item *item)
{
	struct download *d = (struct download *)((char *)item - offsetof(struct download, item));
	struct err e = ERR_INIT;

	d->n_piece = blob_reader_next(d->reader, d->piece, PIECE, &e);
	d->err = e;
	server_on_loop(d->server, on_piece, d);
}

static void on_proceed(struct stream *s)
{
	struct download *d = (struct download *)s;

	d->item.work = piece_work;
	d->reading = pool_submit(s->app->pool, &d->item);
	if (!d->reading) {
		stream_abort(s);
	}
}

static void on_stop(struct stream *s)
{
	struct download *d = (struct download *)s;

	d->stopped = true;
	if (!d->reading) {
		download_destroy(d);
	}
}

/* RFC 6266 with RFC 8187: a name in ASCII for old clients, and the true one. */
static void add_disposition(struct call *c, const char *path, bool shown)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct buf value = BUF_INIT;

	buf_str(&value, shown ? "inline; filename=\"" : "attachment; filename=\"");
	for (const char *p = name; *p; p++) {
		unsigned char ch = (unsigned char)*p;

		if (ch < 0x80) {
			buf_char(&value, ch < 0x20 || strchr("\"\\%\x7f", ch) ? '_' : *p);
		} else if ((ch & 0xc0) != 0x80) {
			buf_char(&value, '_');
		}
	}
	buf_str(&value, "\"; filename*=UTF-8''");
	for (const char *p = name; *p; p++) {
		static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "0123456789!#$&+-.^_`|~";

		if (strchr(plain, *p)) {
			buf_char(&value, *p);
		} else {
			buf_printf(&value, "%%%02X", (unsigned char)*p);
		}
	}
	call_header(c, "Content-Disposition", value.data);
	buf_finish(&value);
}

/* What a browser shows by itself and runs nothing of. Text of every kind is shown as plain text.
 * Chromium does not show a PDF in a sandbox. */
static const struct {
	const char *found; /* the media type */
	const char *sent;  /* NULL: as found */
	const char *policy;
} shown[] = {
	{"application/pdf", NULL,
		"default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; img-src 'self' "
		"data:; frame-ancestors 'self'"},
	{"text/plain", "text/plain", SHOWN_POLICY},
	{"text/markdown", "text/plain", SHOWN_POLICY},
	{"text/csv", "text/plain", SHOWN_POLICY},
	{"text/tab-separated-values", "text/plain", SHOWN_POLICY},
	{"text/x-source", "text/plain", SHOWN_POLICY},
	{"application/json", "text/plain", SHOWN_POLICY},
	{"application/xml", "text/plain", SHOWN_POLICY},
	{"message/rfc822", "text/plain", SHOWN_POLICY},
	{"image/png", NULL, SHOWN_POLICY},
	{"image/jpeg", NULL, SHOWN_POLICY},
	{"image/gif", NULL, SHOWN_POLICY},
	{"image/webp", NULL, SHOWN_POLICY},
};
#define N_SHOWN ((int)(sizeof(shown) / sizeof(shown[0])))

/* Whether text begins as UTF-8: a browser told nothing takes it for Latin-1. */
static bool begins_as_utf8(struct call *c, const char *blob_hash)
{
	char *piece = arena_alloc(&c->arena, PIECE);
	struct blob_reader *r;
	int n;

	if (blob_reader_open(c->app->index->blobs, blob_hash, &r, NULL) != 0) {
		return false;
	}
	n = blob_reader_next(r, piece, PIECE, NULL);
	blob_reader_close(r);
	return n > 0 && utf8_valid(piece, (size_t)n - utf8_incomplete_tail(piece, (size_t)n));
}

/* The type that is sent and what may be done with it; asked to be shown, for ?inline=1. */
static void add_type(
	struct call *c, const struct document *doc, const struct version *v, bool inline_asked)
{
	const char *policy = "sandbox; default-src 'none'";
	int as = inline_asked && v->media_type ? 0 : N_SHOWN;

	while (as < N_SHOWN && strcmp(shown[as].found, v->media_type) != 0) {
		as++;
	}
	c->content_type = v->media_type ? v->media_type : "application/octet-stream";
	if (as < N_SHOWN) {
		policy = shown[as].policy;
		c->content_type = shown[as].sent ? shown[as].sent : c->content_type;
		if (shown[as].sent && begins_as_utf8(c, v->blob_hash)) {
			c->content_type = "text/plain; charset=utf-8";
		}
	}
	add_disposition(c, doc->name, as < N_SHOWN);
	call_header(c, "Content-Security-Policy", policy);
}

int documents_content(struct call *c, struct err *e)
{
	int64_t inline_asked = 0;
	struct document doc;
	struct version v;
	struct blob_reader *reader;
	struct download *d;
	int rc = call_document(c, RIGHT_READ, &doc, e);

	if (rc == 0) {
		rc = call_version(c, &doc, &v, e);
	}
	if (rc == 0 && !v.blob_hash) {
		rc = err_absent(e);
	}
	if (rc == 0) {
		rc = call_query_int(c, "inline", 0, 1, 0, &inline_asked, e);
	}
	if (rc == 0) {
		rc = blob_reader_open(c->app->index->blobs, v.blob_hash, &reader, e);
	}
	if (rc != 0) {
		return rc;
	}
	c->status = 200;
	add_type(c, &doc, &v, inline_asked != 0);
	if (v.n_bytes == 0) {
		blob_reader_close(reader);
		return 0;
	}
	d = calloc(1, sizeof(*d));
	ASSERT(d != NULL);
	d->piece = malloc(PIECE);
	ASSERT(d->piece != NULL);
	d->s = (struct stream){
		.proceed = on_proceed, .stop = on_stop, .object = doc.id, .n_bytes = v.n_bytes};
	d->server = c->app->server;
	d->reader = reader;
	d->n_left = v.n_bytes;
	c->stream_out = &d->s;
	return 0;
}

/* ── the text ── */

#define TEXT_DEFAULT (1024 * 1024)
#define TEXT_MAX (4 * 1024 * 1024)

/* Where a chunk's page begins, so that a long text is opened near it. */
static int64_t page_start(const struct extracted *x, int page)
{
	for (int i = 0; i < x->n_pages; i++) {
		if (x->pages[i].number == page) {
			return x->pages[i].byte_start;
		}
	}
	return 0;
}

static json_t *pages_json(const struct extracted *x)
{
	json_t *list = json_array();

	for (int i = 0; i < x->n_pages; i++) {
		const struct page *p = &x->pages[i];

		json_array_append_new(
			list, json_pack("{s:i,s:s?,s:i,s:i,s:f,s:f}", "number", (int)p->number,
				      "label", p->label, "byteStart", (int)p->byte_start, "byteEnd",
				      (int)p->byte_end, "width", (double)p->width, "height",
				      (double)p->height));
	}
	return list;
}

static int answer_text(struct call *c, const struct version *v, const struct chunk *k,
	const struct extracted *x, int64_t from, int64_t limit)
{
	size_t start = (size_t)(from < x->n_bytes ? from : x->n_bytes);
	size_t n;
	json_t *out;

	start = utf8_floor(x->text, (size_t)x->n_bytes, start);
	n = utf8_floor(x->text + start, (size_t)x->n_bytes - start, (size_t)limit);
	out = json_pack("{s:s,s:s,s:s?,s:s?,s:s,s:b,s:s?,s:I,s:I,s:s%,s:o}", "documentId",
		v->document.s, "versionId", v->id.s, "title", v->title, "language", v->language,
		"mediaType", x->media_type, "paged", (int)(x->paging != PAGING_NONE), "unit",
		x->paging != PAGING_NONE ? paging_name(x->paging) : NULL, "bytes",
		(json_int_t)x->n_bytes, "byteStart", (json_int_t)start, "text", x->text + start, n,
		"pages", pages_json(x));
	json_object_set_new(out, "next",
		start + n < (size_t)x->n_bytes ? json_integer((json_int_t)(start + n))
					       : json_null());
	json_object_set_new(out, "highlight",
		k ? json_pack("{s:I,s:I,s:i,s:s}", "byteStart", (json_int_t)k->byte_start,
			    "byteEnd", (json_int_t)k->byte_end, "page", k->page_first, "place",
			    chunk_place(k, &c->arena))
		  : json_null());
	return call_json(c, 200, out);
}

/* GET …/text?chunk=&version=&from=&limit=: bytes from `from` on (with a chunk: from its page on),
 * at most `limit`. */
int documents_text(struct call *c, struct err *e)
{
	const char *chunk = call_query(c, "chunk");
	struct document d;
	struct version v;
	struct chunk k;
	struct extracted x;
	int64_t from, limit;
	int rc = call_document(c, RIGHT_READ, &d, e);

	if (rc == 0) {
		rc = call_query_int(c, "from", 0, INT32_MAX, -1, &from, e);
	}
	if (rc == 0) {
		rc = call_query_int(c, "limit", 4, TEXT_MAX, TEXT_DEFAULT, &limit, e);
	}
	if (rc == 0 && chunk) {
		rc = call_chunk(c, &d, chunk, &k, e);
	}
	if (rc == 0) {
		rc = chunk ? version_lookup(c->db, &c->arena, &k.version, &v, e)
			   : call_version(c, &d, &v, e);
	}
	if (rc == 0) {
		rc = call_extracted(c, &v, &x, e);
	}
	if (rc != 0) {
		return rc;
	}
	if (from < 0) {
		from = chunk ? page_start(&x, k.page_first) : 0;
	}
	return answer_text(c, &v, chunk ? &k : NULL, &x, from, limit);
}
