#include "ingest/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "ingest/job.h"
#include "ingest/name.h"
#include "ingest/upload.h"

struct item {
	const char *name; /* unlike all before it: the leaf … */
	const char *leaf; /* … with this number behind it */
	int number;
	int64_t from, n_bytes; /* in the spool */
	struct blob_info blob;
	bool stored;
};

struct parts {
	struct ingest *in;
	struct arena arena;
	struct ancestry ancestry;
	struct child_sink sink;
	int spool; /* -1: no file came yet */
	int64_t n_bytes;
	struct item *items; /* [capacity] */
	int n, capacity;
};

/* ── as they come ── */

/* "a.txt", "a (2).txt", …: the kth of that name, in the arena. */
static const char *numbered(struct arena *a, const char *name, int k)
{
	const char *dot = strrchr(name, '.');
	size_t n_stem = dot && dot > name ? (size_t)(dot - name) : strlen(name);

	return k < 2 ? name : arena_printf(a, "%.*s (%d)%s", (int)n_stem, name, k, name + n_stem);
}

/* One part of a path, whatever the reader said. */
static const char *leaf_name(struct parts *p, const char *said)
{
	char *name = arena_str(&p->arena, said);

	for (char *c = name; *c; c++) {
		*c = *c == '/' || *c == '\\' ? '_' : *c;
	}
	return name_clean(&p->arena, name);
}

static bool has_name(const struct parts *p, const char *name)
{
	for (int i = 0; i < p->n; i++) {
		if (strcmp(p->items[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* Of those that the leaf has had, the next: as many files as come may all be called the same. */
static int next_number(const struct parts *p, const char *leaf)
{
	for (int i = p->n - 1; i >= 0; i--) {
		if (strcmp(p->items[i].leaf, leaf) == 0) {
			return p->items[i].number + 1;
		}
	}
	return 1;
}

static int open_spool(struct parts *p, struct err *e)
{
	const char *folder =
		arena_printf(&p->arena, "%s/stage/%s", p->in->index->data_dir, p->in->job->id.s);
	const char *path = arena_printf(&p->arena, "%s/parts", folder);
	int rc = fs_mkdirs(folder, e);

	if (rc < 0) {
		return rc;
	}
	p->spool = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->spool < 0) {
		return err_sys(e, ERR_INTERNAL, errno, "files inside cannot be put aside");
	}
	unlink(path); /* gone with this process */
	return 0;
}

static int on_begin(void *arg, const char *name, struct err *e)
{
	struct parts *p = arg;
	const char *leaf = leaf_name(p, name), *unlike;
	int number = next_number(p, leaf), rc = p->spool < 0 ? open_spool(p, e) : 0;

	if (rc < 0) {
		return rc;
	}
	while (has_name(p, unlike = numbered(&p->arena, leaf, number))) {
		number++;
	}
	if (p->n == p->capacity) {
		int capacity = p->capacity ? p->capacity * 2 : 16;

		p->items = realloc(p->items, (size_t)capacity * sizeof(*p->items));
		ASSERT(p->items != NULL);
		p->capacity = capacity;
	}
	p->items[p->n++] =
		(struct item){.name = unlike, .leaf = leaf, .number = number, .from = p->n_bytes};
	return 0;
}

static int on_bytes(void *arg, const void *bytes, size_t n_bytes, struct err *e)
{
	struct parts *p = arg;
	int rc = fs_write_all(p->spool, bytes, n_bytes, e);

	p->items[p->n - 1].n_bytes += (int64_t)n_bytes;
	p->n_bytes += (int64_t)n_bytes;
	return rc;
}

int parts_open(struct ingest *in, const struct document *parent, struct parts **out, struct err *e)
{
	struct parts *p = calloc(1, sizeof(*p));
	struct db *db = store_reader(in->index->store, e);
	int rc = db ? 0 : ERR_UNAVAILABLE;

	ASSERT(p != NULL);
	p->in = in;
	p->spool = -1;
	arena_init(&p->arena);
	p->sink = (struct child_sink){on_begin, on_bytes, p};
	if (db) {
		rc = document_ancestry(db, &parent->id, &p->ancestry, e);
		store_reader_drop(db);
	}
	*out = p;
	return rc;
}

const struct child_sink *parts_sink(struct parts *p)
{
	return p->ancestry.depth < p->in->index->settings->ingest_children_depth ? &p->sink : NULL;
}

void parts_close(struct parts *p)
{
	if (!p) {
		return;
	}
	if (p->spool >= 0) {
		close(p->spool);
	}
	free(p->items);
	arena_finish(&p->arena);
	free(p);
}

/* ── blobs ── */

static int store_item(struct parts *p, struct item *it, const char *spool, struct err *e)
{
	int rc = blob_put(p->in->index->blobs, it->n_bytes ? spool + it->from : "",
		(size_t)it->n_bytes, &it->blob, e);

	it->stored = rc == 0;
	return rc;
}

int parts_store(struct parts *p, struct err *e)
{
	char *spool = NULL;
	int rc = 0;

	if (p->n_bytes) {
		spool = mmap(NULL, (size_t)p->n_bytes, PROT_READ, MAP_PRIVATE, p->spool, 0);
		if (spool == MAP_FAILED) {
			return err_sys(e, ERR_INTERNAL, errno, "files inside cannot be read back");
		}
	}
	for (int i = 0; rc == 0 && i < p->n; i++) {
		rc = store_item(p, &p->items[i], spool, e);
	}
	if (spool) {
		munmap(spool, (size_t)p->n_bytes);
	}
	return rc;
}

void parts_forget(struct parts *p)
{
	for (int i = 0; i < p->n; i++) {
		const char *hash = p->items[i].blob.hash;
		struct err ignored = ERR_INIT;

		if (p->items[i].stored &&
			index_remove_unnamed(p->in->index, &hash, 1, &ignored) < 0) {
			log_warn("ingest.part_left", LT("job", p->in->job->id.s),
				LT("message", ignored.message));
		}
	}
}

/* ── documents ── */

struct recording {
	struct db *db;
	struct parts *parts;
	struct arena *arena;
	const struct document *parent;
	const struct version *version;
	struct part *old; /* [n_old] the parts that there are */
	bool *kept;
	int n_old;
	int n_added, n_changed, n_removed, n_left_out;
};

/* Whether a newer version has been read, whose parts stand. */
static int is_old(struct recording *r, bool *out, struct err *e)
{
	struct version *all;
	int n, rc = version_list(r->db, r->arena, &r->parent->id, &all, &n, e);

	*out = false;
	for (int i = 0; rc == 0 && i < n; i++) {
		*out |= all[i].seq > r->version->seq && all[i].text_hash;
	}
	return rc;
}

/* -1: there is none of that name. Files mostly stand where they stood. */
static int find_old(const struct recording *r, const char *name, int near)
{
	for (int i = 0; i < r->n_old; i++) {
		int at = (near + i) % r->n_old;

		if (!r->kept[at] && strcmp(r->old[at].name, name) == 0) {
			return at;
		}
	}
	return -1;
}

static int order_ingest(
	struct recording *r, const struct id *document, const struct id *version, struct err *e)
{
	struct id job;

	return job_create(r->db,
		&(struct job_new){.kind = "ingest",
			.workspace = r->parent->workspace,
			.document = *document,
			.version = *version,
			.created_by = r->parts->in->job->created_by},
		&job, e);
}

static int keep_old(struct recording *r, int at, const struct item *it, int nth, struct err *e)
{
	const struct part *p = &r->old[at];
	struct id version;
	int rc = part_is_nth(r->db, &p->document, nth, e);

	r->kept[at] = true;
	if (rc != 0 || (p->blob_hash && strcmp(p->blob_hash, it->blob.hash) == 0)) {
		return rc;
	}
	r->n_changed++;
	rc = part_add_version(r->db, r->parent, p, &it->blob, &version, e);
	return rc == 0 ? order_ingest(r, &p->document, &version, e) : rc;
}

static int add_new(
	struct recording *r, const char *name, const struct item *it, int nth, struct err *e)
{
	const struct parts *p = r->parts;
	struct id document, version;
	bool unwanted;
	int rc = part_unwanted(r->db, &r->parent->id, nth, r->version->created_ms, &unwanted, e);

	if (rc != 0 || unwanted) {
		return rc;
	}
	if (p->ancestry.n_family + r->n_added >=
		FAMILY_FACTOR * p->in->index->settings->ingest_children) {
		r->n_left_out++;
		return 0;
	}
	r->n_added++;
	rc = part_add(r->db, r->parent, name, nth, &it->blob, &document, &version, e);
	return rc == 0 ? order_ingest(r, &document, &version, e) : rc;
}

static int record_item(struct recording *r, const struct item *it, int nth, struct err *e)
{
	const struct id none = {""};
	bool taken = true;

	for (int k = 1; taken; k++) {
		const char *name = arena_printf(
			r->arena, "%s/%s", r->parent->name, numbered(r->arena, it->name, k));
		int at = find_old(r, name, nth - 1);
		int rc = 0;

		/* A further name of this one's may be a later one's first. */
		if (k > 1 && has_name(r->parts, strrchr(name, '/') + 1)) {
			continue;
		}
		if (at >= 0) {
			return keep_old(r, at, it, nth, e);
		}
		rc = part_name_taken(r->db, r->parent, name, &none, &taken, e);
		if (rc == 0 && !taken) {
			rc = add_new(r, name, it, nth, e);
		}
		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

static int remove_rest(struct recording *r, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < r->n_old; i++) {
		if (!r->kept[i]) {
			r->n_removed++;
			rc = part_is_nth(r->db, &r->old[i].document, 0, e);
			if (rc == 0) {
				rc = ingest_delete_in(r->db, &r->old[i].document,
					r->parts->in->job->created_by, NULL, e);
			}
		}
	}
	return rc;
}

static int record(struct recording *r, struct err *e)
{
	struct parts *p = r->parts;
	bool old;
	int rc = is_old(r, &old, e);

	if (rc != 0 || old) {
		return rc;
	}
	rc = document_ancestry(r->db, &r->parent->id, &p->ancestry, e);
	if (rc == 0) {
		rc = document_parts(r->db, r->arena, &r->parent->id, &r->old, &r->n_old, e);
	}
	r->kept = arena_array(r->arena, bool, (size_t)r->n_old + 1);
	for (int i = 0; rc == 0 && i < p->n; i++) {
		rc = record_item(r, &p->items[i], i + 1, e);
	}
	if (rc == 0) {
		rc = remove_rest(r, e);
	}
	if (rc < 0 || r->n_added + r->n_changed + r->n_removed + r->n_left_out == 0) {
		return rc;
	}
	return audit_add(r->db, &r->parent->workspace, p->in->job->created_by, "document.parts",
		r->parent->id.s,
		arena_printf(r->arena,
			"{\"added\":%d,\"changed\":%d,\"removed\":%d,\"leftOut\":%d}", r->n_added,
			r->n_changed, r->n_removed, r->n_left_out),
		e);
}

int parts_record(struct db *db, struct parts *p, const struct document *parent,
	const struct version *version, struct err *e)
{
	struct arena a;
	struct recording r = {
		.db = db, .parts = p, .arena = &a, .parent = parent, .version = version};
	int rc;

	arena_init(&a);
	rc = record(&r, e);
	arena_finish(&a);
	return rc;
}
