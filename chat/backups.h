/*
 * A backup while the server runs: POST /v1/backup, made by a thread of its own at low priority. It
 * belongs to its connection: when the one who ordered it goes away, it ends and removes what there
 * is of it. Events: "progress" {stage, done, total} in bytes, then "done" {folder, files, bytes,
 * missing, ms} or "failed" {error, status}. One at a time.
 *
 * The folder is one of this machine: only its operator is heard (ACCESS_MACHINE).
 * Thread: the loop, but for backups_stream (a worker).
 */
#ifndef CHAT_BACKUPS_H
#define CHAT_BACKUPS_H

#include "chat/app.h"
#include "chat/http/server.h"

#define BACKUP_FOLDER_BYTES 4000

struct backups;

struct backups *backups_create(struct app *app);
/* Has the one that is made end soon; no new ones. NULL is fine, for the next two as well. */
void backups_stop(struct backups *b);
void backups_wait(struct backups *b);	 /* until it has; not on a loop that runs */
void backups_destroy(struct backups *b); /* after the loop and the server */

/* Makes its stream the answer of the call. ERR_INVALID: no absolute path, or one in the data
 * folder; ERR_CONFLICT: another is being made. */
MUST_CHECK int backups_stream(struct call *c, const char *folder, struct err *e);

#endif
