#include "index/vector_shortlist.h"

#include <math.h>
#include <stdlib.h>

#include "index/base/err.h"

#define ROOM 4 /* times what is wanted: a cut costs as much as it takes in */

void shortlist_init(struct shortlist *s, int wanted)
{
	ASSERT(wanted > 0);
	*s = (struct shortlist){.capacity = ROOM * wanted, .wanted = wanted, .floor = -INFINITY};
	s->slots = malloc((size_t)s->capacity * sizeof(*s->slots));
	s->worth = malloc((size_t)s->capacity * sizeof(*s->worth));
	ASSERT(s->slots != NULL && s->worth != NULL);
}

void shortlist_finish(struct shortlist *s)
{
	free(s->slots);
	free(s->worth);
}

static void swap(struct shortlist *s, int i, int k)
{
	int64_t slot = s->slots[i];
	float worth = s->worth[i];

	s->slots[i] = s->slots[k];
	s->worth[i] = s->worth[k];
	s->slots[k] = slot;
	s->worth[k] = worth;
}

/* FIND (Hoare 1961): the best `wanted` come to the front. */
void shortlist_cut(struct shortlist *s)
{
	int from = 0, to = s->n - 1, at = s->wanted - 1;

	if (s->n <= s->wanted) {
		return;
	}
	while (from < to) {
		float pivot = s->worth[from + (to - from) / 2];
		int i = from, k = to;

		while (i <= k) {
			while (s->worth[i] > pivot) {
				i++;
			}
			while (s->worth[k] < pivot) {
				k--;
			}
			if (i <= k) {
				swap(s, i++, k--);
			}
		}
		if (at <= k) {
			to = k;
		} else if (at >= i) {
			from = i;
		} else {
			break;
		}
	}
	s->floor = s->worth[at];
	s->n = s->wanted;
}
