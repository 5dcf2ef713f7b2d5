/* A folder with all that is derived in several generations, copies of it to damage, and what the
 * same questions find in them. */
#ifndef TESTS_UNIT_INDEX_DAMAGED_HOUSE_H
#define TESTS_UNIT_INDEX_DAMAGED_HOUSE_H

#include "tests/unit/ingest/house.h"

#include "index/embed.h"
#include "index/vector_space.h"
#include "tests/unit/index/topics.h"

/* A dictionary is trained at 200 chunks and anew at four times as many, a table at 300 and at half
 * as many more; a block of the vectors' file is written when its 512 slots are full. So after the
 * third the dictionary is trained anew, the fourth is compressed with it, and the table is trained
 * on all four. */
#define FIRST 330
#define SECOND 700
#define THIRD 600
#define FOURTH 60

/* The tail is sealed twice, so that there are two segments. */
static const struct vector_tuning tuning = {
	.exact_allowed = 10, .exact_corpus = 20, .tail = 100, .segment_max = 500, .n_probe = 200};

static const char *const questions[] = {"harbour crane", "what does the pilot of a vessel do",
	"salary and pension", "overtime", "lithium battery voltage", "fuse", "grape harvest",
	"cellar of the vineyard", "glacier rope", "avalanche on the ridge", "theatre rehearsal",
	"note 17", "costume of the actor and cargo", "zzyzx"};
#define N_QUESTIONS ((int)(sizeof(questions) / sizeof(questions[0])))
#define HITS 20

static struct house *base;
static char *older;   /* the folder as it was before the last documents came in */
static char *answers; /* of the whole folder */
static unsigned seed;

static size_t below(size_t n)
{
	return n ? (size_t)rand_r(&seed) % n : 0;
}

/* ── the folder ── */

/* n sections, each of which is a chunk. */
static void write_notes(struct buf *out, int from, int n)
{
	for (int i = from; i < from + n; i++) {
		uint64_t s = (uint64_t)i * 2654435761u;

		buf_printf(out, "# Note %d\n\nThe committee notes of", i);
		for (int w = 0; w < 14; w++) {
			s = s * UINT64_C(6364136223846793005) + 1442695040888963407u;
			buf_printf(out, " %s", topics[i % N_TOPICS][s >> 60 & 7]);
		}
		buf_str(out, ".\n\n");
	}
}

static void publish_notes(struct house *h, const char *name, int from, int n)
{
	struct buf text = BUF_INIT;

	write_notes(&text, from, n);
	put(h, name, text.data);
	buf_finish(&text);
	run_all(h);
}

static void keep_house(struct house *h)
{
	struct db *db = reader(h);
	bool wants = vectors_wants_training(h->ix->vectors, db, h->who.workspace_n);
	struct id job;

	store_reader_drop(db);
	fine(chunks_train_dictionary(h->ix->store, h->who.workspace_n, &house_err));
	if (wants) {
		fine(ingest_reembed(
			h->ix, &h->who.workspace, "builtin", "operator", &job, &house_err));
		run_all(h);
	}
	vectors_tune(h->ix->vectors, &tuning);
	fine(vectors_maintain(h->ix->vectors, &house_err));
}

/* ── answers ── */

struct answer {
	double score;
	char *line;
};

static int by_score(const void *a, const void *b)
{
	const struct answer *x = a, *y = b;

	return x->score > y->score ? -1 : x->score < y->score ? 1 : strcmp(x->line, y->line);
}

/* Chunks are named by what does not change when they are made again, and those of one score put in
 * the order of their names; of those that share the last score it is not said which are in. */
static int name_hits(
	struct house *h, struct buf *out, const int64_t *slots, const double *scores, int n)
{
	struct answer list[HITS];
	struct db *db = reader(h);
	int n_told = 0;
	struct chunk c;

	while (n_told < n && (n < HITS || scores[n_told] - scores[n - 1] > 1e-6)) {
		fine(chunks_load(db, &h->arena, &h->who, &slots[n_told], 1, true, &c, &house_err));
		list[n_told].score = (double)(int64_t)(scores[n_told] * 1e5);
		list[n_told].line = arena_printf(&h->arena, "  %.5f %s %d %s\n", scores[n_told],
			c.document.s, c.seq, c.text);
		n_told++;
	}
	store_reader_drop(db);
	qsort(list, (size_t)n_told, sizeof(list[0]), by_score);
	for (int i = 0; i < n_told; i++) {
		buf_str(out, list[i].line);
	}
	return n_told;
}

static int ask_words(struct house *h, struct buf *out, const char *text, struct allowed *allowed)
{
	struct db *db = reader(h);
	struct fts_query q = {.workspace_n = h->who.workspace_n,
		.text = text,
		.language = "en",
		.allowed = allowed,
		.limit = HITS,
		.words_alone = true}; /* what stands together is weighed among the best alone */
	struct fts_hit *hits;
	int64_t slots[HITS];
	double scores[HITS];
	int n;

	fine(fts_search(db, &h->arena, &q, &hits, &n, &house_err));
	store_reader_drop(db);
	for (int i = 0; i < n; i++) {
		slots[i] = hits[i].slot;
		scores[i] = hits[i].score;
	}
	return name_hits(h, out, slots, scores, n);
}

static int ask_vectors(struct house *h, struct buf *out, const char *text, struct allowed *allowed)
{
	struct embed_text t = {.body = text, .language = "en"};
	struct vector_hit hits[HITS];
	int64_t slots[HITS];
	double scores[HITS];
	struct space space;
	float *query;
	int n;

	fine(vectors_serving(h->ix->vectors, h->who.workspace_n, &space, &house_err));
	query = arena_array(&h->arena, float, (size_t)space.dimension);
	fine(embed(space.embedder, EMBED_QUERY, &t, 1, query, NULL, NULL, NULL, &house_err));
	fine(vectors_search(h->ix->vectors, &space, query, allowed, HITS, hits, &n, &house_err));
	embedder_drop(space.embedder);
	for (int i = 0; i < n; i++) {
		slots[i] = hits[i].slot;
		scores[i] = (double)hits[i].cosine;
	}
	return name_hits(h, out, slots, scores, n);
}

static char *ask_all(struct house *h, struct arena *a)
{
	struct allowed *allowed = acl_allowed(h->ix->acl, &h->who, NULL, 0, NULL);
	struct buf out = BUF_INIT;
	char *copy;
	int n = 0;

	for (int i = 0; i < N_QUESTIONS; i++) {
		buf_printf(&out, "%s\n", questions[i]);
		n += ask_words(h, &out, questions[i], allowed);
		n += ask_vectors(h, &out, questions[i], allowed);
	}
	acl_allowed_drop(allowed);
	assert_true(n > 2 * N_QUESTIONS);
	copy = arena_strn(a, out.data, out.len);
	buf_finish(&out);
	return copy;
}

/* ── the folder that all begin with ── */

static int make_base(void **state)
{
	assert_int_equal(house_setup(state), 0);
	base = *state;
	fine(settings_set(&base->set, "chunk-tokens", "32", "test", &house_err));
	publish_notes(base, "first.md", 0, FIRST);
	keep_house(base);
	publish_notes(base, "second.md", FIRST, SECOND);
	keep_house(base);
	house_close(base);
	older = arena_printf(&base->arena, "%s-older", base->dir);
	house_copy(base->dir, older);
	house_open(base);
	publish_notes(base, "third.md", FIRST + SECOND, THIRD);
	fine(chunks_train_dictionary(base->ix->store, base->who.workspace_n, &house_err));
	publish_notes(base, "fourth.md", FIRST + SECOND + THIRD, FOURTH);
	keep_house(base);
	answers = ask_all(base, &base->arena);
	assert_int_equal(check(base, false, NULL), 0);
	house_close(base);
	return 0;
}

static int drop_base(void **state)
{
	fs_remove_tree(older);
	house_open(base);
	return house_teardown(state);
}

static void begin(struct house *h)
{
	*h = *base;
	arena_init(&h->arena);
	snprintf(h->dir, sizeof(h->dir), "%.200s-damaged", base->dir);
	house_copy(base->dir, h->dir);
	settings_copy(&h->set, &base->set);
	fine(settings_set(&h->set, "data", h->dir, "test", &house_err));
}

static void end(struct house *h)
{
	house_close(h);
	settings_finish(&h->set);
	arena_finish(&h->arena);
	fs_remove_tree(h->dir);
}

static void same_answers(struct house *h, const char *what, const char *when)
{
	char *now = ask_all(h, &h->arena);
	size_t i = 0;

	while (now[i] && now[i] == answers[i]) {
		i++;
	}
	if (now[i] || answers[i]) {
		fail_msg("%s, %s: other answers from byte %zu on:\n%.200s\nnot\n%.200s", what, when,
			i, now + i, answers + i);
	}
}

#endif
