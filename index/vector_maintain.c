/* Upkeep: segments are loaded, sealed, compacted; what is stored is checked against what is live.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/vector_file.h"

#define DEAD_PARTS 5 /* compact when a fifth is dead, or was put anew */
#define SEAL_LEAST 64

/* ── segments of a space, from their rows ── */

static void read_segment_row(struct stmt *q, struct segment *s, bool *known)
{
	const char *kind = col_text(q, 3), *metric = col_text(q, 4);
	const char *file = col_text(q, 7), *sha256 = col_text(q, 8);

	memset(s, 0, sizeof(*s));
	s->n = col_int(q, 0);
	s->slot_from = col_int(q, 1);
	s->slot_to = col_int(q, 2);
	s->dimension = (int)col_int(q, 5);
	snprintf(s->file, sizeof(s->file), "%s", file ? file : "");
	snprintf(s->sha256, sizeof(s->sha256), "%s", sha256 ? sha256 : "");
	*known = kind && strcmp(kind, SEGMENT_KIND) == 0 && metric &&
		 strcmp(metric, SEGMENT_METRIC) == 0 && s->slot_from >= 0 &&
		 s->slot_from % 64 == 0 && s->slot_to % 64 == 0 && s->slot_from < s->slot_to &&
		 !strchr(s->file, '/') && s->file[0] && s->file[0] != '.';
}

int space_segments(struct vectors *v, const struct loaded_space *s, struct arena *a,
	struct segment_rows *out, struct err *e)
{
	struct db *db = store_reader(v->store, e);
	struct stmt *q;
	int rc, cap = 0;

	memset(out, 0, sizeof(*out));
	if (!db) {
		return err_code(e);
	}
	q = db_stmt(db, &vector_sql, Q_SEGMENTS);
	stmt_int(q, 1, s->n);
	while ((rc = stmt_step(q, e)) > 0) {
		if (out->n == cap) {
			struct segment_rows more = {.n = out->n};

			cap = cap ? 2 * cap : 16;
			more.items = arena_array(a, struct segment, (size_t)cap);
			more.known = arena_array(a, bool, (size_t)cap);
			if (out->n) {
				memcpy(more.items, out->items,
					(size_t)out->n * sizeof(*more.items));
				memcpy(more.known, out->known, (size_t)out->n * sizeof(bool));
			}
			*out = more;
		}
		read_segment_row(q, &out->items[out->n], &out->known[out->n]);
		if (out->items[out->n].dimension != s->identity.dimension ||
			strcmp(col_text(q, 6) ? col_text(q, 6) : "", s->identity.model) != 0) {
			out->known[out->n] = false;
		}
		out->n++;
	}
	store_reader_drop(db);
	return rc;
}

static int tx_forget_segment(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SEGMENT_DELETE);

	stmt_int(q, 1, *(const int64_t *)arg);
	return stmt_run(q, e);
}

int space_segment_forget(
	struct vectors *v, struct loaded_space *s, const struct segment *row, struct err *e)
{
	int64_t n = row->n;
	int rc = store_write(v->store, tx_forget_segment, &n, e);

	if (rc == 0) {
		memory_segment_remove(&s->memory, n); /* its file goes with the strays */
	}
	return rc;
}

/* ── a range of slots ── */

static int64_t count_present(const struct snapshot *shot, int64_t from, int64_t to)
{
	int64_t n = 0;

	for (int64_t word = from / 64; word < to / 64; word++) {
		n += __builtin_popcountll(snapshot_word(shot, (size_t)word));
	}
	return n;
}

struct present {
	int64_t *slots; /* [n] malloced, as the next */
	const uint16_t **vectors;
	int64_t n;
};

static struct present gather(const struct snapshot *shot, int64_t from, int64_t to, int dimension)
{
	/* Slots may go while they are counted, none is added to the range of a segment. */
	int64_t most = count_present(shot, from, to);
	struct present in = {.slots = malloc((size_t)(most + 1) * sizeof(*in.slots)),
		.vectors = malloc((size_t)(most + 1) * sizeof(*in.vectors))};

	ASSERT(in.slots != NULL && in.vectors != NULL);
	for (int64_t word = from / 64; word < to / 64; word++) {
		uint64_t bits = snapshot_word(shot, (size_t)word);

		for (; bits && in.n < most; bits &= bits - 1) {
			int64_t slot = word * 64 + __builtin_ctzll(bits);

			in.vectors[in.n] = snapshot_halves(shot, slot, dimension);
			in.slots[in.n++] = slot;
		}
	}
	return in;
}

/* ── loading ── */

static void code_segment(struct loaded_space *s, struct segment *seg)
{
	struct snapshot *shot = memory_snapshot(&s->memory);
	struct present in = gather(shot, seg->slot_from, seg->slot_to, seg->dimension);

	segment_code(seg, in.slots, in.vectors, in.n);
	free(in.slots);
	free(in.vectors);
	snapshot_drop(shot);
}

/* Once a start: what cannot be proved right is forgotten, and sealed anew. */
static int load_segments(struct vectors *v, struct loaded_space *s, struct err *e)
{
	struct segment_rows rows;
	struct arena a;
	int rc;

	if (s->segments_loaded) {
		return 0;
	}
	arena_init(&a);
	rc = space_segments(v, s, &a, &rows, e);
	for (int i = 0; rc == 0 && i < rows.n; i++) {
		struct segment *seg = NULL;
		struct err why = ERR_INIT;

		if (rows.known[i] && segment_load(v->folder, &rows.items[i], &seg, &why) == 0) {
			code_segment(s, seg);
			memory_segment(&s->memory, seg);
			segment_drop(seg);
			continue;
		}
		log_warn("vectors.segment_refused", LN("segment", rows.items[i].n),
			LT("error", rows.known[i] ? why.message : "its row is not sound"));
		rc = space_segment_forget(v, s, &rows.items[i], e);
	}
	arena_finish(&a);
	s->segments_loaded = rc == 0;
	return rc;
}

/* ── what to seal ── */

struct range {
	int64_t from, to; /* 64-aligned */
	int64_t n;	  /* vectors in it */
};

/* Covered slots that are gone, and slots in its range that it does not cover. */
static int64_t count_wrong(const struct snapshot *shot, const struct segment *seg)
{
	int64_t n = 0;

	for (size_t i = 0; i < (size_t)(seg->slot_to - seg->slot_from) / 64; i++) {
		uint64_t covered = i < seg->covered.n_words ? seg->covered.words[i] : 0;

		n += __builtin_popcountll(
			covered ^ snapshot_word(shot, (size_t)seg->slot_from / 64 + i));
	}
	return n;
}

/* Past the last vector, rounded down: the last, unfinished word stays in the tail. */
static int64_t sealable_end(const struct snapshot *shot)
{
	int64_t word = (int64_t)(shot->n_blocks * BLOCK_WORDS);

	while (word > 0 && snapshot_word(shot, (size_t)word - 1) == 0) {
		word--;
	}
	return word > 0 ? (word - 1) * 64 : 0;
}

/* The largest stretch between segments; *total of all of them. */
static struct range largest_gap(const struct snapshot *shot, int64_t *total)
{
	struct range best = {0, 0, 0};
	int64_t end = sealable_end(shot), from = 0;

	*total = 0;
	for (int i = 0; i <= shot->n_segments; i++) {
		struct range gap = {
			from, i < shot->n_segments ? shot->segments[i]->slot_from : end, 0};

		if (gap.from < gap.to) {
			gap.n = count_present(shot, gap.from, gap.to);
			*total += gap.n;
			if (gap.n > best.n) {
				best = gap;
			}
		}
		from = i < shot->n_segments ? shot->segments[i]->slot_to : from;
	}
	return best;
}

/* Takes in neighbours that are not much larger, so that there are few segments, each vector sealed
 * only a logarithmic number of times. */
static void merge_neighbours(const struct vectors *v, const struct snapshot *shot, struct range *r)
{
	bool grown;

	do {
		grown = false;
		for (int i = 0; i < shot->n_segments; i++) {
			const struct segment *seg = shot->segments[i];
			int64_t n = (int64_t)seg->n_covered;

			if ((seg->slot_to != r->from && seg->slot_from != r->to) || n > 2 * r->n ||
				n + r->n > v->tuning.segment_max) {
				continue;
			}
			r->from = seg->slot_from < r->from ? seg->slot_from : r->from;
			r->to = seg->slot_to > r->to ? seg->slot_to : r->to;
			r->n += count_present(shot, seg->slot_from, seg->slot_to);
			grown = true;
		}
	} while (grown);
}

static bool next_range(const struct vectors *v, const struct loaded_space *s,
	const struct snapshot *shot, struct range *out)
{
	double scale = (double)TUNED_DIMENSION / s->identity.dimension;
	int64_t total;

	if ((double)s->memory.n_present <= (double)v->tuning.exact_corpus * scale) {
		return false;
	}
	for (int i = 0; i < shot->n_segments; i++) {
		const struct segment *seg = shot->segments[i];

		if (count_wrong(shot, seg) * DEAD_PARTS >= (int64_t)seg->n_covered) {
			*out = (struct range){seg->slot_from, seg->slot_to,
				count_present(shot, seg->slot_from, seg->slot_to)};
			merge_neighbours(v, shot, out);
			return true;
		}
	}
	*out = largest_gap(shot, &total);
	if ((double)total <= (double)v->tuning.tail * scale || out->n < SEAL_LEAST) {
		return false;
	}
	if (out->n > v->tuning.segment_max) {
		/* The rest follows in the next round. */
		int64_t n = 0, to = out->from;

		while (n < v->tuning.segment_max) {
			n += count_present(shot, to, to + 64);
			to += 64;
		}
		*out = (struct range){out->from, to, n};
		return true;
	}
	merge_neighbours(v, shot, out);
	return true;
}

/* ── sealing ── */

struct seal {
	struct vectors *v;
	struct loaded_space *space;
	struct range range;
	struct segment *seg; /* NULL: next to nothing in the range is left */
};

static void on_sealed(void *arg)
{
	struct seal *t = arg;

	memory_segment(&t->space->memory, t->seg);
}

static int tx_seal(struct db *db, void *arg, struct err *e)
{
	struct seal *t = arg;
	struct segment *seg = t->seg;
	struct space_row row;
	struct stmt *q;
	int rc = space_lookup(db, t->space->n, &row, e);

	if (rc) {
		return rc;
	}
	q = db_stmt(db, &vector_sql, Q_SEGMENTS_OVERLAPPED);
	stmt_int(q, 1, t->space->n);
	stmt_int(q, 2, t->range.from);
	stmt_int(q, 3, t->range.to);
	rc = stmt_run(q, e);
	if (rc || !seg) {
		return rc;
	}
	q = db_stmt(db, &vector_sql, Q_SEGMENT_ADD);
	stmt_int(q, 1, t->space->n);
	stmt_int(q, 2, seg->slot_from);
	stmt_int(q, 3, seg->slot_to);
	stmt_text(q, 4, SEGMENT_KIND);
	stmt_text(q, 5, SEGMENT_METRIC);
	stmt_int(q, 6, seg->dimension);
	stmt_text(q, 7, t->space->identity.model);
	stmt_text(q, 8, seg->file);
	stmt_text(q, 9, seg->sha256);
	rc = stmt_run(q, e);
	seg->n = db_last_rowid(db);
	if (rc == 0) {
		db_after_commit(db, on_sealed, t, NULL);
	}
	return rc;
}

static int build(struct seal *t, const struct snapshot *shot, struct err *e)
{
	int dimension = t->space->identity.dimension;
	struct segment_plan plan = {.folder = t->v->folder,
		.space_n = t->space->n,
		.slot_from = t->range.from,
		.slot_to = t->range.to,
		.dimension = dimension};
	struct present in = gather(shot, t->range.from, t->range.to, dimension);
	int rc = 0;

	plan.slots = in.slots;
	plan.vectors = in.vectors;
	plan.n = in.n;
	if (plan.n >= SEAL_LEAST) { /* fewer go back to the tail */
		rc = segment_build(&plan, &t->seg, e);
	}
	free(in.slots);
	free(in.vectors);
	return rc;
}

static int seal_range(struct vectors *v, struct loaded_space *s, const struct snapshot *shot,
	struct range range, struct err *e)
{
	struct seal t = {v, s, range, NULL};
	int rc = build(&t, shot, e);

	if (rc == 0) {
		rc = store_write(v->store, tx_seal, &t, e);
	}
	if (rc == 0 && !t.seg) {
		for (int i = 0; i < shot->n_segments; i++) {
			if (shot->segments[i]->slot_from < range.to &&
				range.from < shot->segments[i]->slot_to) {
				memory_segment_remove(&s->memory, shot->segments[i]->n);
			}
		}
	}
	if (rc == 0) {
		log_info("vectors.sealed", LN("space", s->n), LN("from", range.from),
			LN("to", range.to), LN("vectors", t.seg ? (int64_t)t.seg->n_covered : 0));
	}
	segment_drop(t.seg);
	return rc;
}

int space_maintain(struct vectors *v, struct loaded_space *s, struct err *e)
{
	struct range range;
	bool more;
	int rc = load_segments(v, s, e);

	do {
		struct snapshot *shot = memory_snapshot(&s->memory);

		more = rc == 0 && next_range(v, s, shot, &range);
		if (more) {
			rc = seal_range(v, s, shot, range, e);
		}
		snapshot_drop(shot);
	} while (more && rc == 0);
	return rc;
}

int vectors_stray_files(struct vectors *v, bool remove_them, int64_t *n_stray, struct err *e)
{
	DIR *dir = opendir(v->folder);
	struct db *db;
	struct dirent *entry;
	char path[1400];
	int64_t n_files = 0;
	int rc = 0;

	*n_stray = 0;
	if (!dir) {
		return err_sys(e, ERR_IO, errno, "cannot read %s", v->folder);
	}
	db = store_reader(v->store, e);
	while (db && rc >= 0 && (entry = readdir(dir))) {
		struct stmt *q = db_stmt(db, &vector_sql, Q_SEGMENT_FILE);

		if (!strstr(entry->d_name, SEGMENT_SUFFIX) && !strstr(entry->d_name, ".faiss")) {
			continue; /* those were ours before there were lists */
		}
		stmt_text(q, 1, entry->d_name);
		rc = stmt_step(q, e);
		stmt_reset(q);
		if (rc == 0) {
			(*n_stray)++;
			snprintf(path, sizeof(path), "%s/%s", v->folder, entry->d_name);
			if (remove_them) {
				fs_remove_tree(path);
			}
		}
	}
	closedir(dir);
	if (!db) {
		return err_code(e);
	}
	store_reader_drop(db);
	rc = rc < 0 ? rc : file_strays(v, remove_them, &n_files, e);
	*n_stray += n_files;
	return rc;
}

static int maintain_locked(struct vectors *v, struct err *e)
{
	struct loaded_space **spaces;
	int n, rc = spaces_purge(v, e);
	int64_t n_stray;

	spaces = loaded_list(v, &n);
	for (int i = 0; i < n; i++) {
		if (rc == 0) {
			rc = space_maintain(v, spaces[i], e);
		}
		if (rc == 0) {
			rc = file_write(v, spaces[i], e);
		}
		loaded_drop(spaces[i]);
	}
	free(spaces);
	return rc ? rc : vectors_stray_files(v, true, &n_stray, e);
}

int vectors_maintain(struct vectors *v, struct err *e)
{
	int rc;

	pthread_mutex_lock(&v->upkeep);
	rc = maintain_locked(v, e);
	pthread_mutex_unlock(&v->upkeep);
	return rc;
}

int vectors_forget(struct vectors *v, int64_t workspace_n, struct err *e)
{
	struct loaded_space *s = loaded_serving(v, workspace_n);
	int64_t n_stray;
	int rc = s ? file_write(v, s, e) : 0;

	loaded_drop(s);
	return rc ? rc : file_strays(v, true, &n_stray, e);
}

int vectors_without_files(struct db *copy, struct err *e)
{
	int rc = stmt_run(db_stmt(copy, &vector_sql, Q_SEGMENTS_LEFT_OUT), e);

	return rc ? rc : stmt_run(db_stmt(copy, &vector_sql, Q_BLOCKS_LEFT_OUT), e);
}
