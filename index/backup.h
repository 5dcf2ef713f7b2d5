/*
 * Backups: a folder with a copy of the database, of the settings file and of every stored file that
 * this database names, each with its digest (index/manifest.h). What is made anew when it is absent
 * (files of vectors, work in progress, uploads that were never acknowledged) is not in it.
 *
 * Made while everything goes on, in this order:
 *
 *	files      that rows name now, without a snapshot; what vanishes meanwhile is passed over
 *	purge      of what was deleted until now: the caller's, who knows of jobs
 *	database   one snapshot; from before it until the end nobody removes a stored file
 *	files      that came meanwhile; those that the snapshot does not name any more go
 *
 * so that the long part holds nobody up and what is deleted before it began is nowhere in it. Files
 * are copied and not linked: one that is damaged in the data folder is not to be so in the backup.
 * Restoring reads all of it and compares before it makes anything. Thread: a worker's; blocks.
 */
#ifndef INDEX_BACKUP_H
#define INDEX_BACKUP_H

#include <stdint.h>

#include "index/index.h"

struct backup_order {
	const char *folder; /* absolute; absent or empty, its parent is there */
	/* Asked all the while; what it returns below 0 ends the work. In bytes; total: about. */
	int (*goes_on)(void *arg, const char *stage, int64_t done, int64_t total, struct err *e);
	/* When it returns 0, nothing is left of what was deleted before. NULL: there is nobody. */
	int (*purge)(void *arg, struct err *e);
	void *arg;
};

struct backup_facts {
	int64_t n_files, n_bytes;
	int64_t n_missing; /* stored files that rows name and that are lost or damaged */
};

/* Whole and durable on 0; otherwise nothing of it is left. ERR_CONFLICT: partial_begin's.
 * ERR_NO_SPACE: not enough room, or it ran out. */
MUST_CHECK int backup_make(
	struct index *ix, const struct backup_order *o, struct backup_facts *out, struct err *e);

/* Makes a data folder of a backup: o->folder is the new one, as above. ERR_CORRUPT
 * "backup_damaged": a file of the backup is not what it was; nothing was made then. ERR_NO_SPACE:
 * as above. ERR_NOT_FOUND: there is no such folder, or it is no backup. */
MUST_CHECK int backup_restore(
	const char *backup, const struct backup_order *o, struct backup_facts *out, struct err *e);

#endif
