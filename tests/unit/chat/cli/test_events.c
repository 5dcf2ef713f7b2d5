/* chat/cli/events: the same events whatever the cut of the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chat/cli/events.h"

struct seen {
	struct buf log;
	int stop_after;
	int n;
};

static bool on_event(void *arg, int64_t id, const char *name, const char *data, size_t n_bytes)
{
	struct seen *s = arg;

	buf_printf(&s->log, "%d|%s|%.*s;", (int)id, name, (int)n_bytes, data);
	return ++s->n == s->stop_after;
}

static const char stream[] = ": hello\n\nid: 1\nevent: run.started\ndata: {\"a\":1}\n\n"
			     "id: 2\r\nevent: assistant.delta\r\ndata: one\r\ndata: two\r\n\r\n"
			     "data:bare\n\nevent: nothing\n\nid: 7\ndata\n\ndata: cut";
static const char expected[] =
	"1|run.started|{\"a\":1};2|assistant.delta|one\ntwo;2|message|bare;7|message|;";

static void any_cut_gives_the_same(void **state)
{
	size_t n = sizeof(stream) - 1;

	(void)state;
	for (size_t step = 1; step <= n; step++) {
		struct seen seen = {BUF_INIT, 0, 0};
		struct events ev;

		events_init(&ev, on_event, &seen);
		for (size_t i = 0; i < n; i += step) {
			size_t part = n - i < step ? n - i : step;

			assert_int_equal(events_feed(&ev, stream + i, part, NULL), 0);
		}
		assert_string_equal(seen.log.data, expected);
		assert_int_equal(ev.last_id, 7);
		events_finish(&ev);
		buf_finish(&seen.log);
	}
}

static void the_listener_may_end_it(void **state)
{
	struct seen seen = {BUF_INIT, 1, 0};
	struct events ev;

	(void)state;
	events_init(&ev, on_event, &seen);
	assert_int_equal(events_feed(&ev, stream, sizeof(stream) - 1, NULL), 0);
	assert_true(ev.ended);
	assert_string_equal(seen.log.data, "1|run.started|{\"a\":1};");
	events_finish(&ev);
	buf_finish(&seen.log);
}

static void a_new_connection_drops_what_was_cut(void **state)
{
	struct seen seen = {BUF_INIT, 0, 0};
	struct events ev;

	(void)state;
	events_init(&ev, on_event, &seen);
	assert_int_equal(events_feed(&ev, "id: 4\nevent: x\ndata: lo", 22, NULL), 0);
	events_restart(&ev);
	assert_int_equal(events_feed(&ev, "id: 4\ndata: whole\n\n", 19, NULL), 0);
	assert_string_equal(seen.log.data, "4|message|whole;");
	events_finish(&ev);
	buf_finish(&seen.log);
}

static void an_endless_event_is_refused(void **state)
{
	static char block[1 << 16];
	struct seen seen = {BUF_INIT, 0, 0};
	struct events ev;
	int rc = 0;

	(void)state;
	memset(block, 'x', sizeof(block));
	events_init(&ev, on_event, &seen);
	for (int i = 0; rc == 0 && i < 1000; i++) {
		rc = events_feed(&ev, block, sizeof(block), NULL);
	}
	assert_int_equal(rc, ERR_UPSTREAM);
	events_finish(&ev);
	buf_finish(&seen.log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_gives_the_same),
		cmocka_unit_test(the_listener_may_end_it),
		cmocka_unit_test(a_new_connection_drops_what_was_cut),
		cmocka_unit_test(an_endless_event_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
