#include "chat/accounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/fts.h"

struct fixture {
	char dir[64];
	struct store *store;
	struct arena arena;
	struct id workspace;
};

static int tx_workspace(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;
	char sql[200];

	f->workspace = id_create("ws");
	snprintf(sql, sizeof(sql),
		"INSERT INTO workspace (id, name, created_ms) VALUES ('%s', 'default', 1)",
		f->workspace.s);
	return db_exec(db, sql, e);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;

	snprintf(f->dir, sizeof(f->dir), "/tmp/carrel-accounts-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	fts_register();
	assert_int_equal(store_open(f->dir, &f->store, &e), 0);
	assert_int_equal(store_write(f->store, tx_workspace, f, &e), 0);
	arena_init(&f->arena);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_finish(&f->arena);
	store_close(f->store);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

/* One transaction from a plain function of the fixture. */
struct step {
	struct fixture *f;
	struct user_new user;
	struct user_change change;
	const char *token;
	struct id id, other;
	struct session_secrets secrets;
	char secret[SECRET_SIZE];
	int64_t ms;
};

static int tx_user(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;

	s->user.workspace = s->f->workspace;
	return user_create(db, &s->user, &s->id, e);
}

static struct id add_user(struct fixture *f, const char *name, const char *password, enum role role)
{
	struct step s = {.f = f, .user = {.name = name, .role = role}};
	char hash[PASSWORD_HASH_SIZE];
	struct err e = ERR_INIT;

	if (password) {
		assert_int_equal(password_hash(password, hash, &e), 0);
		s.user.password_hash = hash;
	}
	assert_int_equal(store_write(f->store, tx_user, &s, &e), 0);
	return s.id;
}

static int verify(struct fixture *f, const char *name, const char *password, int tries)
{
	struct db *db = store_reader(f->store, NULL);
	struct user u;
	int rc = user_verify(db, &f->arena, name, password, tries, &u, NULL);

	store_reader_drop(db);
	return rc;
}

static int tx_claim(struct db *db, void *arg, struct err *e)
{
	return accounts_claim(db, ((struct step *)arg)->token, e);
}

static void test_bootstrap_once(void **state)
{
	struct fixture *f = *state;
	char first[SECRET_SIZE], second[SECRET_SIZE];
	struct step s = {.f = f};

	assert_int_equal(accounts_bootstrap(f->store, first, NULL), 0);
	assert_int_equal(accounts_bootstrap(f->store, second, NULL), 0);
	assert_string_not_equal(first, second);
	s.token = first;
	assert_int_equal(store_write(f->store, tx_claim, &s, NULL), ERR_AUTH);
	s.token = second;
	assert_int_equal(store_write(f->store, tx_claim, &s, NULL), 0);
	assert_int_equal(store_write(f->store, tx_claim, &s, NULL), ERR_AUTH);
	add_user(f, "ann", NULL, ROLE_OPERATOR);
	assert_int_equal(accounts_bootstrap(f->store, first, NULL), 0);
	assert_string_equal(first, "");
}

/* An operator made on the command line ends the token that was printed before. */
static void test_bootstrap_ends_with_an_operator(void **state)
{
	struct fixture *f = *state;
	char token[SECRET_SIZE];
	struct step s = {.f = f, .token = token};

	assert_int_equal(accounts_bootstrap(f->store, token, NULL), 0);
	add_user(f, "ann", NULL, ROLE_OPERATOR);
	assert_int_equal(store_write(f->store, tx_claim, &s, NULL), ERR_AUTH);
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"", "a b", "a/b", "\xc3\xa9", "x\n",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	struct step s = {.f = f};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s.user.name = bad[i];
		assert_int_equal(store_write(f->store, tx_user, &s, NULL), ERR_INVALID);
	}
	add_user(f, "ann", NULL, ROLE_MEMBER);
	s.user.name = "ANN";
	assert_int_equal(store_write(f->store, tx_user, &s, NULL), ERR_CONFLICT);
	s.user.name = "bob";
	s.user.display_name = "Bob \xe2\x80\xae evil";
	assert_int_equal(store_write(f->store, tx_user, &s, NULL), ERR_INVALID);
}

static void test_passwords(void **state)
{
	struct fixture *f = *state;
	char hash[PASSWORD_HASH_SIZE];
	char huge[PASSWORD_MAX + 2];

	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_int_equal(password_hash("short", hash, NULL), ERR_INVALID);
	assert_int_equal(password_hash(huge, hash, NULL), ERR_INVALID);
	add_user(f, "ann", "correct horse", ROLE_MEMBER);
	add_user(f, "robot", NULL, ROLE_MEMBER);
	assert_int_equal(verify(f, "ann", "correct horse", 10), 0);
	assert_int_equal(verify(f, "ANN", "correct horse", 10), 0);
	assert_int_equal(verify(f, "ann", "wrong horse", 10), ERR_AUTH);
	assert_int_equal(verify(f, "ann", huge, 10), ERR_AUTH);
	assert_int_equal(verify(f, "nobody", "correct horse", 10), ERR_AUTH);
	assert_int_equal(verify(f, "robot", "", 10), ERR_AUTH);
}

static int tx_session(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;
	struct user u;
	int rc = user_lookup(db, &s->f->arena, &s->f->workspace, &s->id, &u, e);

	return rc ? rc : session_create(db, &u, s->ms, s->ms, &s->other, &s->secrets, e);
}

static int session_of(struct fixture *f, const char *cookie, const char *access)
{
	struct db *db = store_reader(f->store, NULL);
	struct session s;
	int rc = cookie ? session_by_cookie(db, &f->arena, cookie, &s, NULL)
			: session_by_access(db, &f->arena, access, &s, NULL);

	store_reader_drop(db);
	return rc;
}

/* Ten wrong guesses stop further tries for the name, known or not, and touch no live session. */
static void test_guesses_are_limited(void **state)
{
	struct fixture *f = *state;
	struct step s = {
		.f = f, .ms = 60000, .id = add_user(f, "eve", "correct horse", ROLE_MEMBER)};
	int i;

	assert_int_equal(store_write(f->store, tx_session, &s, NULL), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(verify(f, "eve", "wrong password", 3), ERR_AUTH);
		assert_int_equal(verify(f, "ghost", "wrong password", 3), ERR_AUTH);
	}
	assert_int_equal(verify(f, "eve", "correct horse", 3), ERR_LIMITED);
	assert_int_equal(verify(f, "ghost", "correct horse", 3), ERR_LIMITED);
	assert_int_equal(session_of(f, s.secrets.cookie, NULL), 0);
}

/* Room for what is small, not for the 64 MiB that a hash computes in; returns what was before. */
static struct rlimit make_memory_short(void)
{
	struct rlimit before, now;
	unsigned long pages;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	now = before;
	now.rlim_cur = (pages * (rlim_t)sysconf(_SC_PAGESIZE)) + (32 << 20);
	assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
	return before;
}

/* A password that could not be looked at is neither wrong nor a guess, whoever it is said to be. */
static void test_a_hash_without_memory(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	char hash[PASSWORD_HASH_SIZE];
	struct rlimit before;
	int i;

	add_user(f, "fay", "correct horse", ROLE_MEMBER);
	before = make_memory_short();
	for (i = 0; i < 3; i++) {
		assert_int_equal(verify(f, "fay", "correct horse", 3), ERR_UNAVAILABLE);
		assert_int_equal(verify(f, "spectre", "correct horse", 3), ERR_UNAVAILABLE);
	}
	assert_int_equal(password_hash("correct horse", hash, &e), ERR_UNAVAILABLE);
	assert_string_equal(e.reason, "out_of_memory");
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(verify(f, "fay", "correct horse", 3), 0);
	assert_int_equal(verify(f, "spectre", "correct horse", 3), ERR_AUTH);
}

/* A name counts in any case of its letters, and apart from others. */
static void test_guesses_count_by_folded_name(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_reader(f->store, NULL);
	struct user u;
	char name[32];
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(
			user_verify(db, &f->arena, "mallory", "wrong password", 3, &u, NULL),
			ERR_AUTH);
	}
	for (i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "other-%d", i);
		assert_int_equal(
			user_verify(db, &f->arena, name, "wrong password", 3, &u, NULL), ERR_AUTH);
	}
	assert_int_equal(
		user_verify(db, &f->arena, "Mallory", "wrong password", 3, &u, NULL), ERR_LIMITED);
	store_reader_drop(db);
}

static int tx_change(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;

	return user_change(db, &s->id, &s->change, e);
}

static void test_sessions(void **state)
{
	struct fixture *f = *state;
	struct step s = {.f = f, .ms = 60000, .id = add_user(f, "ann", NULL, ROLE_MEMBER)};

	assert_int_equal(store_write(f->store, tx_session, &s, NULL), 0);
	assert_int_equal(session_of(f, s.secrets.cookie, NULL), 0);
	assert_int_equal(session_of(f, NULL, s.secrets.access), 0);
	assert_int_equal(session_of(f, s.secrets.access, NULL), ERR_AUTH);
	assert_int_equal(session_of(f, NULL, s.secrets.cookie), ERR_AUTH);
	s.change = (struct user_change){.role = -1, .disabled = 1};
	assert_int_equal(store_write(f->store, tx_change, &s, NULL), 0);
	assert_int_equal(session_of(f, s.secrets.cookie, NULL), ERR_AUTH);
	/* Enabling again does not bring the old session back. */
	s.change.disabled = 0;
	assert_int_equal(store_write(f->store, tx_change, &s, NULL), 0);
	assert_int_equal(session_of(f, s.secrets.cookie, NULL), ERR_AUTH);
	s.ms = -1;
	assert_int_equal(store_write(f->store, tx_session, &s, NULL), 0);
	assert_int_equal(session_of(f, s.secrets.cookie, NULL), ERR_AUTH);
}

static int tx_refresh(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;

	return session_refresh(db, &s->other, s->ms, &s->secrets, e);
}

/* Each tab keeps its own access token; past 20 the oldest ends, an expired one sooner. */
static void test_access_tokens(void **state)
{
	struct fixture *f = *state;
	struct step s = {.f = f, .ms = 60000, .id = add_user(f, "ann", NULL, ROLE_MEMBER)};
	char given[22][SECRET_SIZE];

	assert_int_equal(store_write(f->store, tx_session, &s, NULL), 0);
	memcpy(given[0], s.secrets.access, SECRET_SIZE);
	for (int i = 1; i < 22; i++) {
		s.ms = 60000 + i * 1000; /* in order, whatever the clock's resolution */
		assert_int_equal(store_write(f->store, tx_refresh, &s, NULL), 0);
		memcpy(given[i], s.secrets.access, SECRET_SIZE);
	}
	for (int i = 0; i < 22; i++) {
		assert_int_equal(session_of(f, NULL, given[i]), i < 2 ? ERR_AUTH : 0);
	}
	s.ms = -1;
	assert_int_equal(store_write(f->store, tx_refresh, &s, NULL), 0);
	assert_int_equal(session_of(f, NULL, s.secrets.access), ERR_AUTH);
	s.ms = 60000;
	assert_int_equal(store_write(f->store, tx_refresh, &s, NULL), 0);
	assert_int_equal(session_of(f, NULL, s.secrets.access), 0);
	s.change = (struct user_change){.role = -1, .disabled = 1};
	assert_int_equal(store_write(f->store, tx_change, &s, NULL), 0);
	assert_int_equal(session_of(f, NULL, s.secrets.access), ERR_AUTH);
	assert_int_equal(session_of(f, NULL, given[21]), ERR_AUTH);
	assert_int_equal(store_write(f->store, tx_refresh, &s, NULL), ERR_AUTH);
}

static void test_last_operator_stays(void **state)
{
	struct fixture *f = *state;
	struct step s = {.f = f, .id = add_user(f, "op", NULL, ROLE_OPERATOR)};

	s.change = (struct user_change){.role = -1, .disabled = 1};
	assert_int_equal(store_write(f->store, tx_change, &s, NULL), ERR_CONFLICT);
	s.change = (struct user_change){.role = ROLE_ADMIN, .disabled = -1};
	assert_int_equal(store_write(f->store, tx_change, &s, NULL), ERR_CONFLICT);
	add_user(f, "op2", NULL, ROLE_OPERATOR);
	assert_int_equal(store_write(f->store, tx_change, &s, NULL), 0);
}

static int tx_token(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;
	struct user u;
	int rc = user_lookup(db, &s->f->arena, &s->f->workspace, &s->id, &u, e);

	return rc ? rc : token_create(db, &u, "laptop", s->ms, &s->other, s->secret, e);
}

static int tx_token_revoke(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;

	return token_revoke(db, &s->id, &s->other, e);
}

static int token_of(struct fixture *f, const char *secret)
{
	struct db *db = store_reader(f->store, NULL);
	struct api_token t;
	int rc = token_by_secret(db, &f->arena, secret, &t, NULL);

	store_reader_drop(db);
	return rc;
}

static void test_tokens(void **state)
{
	struct fixture *f = *state;
	struct step s = {.f = f, .id = add_user(f, "ann", NULL, ROLE_MEMBER)};
	struct step other = {.f = f, .id = add_user(f, "bob", NULL, ROLE_MEMBER)};

	assert_int_equal(store_write(f->store, tx_token, &s, NULL), 0);
	assert_int_equal(token_of(f, s.secret), 0);
	assert_int_equal(token_of(f, "ct_nonsense"), ERR_AUTH);
	other.other = s.other;
	assert_int_equal(store_write(f->store, tx_token_revoke, &other, NULL), ERR_NOT_FOUND);
	assert_int_equal(token_of(f, s.secret), 0);
	assert_int_equal(store_write(f->store, tx_token_revoke, &s, NULL), 0);
	assert_int_equal(token_of(f, s.secret), ERR_AUTH);
	s.ms = clock_wall_ms() - 1;
	assert_int_equal(store_write(f->store, tx_token, &s, NULL), 0);
	assert_int_equal(token_of(f, s.secret), ERR_AUTH);
}

static int tx_groups(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;
	struct id group, ghost = id_create("usr");

	assert_int_equal(group_create(db, &s->f->workspace, "hr", &group, e), 0);
	assert_int_equal(group_create(db, &s->f->workspace, "HR", &s->other, NULL), ERR_CONFLICT);
	assert_int_equal(group_join(db, &s->f->workspace, &group, &ghost, NULL), ERR_NOT_FOUND);
	assert_int_equal(group_join(db, &s->f->workspace, &group, &s->id, e), 0);
	assert_int_equal(group_join(db, &s->f->workspace, &group, &s->id, e), 0);
	s->other = group;
	return 0;
}

static int tx_leave(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;

	assert_int_equal(group_leave(db, &s->f->workspace, &s->other, &s->id, e), 0);
	assert_int_equal(group_leave(db, &s->f->workspace, &s->other, &s->id, NULL), ERR_NOT_FOUND);
	return group_delete(db, &s->f->workspace, &s->other, e);
}

static void test_groups(void **state)
{
	struct fixture *f = *state;
	struct step s = {.f = f, .id = add_user(f, "ann", NULL, ROLE_MEMBER)};
	struct group *rows;
	struct db *db;
	int n;

	assert_int_equal(store_write(f->store, tx_groups, &s, NULL), 0);
	db = store_reader(f->store, NULL);
	assert_int_equal(groups_of(db, &f->arena, &s.id, &rows, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].n_members, 1);
	store_reader_drop(db);
	assert_int_equal(store_write(f->store, tx_leave, &s, NULL), 0);
}

/* "workspace group:x user:y …" of a query, two a page. */
static const char *principals(struct fixture *f, const char *q)
{
	static char text[1000];
	struct db *db = store_reader(f->store, NULL);
	struct principal *rows;
	const char *after = NULL;
	size_t len = 0;
	int n;

	text[0] = '\0';
	do {
		assert_int_equal(
			principal_list(db, &f->arena, &f->workspace, q, after, 2, &rows, &n, NULL),
			0);
		for (int i = 0; i < n; i++) {
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
				len ? " " : "", rows[i].principal);
			after = rows[i].principal;
		}
	} while (n == 2);
	store_reader_drop(db);
	return text;
}

static int tx_two_groups(struct db *db, void *arg, struct err *e)
{
	struct step *s = arg;
	struct id id;
	int rc = group_create(db, &s->f->workspace, "Zentrale", &id, e);

	return rc ? rc : group_create(db, &s->f->workspace, "Büro", &id, e);
}

static void test_principals(void **state)
{
	struct fixture *f = *state;
	struct step s = {.f = f};
	struct db *db;
	struct principal *rows;
	int n;

	s.other = add_user(f, "zoe", NULL, ROLE_MEMBER);
	add_user(f, "Ann", NULL, ROLE_OPERATOR);
	s.id = add_user(f, "gone", NULL, ROLE_MEMBER);
	s.change = (struct user_change){.role = -1, .disabled = 1};
	assert_int_equal(store_write(f->store, tx_change, &s, NULL), 0);
	assert_int_equal(store_write(f->store, tx_two_groups, &s, NULL), 0);
	assert_string_equal(
		principals(f, NULL), "workspace group:Büro group:Zentrale user:Ann user:zoe");
	assert_string_equal(principals(f, ""), principals(f, NULL));
	assert_string_equal(principals(f, "Z"), "group:Zentrale user:zoe");
	assert_string_equal(principals(f, "buRO"), "group:Büro");
	assert_string_equal(principals(f, "every"), "workspace");
	assert_string_equal(principals(f, "nobody"), "");
	db = store_reader(f->store, NULL);
	assert_int_equal(
		principal_list(db, &f->arena, &f->workspace, NULL, "x:y", 2, &rows, &n, NULL),
		ERR_INVALID);
	store_reader_drop(db);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bootstrap_once),
		TEST(test_bootstrap_ends_with_an_operator),
		TEST(test_names),
		TEST(test_passwords),
		TEST(test_guesses_are_limited),
		TEST(test_a_hash_without_memory),
		TEST(test_guesses_count_by_folded_name),
		TEST(test_sessions),
		TEST(test_access_tokens),
		TEST(test_last_operator_stays),
		TEST(test_tokens),
		TEST(test_groups),
		TEST(test_principals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
