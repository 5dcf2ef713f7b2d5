#include "chat/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/term.h"
#include "chat/cli/text.h"
#include "index/base/clock.h"

#define SHOW_EVERY_MS 100
#define TELL_EVERY_MS 5000
#define BAR_MIN 6
#define BAR_MAX 30

void progress_start(struct progress *p, const char *label, const char *unit, bool quiet)
{
	memset(p, 0, sizeof(*p));
	p->label = label;
	p->unit = unit;
	p->quiet = quiet;
	p->terminal = term_is(STDERR_FILENO);
	p->started_ms = clock_mono_ms();
	p->first_done = -1;
}

static void add_bar(struct buf *out, int64_t done, int64_t total, int columns)
{
	int width = columns / 4 < BAR_MIN ? BAR_MIN : columns / 4 > BAR_MAX ? BAR_MAX : columns / 4;
	int full = (int)(done * width / total);

	buf_char(out, '[');
	for (int i = 0; i < width; i++) {
		buf_char(out, i < full ? '#' : '.');
	}
	buf_str(out, "] ");
}

void progress_line(struct buf *out, const struct progress *p, int64_t done, int64_t total,
	int64_t elapsed_ms, const char *detail, int columns)
{
	int64_t fresh = done - (p->first_done > 0 ? p->first_done : 0);
	double rate = elapsed_ms > 0 ? (double)fresh * 1000 / (double)elapsed_ms : 0;
	struct buf line = BUF_INIT;
	int used;

	buf_printf(&line, "%s ", p->label);
	done = total > 0 && done > total ? total : done;
	if (total > 0) {
		add_bar(&line, done, total, columns);
		buf_printf(&line, "%" PRId64 "/%" PRId64 " %s", done, total, p->unit);
	} else {
		buf_printf(&line, "%" PRId64 " %s", done, p->unit);
	}
	if (rate > 0 && elapsed_ms >= 1000) {
		buf_printf(&line, rate < 9.95 ? "  %.1f/s" : "  %.0f/s", rate);
		if (total > done) {
			buf_str(&line, "  ");
			text_duration(&line, (int64_t)((double)(total - done) / rate + 0.5));
			buf_str(&line, " left");
		}
	}
	if (detail && *detail) {
		buf_str(&line, "  ");
		text_clean(&line, detail, strlen(detail), false);
	}
	buf_add(out, line.data, text_fit(line.data, line.len, columns, &used));
	buf_finish(&line);
}

static void wipe(struct progress *p)
{
	if (p->shown) {
		fputs("\r\033[K", stderr);
		p->shown = false;
	}
}

void progress_show(struct progress *p, int64_t done, int64_t total, const char *detail)
{
	int64_t now = clock_mono_ms();
	struct buf line = BUF_INIT;

	if (p->first_done < 0) {
		p->first_done = done;
	}
	if (p->quiet || now - (p->told_ms	    ? p->told_ms
				      : p->terminal ? 0
						    : p->started_ms) <
				(p->terminal ? SHOW_EVERY_MS : TELL_EVERY_MS)) {
		return;
	}
	p->told_ms = now;
	progress_line(&line, p, done, total, now - p->started_ms, detail,
		p->terminal ? term_columns(STDERR_FILENO) - 1 : 160);
	if (p->terminal) {
		fprintf(stderr, "\r\033[K%s", line.data);
		p->shown = true;
	} else {
		fprintf(stderr, "%s\n", line.data);
	}
	fflush(stderr);
	buf_finish(&line);
}

void progress_say(struct progress *p, const char *line)
{
	if (p->quiet) {
		return;
	}
	wipe(p);
	fprintf(stderr, "%s\n", line);
	p->told_ms = p->terminal ? 0 : p->told_ms;
}

void progress_end(struct progress *p)
{
	wipe(p);
	fflush(stderr);
}
