/*
 * Of many slots with what they are about worth, those worth the most; in any order. Private to
 * index/vector*.c. Thread: its owner's.
 */
#ifndef INDEX_VECTOR_SHORTLIST_H
#define INDEX_VECTOR_SHORTLIST_H

#include <stdint.h>

struct shortlist {
	int64_t *slots; /* [n] */
	float *worth;	/* [n] */
	int n, capacity, wanted;
	float floor; /* what is worth less is not among the best */
};

void shortlist_init(struct shortlist *s, int wanted);
void shortlist_finish(struct shortlist *s);
/* Leaves the best `wanted`. */
void shortlist_cut(struct shortlist *s);

static inline void shortlist_add(struct shortlist *s, int64_t slot, float worth)
{
	if (worth < s->floor) {
		return;
	}
	s->slots[s->n] = slot;
	s->worth[s->n++] = worth;
	if (s->n == s->capacity) {
		shortlist_cut(s);
	}
}

#endif
