/* Orders to read, chunk and embed anew, and what stands of them: an admin's. */
#include <string.h>

#include "chat/auth.h"
#include "chat/documents.h"
#include "chat/replay.h"
#include "chat/routes.h"
#include "ingest/job.h"
#include "ingest/upload.h"
#include "ingest/worker.h"

/* One of these words, or *out stays. */
static int choice(
	struct call *c, const char *field, const char *const *words, int *out, struct err *e)
{
	const char *text = NULL;
	int rc = call_text(c, field, false, 16, &text, e);

	if (rc || !text) {
		return rc;
	}
	for (int i = 0; words[i]; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "bad_field", "The field %s must be %s, %s or %s.", field,
		words[0], words[1], words[2]);
}

enum space_order { SPACE_NONE = -1, SPACE_SWAP, SPACE_DROP, SPACE_BACK };

struct reindex_body {
	const char *collection, *embedder;
	int swap;  /* enum job_swap */
	int space; /* enum space_order */
	bool all, keep;
};

static int read_body(struct call *c, struct reindex_body *b, struct err *e)
{
	static const char *const fields[] = {
		"collection", "embedder", "all", "swap", "keep", "space"};
	static const char *const swaps[] = {
		[SWAP_ALWAYS] = "always", [SWAP_CHECKED] = "checked", [SWAP_NEVER] = "never", NULL};
	static const char *const spaces[] = {
		[SPACE_SWAP] = "swap", [SPACE_DROP] = "drop", [SPACE_BACK] = "back", NULL};
	int rc = call_fields(c, fields, sizeof(fields) / sizeof(fields[0]), e);

	*b = (struct reindex_body){.swap = SWAP_CHECKED, .space = SPACE_NONE};
	rc = rc ? rc : call_text(c, "collection", false, 200, &b->collection, e);
	rc = rc ? rc : call_text(c, "embedder", false, 64, &b->embedder, e);
	rc = rc ? rc : call_bool(c, "all", &b->all, e);
	rc = rc ? rc : choice(c, "swap", swaps, &b->swap, e);
	rc = rc ? rc : call_bool(c, "keep", &b->keep, e);
	rc = rc ? rc : choice(c, "space", spaces, &b->space, e);
	if (rc == 0 && b->embedder && b->collection) {
		rc = err_set(e, ERR_INVALID, "bad_field",
			"An embedder is one for the whole workspace: leave collection out.");
	}
	if (rc == 0 && b->space != SPACE_NONE && (b->embedder || b->collection || b->all)) {
		rc = err_set(
			e, ERR_INVALID, "bad_field", "The field space stands alone, or with keep.");
	}
	return rc;
}

/* What an order that was given up has filled so far; nothing while one is worked on. */
static int drop_given_up(struct call *c, int *n, struct err *e)
{
	struct job *open;
	int n_open, rc = job_open_reembeds(c->db, &c->arena, &c->who.workspace, &open, &n_open, e);

	return rc || n_open > 0 ? rc
				: vectors_space_drop(c->app->index->vectors, c->who.workspace_n,
					  ASIDE_NOT, n, e);
}

/* Which there are to drop: what waits for a decision, else what is kept, else what is left. */
static int drop_space(struct call *c, struct err *e)
{
	struct vectors *v = c->app->index->vectors;
	int n = 0;
	int rc = vectors_space_drop(v, c->who.workspace_n, ASIDE_WAITING, &n, e);

	if (rc == 0 && n == 0) {
		rc = vectors_space_drop(v, c->who.workspace_n, ASIDE_KEPT, &n, e);
	}
	if (rc == 0 && n == 0) {
		rc = drop_given_up(c, &n, e);
	}
	if (rc == 0 && n == 0) {
		rc = err_set(e, ERR_NOT_FOUND, "no_such_space",
			"There are no vectors that wait or are kept.");
	}
	return rc;
}

static int order_space(struct call *c, const struct reindex_body *b, struct id *job, struct err *e)
{
	const struct reembed_order o = {.from = b->space == SPACE_BACK ? ASIDE_KEPT : ASIDE_WAITING,
		.swap = SWAP_ALWAYS,
		.keep = b->keep,
		.actor = call_actor(c)};

	return b->space == SPACE_DROP
		       ? drop_space(c, e)
		       : ingest_reembed_order(c->app->index, &c->who.workspace, &o, job, e);
}

static int order_embedder(
	struct call *c, const struct reindex_body *b, struct id *job, struct err *e)
{
	const struct reembed_order o = {.embedder = b->embedder,
		.swap = (enum job_swap)b->swap,
		.keep = b->keep,
		.actor = call_actor(c)};

	return ingest_reembed_order(c->app->index, &c->who.workspace, &o, job, e);
}

int reindex_order(struct call *c, struct err *e)
{
	struct collection in = {.id = {""}};
	struct id job = {""};
	struct reindex_body b;
	int64_t n = 0;
	int rc = read_body(c, &b, e);

	if (rc == 0 && b.collection) {
		rc = call_collection(c, b.collection, RIGHT_NONE, &in, e);
	}
	if (rc == 0 && b.space != SPACE_NONE) {
		rc = order_space(c, &b, &job, e);
	} else if (rc == 0) {
		if (b.embedder) {
			rc = order_embedder(c, &b, &job, e);
		}
		if (rc == 0 && (!b.embedder || b.all)) {
			rc = ingest_reindex(c->app->index, &c->who.workspace, &in.id, b.all,
				call_actor(c), &n, e);
		}
	}
	if (rc != 0) {
		return rc;
	}
	worker_wake(c->app->worker);
	return call_json(c, 202,
		json_pack("{s:I,s:o}", "jobs", (json_int_t)(n + !id_empty(&job)), "jobId",
			json_id(&job)));
}

static int add_spaces(struct call *c, json_t *list, struct err *e)
{
	struct space_view *spaces;
	int n;
	int rc = vectors_spaces(c->db, &c->arena, c->who.workspace_n, &spaces, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		const struct space_view *s = &spaces[i];

		json_array_append_new(
			list, json_pack("{s:I,s:s,s:s,s:i,s:s,s:I,s:I,s:I,s:I}", "space",
				      (json_int_t)s->n, "embedder", s->embedder, "model", s->model,
				      "dimension", s->dimension, "state", s->state, "chunks",
				      (json_int_t)s->n_vectors, "missing", (json_int_t)s->n_missing,
				      "bytes", (json_int_t)s->n_bytes, "createdMs",
				      (json_int_t)s->created_ms));
	}
	return rc;
}

/* The vectors there are, and what the last comparison said. ?details=1: with one's own questions.
 */
int reindex_show(struct call *c, struct err *e)
{
	json_t *list = json_array(), *replay = NULL;
	int64_t details;
	int rc = call_query_int(c, "details", 0, 1, 0, &details, e);

	rc = rc ? rc : add_spaces(c, list, e);
	if (rc == 0) {
		rc = replay_json(c->db, &c->arena, &c->who, details != 0, &replay, e);
	}
	if (rc) {
		json_decref(list);
		json_decref(replay);
		return rc;
	}
	return call_json(c, 200, json_pack("{s:o,s:o}", "spaces", list, "replay", replay));
}
