#include "index/chunk_dictionary.h"

#include <stdlib.h>
#include <string.h>

#include <zdict.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/hash.h"
#include "index/base/log.h"
#include "index/chunks.h"
#include "index/shingles.h"

#define CHUNKS_MIN 200
#define GROWTH 4 /* trained again when there are so many times the chunks */
#define SAMPLES_MAX 4000
#define SAMPLE_BYTES 4096
#define DICTIONARY_BYTES ((size_t)64 * 1024)
#define DICTIONARY_MIN 256 /* the least that zstd makes */
#define HEAD_MAX 512	   /* of its entropy tables; zstd makes no more than 256 */
#define DOCUMENTS_MIN 100

/* Of one transaction that compresses anew: as long as the writer lets others wait anyway
 * (index/store_writer.c's groups), some hundred chunks. */
#define PIECE_US 20000
#define PIECE_SLOTS 64

enum {
	Q_CURRENT,
	Q_TRAINED_ON,
	Q_RETIRED,
	Q_SAMPLE,
	Q_THERE,
	Q_ADD,
	Q_UNTESTED,
	Q_LEAVES,
	Q_TESTED,
	Q_DISTRUST,
	Q_LEAVING,
	Q_LAST_SLOT,
	Q_ZIP_ANEW,
	Q_REMOVE,
};

static const char *const sql[] = {
	[Q_CURRENT] = "SELECT n FROM text_dictionary WHERE workspace_n = ?1 AND n_chunks >= 0 "
		      "ORDER BY n_chunks DESC LIMIT 1",
	[Q_TRAINED_ON] = "SELECT coalesce(max(n_chunks), 0) FROM text_dictionary "
			 "WHERE workspace_n = ?1 AND n_chunks >= 0",
	/* Slots are not given twice: so many were not live any more, or never. */
	[Q_RETIRED] = "SELECT next_slot - (SELECT count(*) FROM chunk WHERE workspace_n = ?1 "
		      "AND live = 1) FROM workspace WHERE n = ?1",
	[Q_SAMPLE] = "SELECT carrel_text(dictionary_n, text), slot, document_id FROM chunk "
		     "WHERE workspace_n = ?1 AND live = 1 AND slot % ?2 = 0 "
		     "AND carrel_readable(dictionary_n, text) ORDER BY slot LIMIT ?3",
	[Q_THERE] = "SELECT 1 FROM chunk WHERE workspace_n = ?1 AND slot = ?2",
	[Q_ADD] = "INSERT INTO text_dictionary (n, workspace_n, n_chunks, bytes, n_retired) "
		  "VALUES (?1, ?2, ?3, ?4, ?5) "
		  "ON CONFLICT (n) DO NOTHING",
	[Q_UNTESTED] = "SELECT n, bytes, n_chunks FROM text_dictionary "
		       "WHERE workspace_n = ?1 AND n_chunks >= 0 AND n_retired <> ?2",
	[Q_LEAVES] = "UPDATE text_dictionary SET n_chunks = -1 WHERE n = ?1",
	[Q_TESTED] = "UPDATE text_dictionary SET n_retired = ?2 WHERE n = ?1",
	[Q_DISTRUST] = "UPDATE text_dictionary SET n_chunks = -1 WHERE n IN "
		       "(SELECT dictionary_n FROM chunk WHERE document_id = ?1 "
		       "AND NOT carrel_readable(dictionary_n, text))",
	[Q_LEAVING] = "SELECT n FROM text_dictionary WHERE workspace_n = ?1 AND n_chunks < 0 "
		      "ORDER BY n LIMIT 1",
	[Q_LAST_SLOT] = "SELECT coalesce(max(slot), -1) FROM chunk WHERE workspace_n = ?1",
	/* What cannot be read needs none. */
	[Q_ZIP_ANEW] = "UPDATE chunk SET text = carrel_zip(?5, carrel_text(dictionary_n, text)), "
		       "dictionary_n = ?5 WHERE workspace_n = ?1 AND dictionary_n = ?2 "
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

/* ── samples ── */

struct sample {
	const char *text;
	size_t n_bytes;
	int64_t slot;
	uint64_t document; /* a hash of its id, from 1 on */
};

/* What a dictionary that was trained at n_chunks may be made of, until fn says no. */
static int each_sample(struct db *db, int64_t workspace_n, int64_t n_chunks,
	bool (*fn)(void *arg, const struct sample *sample), void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SAMPLE);
	bool goes_on = true;
	int rc = 0;

	stmt_int(q, 1, workspace_n);
	stmt_int(q, 2, n_chunks / SAMPLES_MAX + 1);
	stmt_int(q, 3, SAMPLES_MAX);
	while (goes_on && (rc = stmt_step(q, e)) == 1) {
		const char *document = col_text(q, 2);
		struct sample sample = {.text = col_text(q, 0), .slot = col_int(q, 1)};

		sample.n_bytes = strnlen(sample.text, SAMPLE_BYTES);
		sample.document = hash64(document, strlen(document)) >> 1 | 1;
		goes_on = fn(arg, &sample);
	}
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

/* ── training ── */

struct training {
	int64_t workspace_n;
	int64_t n_chunks;
	int64_t n_retired;
	struct buf texts; /* of the samples, one after the other */
	size_t sizes[SAMPLES_MAX];
	int64_t slots[SAMPLES_MAX];
	uint64_t documents[SAMPLES_MAX];
	unsigned n_samples;
	unsigned n_documents; /* about: whose chunks do not stand together counts again */
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

static bool take_sample(void *arg, const struct sample *sample)
{
	struct training *t = arg;

	buf_add(&t->texts, sample->text, sample->n_bytes);
	t->sizes[t->n_samples] = sample->n_bytes;
	t->slots[t->n_samples] = sample->slot;
	t->documents[t->n_samples] = sample->document;
	t->n_documents += t->n_samples == 0 || t->documents[t->n_samples - 1] != sample->document;
	t->n_samples++;
	return true;
}

/* What is one document's alone would have to leave with it, and helps no other; where they are few,
 * what is one chunk's: then a purge takes much of the workspace anyway. */
static uint64_t source_of(const struct training *t, unsigned i)
{
	return t->n_documents < DOCUMENTS_MIN ? i + 1 : t->documents[i];
}

static void keep_shared(
	const struct training *t, const char *pieces, size_t n_bytes, struct buf *out)
{
	struct shingles *s = shingles_create(pieces, n_bytes);
	const char *p = t->texts.data;

	for (unsigned i = 0; i < t->n_samples; i++) {
		shingles_meet(s, p, t->sizes[i], source_of(t, i));
		p += t->sizes[i];
	}
	shingles_shared(s, pieces, n_bytes, out);
	shingles_destroy(s);
}

/* What is kept of pieces that are twice as much, of which those at the end are the best. */
static bool choose_content(const struct training *t, size_t n_max, struct buf *out)
{
	char *pieces = malloc(2 * n_max);
	size_t n, n_head = 0;
	bool ok;

	ASSERT(pieces);
	n = ZDICT_trainFromBuffer(pieces, 2 * n_max, t->texts.data, t->sizes, t->n_samples);
	ok = !ZDICT_isError(n);
	if (ok) {
		n_head = ZDICT_getDictHeaderSize(pieces, n);
		ok = !ZDICT_isError(n_head);
	}
	if (ok) {
		keep_shared(t, pieces + n_head, n - n_head, out);
	}
	if (out->len > n_max) {
		buf_remove_front(out, out->len - n_max);
		buf_remove_front(out, strlen(out->data) + 1); /* a run without its beginning */
	}
	free(pieces);
	return ok;
}

/* False: the texts have too little in common, which is no error. */
static bool train(struct training *t)
{
	ZDICT_params_t params = {0};
	struct buf content = BUF_INIT;
	size_t n_max = t->texts.len / 8 < DICTIONARY_BYTES ? t->texts.len / 8 : DICTIONARY_BYTES;
	size_t capacity = n_max + HEAD_MAX;
	bool ok = n_max >= DICTIONARY_MIN && choose_content(t, n_max, &content);

	if (ok) {
		t->bytes = malloc(capacity);
		ASSERT(t->bytes);
		t->n_bytes = ZDICT_finalizeDictionary(t->bytes, capacity, content.data, content.len,
			t->texts.data, t->sizes, t->n_samples, params);
		ok = !ZDICT_isError(t->n_bytes);
	}
	buf_finish(&content);
	return ok;
}

/* A purge looks into the dictionaries that are there: one that was trained on a text purged
 * meanwhile must not come after it. */
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
	stmt_int(q, 5, t->n_retired);
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
		rc = one_number(db, Q_RETIRED, workspace_n, &t->n_retired, e);
	}
	if (train_now && rc == 0) {
		rc = each_sample(db, workspace_n, t->n_chunks, take_sample, t, e);
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
	buf_finish(&t->texts);
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

/* ── dictionaries that have to leave ── */

/* Those that were not held yet against what is live now. */
struct testing {
	int64_t workspace_n;
	int64_t n_retired;
	struct arena arena;
	struct dictionary_row {
		int64_t n, n_chunks;
		const char *bytes;
		size_t n_bytes;
		bool tainted;
		struct dictionary_row *next;
	} * first;
};

static int load_untested(struct db *db, struct testing *t, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_UNTESTED);
	int rc;

	stmt_int(q, 1, t->workspace_n);
	stmt_int(q, 2, t->n_retired);
	while ((rc = stmt_step(q, e)) == 1) {
		struct dictionary_row *d = arena_new(&t->arena, struct dictionary_row);
		const void *bytes = col_blob(q, 1, &d->n_bytes);

		d->n = col_int(q, 0);
		d->n_chunks = col_int(q, 2);
		d->bytes = arena_copy(&t->arena, bytes, d->n_bytes);
		d->next = t->first;
		t->first = d;
	}
	return rc;
}

static bool meet(void *arg, const struct sample *sample)
{
	shingles_meet(arg, sample->text, sample->n_bytes, sample->document);
	return shingles_unmet(arg) > 0;
}

/* Tainted by a passage that no sample of today has. */
static int test(struct db *db, int64_t workspace_n, struct dictionary_row *d, struct err *e)
{
	size_t n_head = ZDICT_getDictHeaderSize(d->bytes, d->n_bytes);
	struct shingles *s;
	int rc;

	if (ZDICT_isError(n_head)) {
		d->tainted = true;
		return 0;
	}
	s = shingles_create(d->bytes + n_head, d->n_bytes - n_head);
	rc = each_sample(db, workspace_n, d->n_chunks, meet, s, e);
	d->tainted = shingles_unmet(s) > 0;
	shingles_destroy(s);
	return rc;
}

static int tx_tested(struct db *db, void *arg, struct err *e)
{
	const struct testing *t = arg;
	int rc = 0;

	for (struct dictionary_row *d = t->first; rc == 0 && d; d = d->next) {
		struct stmt *q = db_stmt(db, &table, d->tainted ? Q_LEAVES : Q_TESTED);

		stmt_int(q, 1, d->n);
		if (!d->tainted) {
			stmt_int(q, 2, t->n_retired);
		}
		rc = stmt_run(q, e);
	}
	return rc;
}

/* Whoever purges sees here what purges before it have left, so that of two at a time the later one
 * sees all. What is retired after the number was read changes it. */
static int test_all(struct store *s, int64_t workspace_n, struct err *e)
{
	struct testing t = {.workspace_n = workspace_n};
	struct db *db = store_reader(s, e);
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	arena_init(&t.arena);
	rc = one_number(db, Q_RETIRED, workspace_n, &t.n_retired, e);
	rc = rc ? rc : load_untested(db, &t, e);
	for (struct dictionary_row *d = t.first; rc == 0 && d; d = d->next) {
		rc = test(db, workspace_n, d, e);
	}
	store_reader_drop(db);
	if (rc == 0 && t.first) {
		rc = store_write(s, tx_tested, &t, e);
	}
	arena_finish(&t.arena);
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

static int zip_anew(struct db *db, const struct leaving *l, struct err *e)
{
	struct stmt *q;
	int64_t into;
	int rc = dictionary_current(db, l->workspace_n, &into, e);

	if (rc) {
		return rc;
	}
	q = db_stmt(db, &table, Q_ZIP_ANEW);
	stmt_int(q, 1, l->workspace_n);
	stmt_int(q, 2, l->n);
	stmt_int(q, 3, l->next);
	stmt_int(q, 4, l->next + PIECE_SLOTS);
	if (into) {
		stmt_int(q, 5, into);
	} else {
		stmt_null(q, 5);
	}
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
		rc = zip_anew(db, l, e);
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
	int rc = test_all(s, workspace_n, e);

	/* In place of the largest, if it leaves: else what is compressed anew would be without. */
	rc = rc ? rc : chunks_train_dictionary(s, workspace_n, e);
	while (rc == 0) {
		rc = goes_on ? goes_on(arg, e) : 0;
		if (rc == 0) {
			rc = store_write(s, tx_leave, &l, e);
		}
		if (l.n == 0) {
			break;
		}
	}
	return rc;
}
