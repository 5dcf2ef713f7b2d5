/*
 * The builder of full-text queries: any text is a question, a phrase and a word to be looked up,
 * and none of it is syntax of FTS5 or SQL. What is found is what the asker may read, best first.
 *
 * The first byte says the language and who asks.
 */
#include "index/base/utf8.h"
#include "tests/unit/index/world.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct world *w;
static struct id somebody;

static void leave(void)
{
	void *state = w;

	world_teardown(&state);
}

/* Every other document is one that somebody may read. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const texts[][2] = {
		{"en", "Employees receive annual leave of 25 working days."},
		{"en", "Travel by train is preferred; policies NEAR the north AND the south "
		       "apply."},
		{"de", "Die Häuser der Mitarbeiterinnen und der Jahresurlaub."},
		{"zh", "员工每年享有二十五天年假，数据库管理员除外。"},
		{"en", "Certified under ISO-27001 since 2019, calling CreateUserToken."},
		{"fr", "L’hôtel n’est pas réservé avant l’été."},
	};
	struct id open, closed;
	void *state;

	(void)argc;
	(void)argv;
	world_setup(&state);
	w = state;
	atexit(leave);
	open = add_collection(w, "open", "operator");
	closed = add_collection(w, "closed", "operator");
	somebody = add_user(w, &w->workspace, ROLE_MEMBER);
	grant(w, &open, somebody.s, RIGHT_READ);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char name[16];

		snprintf(name, sizeof(name), "%zu", i);
		add_document(w, i % 2 ? &closed : &open, name, texts[i][0], texts[i][1]);
	}
	return 0;
}

static void must(bool true_here)
{
	if (!true_here) {
		abort();
	}
}

static void ask(struct db *db, struct arena *a, const struct fts_query *q)
{
	struct fts_phrase phrase = {.workspace_n = q->workspace_n,
		.text = q->text,
		.language = q->language,
		.allowed = q->allowed};
	struct fts_unknown *unknown;
	struct fts_hit *hits;
	struct bitmap rows;
	struct err e = ERR_INIT;
	int n;

	must(fts_search(db, a, q, &hits, &n, &e) == 0 && n <= q->limit);
	for (int i = 0; i < n; i++) {
		must(bitmap_has(&q->allowed->slots, (uint64_t)hits[i].slot));
		must(i == 0 || hits[i].score <= hits[i - 1].score);
	}
	must(fts_unknown(db, a, q, &unknown, &n, &e) == 0);
	for (int i = 0; i < n; i++) {
		must(unknown[i].byte_start < unknown[i].byte_end &&
			unknown[i].byte_end <= (int)strlen(q->text));
	}
	for (int title = 0; title < 2; title++) {
		phrase.title = title;
		bitmap_init(&rows);
		must(fts_rows(db, &phrase, &rows, &e) == 0);
		bitmap_finish(&rows);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const languages[] = {"", "en", "de", "zh"};
	struct fts_query q = {.limit = 4, .language = languages[n ? data[0] % 4 : 0]};
	struct allowed *allowed;
	struct asker who;
	struct arena a;
	struct db *db;

	if (n < 1 || !utf8_valid((const char *)data + 1, n - 1)) {
		return -1;
	}
	arena_init(&a);
	db = reader(w);
	fine((data[0] & 4 ? acl_operator(db, &a, &w->workspace, &who, &world_err)
			  : acl_asker(db, &a, &somebody, &who, &world_err)));
	allowed = acl_allowed(w->acl, &who, NULL, 0, NULL);
	q.workspace_n = who.workspace_n;
	q.text = arena_strn(&a, (const char *)data + 1, n - 1);
	q.allowed = allowed;
	q.words_alone = data[0] & 8;
	ask(db, &a, &q);
	acl_allowed_drop(allowed);
	store_reader_drop(db);
	arena_finish(&a);
	return 0;
}
