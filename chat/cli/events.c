#include "chat/cli/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void events_init(struct events *ev,
	bool (*on_event)(void *arg, int64_t id, const char *name, const char *data, size_t n_bytes),
	void *arg)
{
	memset(ev, 0, sizeof(*ev));
	ev->on_event = on_event;
	ev->arg = arg;
	ev->line.limit = EVENTS_MAX;
	ev->data.limit = EVENTS_MAX;
}

void events_finish(struct events *ev)
{
	buf_finish(&ev->line);
	buf_finish(&ev->data);
}

void events_restart(struct events *ev)
{
	buf_clear(&ev->line);
	buf_clear(&ev->data);
	ev->name[0] = '\0';
	ev->has_data = false;
	ev->after_cr = false;
}

static void dispatch(struct events *ev)
{
	if (ev->has_data) {
		ev->ended = ev->on_event(ev->arg, ev->last_id, ev->name[0] ? ev->name : "message",
			ev->data.data ? ev->data.data : "", ev->data.len);
	}
	buf_clear(&ev->data);
	ev->name[0] = '\0';
	ev->has_data = false;
}

static void take_line(struct events *ev)
{
	const char *line = ev->line.data ? ev->line.data : "";
	size_t n = strcspn(line, ":");
	const char *value = line[n] == ':' ? line + n + 1 : line + n;

	value += *value == ' ';
	if (ev->line.len == 0) {
		dispatch(ev);
	} else if (n == 4 && memcmp(line, "data", 4) == 0) {
		buf_str(&ev->data, ev->has_data ? "\n" : "");
		buf_str(&ev->data, value);
		ev->has_data = true;
	} else if (n == 5 && memcmp(line, "event", 5) == 0) {
		snprintf(ev->name, sizeof(ev->name), "%s", value);
	} else if (n == 2 && memcmp(line, "id", 2) == 0) {
		ev->last_id = strtoll(value, NULL, 10);
	}
	buf_clear(&ev->line);
}

int events_feed(struct events *ev, const char *bytes, size_t n, struct err *e)
{
	for (size_t i = 0; i < n && !ev->ended; i++) {
		bool newline = bytes[i] == '\n' || bytes[i] == '\r';

		if (bytes[i] == '\n' && ev->after_cr) {
			ev->after_cr = false;
			continue;
		}
		ev->after_cr = bytes[i] == '\r';
		if (newline) {
			take_line(ev);
		} else {
			buf_char(&ev->line, bytes[i]);
		}
		if (ev->line.over || ev->data.over) {
			return err_set(e, ERR_UPSTREAM, "event_too_large",
				"the server sent an event over %d bytes", EVENTS_MAX);
		}
	}
	return 0;
}
