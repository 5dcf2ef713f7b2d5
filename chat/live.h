/*
 * Settings that are changed while the server runs. What is in force is one immutable struct that
 * app->settings points to; a change makes another one and swaps the pointer, so that readers on any
 * thread need no lock and one that holds the former goes on with it (all are freed at the end).
 * What counts after a restart only is in the file, and in what is shown, but not in force.
 *
 * Alone writes DATA/carrel.ini. Thread: any worker; live_change blocks on the disk.
 */
#ifndef CHAT_LIVE_H
#define CHAT_LIVE_H

#include "chat/app.h"

struct live;

struct live *live_create(struct app *app); /* after app->settings is set */
void live_destroy(struct live *l);	   /* when no other thread is left; NULL is fine */

/* What the flags, the environment and the file say now; it may be ahead of what is in force. Valid
 * until live_destroy. */
const struct settings *live_configured(const struct live *l);

/* All of them or none: checked by the table, written to the file (fsync), then in force where they
 * are live. values[i] NULL: the default. Errors of settings_put and settings_rewrite_ini, and of
 * the file. */
#define LIVE_CHANGES_MAX 64
MUST_CHECK int live_change(
	struct live *l, const char *const *names, const char *const *values, int n, struct err *e);

#endif
