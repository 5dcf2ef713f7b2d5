/*
 * Workspaces, collections, documents and their versions: the sacred tables of what was brought in.
 * Checks no permission (that is acl_may, asked by routes) but names the workspace in every query.
 * Alone writes workspace (but acl_epoch), collection, document (but acl_set_n, own_acl),
 * document_version. Thread: any with a db; the functions marked tx run in a write transaction.
 */
#ifndef INDEX_CATALOG_H
#define INDEX_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "index/blob.h"
#include "index/store.h"

struct workspace {
	struct id id;
	int64_t n;
	char *name;
	int64_t created_ms;
};

/* tx. Makes the row and its full-text table. A taken name is ERR_CONFLICT. */
MUST_CHECK int workspace_create(struct db *db, const char *name, struct id *out, struct err *e);
MUST_CHECK int workspace_lookup(
	struct db *db, struct arena *a, const struct id *id, struct workspace *out, struct err *e);
MUST_CHECK int workspace_by_name(
	struct db *db, struct arena *a, const char *name, struct workspace *out, struct err *e);
MUST_CHECK int workspace_list(
	struct db *db, struct arena *a, struct workspace **out, int *n, struct err *e);

struct collection {
	struct id id;
	struct id workspace;
	char *name;
	char *created_by;
	int64_t created_ms;
	int64_t n_documents; /* that the asker may read; of collection_list and collection_show only
			      */
};

/* Two may have one name where none of those who name them knows of both. In the transaction that
 * gives a name, before it: ERR_CONFLICT "name_taken" if another than `id` (NULL: whichever) that
 * the asker sees in collection_list has it. */
MUST_CHECK int collection_name_free(struct db *db, const struct asker *who, const char *name,
	const struct id *id, struct err *e);
/* tx. The creator (an id, or "operator") gets RIGHT_OWN if it is a user. */
MUST_CHECK int collection_create(struct db *db, const struct id *workspace, const char *name,
	const char *created_by, struct id *out, struct err *e);
MUST_CHECK int collection_lookup(struct db *db, struct arena *a, const struct id *workspace,
	const struct id *id, struct collection *out, struct err *e);
/* Of those that the asker sees in collection_list; one that he has a right on, if there is one. */
MUST_CHECK int collection_by_name(struct db *db, struct arena *a, const struct asker *who,
	const char *name, struct collection *out, struct err *e);
/* Those the asker has any right on; admins and operators: all (names only count as administration).
 */
MUST_CHECK int collection_list(struct db *db, struct arena *a, const struct asker *who,
	struct collection **out, int *n, struct err *e);
/* One of them, else err_absent. */
MUST_CHECK int collection_show(struct db *db, struct arena *a, const struct asker *who,
	const struct id *id, struct collection *out, struct err *e);
/* tx */
MUST_CHECK int collection_rename(struct db *db, const struct id *workspace, const struct id *id,
	const char *name, struct err *e);
/* tx. Deletes the collection and, as document_delete, every document in it; *n_documents of them.
 */
MUST_CHECK int collection_delete(struct db *db, const struct id *workspace, const struct id *id,
	const char *actor, int64_t *n_documents, struct err *e);

/* tx. The collection of what is attached to a conversation, made when the first thing is: the
 * owner's (an id of a user) alone, named nowhere; the functions above do not find it. */
MUST_CHECK int collection_attach(struct db *db, const struct id *workspace,
	const struct id *conversation, const struct id *owner, struct id *out, struct err *e);
/* That collection, or an empty id. */
MUST_CHECK int collection_attached(
	struct db *db, const struct id *conversation, struct id *out, struct err *e);
/* Whether the document, deleted or not, is or was attached to one; true if that is not known. */
MUST_CHECK int document_is_attachment(
	struct db *db, const struct id *document, bool *out, struct err *e);

struct document {
	struct id id;
	struct id workspace;
	int64_t workspace_n;
	struct id collection;
	struct id conversation; /* that it is attached to; empty: none */
	struct id parent;	/* the document that it came inside of; empty: none */
	char *name;
	struct id current_version; /* empty: none published yet */
	bool own_acl;
	int64_t acl_set_n; /* 0: nobody */
	char *created_by;
	int64_t created_ms;
};

struct version {
	struct id id;
	struct id document;
	int64_t seq;
	char *blob_hash; /* NULL once purged */
	char *sha256;
	int64_t n_bytes;
	char *media_type; /* NULL: not known yet; as all below */
	char *state;
	char *reason;
	char *message;
	char *title;
	char *language;
	int64_t n_pages;
	char *text_hash;
	int64_t generation;
	int64_t created_ms;
	int64_t published_ms; /* 0: not */
	char *paging;	      /* "page", "slide", "sheet", … (ingest/extracted.h) */
	int64_t n_hidden;     /* texts in it that no reader sees */
	int64_t n_poor;	      /* pages that OCR could hardly read */
	char *view_hash;      /* its pages as PDF, where they were drawn */
};

/* What became of an upload. */
enum arrival {
	ARRIVAL_NEW,	   /* a new document */
	ARRIVAL_VERSION,   /* a new version of the document of that name */
	ARRIVAL_DUPLICATE, /* the same bytes are there under that or another name in the collection;
			    * nothing was made. A failed or cancelled same version is queued again.
			    */
};

/* What has a name is looked for among the documents that `who` may read (NULL: all): another one of
 * that name tells him nothing of itself, and his gets the name too. */

/* tx. The blob is durable already. Names the document and version (the existing ones for a
 * duplicate). ERR_CONFLICT "part_of_document": that name is of one that came inside of another.
 * Makes no job: ingest/upload.c does, in the same transaction. */
MUST_CHECK int document_arrive(struct db *db, const struct asker *who, const struct id *workspace,
	const struct id *collection, const char *name, const struct blob_info *blob,
	const char *created_by, enum arrival *arrival, struct id *document, struct id *version,
	struct err *e);

MUST_CHECK int document_lookup(struct db *db, struct arena *a, const struct id *id,
	struct document *out, struct err *e); /* ERR_NOT_FOUND: absent or deleted */
MUST_CHECK int document_by_name(struct db *db, struct arena *a, const struct asker *who,
	const struct id *collection, const char *name, struct document *out, struct err *e);

/* ── parts: documents that came inside of others (index/catalog_parts.c) ──
 *
 * An attachment of a mail or a file embedded in a PDF is a document like any other, in the same
 * collection, named "<its parent's name>/<its own>". It is read, written and owned as its parent is
 * (acl_follow), is renamed and deleted with it, and has no entries and no name of its own will.
 * Which parts there are is said by the parent's latest version that was read (ingest/parts.h). */

/* The document and all that came inside of it, inside of that and so on, in the arena; a parent
 * stands before its parts. */
MUST_CHECK int document_family(struct db *db, struct arena *a, const struct id *id, struct id **out,
	int *n, struct err *e);
/* How many documents it is inside of, and the outermost one; n_family: how many came inside of that
 * one, at any depth. */
struct ancestry {
	int depth;
	struct id outermost;
	int64_t n_family;
};
MUST_CHECK int document_ancestry(
	struct db *db, const struct id *id, struct ancestry *out, struct err *e);

struct part {
	struct id document;
	char *name;	  /* with its parent's in front */
	struct id latest; /* its latest version … */
	int64_t seq;
	char *blob_hash; /* … and that one's bytes */
};
/* Those directly inside of it, in no order. */
MUST_CHECK int document_parts(struct db *db, struct arena *a, const struct id *parent,
	struct part **out, int *n, struct err *e);
/* Of all that came inside of it, at any depth: how many, how many of them still wait or are being
 * read, how many failed or were cancelled. */
struct part_counts {
	int64_t n, n_open, n_failed;
};
MUST_CHECK int document_count_parts(
	struct db *db, const struct id *id, struct part_counts *out, struct err *e);
/* Whether the nth file inside was deleted by itself after that time: somebody does not want it. */
MUST_CHECK int part_unwanted(struct db *db, const struct id *parent, int nth, int64_t since_ms,
	bool *out, struct err *e);
/* Whether a document with the parent's readers, other than `but` (may be empty), has that name. */
MUST_CHECK int part_name_taken(struct db *db, const struct document *parent, const char *name,
	const struct id *but, bool *out, struct err *e);
/* tx. A new document inside of the parent, its nth file, with its first version; the blob is
 * durable already. Made by and readable for whom the parent is. */
MUST_CHECK int part_add(struct db *db, const struct document *parent, const char *name, int nth,
	const struct blob_info *blob, struct id *document, struct id *version, struct err *e);
/* tx. Other bytes under its name. */
MUST_CHECK int part_add_version(struct db *db, const struct document *parent, const struct part *p,
	const struct blob_info *blob, struct id *version, struct err *e);
/* tx. It is the parent's nth file now; 0: it is none of them any more. */
MUST_CHECK int part_is_nth(struct db *db, const struct id *part, int nth, struct err *e);

/* ── lists of documents (index/catalog_list.c) ── */

enum document_sort { SORT_NAME, SORT_CREATED, SORT_PAGES, SORT_BYTES, SORT_STATE, N_SORTS };
/* A row's place in a sorted list: what it is sorted by, then its id. */
struct document_mark {
	char *text;	/* SORT_NAME, SORT_STATE */
	int64_t number; /* the others */
	struct id id;
};
struct document_query {
	struct id collection; /* empty: all */
	struct id parent;     /* only what came inside of that document; empty: all */
	bool attached;	      /* what is attached to conversations; else only what is not */
	const char *q;	      /* in the name or the title, whatever the case; NULL: any */
	const char *states;   /* "failed" or "queued,ingesting", of the latest version; NULL: any */
	enum document_sort sort;
	bool descending;
	const struct document_mark *after; /* NULL: from the first */
	int limit;
};
struct document_page {
	struct document *rows;
	struct version *latest; /* of each row, by seq */
	int n;
	bool more;
	struct document_mark last; /* of the last row; if n > 0 */
};
/* Those that the asker may read, each with its latest version, in one statement. */
MUST_CHECK int document_list(struct db *db, struct arena *a, const struct asker *who,
	const struct document_query *query, struct document_page *out, struct err *e);
/* tx. Its parts' names follow. ERR_CONFLICT: "name_taken"; "part_of_document": it is one itself. */
MUST_CHECK int document_rename(struct db *db, const struct asker *who, const struct id *id,
	const char *name, struct err *e);
/* What deleting it and its parts touches: versions and their bytes, the passages that are found,
 * the citations of them in answers, the answers that lose their words, and how many parts there
 * are. */
struct document_impact {
	int64_t n_versions, n_bytes, n_chunks, n_citations, n_answers, n_parts;
};
MUST_CHECK int document_impact(
	struct db *db, const struct id *id, struct document_impact *out, struct err *e);
/* tx. Unfindable with this commit, and its parts with it: deleted_ms, chunks retired
 * (chunks_retire_document); their unfinished jobs are cancelled by the caller. */
MUST_CHECK int document_delete(struct db *db, const struct id *id, struct err *e);
/* tx, of the purge job, after chunks_purge_document: blanks what names or quotes the document.
 * blob_hash, text_hash and view_hash of its versions that no other live version uses are appended
 * to hashes.
 */
MUST_CHECK int document_purge(
	struct db *db, struct arena *a, const struct id *id, char ***hashes, int *n, struct err *e);

MUST_CHECK int version_lookup(
	struct db *db, struct arena *a, const struct id *id, struct version *out, struct err *e);
MUST_CHECK int version_list(struct db *db, struct arena *a, const struct id *document,
	struct version **out, int *n, struct err *e);
/* tx. state one of the table's; reason and message may be NULL. */
MUST_CHECK int version_state(struct db *db, const struct id *id, const char *state,
	const char *reason, const char *message, struct err *e);
struct version_facts {
	const char *media_type, *title, *language, *text_hash, *paging;
	int64_t n_pages, n_hidden, n_poor;
};
MUST_CHECK int version_extracted(struct db *db, const struct id *id,
	const struct version_facts *facts, struct err *e); /* tx */
/* tx. Its pages as PDF are this blob (NULL: they are to be drawn again). Absent: it was purged, or
 * its document deleted. */
MUST_CHECK int version_viewed(
	struct db *db, const struct id *id, const char *view_hash, struct err *e);
/* tx. Makes it the document's current version ('indexed', or 'no_text'), the former 'superseded'.
 */
MUST_CHECK int version_publish(struct db *db, const struct id *id, bool no_text, struct err *e);

/* tx. Which version of the chunker (ingest/chunker.h) made its chunks. */
MUST_CHECK int version_chunked(struct db *db, const struct id *id, int chunker, struct err *e);

/* tx, for index/chunks.c: the generation of the chunks about to be published, and the first of n
 * contiguous chunk slots that were never used. */
MUST_CHECK int version_next_generation(
	struct db *db, const struct id *id, int64_t *generation, struct err *e);
MUST_CHECK int workspace_take_slots(
	struct db *db, int64_t workspace_n, int n, int64_t *first, struct err *e);
/* tx, for `carrel check`: the next slot is behind all that are used. */
MUST_CHECK int workspace_pass_slots(struct db *db, const struct id *workspace, struct err *e);

/* tx. One line in the audit log. detail: JSON or "{}". workspace may be NULL. */
MUST_CHECK int audit_add(struct db *db, const struct id *workspace, const char *actor,
	const char *action, const char *object, const char *detail, struct err *e);

struct audit {
	int64_t n;
	int64_t at_ms;
	char *actor, *action, *object, *detail;
};
/* Newest first, n < before. */
MUST_CHECK int audit_list(struct db *db, struct arena *a, const struct id *workspace,
	int64_t before, int limit, struct audit **out, int *n, struct err *e);

#endif
