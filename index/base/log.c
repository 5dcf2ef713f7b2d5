#include "index/base/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/utf8.h"

static const char *const names[] = {"debug", "info", "warn", "error"};
static atomic_int least = LOG_INFO;

void log_level_set(enum log_level level)
{
	atomic_store(&least, (int)level);
}

int log_level_parse(const char *name)
{
	for (int i = 0; i < 4; i++) {
		if (name && strcmp(names[i], name) == 0) {
			return i;
		}
	}
	return -1;
}

/* As the inside of a JSON string; on a terminal too, so that no field can send escape sequences. */
static void add_escaped(struct buf *b, const char *s)
{
	size_t n = strlen(s);
	size_t i = 0;

	while (i < n) {
		int n_used;
		uint32_t c = utf8_decode(s + i, n - i, &n_used);
		char one[4];

		if (c == '"' || c == '\\') {
			buf_char(b, '\\');
			buf_char(b, (char)c);
		} else if (c == '\n') {
			buf_str(b, "\\n");
		} else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
			buf_printf(b, "\\u%04" PRIx32, c);
		} else {
			buf_add(b, one, (size_t)utf8_encode(c, one));
		}
		i += (size_t)n_used;
	}
}

static void format_json(struct buf *b, const char *now, enum log_level level, const char *event,
	const struct log_field *fields, int n)
{
	buf_printf(b, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"", now, names[level]);
	add_escaped(b, event);
	buf_char(b, '"');
	for (int i = 0; i < n; i++) {
		buf_str(b, ",\"");
		add_escaped(b, fields[i].key);
		if (fields[i].text) {
			buf_str(b, "\":\"");
			add_escaped(b, fields[i].text);
			buf_char(b, '"');
		} else {
			buf_printf(b, "\":%" PRId64, fields[i].number);
		}
	}
	buf_str(b, "}\n");
}

static void format_text(struct buf *b, const char *now, enum log_level level, const char *event,
	const struct log_field *fields, int n)
{
	buf_printf(b, "%.8s %-5s %s", now + strlen("2026-03-01T"), names[level], event);
	for (int i = 0; i < n; i++) {
		buf_printf(b, " %s=", fields[i].key);
		if (fields[i].text) {
			add_escaped(b, fields[i].text);
		} else {
			buf_printf(b, "%" PRId64, fields[i].number);
		}
	}
	buf_char(b, '\n');
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, int n)
{
	struct buf b = BUF_INIT;
	char now[32];

	if ((int)level < atomic_load(&least)) {
		return;
	}
	clock_rfc3339(clock_wall_ms(), now, sizeof(now));
	if (isatty(STDERR_FILENO)) {
		format_text(&b, now, level, event, fields, n);
	} else {
		format_json(&b, now, level, event, fields, n);
	}
	/* A log that cannot be written has nobody left to tell. */
	if (write(STDERR_FILENO, b.data, b.len) < 0) {
		b.len = 0;
	}
	buf_finish(&b);
}
