#include "index/embed_batch.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/arena.h"
#include "index/base/utf8.h"
#include "index/embed_wire.h"
#include "index/tokens.h"
#include "index/vector_kernel.h"

#define BATCH_MAX 2048
#define PIECE_MIN 64	      /* bytes: a text refused as too long is not cut further */
#define PERHAPS_LONG_MIN 1000 /* bytes: a shorter one is refused for another reason */

struct piece {
	int text; /* of job->texts */
	const char *p;
	size_t len;
	int n_tokens;
};

/* One batch as it was first made; its memory lives until all that it was cut into is answered. */
struct load {
	struct load *next, **at; /* in the run's list */
	struct arena arena;
	int n_open;
};

/* A batch that was cut in two: if both halves pass whole, it was its size that was refused. */
struct cut {
	struct cut *of;
	int n_texts, n_tokens, n_open;
	bool deeper; /* a part of it was cut again */
};

struct batch {
	struct load *load;
	struct cut *of; /* NULL: whole */
	struct piece *pieces;
	int n, n_tokens;
	enum wire_format format;
	struct batch *next;
};

static int limit_of(int64_t setting, atomic_int *found)
{
	int n = atomic_load(found);

	return n && n < setting ? n : (int)setting;
}

static void lower(atomic_int *found, int n)
{
	int now = atomic_load(found);

	n = n > 0 ? n : 1;
	while ((now == 0 || n < now) && !atomic_compare_exchange_weak(found, &now, n)) {
	}
}

/* ── batches ── */

bool text_blank(const char *s)
{
	return !s || s[strspn(s, " \t\r\n")] == 0;
}

/* What of a text is sent: title, heading path and body, a line each. */
static struct piece compose(struct arena *a, const struct embed_text *t, int text)
{
	const char *parts[] = {t->title, t->heading, t->body};
	struct buf all = BUF_INIT;
	struct piece piece = {text, "", 0, 0};

	for (size_t i = 0; i < 3; i++) {
		if (!text_blank(parts[i])) {
			buf_str(&all, all.len ? "\n" : "");
			buf_str(&all, parts[i]);
		}
	}
	if (all.len) {
		piece.p = arena_strn(a, all.data, all.len);
		piece.len = all.len;
		piece.n_tokens = tokens_estimate(piece.p, piece.len) + 1;
	}
	buf_finish(&all);
	return piece;
}

static void push(struct batch_run *r, struct batch *b)
{
	b->next = r->queue;
	r->queue = b;
}

static struct load *add_load(struct batch_run *r)
{
	struct load *l = calloc(1, sizeof(*l));

	ASSERT(l != NULL);
	arena_init(&l->arena);
	l->n_open = 1;
	l->next = r->loads;
	l->at = &r->loads;
	if (l->next) {
		l->next->at = &l->next;
	}
	r->loads = l;
	return l;
}

static void remove_load(struct load *l)
{
	*l->at = l->next;
	if (l->next) {
		l->next->at = l->at;
	}
	arena_finish(&l->arena);
	free(l);
}

/* The next batch of the job's texts; NULL: there are no more. One that holds more tokens than the
 * server once refused goes alone, so that not all of a batch is cut on its account. */
static struct batch *next_batch(struct batch_run *r)
{
	struct batch_limits *found = r->limits;
	int most = limit_of(r->em->settings->embed_batch, &found->texts);
	int tokens = limit_of(r->em->settings->embed_batch_tokens, &found->tokens);
	int refused = atomic_load(&found->refused_tokens);
	struct load *l = add_load(r);
	struct batch *b;

	b = arena_array(&l->arena, struct batch, 1);
	*b = (struct batch){.load = l, .format = (enum wire_format)atomic_load(&found->format)};
	b->pieces = arena_array(&l->arena, struct piece, (size_t)most);
	while (r->at < r->job->n && b->n < most) {
		struct piece piece = compose(&l->arena, &r->job->texts[r->at], r->at);
		bool alone = refused && piece.n_tokens >= refused;

		if (b->n > 0 && (alone || b->n_tokens + piece.n_tokens > tokens)) {
			break;
		}
		r->at++;
		if (piece.len == 0) {
			r->n_done++;
			continue;
		}
		r->open[piece.text] = 1;
		b->n_tokens += piece.n_tokens;
		b->pieces[b->n++] = piece;
		if (alone) {
			break;
		}
	}
	if (b->n == 0) {
		remove_load(l);
		return NULL;
	}
	return b;
}

static int send(struct batch_run *r, struct batch *b, struct err *e)
{
	const char *texts[BATCH_MAX];
	size_t lengths[BATCH_MAX];
	const struct embed_identity *id = &r->em->identity;
	const struct wire_texts t = {id->model,
		r->job->kind == EMBED_QUERY ? id->query_prefix : id->document_prefix, texts,
		lengths, b->n, b->format};
	struct buf body = BUF_INIT;
	size_t n_bytes;
	int rc;

	for (int i = 0; i < b->n; i++) {
		texts[i] = b->pieces[i].p;
		lengths[i] = b->pieces[i].len;
	}
	rc = wire_request(&t, &body, e);
	if (rc) {
		buf_finish(&body);
		return rc;
	}
	n_bytes = body.len;
	upstream_post(r->upstream, buf_take(&body), n_bytes, b);
	return 0;
}

/* ── cutting ── */

/* At the white space nearest to the middle, or between characters. */
static size_t split_at(const struct piece *piece)
{
	size_t middle = piece->len / 2;

	for (size_t d = 0; d < piece->len / 4; d++) {
		if (isspace((unsigned char)piece->p[middle + d])) {
			return middle + d;
		}
		if (isspace((unsigned char)piece->p[middle - d])) {
			return middle - d;
		}
	}
	return utf8_floor(piece->p, piece->len, middle);
}

static struct batch *part_of(const struct batch *b, struct cut *cut, struct piece *pieces, int n)
{
	struct batch *part = arena_array(&b->load->arena, struct batch, 1);

	*part = (struct batch){
		.load = b->load, .of = cut, .pieces = pieces, .n = n, .format = b->format};
	for (int i = 0; i < n; i++) {
		part->n_tokens += pieces[i].n_tokens;
	}
	return part;
}

static void cut_in_two(struct batch_run *r, struct batch *b)
{
	struct cut *cut = arena_array(&b->load->arena, struct cut, 1);
	struct piece *pieces = b->pieces;
	int n = b->n;

	*cut = (struct cut){.of = b->of, .n_texts = b->n, .n_tokens = b->n_tokens, .n_open = 2};
	for (struct cut *c = b->of; c; c = c->of) {
		c->deeper = true;
	}
	if (n == 1) {
		size_t at = split_at(&b->pieces[0]);

		lower(&r->limits->refused_tokens, b->pieces[0].n_tokens);
		pieces = arena_array(&b->load->arena, struct piece, 2);
		pieces[0] = pieces[1] = b->pieces[0];
		pieces[0].len = at;
		pieces[1].p += at;
		pieces[1].len -= at;
		pieces[0].n_tokens = tokens_estimate(pieces[0].p, pieces[0].len) + 1;
		pieces[1].n_tokens = tokens_estimate(pieces[1].p, pieces[1].len) + 1;
		r->open[pieces[0].text]++;
		n = 2;
	}
	b->load->n_open++;
	push(r, part_of(b, cut, pieces + n / 2, n - n / 2));
	push(r, part_of(b, cut, pieces, n / 2));
}

/* ── answers ── */

static int check_model(struct batch_run *r, const char *model, struct err *e)
{
	const char *known = *r->answers_as ? r->answers_as : r->em->identity.answers_as;

	if (*model && *known && strcmp(model, known) != 0) {
		return err_set(e, ERR_UPSTREAM, "embed_model_changed",
			"the embedding server now answers as \"%.60s\", and the vectors were made "
			"by \"%.60s\": if that is another model, run `carrel reindex --embedder "
			"openai`",
			model, known);
	}
	if (*model) {
		snprintf(r->answers_as, sizeof(r->answers_as), "%s", model);
	}
	return 0;
}

/* After the last half of a cut: what the server takes at once. */
static void learn(struct batch_run *r, struct batch *b)
{
	struct cut *c = b->of;

	if (c && --c->n_open == 0 && !c->deeper && c->n_texts > 1) {
		lower(&r->limits->texts, c->n_texts - c->n_texts / 2);
		lower(&r->limits->tokens, c->n_tokens - c->n_tokens / 2);
	}
}

static int take_vectors(
	struct batch_run *r, struct batch *b, const struct upstream_reply *reply, struct err *e)
{
	struct wire_vectors v = {.n = b->n, .dimension = r->dimension};
	size_t room = (size_t)(v.dimension ? v.dimension : EMBED_DIMENSION_MAX);
	int rc;

	v.out = calloc((size_t)v.n * room, sizeof(float));
	ASSERT(v.out != NULL);
	rc = wire_answer(reply->body, reply->n_bytes, &v, e);
	rc = rc ? rc : check_model(r, v.model, e);
	for (int i = 0; rc == 0 && i < b->n; i++) {
		const struct piece *p = &b->pieces[i];

		vector_kernel()->add_scaled(r->out + (size_t)p->text * (size_t)v.dimension,
			v.out + (size_t)i * (size_t)v.dimension, (float)p->n_tokens,
			(size_t)v.dimension);
		r->n_done += --r->open[p->text] == 0;
	}
	free(v.out);
	if (rc) {
		return rc;
	}
	r->dimension = v.dimension;
	if ((int)b->format > atomic_load(&r->limits->format)) {
		atomic_store(&r->limits->format, (int)b->format);
	}
	learn(r, b);
	if (r->job->progress) {
		r->job->progress(r->job->arg, r->n_done, r->job->n);
	}
	return 0;
}

static int on_refused(
	struct batch_run *r, struct batch *b, const struct upstream_reply *reply, struct err *e)
{
	enum wire_cause cause = wire_cause(reply->status, reply->body, reply->n_bytes);
	bool is_long = cause == WIRE_LONG || cause == WIRE_PERHAPS_LONG;
	size_t least = cause == WIRE_LONG ? PIECE_MIN : PERHAPS_LONG_MIN;

	if (cause == WIRE_FORMAT && b->format < WIRE_PLAIN) {
		b->format++;
		push(r, b);
		return 0;
	}
	if (is_long && (b->n > 1 || b->pieces[0].len >= least)) {
		cut_in_two(r, b);
		return 0;
	}
	return err_set(e, reply->why.code,
		cause == WIRE_LONG ? "embed_too_long" : reply->why.reason, "%s",
		reply->why.message);
}

static int on_reply(struct batch_run *r, const struct upstream_reply *reply, struct err *e)
{
	struct batch *b = reply->tag;
	int rc;

	if (reply->status != 200) {
		return on_refused(r, b, reply, e);
	}
	rc = take_vectors(r, b, reply, e);
	if (--b->load->n_open == 0) {
		remove_load(b->load);
	}
	return rc;
}

/* ── a run ── */

static int fill_flight(struct batch_run *r, struct err *e)
{
	int rc = 0;

	while (rc == 0 && upstream_has_room(r->upstream)) {
		struct batch *b = r->queue;

		if (b) {
			r->queue = b->next;
		} else {
			b = next_batch(r);
		}
		if (!b) {
			break;
		}
		rc = send(r, b, e);
	}
	return rc;
}

int batch_run(struct batch_run *r, struct err *e)
{
	int rc;

	r->open = calloc((size_t)r->job->n + 1, sizeof(*r->open));
	ASSERT(r->open != NULL);
	do {
		struct upstream_reply reply;

		rc = fill_flight(r, e);
		rc = rc ? rc : upstream_wait(r->upstream, &reply, e);
		if (rc == 1) {
			rc = on_reply(r, &reply, e);
			rc = rc ? rc : 1;
		}
	} while (rc == 1);
	upstream_end(r->upstream);
	while (r->loads) {
		remove_load(r->loads);
	}
	free(r->open);
	return rc;
}
