#include "index/embed_cache.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"
#include "index/base/hash.h"

#define BUCKETS 1024 /* questions of a few minutes; chains stay short up to some thousands */

struct entry {
	struct entry *chain;	     /* of its bucket */
	struct entry *newer, *older; /* by use */
	uint64_t hash;
	size_t n_bytes; /* of the text, which follows the vector */
	float vector[];
};

struct embed_cache {
	pthread_mutex_t lock;
	size_t max_bytes, n_bytes;
	size_t dimension;
	struct entry *newest, *oldest;
	struct entry *buckets[BUCKETS];
};

struct embed_cache *embed_cache_create(size_t max_bytes, int dimension)
{
	struct embed_cache *c = calloc(1, sizeof(*c));

	ASSERT(c != NULL && pthread_mutex_init(&c->lock, NULL) == 0);
	c->max_bytes = max_bytes;
	c->dimension = (size_t)dimension;
	return c;
}

static char *text_of(const struct embed_cache *c, struct entry *x)
{
	return (char *)(x->vector + c->dimension);
}

static size_t size_of(const struct embed_cache *c, size_t n_bytes)
{
	return sizeof(struct entry) + c->dimension * sizeof(float) + n_bytes;
}

static void unlink_use(struct embed_cache *c, struct entry *x)
{
	*(x->newer ? &x->newer->older : &c->newest) = x->older;
	*(x->older ? &x->older->newer : &c->oldest) = x->newer;
}

static void link_newest(struct embed_cache *c, struct entry *x)
{
	x->newer = NULL;
	x->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = x;
	c->newest = x;
}

static void forget(struct embed_cache *c, struct entry *x)
{
	struct entry **p = &c->buckets[x->hash % BUCKETS];

	while (*p != x) {
		p = &(*p)->chain;
	}
	*p = x->chain;
	unlink_use(c, x);
	c->n_bytes -= size_of(c, x->n_bytes);
	free(x);
}

void embed_cache_destroy(struct embed_cache *c)
{
	if (!c) {
		return;
	}
	while (c->oldest) {
		forget(c, c->oldest);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct entry *find(struct embed_cache *c, uint64_t hash, const char *text, size_t n_bytes)
{
	struct entry *x = c->buckets[hash % BUCKETS];

	while (x && (x->hash != hash || x->n_bytes != n_bytes ||
			    memcmp(text_of(c, x), text, n_bytes) != 0)) {
		x = x->chain;
	}
	return x;
}

bool embed_cache_lookup(struct embed_cache *c, const char *text, size_t n_bytes, float *out)
{
	uint64_t hash = hash64(text, n_bytes);
	struct entry *x;

	pthread_mutex_lock(&c->lock);
	x = find(c, hash, text, n_bytes);
	if (x) {
		memcpy(out, x->vector, c->dimension * sizeof(float));
		unlink_use(c, x);
		link_newest(c, x);
	}
	pthread_mutex_unlock(&c->lock);
	return x != NULL;
}

void embed_cache_put(struct embed_cache *c, const char *text, size_t n_bytes, const float *vector)
{
	uint64_t hash = hash64(text, n_bytes);
	size_t size = size_of(c, n_bytes);
	struct entry *x;

	if (size > c->max_bytes) {
		return;
	}
	pthread_mutex_lock(&c->lock);
	if (!find(c, hash, text, n_bytes)) {
		while (c->n_bytes + size > c->max_bytes) {
			forget(c, c->oldest);
		}
		x = malloc(size);
		ASSERT(x != NULL);
		*x = (struct entry){
			.chain = c->buckets[hash % BUCKETS], .hash = hash, .n_bytes = n_bytes};
		memcpy(x->vector, vector, c->dimension * sizeof(float));
		memcpy(text_of(c, x), text, n_bytes);
		c->buckets[hash % BUCKETS] = x;
		link_newest(c, x);
		c->n_bytes += size;
	}
	pthread_mutex_unlock(&c->lock);
}
