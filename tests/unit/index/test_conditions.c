/* What narrows a search: rows with a phrase, slots by what is known of their documents. */
#include "tests/unit/index/world.h"

#include "index/chunks_facts.h"
#include "index/chunks_filter.h"

static unsigned seeded(void)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)atoi(given) : (unsigned)time(NULL);

	print_message("SEED=%u\n", seed);
	srand(seed);
	return seed;
}

static bool equal(const struct bitmap *a, const struct bitmap *b)
{
	for (uint64_t at = 0;; at++) {
		uint64_t x = bitmap_next(a, at), y = bitmap_next(b, at);

		if (x != y || x == UINT64_MAX) {
			return x == y;
		}
		at = x;
	}
}

/* ── phrases ── */

#define N_WORDS 6
static const char *const words[N_WORDS] = {"the", "of", "otter", "kelp", "urchin", "tide"};

static void random_text(char *out, size_t size, int n)
{
	out[0] = '\0';
	for (int i = 0; i < n; i++) {
		size_t len = strlen(out);

		snprintf(out + len, size - len, "%s%s", i ? " " : "", words[rand() % N_WORDS]);
	}
}

/* Words, not stems: those above stay as they are. */
static bool holds(const char *text, const char *phrase)
{
	char within[4000], what[200];

	snprintf(within, sizeof(within), " %s ", text);
	snprintf(what, sizeof(what), " %s ", phrase);
	return strstr(within, what) != NULL;
}

struct asked {
	struct fts_phrase phrase;
	struct bitmap *out;
};

static int tx_rows(struct db *db, void *arg, struct err *e)
{
	struct asked *a = arg;

	return fts_rows(db, &a->phrase, a->out, e);
}

#define N_TEXTS 300
struct texts {
	char title[N_TEXTS][60], body[N_TEXTS][2000];
};

static void publish_text(struct world *w, const struct id *c, const struct texts *t, int i)
{
	struct chunk chunk = {.language = "en",
		.title = t->title[i],
		.heading = "",
		.text = t->body[i],
		.page_first = 1,
		.page_last = 1};
	struct publication p = {.chunks = &chunk, .n_chunks = 1};
	struct arrived in;
	char name[24];

	snprintf(name, sizeof(name), "text %d", i);
	in = arrive(w, c, name, name);
	p.document = in.document;
	p.version = in.version;
	fine(work(w, (struct work){.which = W_PUBLISH, .a = &p}));
}

/* The posting lists' answer and FTS5's, which the writer's connection gets, are the texts'. */
static void test_rows_are_those_that_hold_it(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct texts *t = calloc(1, sizeof(*t));
	struct allowed allowed = {.n_live = N_TEXTS};
	struct db *db;

	seeded();
	bitmap_init(&allowed.slots);
	for (int i = 0; i < N_TEXTS; i++) {
		random_text(t->title[i], sizeof(t->title[i]), 1 + rand() % 4);
		random_text(t->body[i], sizeof(t->body[i]), 1 + rand() % (i % 10 ? 12 : 200));
		publish_text(w, &c, t, i);
		if (rand() % 3) {
			bitmap_set(&allowed.slots, (uint64_t)i);
		}
	}
	db = reader(w);
	for (int round = 0; round < 400; round++) {
		struct bitmap direct, by_fts5;
		char phrase[100];
		struct asked a = {.phrase = {.workspace_n = w->workspace_n,
					  .text = phrase,
					  .language = "en",
					  .title = round % 4 == 0,
					  .allowed = &allowed},
			.out = &by_fts5};

		bitmap_init(&direct);
		bitmap_init(&by_fts5);
		random_text(phrase, sizeof(phrase), 1 + rand() % 4);
		fine(fts_rows(db, &a.phrase, &direct, &world_err));
		fine(store_write(w->store, tx_rows, &a, &world_err));
		assert_true(equal(&direct, &by_fts5));
		for (int i = 0; i < N_TEXTS; i++) {
			bool in = holds(t->title[i], phrase) ||
				  (!a.phrase.title && holds(t->body[i], phrase));

			if (bitmap_has(&direct, (uint64_t)i) !=
				(in && bitmap_has(&allowed.slots, (uint64_t)i))) {
				fail_msg("\"%s\" in %s / %s", phrase, t->title[i], t->body[i]);
			}
		}
		bitmap_finish(&direct);
		bitmap_finish(&by_fts5);
	}
	store_reader_drop(db);
	bitmap_finish(&allowed.slots);
	free(t);
}

static void test_a_lone_character_begins_words(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct fts_phrase p = {.workspace_n = w->workspace_n, .text = "年", .language = "zh"};
	struct allowed allowed = {.n_live = 2};
	struct bitmap out;
	struct db *db;

	bitmap_init(&allowed.slots);
	bitmap_init(&out);
	bitmap_set(&allowed.slots, 0);
	bitmap_set(&allowed.slots, 1);
	add_document(w, &c, "a", "zh", "年假规定");
	add_document(w, &c, "b", "zh", "病假规定");
	p.allowed = &allowed;
	db = reader(w);
	fine(fts_rows(db, &p, &out, &world_err));
	assert_true(bitmap_has(&out, 0));
	assert_false(bitmap_has(&out, 1));
	store_reader_drop(db);
	bitmap_finish(&out);
	bitmap_finish(&allowed.slots);
}

/* ── what is known of documents ── */

#define N_CONDITIONS 11

static struct chunks_filter condition(int i)
{
	static const struct chunks_filter all[N_CONDITIONS] = {
		{.kind = FILTER_COLLECTION, .text = "ONE"},
		{.kind = FILTER_COLLECTION, .text = "two"},
		{.kind = FILTER_COLLECTION, .text = "none"}, {.kind = FILTER_OWNER, .text = "Ann"},
		{.kind = FILTER_OWNER, .text = "bob"}, {.kind = FILTER_OWNER, .text = "nobody"},
		{.kind = FILTER_TYPE, .media_type = "text/markdown"},
		{.kind = FILTER_TYPE, .media_type = "text/x-source", .text = "py"},
		{.kind = FILTER_DATE, .from_ms = 3000, .to_ms = 6000},
		{.kind = FILTER_DATE, .from_ms = INT64_MIN, .to_ms = 5000},
		{.kind = FILTER_DATE, .from_ms = 5000, .to_ms = INT64_MAX}};
	return all[i];
}

static void filter(struct world *w, int i, struct bitmap *out)
{
	struct chunks_filter f = condition(i);
	struct db *db = reader(w);
	struct asker who = operator_of(w, db);

	bitmap_init(out);
	fine(chunks_filter(db, &who, &f, out, &world_err));
	store_reader_drop(db);
}

/* A document of up to three chunks with random facts, or a new version of one that is there. */
static void add_random(struct world *w, const struct id *collections, int round)
{
	struct chunk chunks[3];
	struct publication p = {.chunks = chunks, .n_chunks = 1 + rand() % 3};
	struct arrived in;
	char name[24], content[24];

	for (int i = 0; i < 3; i++) {
		chunks[i] = (struct chunk){.language = "en",
			.title = "",
			.heading = "",
			.text = "kelp",
			.page_first = 1,
			.page_last = 1};
	}
	snprintf(name, sizeof(name), "%d.%s", rand() % 40, rand() % 2 ? "py" : "md");
	snprintf(content, sizeof(content), "content %d", round);
	in = arrive(w, &collections[rand() % 2], name, content);
	exec_sql(w,
		"UPDATE document_version SET media_type = '%s', created_ms = %d WHERE id = '%s';"
		"UPDATE document SET created_by = (SELECT id FROM user WHERE name = '%s') WHERE id "
		"="
		" '%s'",
		rand() % 2 ? "text/markdown" : "text/x-source", 1000 * (rand() % 10), in.version.s,
		rand() % 2 ? "ann" : "bob", in.document.s);
	p.document = in.document;
	p.version = in.version;
	fine(work(w, (struct work){.which = W_PUBLISH, .a = &p}));
	if (rand() % 5 == 0) {
		fine(work(w, (struct work){.which = W_DELETE, .a = &in.document}));
	}
}

/* Of what may be read the memory says what the database says. */
static void compare(struct world *w, struct chunks_facts *facts)
{
	struct db *db = reader(w);
	struct asker who = operator_of(w, db);

	store_reader_drop(db);
	for (int i = 0; i < N_CONDITIONS; i++) {
		struct allowed *allowed = acl_allowed(w->acl, &who, NULL, 0, NULL);
		struct bitmap remembered, stored;

		filter(w, i, &remembered);
		store_attach(w->store, PART_CHUNKS_FACTS, NULL);
		filter(w, i, &stored);
		store_attach(w->store, PART_CHUNKS_FACTS, facts);
		bitmap_and(&remembered, &allowed->slots);
		bitmap_and(&stored, &allowed->slots);
		if (!equal(&remembered, &stored)) {
			fail_msg("condition %d", i);
		}
		bitmap_finish(&remembered);
		bitmap_finish(&stored);
		acl_allowed_drop(allowed);
	}
}

static void test_facts_follow_the_database(void **state)
{
	struct world *w = *state;
	struct id collections[] = {
		add_collection(w, "one", "operator"), add_collection(w, "two", "operator")};
	struct chunks_facts *facts = chunks_facts_open(w->store);
	struct facts_wanted wanted = {
		.kind = FILTER_DATE, .from_ms = INT64_MIN, .to_ms = INT64_MAX};
	struct bitmap all;
	struct db *db;

	seeded();
	for (int i = 0; i < 2; i++) {
		exec_sql(w,
			"INSERT INTO user (id, workspace_id, name, display_name, role, created_ms)"
			" VALUES ('%s', '%s', '%s', '%s', 0, 1)",
			id_create("usr").s, w->workspace.s, i ? "bob" : "ann", i ? "Bob" : "Ann");
	}
	for (int i = 0; i < 60; i++) {
		add_random(w, collections, i);
	}
	compare(w, facts); /* begins to read them */
	add_random(w, collections, 60);
	chunks_facts_wait(facts);
	bitmap_init(&all);
	db = reader(w);
	assert_true(chunks_facts_match(db, w->workspace_n, &wanted, &all));
	assert_true(bitmap_count(&all) > 20);
	bitmap_finish(&all);
	store_reader_drop(db);
	for (int i = 61; i < 200; i++) {
		add_random(w, collections, i);
		if (i % 10 == 0) {
			compare(w, facts);
		}
	}
	compare(w, facts);
	chunks_facts_stop(facts);
	world_close(w);
	chunks_facts_close(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rows_are_those_that_hold_it),
		T(test_a_lone_character_begins_words),
		T(test_facts_follow_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
