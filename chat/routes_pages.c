/*
 * A document's pages as images, with a passage or a quotation highlighted. A PDF has pages and the
 * boxes of its lines; of an office document the pages are drawn when somebody first looks
 * (ingest/view.h), and the passage is found on them by its words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/documents.h"
#include "chat/routes.h"
#include "chat/run_store.h"
#include "ingest/extracted.h"
#include "ingest/formats.h"
#include "ingest/locate.h"
#include "ingest/view.h"
#include "ingest/zygote.h"

#define BUSY_S 2 /* until another conversion may be over */

/* What is highlighted, and in which version. */
struct spot {
	struct id version;
	struct chunk chunk; /* that it is, or is in; no id: nothing is highlighted */
	const char *quote;  /* of it, or NULL */
	const struct box *boxes;
	int n_boxes;
};

static int spot_of_chunk(
	struct call *c, const struct document *d, const char *id, struct spot *out, struct err *e)
{
	int rc = call_chunk(c, d, id, &out->chunk, e);

	if (rc == 0) {
		out->version = out->chunk.version;
		out->boxes = out->chunk.boxes;
		out->n_boxes = out->chunk.n_boxes;
	}
	return rc;
}

/* "run_…:3": the quoted lines of a citation of an answer of one's own. */
static int spot_of_citation(struct call *c, const struct document *d, const char *citation,
	struct spot *out, struct err *e)
{
	size_t n_run = strcspn(citation, ":");
	struct id run = id_parse("run", arena_strn(&c->arena, citation, n_run));
	int ordinal = citation[n_run] ? (int)strtol(citation + n_run + 1, NULL, 10) : 0;
	struct citation k;
	int rc = run_citation(c->db, &c->arena, &c->who, &run, ordinal, &k, e);

	if (rc != 0) {
		return rc;
	}
	if (!id_equal(&k.document, &d->id)) {
		return err_absent(e);
	}
	/* The chunk is kept as long as a citation names it. */
	rc = chunk_open(c->db, &c->arena, &c->who, &k.chunk, &out->chunk, e);
	if (rc == ERR_NOT_FOUND) {
		err_clear(e);
		out->chunk.id = (struct id){""};
		rc = 0;
	}
	out->version = k.version;
	out->quote = k.quote;
	out->boxes = k.boxes;
	out->n_boxes = k.n_boxes;
	return rc;
}

/* The document, what of it is highlighted, and the version that this is in. */
static int read_order(
	struct call *c, struct document *d, struct version *v, struct spot *spot, struct err *e)
{
	const char *chunk = call_query(c, "chunk");
	const char *citation = call_query(c, "citation");
	int rc = 0;

	memset(spot, 0, sizeof(*spot));
	if (citation) {
		rc = spot_of_citation(c, d, citation, spot, e);
	} else if (chunk) {
		rc = spot_of_chunk(c, d, chunk, spot, e);
	}
	if (rc == 0) {
		rc = id_empty(&spot->version)
			     ? call_version(c, d, v, e)
			     : version_lookup(c->db, &c->arena, &spot->version, v, e);
	}
	return rc;
}

/* Pages of its own; what was not read yet is taken for a PDF, which the drawing finds out. */
static bool has_own_pages(const struct version *v)
{
	return !v->media_type || format_is_drawn(v->media_type);
}

/* Where the spot is on the view's pages: of a quotation, the lines of it in the passage's.
 * text_end: of the document's text, in bytes. */
static void find_spot(struct call *c, const struct view *view, int64_t text_end, struct spot *spot)
{
	struct locate_request r = {.text = spot->chunk.text};
	struct box *found;
	int n;

	spot->n_boxes = 0;
	if (id_empty(&spot->chunk.id)) {
		return;
	}
	r.near = text_end > 0 ? (double)spot->chunk.byte_start / (double)text_end : 0;
	n = locate_passage(&view->pages, &r, &c->arena, &found);
	spot->boxes = found;
	spot->n_boxes = n;
	if (n == 0 || !spot->quote) {
		return;
	}
	r = (struct locate_request){
		.text = spot->quote, .first = found[0].byte_start, .after = found[n - 1].byte_end};
	n = locate_passage(&view->pages, &r, &c->arena, &found);
	if (n > 0) {
		spot->boxes = found;
		spot->n_boxes = n;
	}
}

/* The rights are asked again behind it, whatever came of it: it may have taken minutes. */
static int open_view(struct call *c, const struct document *d, const struct version *v,
	struct spot *spot, struct view *out, struct err *e)
{
	int64_t text_end = chunks_text_end(c->db, &v->id);
	struct err why = ERR_INIT;
	int rc, opened;

	call_let_go(c);
	opened = views_open(c->app->views, c->app->settings, v, &c->arena, out, &why);
	rc = call_renew(c, e);
	rc = rc ? rc : acl_may(c->db, &c->who, &d->id, RIGHT_READ, e);
	call_let_go(c);
	if (rc != 0) {
		return rc;
	}
	if (opened == ERR_NOT_FOUND) {
		return err_absent(e);
	}
	c->retry_after_s = opened == ERR_UNAVAILABLE ? BUSY_S : 0;
	if (opened != 0) {
		return err_set(e, opened, why.reason, "%s", why.message);
	}
	find_spot(c, out, text_end, spot);
	return 0;
}

/* ── one page ── */

static int page_number(struct call *c, int *out, struct err *e)
{
	char *end;
	long n = strtol(c->params[1], &end, 10);

	if (c->params[1][0] < '1' || c->params[1][0] > '9' || *end || n > 1000000) {
		return err_absent(e);
	}
	*out = (int)n;
	return 0;
}

static int render(struct call *c, const char *blob_hash, struct render_request *r, struct err *e)
{
	int rc = blob_hash ? blob_memfd(c->app->index->blobs, blob_hash, &r->memfd, e)
			   : err_absent(e);

	if (rc != 0) {
		return rc;
	}
	rc = zygote_render(c->app->zygote, r, &c->out, e);
	close(r->memfd);
	if (rc == ERR_NOT_FOUND) {
		err_clear(e);
		return err_absent(e);
	}
	return rc;
}

/* GET …/pages/{page}.png?chunk= | citation=run_…:ordinal &version=&width= */
int documents_page(struct call *c, struct err *e)
{
	struct render_request r = {.width = 0};
	struct spot spot;
	struct document d;
	struct version v;
	struct view view;
	const char *hash;
	int64_t width;
	int rc = call_document(c, RIGHT_READ, &d, e);

	if (rc == 0) {
		rc = page_number(c, &r.page, e);
	}
	if (rc == 0) {
		rc = call_query_int(c, "width", 64, 2400, 1000, &width, e);
	}
	if (rc == 0) {
		rc = read_order(c, &d, &v, &spot, e);
	}
	if (rc == 0 && !has_own_pages(&v)) {
		rc = open_view(c, &d, &v, &spot, &view, e);
	}
	if (rc != 0) {
		return rc;
	}
	hash = has_own_pages(&v) ? v.blob_hash : view.hash;
	r.width = (int)width;
	r.boxes = spot.boxes;
	r.n_boxes = spot.n_boxes;
	call_let_go(c); /* drawing takes long; the rights were asked */
	rc = render(c, hash, &r, e);
	if (rc == 0) {
		c->status = 200;
		c->content_type = "image/png";
	}
	return rc;
}

/* ── what pages there are ── */

static int answer_view(struct call *c, const struct version *v, const char *state,
	const struct view *view, const struct spot *spot)
{
	json_t *pages = json_array(), *boxes = json_array(), *out;

	for (int i = 0; view && i < view->pages.n_pages; i++) {
		const struct page *p = &view->pages.pages[i];

		json_array_append_new(
			pages, json_pack("{s:i,s:f,s:f}", "number", (int)p->number, "width",
				       (double)p->width, "height", (double)p->height));
	}
	for (int i = 0; view && i < spot->n_boxes; i++) {
		const struct box *b = &spot->boxes[i];

		json_array_append_new(
			boxes, json_pack("{s:i,s:[f,f,f,f]}", "page", (int)b->page, "rect",
				       (double)b->x0, (double)b->y0, (double)b->x1, (double)b->y1));
	}
	out = json_pack("{s:s,s:s,s:o,s:o,s:o}", "versionId", v->id.s, "state", state, "pages",
		pages, "page",
		view && spot->n_boxes > 0 ? json_integer(spot->boxes[0].page) : json_null(),
		"boxes", boxes);
	return call_json(c, 200, out);
}

/* GET …/view?chunk= | citation= &version=&draw=: the pages that …/pages/{page}.png draws of a
 * document without pages of its own, and where the passage is on them. draw=0 only says whether
 * there are some. */
int documents_view(struct call *c, struct err *e)
{
	struct spot spot;
	struct document d;
	struct version v;
	struct view view;
	int64_t draw;
	int rc = call_document(c, RIGHT_READ, &d, e);

	if (rc == 0) {
		rc = call_query_int(c, "draw", 0, 1, 1, &draw, e);
	}
	if (rc == 0) {
		rc = read_order(c, &d, &v, &spot, e);
	}
	if (rc != 0) {
		return rc;
	}
	if (has_own_pages(&v)) {
		return answer_view(c, &v, "own", NULL, &spot);
	}
	if (!views_possible(c->app->views, c->app->settings, &v)) {
		return answer_view(c, &v, "none", NULL, &spot);
	}
	if (!draw && !v.view_hash) {
		return answer_view(c, &v, "possible", NULL, &spot);
	}
	rc = open_view(c, &d, &v, &spot, &view, e);
	if (rc == ERR_UNPROCESSABLE) {
		err_clear(e);
		return answer_view(c, &v, "none", NULL, &spot);
	}
	return rc == 0 ? answer_view(c, &v, "ready", &view, &spot) : rc;
}
