#include "tests/scale/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

#define TOPIC_WORDS 2000
#define SUBJECT_WORDS 12
#define FOCUS_WORDS 4	 /* of them, that one chunk speaks of */
#define SHARED_PARTS .6	 /* of the vocabulary; the rest is dealt to the topics */
#define ZIPF_OFFSET 2.7	 /* Mandelbrot's, as measured for English */
#define PART_FUNCTION .3 /* and what the general ones hold of them: 44 % in all */
#define PART_GENERAL .44
#define PART_TOPICAL .18
#define TOPIC_OFFSET 10 /* of uneven sizes: the largest is some 14 times the smallest of 200 */

static const char *const function_words[] = {"the", "of", "and", "to", "in", "a", "is", "that",
	"for", "it", "as", "was", "with", "be", "by", "on", "not", "he", "his", "but", "at", "are",
	"this", "have", "had", "from", "or", "which", "an", "they", "were", "their", "one", "all",
	"we", "can", "her", "has", "there", "been", "if", "more", "when", "will", "would", "who",
	"so", "no", "she", "other", "its", "may", "these", "what", "them", "than", "some", "him",
	"time", "into", "only", "do", "such", "my", "new", "about", "out", "also", "two", "any",
	"up", "first", "could", "our", "then", "most", "see", "me", "should", "after", "said",
	"your", "very", "between", "made", "many", "over", "did", "those", "where"};
#define N_FUNCTION ((int)(sizeof(function_words) / sizeof(function_words[0])))

struct made_corpus {
	struct corpus_spec spec;
	int64_t n_documents;
	int last_chunks;    /* of the last document */
	double log_general; /* of Zipf's inverse */
	double log_topical;
	double log_function;
	int n_shared;	/* words that are nobody's own */
	double *upto;	/* [n_topics] the share of topics 0 … t */
	int *position;	/* [n_topics] where the readers' order has the topic */
	double *before; /* [n_topics] the share of topics before it in that order */
};

/* ── chance (splitmix64) ── */

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t key(const struct made_corpus *c, const char *what, uint64_t a, uint64_t b)
{
	uint64_t h = c->spec.seed;

	for (const char *p = what; *p; p++) {
		h = mix(h ^ (uint64_t)(unsigned char)*p);
	}
	return mix(mix(h ^ a) ^ b);
}

static uint64_t next(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return mix(*state);
}

static int below(uint64_t *state, int n)
{
	return (int)(next(state) % (uint64_t)n);
}

static double unit(uint64_t *state)
{
	return (double)(next(state) >> 11) * 0x1p-53;
}

/* A rank of [0, n) by 1 / (rank + 2.7): the inverse of its logarithmic distribution. */
static int zipf(uint64_t *state, double log_range, int n)
{
	int rank = (int)(ZIPF_OFFSET * exp(unit(state) * log_range) - ZIPF_OFFSET);

	return rank < n ? rank : n - 1;
}

/* ── words ── */

/* Syllables by number: distinct for distinct ranks, frequent words shorter. */
static size_t write_word(int rank, char out[16])
{
	static const char onset[] = "bcdfghjklmnprstvwzqx", nucleus[] = "aeiou";
	static const char coda[] = "nrtlmdkp";
	int syllables = rank < N_FUNCTION + 8000 ? 2 : 3;
	uint32_t n = (uint32_t)(rank - N_FUNCTION);
	size_t len = 0;

	if (rank < N_FUNCTION) {
		len = strlen(function_words[rank]);
		memcpy(out, function_words[rank], len + 1);
		return len;
	}
	/* Neighbours in rank do not look alike: multiplied by a unit of the ring. */
	n = syllables == 2 ? n * 7919u % 10000u : n * 7919u % 1000000u;
	for (int i = 0; i < syllables; i++) {
		out[len++] = onset[n % 20];
		out[len++] = nucleus[n / 20 % 5];
		n /= 100;
	}
	out[len++] = coda[(uint32_t)rank % 8];
	out[len] = '\0';
	return len;
}

static int general_word(const struct made_corpus *c, uint64_t *state)
{
	return zipf(state, c->log_general, c->n_shared);
}

/* Word j of a topic: of the shared vocabulary, no function word. */
static int topic_word(const struct made_corpus *c, int topic, int j)
{
	return N_FUNCTION + (int)(key(c, "topic", (uint64_t)topic, (uint64_t)j) %
				    (uint64_t)(c->n_shared - N_FUNCTION));
}

/* Word j of a document's subject: one of those dealt to its topic. */
static int subject_word(const struct made_corpus *c, int64_t d, int topic, int j)
{
	int n_own = (c->spec.n_words - c->n_shared) / c->spec.n_topics;
	uint64_t pick = key(c, "subject", (uint64_t)d, (uint64_t)j) % (uint64_t)n_own;

	return c->n_shared + (int)pick * c->spec.n_topics + topic;
}

/* ── life ── */

static void weigh_topics(struct made_corpus *c)
{
	double sum = 0;

	for (int t = 0; t < c->spec.n_topics; t++) {
		sum += c->spec.uneven ? 1. / (t + TOPIC_OFFSET) : 1;
		c->upto[t] = sum;
	}
	for (int t = 0; t < c->spec.n_topics; t++) {
		c->upto[t] /= sum;
	}
}

/* The readers' order of topics: a shuffle, so that uneven sizes mix. */
static void order_topics(struct made_corpus *c)
{
	int n = c->spec.n_topics;
	uint64_t state = key(c, "order", 0, 0);
	int *order = calloc((size_t)n, sizeof(*order));
	double sum = 0;

	ASSERT(order != NULL);
	for (int i = 0; i < n; i++) {
		int j = below(&state, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < n; i++) {
		int t = order[i];

		c->position[t] = i;
		c->before[t] = sum;
		sum += c->upto[t] - (t ? c->upto[t - 1] : 0);
	}
	free(order);
}

static int chunks_of(const struct made_corpus *c, int64_t d)
{
	return 2 + (int)(key(c, "chunks", (uint64_t)d, 0) % (MADE_CHUNKS_MAX - 1));
}

struct made_corpus *made_create(const struct corpus_spec *spec)
{
	struct made_corpus *c = calloc(1, sizeof(*c));
	int64_t n = 0;

	ASSERT(c != NULL && spec->n_chunks > 0);
	c->spec = *spec;
	c->spec.n_words = spec->n_words ? spec->n_words : 300000;
	c->spec.n_topics = spec->n_topics ? spec->n_topics : 200;
	c->spec.chunk_words = spec->chunk_words ? spec->chunk_words : 110;
	ASSERT(c->spec.n_words <= 1000000 && c->spec.n_words >= 20 * c->spec.n_topics);
	c->n_shared = (int)(c->spec.n_words * SHARED_PARTS);
	c->log_general = log((c->n_shared + ZIPF_OFFSET) / ZIPF_OFFSET);
	c->log_function = log((N_FUNCTION + ZIPF_OFFSET) / ZIPF_OFFSET);
	c->log_topical = log((TOPIC_WORDS + ZIPF_OFFSET) / ZIPF_OFFSET);
	c->upto = calloc((size_t)c->spec.n_topics, sizeof(*c->upto));
	c->position = calloc((size_t)c->spec.n_topics, sizeof(*c->position));
	c->before = calloc((size_t)c->spec.n_topics, sizeof(*c->before));
	ASSERT(c->upto != NULL && c->position != NULL && c->before != NULL);
	weigh_topics(c);
	order_topics(c);
	while (n < c->spec.n_chunks) {
		c->last_chunks = chunks_of(c, c->n_documents++);
		n += c->last_chunks;
	}
	c->last_chunks -= (int)(n - c->spec.n_chunks);
	return c;
}

void made_destroy(struct made_corpus *c)
{
	if (!c) {
		return;
	}
	free(c->upto);
	free(c->position);
	free(c->before);
	free(c);
}

const struct corpus_spec *made_spec(const struct made_corpus *c)
{
	return &c->spec;
}

int64_t made_documents(const struct made_corpus *c)
{
	return c->n_documents;
}

/* ── documents ── */

int made_topic(const struct made_corpus *c, int64_t d)
{
	uint64_t state = key(c, "document", (uint64_t)d, 0);
	double at = unit(&state);
	int low = 0, high = c->spec.n_topics - 1;

	while (low < high) {
		int middle = (low + high) / 2;

		if (c->upto[middle] <= at) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

int made_chunks(const struct made_corpus *c, int64_t d)
{
	return d == c->n_documents - 1 ? c->last_chunks : chunks_of(c, d);
}

void made_init(struct made_text *t)
{
	memset(t, 0, sizeof(*t));
}

void made_finish(struct made_text *t)
{
	buf_finish(&t->bytes);
}

struct prose {
	const struct made_corpus *c;
	int64_t d;
	int topic, seq;
	uint64_t state;
};

static int prose_word(struct prose *p)
{
	double part = unit(&p->state);

	if (part < PART_FUNCTION) {
		return zipf(&p->state, p->c->log_function, N_FUNCTION);
	}
	if (part < PART_FUNCTION + PART_GENERAL) {
		return general_word(p->c, &p->state);
	}
	if (part < PART_FUNCTION + PART_GENERAL + PART_TOPICAL) {
		return topic_word(p->c, p->topic, zipf(&p->state, p->c->log_topical, TOPIC_WORDS));
	}
	/* Half of the time what this chunk speaks of, else the whole document's subject. */
	return subject_word(p->c, p->d, p->topic,
		below(&p->state, 2)
			? (p->seq * FOCUS_WORDS + below(&p->state, FOCUS_WORDS)) % SUBJECT_WORDS
			: below(&p->state, SUBJECT_WORDS));
}

static void add_word(struct buf *out, int rank, bool capital)
{
	char word[16];
	size_t n = write_word(rank, word);

	if (capital) {
		word[0] = (char)(word[0] - 'a' + 'A');
	}
	buf_add(out, word, n);
}

static void add_body(struct prose *p, const char *code, struct buf *out)
{
	int mean = p->c->spec.chunk_words;
	int n = mean / 2 + below(&p->state, mean + 1), left = 0;

	if (p->seq == 0) {
		buf_printf(out, "Reference %s. ", code);
	}
	for (int i = 0; i < n; i++) {
		bool first = left == 0;

		left = first ? 7 + below(&p->state, 14) : left - 1;
		add_word(out, prose_word(p), first);
		buf_str(out, left == 0 || i + 1 == n ? "." : "");
		buf_str(out, i + 1 < n ? " " : "");
	}
	buf_char(out, '\0');
}

/* Titles and headings: words of the subject and the topic. */
static void add_heading(struct prose *p, int n, struct buf *out)
{
	for (int i = 0; i < n; i++) {
		int rank = i % 2 ? topic_word(p->c, p->topic,
					   zipf(&p->state, p->c->log_topical, TOPIC_WORDS))
				 : subject_word(p->c, p->d, p->topic,
					   (p->seq * FOCUS_WORDS + i) % SUBJECT_WORDS);

		buf_str(out, i ? " " : "");
		add_word(out, rank, i == 0);
	}
	buf_char(out, '\0');
}

/* A letter pair and a number, distinct for each document. */
static void write_code(int64_t d, char out[16])
{
	snprintf(out, 16, "%c%c-%05d", (char)('A' + d % 26), (char)('A' + d / 26 % 26),
		(int)(d * 7919 % 100000));
}

void made_document(const struct made_corpus *c, int64_t d, struct made_text *out)
{
	struct prose p = {c, d, made_topic(c, d), 0, key(c, "prose", (uint64_t)d, 0)};
	size_t title, heading[MADE_CHUNKS_MAX], body[MADE_CHUNKS_MAX];

	ASSERT(d >= 0 && d < c->n_documents);
	out->document = d;
	out->topic = p.topic;
	out->n_chunks = made_chunks(c, d);
	snprintf(out->name, sizeof(out->name), "d%07lld.md", (long long)d);
	write_code(d, out->code);
	out->bytes.len = 0;
	title = out->bytes.len;
	add_heading(&p, 4, &out->bytes);
	for (p.seq = 0; p.seq < out->n_chunks; p.seq++) {
		heading[p.seq] = out->bytes.len;
		add_heading(&p, 3, &out->bytes);
		body[p.seq] = out->bytes.len;
		add_body(&p, out->code, &out->bytes);
	}
	out->title = out->bytes.data + title;
	for (int i = 0; i < out->n_chunks; i++) {
		out->heading[i] = out->bytes.data + heading[i];
		out->body[i] = out->bytes.data + body[i];
	}
}

void made_markdown(const struct made_text *t, struct buf *out)
{
	buf_printf(out, "# %s\n", t->title);
	for (int i = 0; i < t->n_chunks; i++) {
		buf_printf(out, "\n## %s\n\n%s\n", t->heading[i], t->body[i]);
	}
}

/* ── questions ── */

const char *made_kind_name(enum made_kind k)
{
	static const char *const names[MADE_KINDS] = {"natural", "short", "common", "code"};

	return names[k];
}

static void question_text(struct prose *p, enum made_kind kind, char *out, size_t size)
{
	char focus[2][16], topical[2][16], common[4][16], code[16];

	for (int i = 0; i < 2; i++) {
		int at = (p->seq * FOCUS_WORDS + 2 * i + below(&p->state, 2)) % SUBJECT_WORDS;
		int j = zipf(&p->state, p->c->log_topical, TOPIC_WORDS);

		write_word(subject_word(p->c, p->d, p->topic, at), focus[i]);
		write_word(topic_word(p->c, p->topic, j), topical[i]);
	}
	for (int i = 0; i < 4; i++) { /* the most frequent content words there are */
		write_word(N_FUNCTION + below(&p->state, 300), common[i]);
	}
	write_code(p->d, code);
	switch (kind) {
	case MADE_NATURAL:
		snprintf(out, size, "What is the %s of the %s for %s, and when may %s be made?",
			topical[0], focus[0], topical[1], focus[1]);
		break;
	case MADE_SHORT:
		snprintf(out, size, "%s %s", focus[0], topical[0]);
		break;
	case MADE_COMMON:
		snprintf(out, size, "Which %s and %s should have the %s of %s?", common[0],
			common[1], common[2], common[3]);
		break;
	case MADE_CODE:
	case MADE_KINDS:
		snprintf(out, size, "What does %s say about the %s?", code, topical[0]);
		break;
	}
}

void made_question(const struct made_corpus *c, int64_t i, struct made_question *out)
{
	static const enum made_kind kinds[] = {MADE_NATURAL, MADE_SHORT, MADE_NATURAL, MADE_NATURAL,
		MADE_COMMON, MADE_NATURAL, MADE_NATURAL, MADE_SHORT, MADE_NATURAL, MADE_CODE};
	struct prose p = {.c = c, .state = key(c, "question", (uint64_t)i, 0)};

	p.d = (int64_t)(next(&p.state) % (uint64_t)c->n_documents);
	p.topic = made_topic(c, p.d);
	out->kind = kinds[i % 10];
	p.seq = out->kind == MADE_CODE ? 0 : below(&p.state, made_chunks(c, p.d));
	question_text(&p, out->kind, out->text, sizeof(out->text));
	out->document = p.d;
	out->seq = p.seq;
	out->topic = p.topic;
}

/* ── permissions ── */

const struct made_share made_shares[N_READERS] = {
	{"all", 1},
	{"half", .5},
	{"10th", .1},
	{"100th", .01},
	{"1000th", .001},
};

/* The smallest share is cut out of the order's first topic, by documents. */
bool made_topic_is_whole(const struct made_corpus *c, int topic)
{
	return c->position[topic] != 0;
}

bool made_may_read(const struct made_corpus *c, enum made_readers who, int64_t d)
{
	int t = made_topic(c, d);
	double share = made_shares[who].share, size = c->upto[t] - (t ? c->upto[t - 1] : 0);
	uint64_t state = key(c, "reader", (uint64_t)d, 0);

	if (who == READERS_1000TH) {
		return c->position[t] == 0 && unit(&state) * size < share;
	}
	/* A topic is read if most of it falls within the share; the first one always is. */
	return c->position[t] == 0 || c->before[t] + size / 2 < share;
}
