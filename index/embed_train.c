/*
 * Contrastive training of term vectors: a pair of texts that belong together, title and heading
 * with the text under them, or a span of a text with what stands around it, are to be nearer to
 * each other than to the other texts of the batch (index/embed_step.h). A row is its own for terms
 * of two chunks and more; a rarer one is the sum of its grams' rows divided by the root of their
 * number. Adam (Kingma and Ba, 2015) over the rows that a batch touches.
 */
#include "index/embed_train.h"

#include <stdlib.h>
#include <string.h>

#include "index/embed_step.h"
#include "index/embed_kind.h"
#include "index/embed_rows.h"

/*
 * Where the constants come from: Carrel's design measured batch, epochs, temperature, a rate of
 * 4e-3 and spans of 4 to 10 on eleven collections. Rate and spans were measured again on MedQuAD,
 * the handbook, CISI and the chunking windows, with up to four seeds: nDCG@10 fused at .3 over BM25
 * is
 * +.013 on their mean, +.011 before, where seeds differ by .003; the chunking windows, whose
 * questions are long, lost .006 and lose .001; Recall@100 +.028, +.026 before. A temperature of .15
 * gains on the three small sets and loses .005 on MedQuAD; more steps on small sets lose on all.
 */
#define SEED UINT64_C(0x43617272656c0002)
#define SPANS_FEW 6
#define SPANS_MANY 2 /* a chunk, above MANY_CHUNKS */
#define MANY_CHUNKS 5000
#define PAIRS_MAX 40000
#define SPAN_LEAST 4
#define SPAN_MOST 31 /* of some questions; others are a few words */
#define AROUND 100
#define EPOCHS 3
#define TEMPERATURE .1f
#define RATE 8e-3f
#define RATE_END .05f
#define WARM_UP 10

struct pair {
	int32_t doc;
	int32_t at, len; /* the span in the body; len 0: head and body */
};

struct trainer {
	const struct corpus *c;
	uint64_t random;
	struct pair *pairs;
	int n_pairs;
	struct rows rows;
	struct batch batch;
};

/* ── pairs ── */

static void shuffle(struct trainer *t)
{
	for (int i = t->n_pairs - 1; i > 0; i--) {
		int j = (int)(next_random(&t->random) % (uint64_t)(i + 1));
		struct pair swap = t->pairs[i];

		t->pairs[i] = t->pairs[j];
		t->pairs[j] = swap;
	}
}

/* From 4 to 7, 8 to 15 or 16 to 31 terms, each as often, as far as `most` allows. */
static int32_t span_length(struct trainer *t, int32_t most)
{
	int n_classes = 1;
	int32_t least, end;

	most = most < SPAN_MOST ? most : SPAN_MOST;
	while (SPAN_LEAST << n_classes <= most) {
		n_classes++;
	}
	least = SPAN_LEAST << next_random(&t->random) % (uint64_t)n_classes;
	end = 2 * least - 1 < most ? 2 * least - 1 : most;
	return least + (int32_t)(next_random(&t->random) % (uint64_t)(end - least + 1));
}

static void choose_pairs(struct trainer *t)
{
	const struct corpus *c = t->c;
	int spans = c->n_docs > MANY_CHUNKS ? SPANS_MANY : SPANS_FEW;

	t->pairs = calloc((size_t)c->n_docs * (size_t)(spans + 1) + 1, sizeof(*t->pairs));
	ASSERT(t->pairs != NULL);
	for (int32_t i = 0; i < c->n_docs; i++) {
		const struct corpus_doc *d = &c->docs[i];

		if (d->n_head > 0 && d->n_body > 0) {
			t->pairs[t->n_pairs++] = (struct pair){i, 0, 0};
		}
		for (int k = 0; k < spans && d->n_body >= 2 * SPAN_LEAST; k++) {
			int32_t len = span_length(t, d->n_body / 2);
			int32_t at = (int32_t)(next_random(&t->random) %
					       (uint64_t)(d->n_body - len + 1));

			t->pairs[t->n_pairs++] = (struct pair){i, at, len};
		}
	}
	shuffle(t);
	t->n_pairs = t->n_pairs < PAIRS_MAX ? t->n_pairs : PAIRS_MAX;
}

/* ── batches ── */

static void load_pair(struct trainer *t, const struct pair *p, int i)
{
	const struct corpus_doc *d = &t->c->docs[p->doc];
	const int32_t *head = t->c->ids + d->from, *body = head + d->n_head;
	int32_t end = p->at + p->len, before, after;

	if (p->len == 0) {
		batch_add(&t->batch, head, d->n_head);
		batch_side(&t->batch, i);
		batch_add(&t->batch, body, d->n_body);
		batch_side(&t->batch, BATCH_PAIRS + i);
		return;
	}
	before = p->at < AROUND ? p->at : AROUND;
	after = d->n_body - end < AROUND ? d->n_body - end : AROUND;
	batch_add(&t->batch, body + p->at, p->len);
	batch_side(&t->batch, i);
	batch_add(&t->batch, body + p->at - before, before);
	batch_add(&t->batch, body + end, after);
	batch_side(&t->batch, BATCH_PAIRS + i);
}

/* Pairs of one chunk, and titles that are the same, are no counter-examples to each other. */
static bool related(const struct trainer *t, const struct pair *a, const struct pair *b)
{
	return a->doc == b->doc ||
	       (a->len == 0 && b->len == 0 &&
		       t->c->docs[a->doc].head_hash == t->c->docs[b->doc].head_hash);
}

static void train_batch(struct trainer *t, const struct pair *pairs, int n, float rate)
{
	batch_begin(&t->batch);
	for (int i = 0; i < n; i++) {
		load_pair(t, &pairs[i], i);
		for (int j = 0; j < n; j++) {
			t->batch.related[i * n + j] = related(t, &pairs[i], &pairs[j]);
		}
	}
	batch_step(&t->batch, n, TEMPERATURE, rate);
}

static int train(struct trainer *t, const atomic_bool *cancel, struct err *e)
{
	int size = t->n_pairs < BATCH_PAIRS ? t->n_pairs : BATCH_PAIRS;
	int per_epoch = size ? t->n_pairs / size : 0, n_steps = EPOCHS * per_epoch;

	for (int step = 0; step < n_steps; step++) {
		float done = (float)step / (float)n_steps;
		float rate = RATE * (1 - (1 - RATE_END) * done);

		if (embed_cancelled(cancel)) {
			return err_set(e, ERR_CANCELLED, "cancelled", "training was cancelled");
		}
		if (step % per_epoch == 0) {
			shuffle(t);
		}
		if (step < WARM_UP) {
			rate *= (float)(step + 1) / WARM_UP;
		}
		train_batch(t, t->pairs + (size_t)(step % per_epoch) * (size_t)size, size, rate);
	}
	return 0;
}

int corpus_train_with(const struct corpus *c, const struct embed_kernel *k,
	const atomic_bool *cancel, struct buf *out, struct err *e)
{
	struct trainer *t = calloc(1, sizeof(*t));
	int rc;

	ASSERT(t != NULL);
	t->c = c;
	t->random = SEED;
	choose_pairs(t);
	rows_init(&t->rows, c);
	batch_init(&t->batch, &t->rows, k);
	rc = train(t, cancel, e);
	batch_finish(&t->batch);
	free(t->pairs);
	if (rc == 0) {
		rows_pack(&t->rows, out);
	}
	rows_finish(&t->rows);
	free(t);
	return rc;
}

int corpus_train(const struct corpus *c, const atomic_bool *cancel, struct buf *out, struct err *e)
{
	return corpus_train_with(c, embed_kernel(), cancel, out, e);
}
