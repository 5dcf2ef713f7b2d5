/*
 * The openai embedder: any OpenAI-compatible /embeddings. Connections, the questions' cache and the
 * row of the table; how texts become requests stands in index/embed_batch.c.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/embed_batch.h"
#include "index/embed_cache.h"
#include "index/embed_prefix.h"
#include "index/embed_wire.h"
#include "index/vector_kernel.h"

#define IDLE_MAX 8 /* connections kept between calls */

struct state {
	pthread_mutex_t lock;
	struct upstream *idle[IDLE_MAX];
	int n_idle;
	struct embed_cache *cache; /* NULL: while the dimension is not known */
	struct batch_limits limits;
};

/* ── connections ── */

static bool is_final(long status, const char *body, size_t n_bytes)
{
	return wire_cause(status, body, n_bytes) != WIRE_OTHER;
}

static int take_upstream(struct embedder *em, struct upstream **out, struct err *e)
{
	const struct settings *set = em->settings;
	struct state *s = em->state;
	const struct upstream_config config = {.what = "embedding server",
		.prefix = "embed",
		.setting = "embed-url",
		.url = set->embed_url,
		.path = "/embeddings",
		.key = set->embed_key,
		.model = em->identity.model,
		.timeout_ms = set->embed_timeout_ms,
		.is_final = is_final};

	*out = NULL;
	pthread_mutex_lock(&s->lock);
	if (s->n_idle) {
		*out = s->idle[--s->n_idle];
	}
	pthread_mutex_unlock(&s->lock);
	return *out ? 0 : upstream_open(&config, out, e);
}

static void give_back(struct state *s, struct upstream *u)
{
	upstream_end(u);
	pthread_mutex_lock(&s->lock);
	if (s->n_idle < IDLE_MAX) {
		s->idle[s->n_idle++] = u;
		u = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	upstream_close(u);
}

static int run_job(struct batch_run *r, struct err *e)
{
	const struct settings *set = r->em->settings;
	bool waits = r->job->kind == EMBED_QUERY; /* a person */
	int tries = 1 + (int)set->embed_retries, rc;
	struct state *s = r->em->state;

	r->limits = &s->limits;
	rc = take_upstream(r->em, &r->upstream, e);
	if (rc) {
		return rc;
	}
	upstream_begin(r->upstream, &(struct upstream_limits){
					    .tries = waits && tries > 2 ? 2 : tries,
					    .at_once = waits ? 1 : (int)set->embed_at_once,
					    .total_ms = waits ? set->embed_timeout_ms : 0,
					    .cancel = r->job->cancel,
				    });
	rc = batch_run(r, e);
	give_back(s, r->upstream);
	return rc;
}

/* ── questions ── */

/* Those that were asked before come from the cache; *left: the others, by their place. */
static int look_up(struct batch_run *r, struct embed_text *left, int *places)
{
	struct state *state = r->em->state;
	const struct embed_job *job = r->job;
	int n = 0;

	for (int i = 0; i < job->n; i++) {
		const char *text = job->texts[i].body;

		if (text_blank(text) || !embed_cache_lookup(state->cache, text, strlen(text),
						job->out + (size_t)i * (size_t)r->dimension)) {
			places[n] = i;
			left[n++] = job->texts[i];
		}
	}
	return n;
}

static void scale(struct batch_run *r, int n)
{
	for (int i = 0; i < n; i++) {
		(void)vector_normalise(
			r->out + (size_t)i * (size_t)r->dimension, (size_t)r->dimension);
	}
}

static int embed_questions(struct batch_run *r, struct err *e)
{
	struct state *state = r->em->state;
	const struct embed_job *job = r->job;
	size_t size = (size_t)r->dimension;
	struct embed_text *left = calloc((size_t)job->n, sizeof(*left));
	int *places = calloc((size_t)job->n, sizeof(*places)), rc = 0;
	struct embed_job rest = *job;

	ASSERT(left != NULL && places != NULL);
	rest.texts = left;
	rest.n = look_up(r, left, places);
	rest.out = r->out = calloc((size_t)job->n * size, sizeof(float));
	ASSERT(rest.out != NULL);
	r->job = &rest;
	if (rest.n > 0) {
		rc = run_job(r, e);
		scale(r, rest.n);
	}
	for (int i = 0; rc == 0 && i < rest.n; i++) {
		const float *v = r->out + (size_t)i * size;

		memcpy(job->out + (size_t)places[i] * size, v, size * sizeof(float));
		if (!text_blank(left[i].body)) {
			embed_cache_put(state->cache, left[i].body, strlen(left[i].body), v);
		}
	}
	free(r->out);
	free(places);
	free(left);
	return rc;
}

/* ── the row ── */

static struct state *state_create(const struct settings *set, int dimension)
{
	struct state *s = calloc(1, sizeof(*s));

	ASSERT(s != NULL && pthread_mutex_init(&s->lock, NULL) == 0);
	if (dimension) {
		s->cache = embed_cache_create((size_t)set->embed_cache_kb << 10, dimension);
	}
	return s;
}

static void close_openai(struct embedder *em)
{
	struct state *s = em->state;

	for (int i = 0; i < s->n_idle; i++) {
		upstream_close(s->idle[i]);
	}
	embed_cache_destroy(s->cache);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int embed_openai(struct embedder *em, const struct embed_job *job, struct err *e)
{
	struct batch_run r = {
		.em = em, .job = job, .dimension = em->identity.dimension, .out = job->out};
	int rc;

	if (job->kind == EMBED_QUERY) {
		return embed_questions(&r, e);
	}
	rc = run_job(&r, e);
	if (rc == 0) {
		scale(&r, job->n);
	}
	return rc;
}

static int identify(const struct settings *set, struct embed_identity *out, struct err *e)
{
	const struct embed_text text = {.body = "dimension"};
	struct embed_job job = {.kind = EMBED_QUERY, .texts = &text, .n = 1};
	struct embedder em = {.kind = &embedder_openai, .settings = set};
	struct batch_run r = {.em = &em, .job = &job};
	int rc;

	if (!*set->embed_model || strlen(set->embed_model) >= sizeof(out->model)) {
		return err_set(e, ERR_CONFIG, "embed_model",
			"set embed-model, at most %zu bytes, for the openai embedder",
			sizeof(out->model) - 1);
	}
	snprintf(out->model, sizeof(out->model), "%s", set->embed_model);
	rc = embed_prefixes(set, out, e);
	if (rc) {
		return rc;
	}
	em.identity = *out;
	em.state = state_create(set, 0);
	r.out = calloc(EMBED_DIMENSION_MAX, sizeof(float));
	ASSERT(r.out != NULL);
	rc = run_job(&r, e);
	free(r.out);
	close_openai(&em);
	out->dimension = r.dimension;
	snprintf(out->answers_as, sizeof(out->answers_as), "%s", r.answers_as);
	return rc;
}

static int open_openai(struct embedder *em, const void *model_data, size_t n_bytes, struct err *e)
{
	struct upstream *u;
	int rc;

	(void)model_data;
	if (n_bytes) {
		return err_set(e, ERR_CORRUPT, "model_data", "the openai embedder has no table");
	}
	em->state = state_create(em->settings, em->identity.dimension);
	rc = take_upstream(em, &u, e);
	if (rc) {
		close_openai(em);
		return rc;
	}
	give_back(em->state, u);
	return 0;
}

static double weight(const struct embedder *em, const struct settings *set, const char *language)
{
	(void)em;
	(void)language; /* a real model knows them all alike */
	return (double)set->fusion_weight_openai / 100;
}

const struct embedder_kind embedder_openai = {
	"openai", identify, open_openai, close_openai, embed_openai, weight, 0};
