#include "chat/accounts.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "index/base/clock.h"

#define HASHES_AT_ONCE 4 /* 64 MiB each */
#define HASH_WAIT_S 5
#define WINDOW_MS (15 * 60 * 1000)
#define N_SETS 256 /* × COUNTERS_A_SET names are remembered at most */
#define COUNTERS_A_SET 16
#define NAME_FOLD_MAX 256

static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_open = PTHREAD_COND_INITIALIZER;
static int n_hashing;

static int gate_enter(struct err *e)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HASH_WAIT_S;
	pthread_mutex_lock(&gate_mutex);
	while (n_hashing >= HASHES_AT_ONCE && !rc) {
		rc = pthread_cond_timedwait(&gate_open, &gate_mutex, &until);
	}
	if (!rc) {
		n_hashing++;
	}
	pthread_mutex_unlock(&gate_mutex);
	if (rc) {
		return err_set(e, ERR_LIMITED, "busy",
			"Too many people are signing in at once; "
			"try again in a few seconds.");
	}
	return 0;
}

static void gate_leave(void)
{
	pthread_mutex_lock(&gate_mutex);
	n_hashing--;
	pthread_cond_signal(&gate_open);
	pthread_mutex_unlock(&gate_mutex);
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "out_of_memory",
		"There is not enough memory to check a password now; try again.");
}

int password_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *e)
{
	size_t len = strlen(password);
	int rc;

	if (len < PASSWORD_MIN || len > PASSWORD_MAX) {
		return err_set(e, ERR_INVALID, "bad_password",
			"A password has %d to %d bytes, this one has %zu.", PASSWORD_MIN,
			PASSWORD_MAX, len);
	}
	rc = gate_enter(e);
	if (rc) {
		return rc;
	}
	rc = crypto_pwhash_str(out, password, len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
		crypto_pwhash_MEMLIMIT_INTERACTIVE);
	gate_leave();
	return rc ? no_memory(e) : 0;
}

/* ── wrong guesses, by keyed hash of the name whether or not it exists ── */

struct counter {
	uint64_t name;
	int64_t since_ms;
	int n;
};
static struct counter counters[N_SETS][COUNTERS_A_SET];
static pthread_mutex_t counter_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Keyed with a secret of this process: nobody can choose names that fall together. */
static uint64_t name_hash(const char *name)
{
	static unsigned char key[crypto_shorthash_KEYBYTES];
	static bool keyed;
	char folded[NAME_FOLD_MAX];
	uint64_t h = 0;
	size_t n = 0;

	if (!keyed) {
		crypto_shorthash_keygen(key);
		keyed = true;
	}
	while (name[n] && n < sizeof(folded)) {
		folded[n] = (char)tolower((unsigned char)name[n]);
		n++;
	}
	crypto_shorthash((unsigned char *)&h, (const unsigned char *)folded, n, key);
	return h;
}

/* Of two counters, the one that is missed less: expired, of fewer guesses, older. */
static bool missed_less(const struct counter *a, const struct counter *b, int64_t now)
{
	bool old_a = now - a->since_ms > WINDOW_MS;
	bool old_b = now - b->since_ms > WINDOW_MS;

	if (old_a != old_b) {
		return old_a;
	}
	return a->n != b->n ? a->n < b->n : a->since_ms < b->since_ms;
}

/* The counter of a name, under the mutex. Memory is bounded; in a full set the counter gives way
 * that protects least, so that guessing at other names does not wipe out a name's count. */
static struct counter *counter_of(const char *name)
{
	uint64_t h = name_hash(name);
	struct counter *set = counters[h % N_SETS];
	struct counter *victim = &set[0];
	int64_t now = clock_mono_ms();

	for (int i = 0; i < COUNTERS_A_SET; i++) {
		if (set[i].name == h && set[i].since_ms && now - set[i].since_ms <= WINDOW_MS) {
			return &set[i];
		}
		/* the expired one of the same name goes first: a name has one counter */
		if (set[i].name == h || (victim->name != h && missed_less(&set[i], victim, now))) {
			victim = &set[i];
		}
	}
	*victim = (struct counter){h, now, 0};
	return victim;
}

static int64_t wait_of(const struct counter *c, int tries_max)
{
	return c->n >= tries_max ? WINDOW_MS - (clock_mono_ms() - c->since_ms) : 0;
}

int user_verify_wait_s(const char *name, int tries_max)
{
	int64_t wait_ms;

	pthread_mutex_lock(&counter_mutex);
	wait_ms = wait_of(counter_of(name), tries_max);
	pthread_mutex_unlock(&counter_mutex);
	return (int)((wait_ms + 999) / 1000);
}

/* Counts the attempt before its password is looked at, so that parallel guesses count too. */
static int guess_begin(const char *name, int tries_max, struct err *e)
{
	struct counter *c;
	int64_t wait_ms;

	pthread_mutex_lock(&counter_mutex);
	c = counter_of(name);
	wait_ms = wait_of(c, tries_max);
	if (!wait_ms) {
		c->n++;
	}
	pthread_mutex_unlock(&counter_mutex);
	if (wait_ms) {
		return err_set(e, ERR_LIMITED, "too_many_tries",
			"Too many wrong passwords for this name; try again in %d minutes.",
			(int)(wait_ms / 60000) + 1);
	}
	return 0;
}

static void guess_right(const char *name)
{
	pthread_mutex_lock(&counter_mutex);
	counter_of(name)->n = 0;
	pthread_mutex_unlock(&counter_mutex);
}

/* It was not looked at. */
static void guess_undo(const char *name)
{
	struct counter *c;

	pthread_mutex_lock(&counter_mutex);
	c = counter_of(name);
	c->n -= c->n > 0;
	pthread_mutex_unlock(&counter_mutex);
}

/* A hash that no password has, so that an unknown name costs the same time; "": no memory. */
static const char *dummy_hash(void)
{
	static char hash[PASSWORD_HASH_SIZE];
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	char password[33];

	pthread_mutex_lock(&once);
	if (!hash[0]) {
		secret_create(password, sizeof(password), 24);
		if (crypto_pwhash_str(hash, password, strlen(password),
			    crypto_pwhash_OPSLIMIT_INTERACTIVE,
			    crypto_pwhash_MEMLIMIT_INTERACTIVE)) {
			hash[0] = '\0';
		}
	}
	pthread_mutex_unlock(&once);
	return hash;
}

enum { Q_VERIFY };
static const char *const sql[] = {
	[Q_VERIFY] = "SELECT id, password_hash FROM user WHERE name = ?1 AND disabled_ms IS NULL",
};
SQL_TABLE(table, "chat/password", sql);

static int wrong(struct err *e)
{
	return err_set(e, ERR_AUTH, "wrong_login", "That name and password do not fit.");
}

static bool from_base64(const char *text, unsigned char *out, size_t n_wanted)
{
	size_t n;

	return sodium_base642bin(out, n_wanted, text, strlen(text), NULL, &n, NULL,
		       sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
	       n == n_wanted;
}

/* crypto_pwhash_str_verify does not tell a wrong password from a lack of memory: what
 * crypto_pwhash_str writes is read here. 1: it has that hash; 0: it has not; -1: no memory. */
static int has_hash(const char *password, const char *hash)
{
	unsigned char salt[crypto_pwhash_SALTBYTES], its[32], wanted[sizeof(its)];
	char salt64[23], wanted64[44];
	size_t kib, passes;

	if (sscanf(hash, "$argon2id$v=19$m=%zu,t=%zu,p=1$%22[^$]$%43s", &kib, &passes, salt64,
		    wanted64) != 4 ||
		!from_base64(salt64, salt, sizeof(salt)) ||
		!from_base64(wanted64, wanted, sizeof(wanted))) {
		return 0;
	}
	if (crypto_pwhash(its, sizeof(its), password, strlen(password), salt, passes, kib * 1024,
		    crypto_pwhash_ALG_ARGON2ID13)) {
		return -1;
	}
	return sodium_memcmp(its, wanted, sizeof(its)) == 0;
}

/* 1: it is the password of that hash (NULL: of nobody); 0: it is not; else it was not looked at. */
static int fits(const char *password, const char *hash, struct err *e)
{
	int rc = gate_enter(e);

	if (rc) {
		return rc;
	}
	hash = hash ? hash : dummy_hash();
	if (strlen(password) <= PASSWORD_MAX) {
		rc = hash[0] ? has_hash(password, hash) : -1;
	}
	gate_leave();
	return rc < 0 ? no_memory(e) : rc;
}

int user_verify(struct db *db, struct arena *a, const char *name, const char *password,
	int tries_max, struct user *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_VERIFY);
	const struct id anywhere = {""};
	const char *hash = NULL;
	struct id id = {""};
	int rc = guess_begin(name, tries_max, e);

	if (rc) {
		return rc;
	}
	stmt_text(q, 1, name);
	rc = stmt_step(q, e);
	if (rc < 0) {
		return rc;
	}
	if (rc == 1) {
		id = col_id(q, 0);
		hash = arena_str(a, col_text(q, 1));
		stmt_reset(q);
	}
	rc = fits(password, hash, e);
	if (rc < 0) {
		guess_undo(name);
		return rc;
	}
	if (rc == 0 || !hash) {
		return wrong(e);
	}
	guess_right(name);
	rc = user_by_name(db, a, &anywhere, name, out, e);
	return rc == ERR_NOT_FOUND || (!rc && !id_equal(&out->id, &id)) ? wrong(e) : rc;
}
