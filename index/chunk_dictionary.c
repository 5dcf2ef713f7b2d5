#include "index/chunk_dictionary.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <zdict.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/hash.h"
#include "index/base/log.h"
#include "index/chunks.h"
#include "index/fts_terms.h"

#define CHUNKS_MIN 200
#define GROWTH 4 /* trained again when there are so many times the chunks */
#define SAMPLES_MAX 4000
#define SAMPLE_BYTES 4096
#define DICTIONARY_BYTES ((size_t)64 * 1024)
#define DICTIONARY_MIN 256 /* the least that zstd makes */
#define WORD_MIN 4	   /* bytes; shorter words are in any text */

/* Of one transaction that compresses anew: as long as the writer lets others wait anyway
 * (index/store_writer.c's groups), some hundred chunks. */
#define PIECE_US 20000
#define PIECE_SLOTS 64

enum {
	Q_CURRENT,
	Q_TRAINED_ON,
	Q_SAMPLE,
	Q_THERE,
	Q_ADD,
	Q_ALL,
	Q_LEAVES,
	Q_DISTRUST,
	Q_LEAVING,
	Q_LAST_SLOT,
	Q_UNZIP,
	Q_REMOVE,
};

static const char *const sql[] = {
	[Q_CURRENT] = "SELECT n FROM text_dictionary WHERE workspace_n = ?1 AND n_chunks >= 0 "
		      "ORDER BY n_chunks DESC LIMIT 1",
	[Q_TRAINED_ON] = "SELECT coalesce(max(n_chunks), 0) FROM text_dictionary "
			 "WHERE workspace_n = ?1 AND n_chunks >= 0",
	[Q_SAMPLE] = "SELECT carrel_text(dictionary_n, text), slot FROM chunk "
		     "WHERE workspace_n = ?1 AND live = 1 AND slot % ?2 = 0 "
		     "AND carrel_readable(dictionary_n, text) LIMIT ?3",
	[Q_THERE] = "SELECT 1 FROM chunk WHERE workspace_n = ?1 AND slot = ?2",
	[Q_ADD] = "INSERT INTO text_dictionary (n, workspace_n, n_chunks, bytes) VALUES (?1, ?2, "
		  "?3, ?4) "
		  "ON CONFLICT (n) DO NOTHING",
	[Q_ALL] = "SELECT n, bytes FROM text_dictionary WHERE workspace_n = ?1",
	[Q_LEAVES] = "UPDATE text_dictionary SET n_chunks = -1 WHERE n = ?1",
	[Q_DISTRUST] = "UPDATE text_dictionary SET n_chunks = -1 WHERE n IN "
		       "(SELECT dictionary_n FROM chunk WHERE document_id = ?1 "
		       "AND NOT carrel_readable(dictionary_n, text))",
	[Q_LEAVING] = "SELECT n FROM text_dictionary WHERE workspace_n = ?1 AND n_chunks < 0 "
		      "ORDER BY n LIMIT 1",
	[Q_LAST_SLOT] = "SELECT coalesce(max(slot), -1) FROM chunk WHERE workspace_n = ?1",
	/* What cannot be read needs none. */
	[Q_UNZIP] = "UPDATE chunk SET text = carrel_zip(NULL, carrel_text(dictionary_n, text)), "
		    "dictionary_n = NULL WHERE workspace_n = ?1 AND dictionary_n = ?2 "
		    "AND slot >= ?3 AND slot < ?4 AND carrel_readable(dictionary_n, text)",
	[Q_REMOVE] = "DELETE FROM text_dictionary WHERE n = ?1",
};
SQL_TABLE(table, "index/chunk_dictionary", sql);

static int one_number(struct db *db, int which, int64_t workspace_n, int64_t *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, which);
	int rc;

	*out = 0;
	stmt_int(q, 1, workspace_n);
	rc = stmt_step(q, e);
	if (rc == 1) {
		*out = col_int(q, 0);
		stmt_reset(q);
	}
	return rc < 0 ? rc : 0;
}

int dictionary_current(struct db *db, int64_t workspace_n, int64_t *n, struct err *e)
{
	return one_number(db, Q_CURRENT, workspace_n, n, e);
}

/* ── training ── */

struct training {
	int64_t workspace_n;
	int64_t n_chunks;
	struct buf samples; /* one after the other */
	size_t sizes[SAMPLES_MAX];
	int64_t slots[SAMPLES_MAX];
	unsigned n_samples;
	void *bytes;
	size_t n_bytes;
	bool trained;
	bool outrun; /* by a purge */
};

static bool wanted(struct db *db, struct training *t, struct err *e, int *rc)
{
	int64_t trained_on;

	*rc = one_number(db, Q_TRAINED_ON, t->workspace_n, &trained_on, e);
	t->n_chunks = *rc ? 0 : chunks_live_about(db, t->workspace_n);
	return t->n_chunks >= CHUNKS_MIN && (trained_on == 0 || t->n_chunks >= trained_on * GROWTH);
}

static int take_samples(struct db *db, struct training *t, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SAMPLE);
	int rc;

	stmt_int(q, 1, t->workspace_n);
	stmt_int(q, 2, t->n_chunks / SAMPLES_MAX + 1);
	stmt_int(q, 3, SAMPLES_MAX);
	while ((rc = stmt_step(q, e)) == 1) {
		const char *text = col_text(q, 0);
		size_t n = strlen(text);

		n = n < SAMPLE_BYTES ? n : SAMPLE_BYTES;
		buf_add(&t->samples, text, n);
		t->slots[t->n_samples] = col_int(q, 1);
		t->sizes[t->n_samples++] = n;
	}
	return rc;
}

/* A word of an alphabet; scripts without blanks (three bytes a character and more) are looked for
 * in pieces anyway. */
static size_t word_at(const char *p, const char *end)
{
	const char *from = p;

	while (p < end) {
		unsigned char c = (unsigned char)*p;

		if (isalnum(c)) {
			p++;
		} else if (c >= 0xc2 && c < 0xe0 && p + 1 < end &&
			   ((unsigned char)p[1] & 0xc0) == 0x80) {
			p += 2;
		} else {
			break;
		}
	}
	return (size_t)(p - from);
}

static size_t word_slot(const uint64_t *set, size_t n_slots, uint64_t hash)
{
	size_t i = hash / 2 % n_slots;

	while (set[i] && set[i] != hash) {
		i = (i + 1) % n_slots;
	}
	return i;
}

static void add_words(uint64_t *set, size_t n_slots, const char *p, const char *end)
{
	while (p < end) {
		size_t n = word_at(p, end);

		if (n > 0) {
			uint64_t h = hash64(p, n) | 1;

			set[word_slot(set, n_slots, h)] = h;
		}
		p += n + 1;
	}
}

/* Hashes of the samples' words, by linear probing. */
static uint64_t *whole_words(const struct training *t, size_t *n_slots)
{
	const char *p = t->samples.data;
	uint64_t *set;

	for (*n_slots = 1024; *n_slots < t->samples.len / 3; *n_slots *= 2) {
	}
	set = calloc(*n_slots, sizeof(*set));
	ASSERT(set);
	for (unsigned i = 0; i < t->n_samples; i++) {
		add_words(set, *n_slots, p, p + t->sizes[i]);
		p += t->sizes[i];
	}
	return set;
}

/* A dictionary is made of pieces, whose ends may stand in the midst of a word. A purge looks for
 * whole words, so what is none in the samples is blanked. */
static void blank_cut_words(const struct training *t, char *content, size_t n_bytes)
{
	char *p = content, *end = content + n_bytes;
	size_t n_slots;
	uint64_t *set = whole_words(t, &n_slots);

	while (p < end) {
		size_t n = word_at(p, end);

		if (n > 0 && !set[word_slot(set, n_slots, hash64(p, n) | 1)]) {
			memset(p, ' ', n);
		}
		p += n + 1;
	}
	free(set);
}

/* False: the texts have too little in common, which is no error. */
static bool train(struct training *t)
{
	ZDICT_params_t params = {0};
	size_t n_head;
	char *content;
	size_t capacity =
		t->samples.len / 8 < DICTIONARY_BYTES ? t->samples.len / 8 : DICTIONARY_BYTES;

	if (capacity < DICTIONARY_MIN) {
		return false;
	}
	t->bytes = malloc(capacity);
	ASSERT(t->bytes);
	t->n_bytes =
		ZDICT_trainFromBuffer(t->bytes, capacity, t->samples.data, t->sizes, t->n_samples);
	if (ZDICT_isError(t->n_bytes)) {
		return false;
	}
	n_head = ZDICT_getDictHeaderSize(t->bytes, t->n_bytes);
	if (ZDICT_isError(n_head)) {
		return false;
	}
	content = malloc(t->n_bytes - n_head);
	ASSERT(content);
	memcpy(content, (char *)t->bytes + n_head, t->n_bytes - n_head);
	blank_cut_words(t, content, t->n_bytes - n_head);
	t->n_bytes = ZDICT_finalizeDictionary(t->bytes, capacity, content, t->n_bytes - n_head,
		t->samples.data, t->sizes, t->n_samples, params);
	free(content);
	return !ZDICT_isError(t->n_bytes);
}

/* A purge looks for its words in the dictionaries that are there: one that was trained on a text
 * purged meanwhile must not come after it. */
static int test_samples(struct db *db, struct training *t, struct err *e)
{
	for (unsigned i = 0; i < t->n_samples && !t->outrun; i++) {
		struct stmt *q = db_stmt(db, &table, Q_THERE);
		int rc;

		stmt_int(q, 1, t->workspace_n);
		stmt_int(q, 2, t->slots[i]);
		rc = stmt_step(q, e);
		stmt_reset(q);
		if (rc < 0) {
			return rc;
		}
		t->outrun = rc == 0;
	}
	return 0;
}

/* The number is the dictionary's own id, which its bytes decide: a number never means other bytes.
 */
static int tx_add(struct db *db, void *arg, struct err *e)
{
	struct training *t = arg;
	struct stmt *q;
	int rc = test_samples(db, t, e);

	if (rc || t->outrun) {
		return rc; /* the next upkeep trains again */
	}
	q = db_stmt(db, &table, Q_ADD);
	stmt_int(q, 1, ZDICT_getDictID(t->bytes, t->n_bytes));
	stmt_int(q, 2, t->workspace_n);
	stmt_int(q, 3, t->n_chunks);
	stmt_blob(q, 4, t->bytes, t->n_bytes);
	return stmt_run(q, e);
}

int training_begin(struct store *s, int64_t workspace_n, struct training **out, struct err *e)
{
	struct training *t = calloc(1, sizeof(*t));
	struct db *db = store_reader(s, e);
	bool train_now;
	int rc = 0;

	ASSERT(t);
	*out = t;
	t->workspace_n = workspace_n;
	if (!db) {
		return e && e->code ? e->code : ERR_UNAVAILABLE;
	}
	train_now = wanted(db, t, e, &rc);
	if (train_now) {
		rc = take_samples(db, t, e);
	}
	store_reader_drop(db);
	t->trained = train_now && rc == 0 && train(t);
	return rc;
}

int training_end(struct store *s, struct training *t, struct err *e)
{
	int rc = t->trained ? store_write(s, tx_add, t, e) : 0;

	if (t->trained && rc == 0) {
		log_info("dictionary.trained", LN("workspace", t->workspace_n),
			LN("chunks", t->n_chunks), LN("bytes", t->outrun ? 0 : t->n_bytes));
	}
	buf_finish(&t->samples);
	free(t->bytes);
	free(t);
	return rc;
}

int chunks_train_dictionary(struct store *s, int64_t workspace_n, struct err *e)
{
	struct training *t;
	int rc = training_begin(s, workspace_n, &t, e);
	int end = training_end(s, t, rc ? NULL : e);

	return rc ? rc : end;
}

/* ── forgetting ── */

struct dictionary_row {
	int64_t n;
	const char *bytes;
	size_t n_bytes;
	uint64_t *words; /* a set of hashes, as of whole_words */
	size_t n_slots;
	bool tainted;
	struct dictionary_row *next;
};

#define SEEN 65536 /* a power of two; words met before are not looked for again */

struct forgetting {
	int64_t workspace_n;
	struct dictionary_row *all;
	struct arena arena;
	uint64_t seen[SEEN];
};

int forgetting_create(struct db *db, int64_t workspace_n, struct forgetting **out, struct err *e)
{
	struct forgetting *f = calloc(1, sizeof(*f));
	struct stmt *q = db_stmt(db, &table, Q_ALL);
	int rc;

	ASSERT(f);
	*out = f;
	f->workspace_n = workspace_n;
	arena_init(&f->arena);
	stmt_int(q, 1, workspace_n);
	while ((rc = stmt_step(q, e)) == 1) {
		struct dictionary_row *d = arena_new(&f->arena, struct dictionary_row);
		const void *bytes;

		d->n = col_int(q, 0);
		bytes = col_blob(q, 1, &d->n_bytes);
		d->bytes = arena_copy(&f->arena, bytes, d->n_bytes);
		for (d->n_slots = 1024; d->n_slots < d->n_bytes; d->n_slots *= 2) {
		}
		d->words = arena_array(&f->arena, uint64_t, d->n_slots);
		memset(d->words, 0, d->n_slots * sizeof(*d->words));
		add_words(d->words, d->n_slots, d->bytes, d->bytes + d->n_bytes);
		d->next = f->all;
		f->all = d;
	}
	return rc;
}

void forgetting_destroy(struct forgetting *f)
{
	if (f) {
		arena_finish(&f->arena);
		free(f);
	}
}

static bool seen_before(struct forgetting *f, const char *word, size_t n_bytes)
{
	uint64_t h = hash64(word, n_bytes) | 1;
	bool seen = f->seen[h / 2 % SEEN] == h;

	f->seen[h / 2 % SEEN] = h;
	return seen;
}

/* A word of an alphabet stands there whole or not at all; to look for it in all bytes took most of
 * a purge's time. */
static bool holds(const struct dictionary_row *d, const char *word, size_t n_bytes)
{
	return word_at(word, word + n_bytes) == n_bytes
		       ? d->words[word_slot(d->words, d->n_slots, hash64(word, n_bytes) | 1)] != 0
		       : memmem(d->bytes, d->n_bytes, word, n_bytes) != NULL;
}

/* Taints the dictionaries that hold a word which no live chunk has. */
static int test_word(
	struct db *db, struct forgetting *f, const char *word, size_t n_bytes, struct err *e)
{
	int known = -1; /* not asked yet */

	for (struct dictionary_row *d = f->all; d; d = d->next) {
		if (d->tainted || !holds(d, word, n_bytes)) {
			continue;
		}
		if (known < 0) {
			bool has;
			int rc = fts_has_word(db, f->workspace_n, word, n_bytes, &has, e);

			if (rc != 0) {
				return rc;
			}
			known = has;
		}
		d->tainted = !known;
	}
	return 0;
}

int forgetting_test(struct db *db, struct forgetting *f, const char *text, struct err *e)
{
	struct terms words;
	struct arena a;
	int rc = 0;

	if (!f->all) {
		return 0;
	}
	arena_init(&a);
	analyse(&a, text, strlen(text), "", &words);
	for (int i = 0; rc == 0 && i < words.n; i++) {
		const char *word = text + words.items[i].byte_start;
		size_t n = (size_t)(words.items[i].byte_end - words.items[i].byte_start);

		if (n >= WORD_MIN && !seen_before(f, word, n)) {
			rc = test_word(db, f, word, n, e);
		}
	}
	arena_finish(&a);
	return rc;
}

void forgetting_all(struct forgetting *f)
{
	for (struct dictionary_row *d = f->all; d; d = d->next) {
		d->tainted = true;
	}
}

int forgetting_end(struct db *db, struct forgetting *f, struct err *e)
{
	int rc = 0;

	for (struct dictionary_row *d = f->all; rc == 0 && d; d = d->next) {
		if (d->tainted) {
			struct stmt *q = db_stmt(db, &table, Q_LEAVES);

			stmt_int(q, 1, d->n);
			rc = stmt_run(q, e);
		}
	}
	return rc;
}

/* ── dictionaries that leave ── */

int dictionary_distrust(struct db *db, const struct id *document, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_DISTRUST);

	stmt_id(q, 1, document);
	return stmt_run(q, e);
}

struct leaving {
	int64_t workspace_n;
	int64_t n;    /* the dictionary; 0: none */
	int64_t next; /* the first slot whose chunk may need it still */
};

static int unzip(struct db *db, const struct leaving *l, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_UNZIP);

	stmt_int(q, 1, l->workspace_n);
	stmt_int(q, 2, l->n);
	stmt_int(q, 3, l->next);
	stmt_int(q, 4, l->next + PIECE_SLOTS);
	return stmt_run(q, e);
}

/* No chunk is given one that leaves, so all that need it are at slots that are there already. */
static int tx_leave(struct db *db, void *arg, struct err *e)
{
	struct leaving *l = arg;
	int64_t until_us = clock_mono_us() + PIECE_US, n, last;
	int rc = one_number(db, Q_LEAVING, l->workspace_n, &n, e);

	l->next = n == l->n ? l->next : 0;
	l->n = n;
	if (rc == 0) {
		rc = one_number(db, Q_LAST_SLOT, l->workspace_n, &last, e);
	}
	while (rc == 0 && l->n && l->next <= last && clock_mono_us() < until_us) {
		rc = unzip(db, l, e);
		l->next += PIECE_SLOTS;
	}
	if (rc == 0 && l->n && l->next > last) {
		struct stmt *q = db_stmt(db, &table, Q_REMOVE);

		stmt_int(q, 1, l->n);
		rc = stmt_run(q, e);
	}
	return rc;
}

int chunks_forget(struct store *s, int64_t workspace_n, int (*goes_on)(void *arg, struct err *e),
	void *arg, struct err *e)
{
	struct leaving l = {.workspace_n = workspace_n};
	int rc = 0;

	do {
		rc = goes_on ? goes_on(arg, e) : 0;
		if (rc == 0) {
			rc = store_write(s, tx_leave, &l, e);
		}
	} while (rc == 0 && l.n);
	return rc;
}
