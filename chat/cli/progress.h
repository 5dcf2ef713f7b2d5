/*
 * Progress of something long, on stderr: on a terminal one line that is rewritten (a bar with
 * count, rate and time left), else a plain line every few seconds; nothing when quiet. Thread: one.
 */
#ifndef CHAT_CLI_PROGRESS_H
#define CHAT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"

struct progress {
	const char *label; /* "ingest" */
	const char *unit;  /* "files" */
	bool quiet, terminal;
	bool shown; /* a line stands on the terminal */
	int64_t started_ms, told_ms;
	int64_t first_done; /* what was done when it started: not counted in the rate */
};

void progress_start(struct progress *p, const char *label, const char *unit, bool quiet);
/* done of total (0: unknown); detail may be NULL. Shows at most ten a second. */
void progress_show(struct progress *p, int64_t done, int64_t total, const char *detail);
/* A line for the reader (a failed file) above the bar. */
void progress_say(struct progress *p, const char *line);
void progress_end(struct progress *p); /* takes the bar away */

/* Pure: the line for `columns`, e.g. "ingest [#####.....] 12/24 files  3.1/s  0:04 left  extract
 * a.pdf". */
void progress_line(struct buf *out, const struct progress *p, int64_t done, int64_t total,
	int64_t elapsed_ms, const char *detail, int columns);

#endif
