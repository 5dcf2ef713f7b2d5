/* Terms near a word, and what fts_unknown makes of them for an asker. */
#include "tests/unit/index/world.h"

#include "index/base/clock.h"
#include "index/fts_vocabulary.h"
#include "index/vocabulary.h"

static struct vocabulary *filled(const char *const *terms, int n)
{
	struct vocabulary *v = vocabulary_create();

	for (int i = 0; i < n; i++) {
		vocabulary_add(v, terms[i], strlen(terms[i]), (uint32_t)(n - i));
	}
	vocabulary_seal(v);
	return v;
}

static void nearest_first(void **state)
{
	static const char *const terms[] = {"annual", "animal", "manual", "annually", "anal",
		"annuals", "bnnual", "urlaub", "antrag", "urlaubstag", "отпуск", "отпуска", "2026",
		"年假", "iso27001", "an"};
	struct vocabulary *v = filled(terms, 16);
	struct arena a;
	struct vocabulary_search s[] = {{.term = "anual", .max_distance = 1},
		{.term = "annaul", .max_distance = 1}, {.term = "nanual", .max_distance = 1},
		{.term = "urlaubsantrag", .max_distance = 2},
		{.term = "отпусск", .max_distance = 1}, {.term = "年假", .max_distance = 1},
		{.term = "x", .max_distance = 1}, {.term = "annual", .max_distance = 1}};

	(void)state;
	assert_int_equal(vocabulary_count(v), 12);
	arena_init(&a);
	vocabulary_find(v, &a, s, 8);
	assert_true(s[0].n_corrections >= 2);
	assert_string_equal(s[0].corrections[0].term, "annual"); /* before "anal": more frequent */
	assert_int_equal(s[0].corrections[0].distance, 1);
	assert_string_equal(s[1].corrections[0].term, "annual"); /* one change of places */
	assert_string_equal(s[2].corrections[0].term, "annual"); /* of the first two letters */
	assert_int_equal(s[3].n_corrections, 0);
	assert_int_equal(s[3].n_similar, 3);
	assert_string_equal(s[3].similar[0].term, "urlaubstag");
	assert_string_equal(s[4].corrections[0].term, "отпуск");
	assert_int_equal(s[5].n_corrections + s[5].n_similar + s[6].n_similar, 0);
	assert_int_equal(s[7].corrections[0].distance, 0);
	for (int i = 0; i < s[0].n_corrections; i++) {
		assert_true(s[0].corrections[i].term[0] == 'a');
	}
	arena_finish(&a);
	vocabulary_destroy(v);
	vocabulary_destroy(NULL);
}

/* Only what is far is passed over: nothing near is missed. */
static void nothing_near_is_missed(void **state)
{
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 3000; round++) {
		struct vocabulary_search s = {.max_distance = 1};
		struct vocabulary *v;
		char word[16] = "", slip[20];
		int n = 4 + rand() % 8, at;
		struct arena a;

		for (int i = 0; i < n; i++) {
			word[i] = (char)('a' + rand() % 26);
			word[i + 1] = '\0';
		}
		v = vocabulary_create();
		vocabulary_add(v, word, (size_t)n, 1);
		vocabulary_seal(v);
		at = 1 + rand() % (n - 1);
		strcpy(slip, word);
		if (round % 4 == 3 && at + 1 < n) {
			slip[at] = word[at + 1];
			slip[at + 1] = word[at];
		} else if (round % 3 == 0) {
			slip[at] = 'a' + (slip[at] - 'a' + 1) % 26;
		} else if (round % 3 == 1) {
			memmove(slip + at, slip + at + 1, strlen(slip + at));
		} else {
			memmove(slip + at + 1, slip + at, strlen(slip + at) + 1);
		}
		s.term = slip;
		arena_init(&a);
		vocabulary_find(v, &a, &s, 1);
		assert_true(s.n_corrections > 0 || strlen(slip) < VOCABULARY_LETTERS_MIN);
		arena_finish(&a);
		vocabulary_destroy(v);
	}
}

/* ── for an asker ── */

static int unknown(struct world *w, const char *text, const char *language,
	const struct id *collection, struct fts_unknown **out)
{
	struct db *db = reader(w);
	struct asker who = operator_of(w, db);
	struct allowed *allowed = acl_allowed(w->acl, &who, collection, collection ? 1 : 0, NULL);
	struct fts_query q = {.workspace_n = who.workspace_n,
		.text = text,
		.language = language,
		.allowed = allowed};
	int n;

	err_clear(&world_err);
	fine(fts_unknown(db, &w->arena, &q, out, &n, &world_err));
	acl_allowed_drop(allowed);
	store_reader_drop(db);
	return n;
}

static void only_what_may_be_read_is_told(void **state)
{
	struct world *w = *state;
	struct vocabularies *v = vocabularies_open(w->store);
	struct id open = add_collection(w, "open", "operator");
	struct id closed = add_collection(w, "closed", "operator");
	struct fts_unknown *u;

	add_document(w, &open, "a", "en", "The otters sleep in kelp and eat companies of urchins.");
	add_document(w, &closed, "b", "en", "A sleeper of zirconium, for ottery and kelpie.");
	assert_int_equal(unknown(w, "otters in the kelp", "en", &open, &u), 0);
	assert_int_equal(unknown(w, "IBMX 2026 kel of otters", "en", &open, &u), 0);
	assert_int_equal(unknown(w, "do the oters like compnaies", "en", &open, &u), 3);
	assert_string_equal(u[0].near, "otter");
	assert_int_equal(u[0].near_slot, 0);
	assert_null(u[1].near); /* "like" is in no row, and near none */
	assert_string_equal(u[2].near, "compani");
	/* A word of a hidden row is as one of no row, and is never near. */
	assert_int_equal(unknown(w, "zirconium zircnium kelpy", "en", &open, &u), 3);
	assert_null(u[0].near);
	assert_null(u[1].near);
	assert_string_equal(u[2].near, "kelp");
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < u[i].n_similar; k++) {
			assert_string_not_equal(u[i].similar[k].term, "zirconium");
		}
	}
	assert_int_equal(unknown(w, "zircnium", "en", NULL, &u), 1);
	assert_string_equal(u[0].near, "zirconium");
	/* What comes in later is known. */
	add_document(w, &open, "c", "en", "Narwhals.");
	assert_int_equal(unknown(w, "narwals", "en", &open, &u), 1);
	assert_string_equal(u[0].near, "narwhal");
	vocabularies_stop(v);
	world_close(w);
	vocabularies_close(v);
}

/* Hidden rows have hundreds of words that are nearer: the open one is found all the same. */
static void what_is_hidden_takes_no_place(void **state)
{
	struct world *w = *state;
	struct vocabularies *v = vocabularies_open(w->store);
	struct id open = add_collection(w, "open", "operator");
	struct id closed = add_collection(w, "closed", "operator");
	struct buf hidden = BUF_INIT;
	struct fts_unknown *u;

	add_document(w, &open, "a", "en", "Of the xylographitz nothing is left.");
	for (char c = 'a'; c <= 'z'; c++) {
		for (char d = 'a'; d <= 'z'; d++) {
			/* one letter from what is asked, the open one is two */
			buf_printf(&hidden, "xylographi%c%c ", c, d == c ? 'q' : d);
		}
		buf_printf(&hidden, "xylogr%cphibb ", c);
	}
	buf_char(&hidden, '\0');
	add_document(w, &closed, "b", "", hidden.data);
	assert_int_equal(unknown(w, "xylographibb", "", &open, &u), 1);
	assert_string_equal(u[0].near, "xylographitz");
	assert_true(u[0].n_similar >= 1);
	assert_string_equal(u[0].similar[0].term, "xylographitz");
	buf_finish(&hidden);
	vocabularies_stop(v);
	world_close(w);
	vocabularies_close(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearest_first),
		cmocka_unit_test(nothing_near_is_missed),
		cmocka_unit_test_setup_teardown(
			only_what_may_be_read_is_told, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_hidden_takes_no_place, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
