#include "index/chunk_digests.h"

#include <pthread.h>
#include <stdlib.h>

#include "index/base/err.h"

#define N_PLACES                                                                                   \
	((size_t)1 << 17) /* slots are dense: so many neighbours are never in each other's */
#define DIGEST_BITS (64 * DIGEST_WORDS)

struct place {
	int64_t workspace_n; /* 0: free */
	struct chunk_digest digest;
};

struct chunk_digests {
	pthread_mutex_t lock;
	struct place *places; /* [N_PLACES] */
};

/* ── one and two ── */

void digest_of(const struct chunk *c, const uint64_t *terms, int n_terms, struct chunk_digest *out)
{
	*out = (struct chunk_digest){.slot = c->slot,
		.version = c->version,
		.generation = c->generation,
		.seq = c->seq,
		.n_tokens = c->n_tokens,
		.n_terms = n_terms};
	for (int i = 0; i < n_terms; i++) {
		uint64_t bit = terms[i] % DIGEST_BITS;

		out->bits[bit / 64] |= (uint64_t)1 << bit % 64;
	}
}

/* Without an instruction that the oldest processors lack (Warren, Hacker's Delight, 5-1). */
static int ones(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (int)(x * 0x0101010101010101 >> 56);
}

/* A bit of one alone is of a term of one alone; terms that share a bit may hide some. */
int digests_apart(const struct chunk_digest *a, const struct chunk_digest *b)
{
	int n = 0;

	for (int i = 0; i < DIGEST_WORDS; i++) {
		n += ones(a->bits[i] ^ b->bits[i]);
	}
	return n;
}

/* ── all ── */

struct chunk_digests *digests_create(void)
{
	struct chunk_digests *d = calloc(1, sizeof(*d));

	ASSERT(d != NULL && pthread_mutex_init(&d->lock, NULL) == 0);
	d->places = calloc(N_PLACES, sizeof(*d->places));
	ASSERT(d->places != NULL);
	return d;
}

void digests_destroy(struct chunk_digests *d)
{
	if (d) {
		pthread_mutex_destroy(&d->lock);
		free(d->places);
		free(d);
	}
}

static struct place *place_of(struct chunk_digests *d, int64_t workspace_n, int64_t slot)
{
	return &d->places[((uint64_t)slot + (uint64_t)workspace_n * 0x9e3779b97f4a7c15) % N_PLACES];
}

void digests_lookup(struct chunk_digests *d, int64_t workspace_n, const int64_t *slots, int n,
	struct chunk_digest *out)
{
	for (int i = 0; i < n; i++) {
		__builtin_prefetch(place_of(d, workspace_n, slots[i]));
	}
	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < n; i++) {
		const struct place *p = place_of(d, workspace_n, slots[i]);

		if (p->workspace_n == workspace_n && p->digest.slot == slots[i]) {
			out[i] = p->digest;
		} else {
			out[i] = (struct chunk_digest){.slot = -1};
		}
	}
	pthread_mutex_unlock(&d->lock);
}

void digests_keep(struct chunk_digests *d, int64_t workspace_n, const struct chunk_digest *x)
{
	struct place *p = place_of(d, workspace_n, x->slot);

	pthread_mutex_lock(&d->lock);
	p->workspace_n = workspace_n;
	p->digest = *x;
	pthread_mutex_unlock(&d->lock);
}
