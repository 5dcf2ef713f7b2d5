/*
 * The server inside a command, when none runs on the data folder: the same one, listening on
 * DATA/carrel.sock alone, on a thread of its own, for the length of the command. It holds the
 * folder's lock.
 */
#ifndef CHAT_CLI_INSIDE_H
#define CHAT_CLI_INSIDE_H

#include "index/base/err.h"
#include "index/base/settings.h"

struct inside;

/* Returns when it listens. ERR_CONFLICT:
 * another process holds the folder. */
MUST_CHECK int inside_start(const struct settings *set, struct inside **out, struct err *e);
/* Jobs under way are let go; the next server goes on with them. NULL is fine. */
void inside_stop(struct inside *in);

#endif
