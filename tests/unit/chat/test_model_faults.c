/* What a model's server can do wrong, each fault cut at the bytes of its answer: what is said comes
 * out the same, with one clear error, tried again only before the first word, and never later than
 * the limits. CUTS=all: every byte; else a share that SEED repeats. Alone: limits are short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "tests/unit/chat/model_faults.h"
#include "chat/cite.h"
#include "index/base/utf8.h"

static void fail_with(const struct fault *f, size_t cut, const struct fixture *got, int64_t ms)
{
	fail_msg("%s, cut at %zu: \"%s\" %s (%s) after %d connections, %d ends, %lld ms", f->name,
		cut, got->text.data ? got->text.data : "", got->result.err.reason,
		got->result.err.message, got->n_connections, got->n_ends, (long long)ms);
}

/* Back-off at most 250 + 500 ms and a quarter; the rest is the machine. */
#define LATEST_MS (FIRST_MS + STALL_MS + 950 + 2000)

static void meet(const struct fault *f, size_t cut)
{
	struct script s = {.answer = f->bytes,
		.n = f->n,
		.loop = f->loop,
		.keeps_open = f->end == STAYS,
		.resets = f->end == RESETS,
		.repeats = f->end >= REPEATS,
		.dribbles = f->end == DRIBBLES};
	struct fixture got;
	int64_t from = clock_mono_ms(), ms;

	set_up(&got, &s, 1);
	set(&got, "model-retries", "1");
	got.cut = cut;
	ask(&got);
	ms = clock_mono_ms() - from;
	if (strcmp(got.result.err.reason, f->reason) != 0 ||
		strcmp(got.text.data ? got.text.data : "", f->text) != 0 ||
		(got.result.rc != 0) != (f->reason[0] != '\0') ||
		got.n_connections != f->n_connections || ms > LATEST_MS ||
		!utf8_valid(got.result.err.message, strlen(got.result.err.message))) {
		fail_with(f, cut, &got, ms);
	}
	tear_down(&got);
}

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		meet(&faults[i], 0);
	}
}

static void test_every_cut(void **state)
{
	const char *all = getenv("CUTS");
	unsigned seed =
		getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
	size_t step = all && strcmp(all, "all") == 0 ? 1 : 23, n_cuts = 0;

	(void)state;
	print_message("SEED=%u\n", seed);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];
		size_t n = !f->cut ? 0 : f->n ? f->n : strlen(f->bytes);

		for (size_t at = 1 + (size_t)rand_r(&seed) % step; at < n; at += step) {
			meet(f, at);
			n_cuts++;
		}
	}
	print_message("%zu cuts\n", n_cuts);
}

/* Ends after every byte, and stands still after every byte. */
static void end_at(size_t n, bool stays)
{
	static const char whole[] = OK_HEAD SAID STOP;
	static const char *const marks[] = {"\"水表\"}}]}", "\" 📈 \"}}]}", "175 €。\"}}]}"};
	static const char *const texts[] = {"", "水表", "水表 📈 ", T};
	struct script s[] = {{.answer = whole, .n = n, .keeps_open = stays},
		{.answer = OK_HEAD D("\"again\"") DONE}};
	const char *finish = strstr(whole, "\"stop\"}]}");
	size_t line = stays ? 2 : 0; /* standing still, an event needs its blank line */
	struct fixture got;
	int n_said = 0;
	const char *text;

	while (n_said < 3 && n >= (size_t)(strstr(whole, marks[n_said]) - whole) +
					     strlen(marks[n_said]) + line) {
		n_said++;
	}
	set_up(&got, s, 2);
	ask(&got);
	text = n_said > 0 || stays ? texts[n_said] : "again";
	if (strcmp(got.text.data ? got.text.data : "", text) != 0 ||
		got.n_connections != (n_said > 0 || stays ? 1 : 2)) {
		fail_msg("an end after %zu bytes: \"%s\" %s, %d connections", n,
			got.text.data ? got.text.data : "", got.result.err.reason,
			got.n_connections);
	}
	if (n_said == 0 && !stays) {
		assert_int_equal(got.result.rc, 0);
	} else if (!stays && n >= (size_t)(finish - whole) + strlen("\"stop\"}]}")) {
		assert_int_equal(got.result.rc, 0);
	} else {
		assert_string_equal(got.result.err.reason, !stays	? "model_dropped"
							   : n_said > 0 ? "model_stalled"
									: "model_timeout");
	}
	tear_down(&got);
}

static void test_ends_everywhere(void **state)
{
	size_t n = sizeof(OK_HEAD SAID STOP) - 1;
	const char *all = getenv("CUTS");
	size_t step = all && strcmp(all, "all") == 0 ? 1 : 31;

	(void)state;
	for (size_t at = n; at > 0; at -= at > step ? step : at) {
		end_at(at, false);
		if (at % 5 == 0 || step == 1) {
			end_at(at, true);
		}
	}
}

/* Silence is counted from the last event, whatever limit was running when that came. */
static void test_silence_after_the_first_event(void **state)
{
	struct script s = {.answer = OK_HEAD D("\"half\""), .keeps_open = true};
	struct fixture f;
	int64_t from = clock_mono_ms();

	(void)state;
	set_up(&f, &s, 1);
	set(&f, "model-first-ms", "20000");
	ask(&f);
	assert_string_equal(f.result.err.reason, "model_stalled");
	assert_true(clock_mono_ms() - from < 10000);
	tear_down(&f);
}

/* ── what the client is told of an error ── */

static void test_an_error_repeats_nothing(void **state)
{
	struct script key = {.answer = OK_HEAD "data: {\"error\":\"no such key: sk-test\"}\n\n"};
	struct script prompt = {.answer = "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n{\"error\":"
					  "\"cannot read: the secret word is quokka\"}"};
	struct script other = {.answer = OK_HEAD "data: {\"error\":\"the engine is tired\"}\n\n"};
	const struct {
		const struct script *script;
		const char *forbidden, *wanted;
	} rows[] = {{&key, "sk-test", "repeats"}, {&prompt, "quokka", "repeats"},
		{&other, "repeats", "tired"}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fixture f;

		set_up(&f, rows[i].script, 1);
		f.question = "Know that the secret word is quokka.";
		ask(&f);
		assert_null(strstr(f.result.err.message, rows[i].forbidden));
		assert_non_null(strstr(f.result.err.message, rows[i].wanted));
		tear_down(&f);
	}
}

/* A server that refuses a request for another reason is asked for its usage all the same. */
static void test_usage_is_not_given_up(void **state)
{
	struct script long_ = {.answer = STATUS("400 Too long")};
	struct fixture f;

	(void)state;
	set_up(&f, &long_, 1);
	f.asks = 2;
	ask(&f);
	assert_int_equal(f.n_connections, 4);
	assert_null(strstr(f.requests.data, "include_usage")); /* the last one */
	assert_int_equal(f.n_usage_asked, 2);
	tear_down(&f);
}

/* ── cancel ── */

static void cancelled_within(struct fixture *f, int64_t asked_ms)
{
	assert_int_equal(f->result.rc, ERR_CANCELLED);
	assert_true(clock_mono_ms() - asked_ms < 100);
	if (f->gone_ms > 0) {
		assert_true(f->gone_ms - asked_ms < 100);
	}
}

static void cancel_after(const char *answer, bool dribbles, uint64_t ms)
{
	struct script s = {.answer = answer,
		.keeps_open = true,
		.repeats = dribbles,
		.dribbles = dribbles,
		.loop = sizeof(OK_HEAD) - 1};
	struct fixture f;

	set_up(&f, &s, 1);
	f.cancel_after_ms = ms;
	ask(&f);
	assert_true(f.gone_ms > 0);
	cancelled_within(&f, f.cancelled_ms);
	tear_down(&f);
}

static void test_cancel_reaches_the_server(void **state)
{
	(void)state;
	cancel_after("", false, 50);
	cancel_after("HTTP/1.1 200", false, 50);
	cancel_after(OK_HEAD, false, 50);
	cancel_after(OK_HEAD SAID "data: {", false, 50);
	cancel_after(OK_HEAD D("\"on and on \""), true, 90);
	cancel_after(STATUS("503 Busy"), false, 100); /* while it waits to try again */
}

/* A listener whose queue is full takes no further connection: connect() hangs. */
static int full_listener(int *fds, int n, char *url, size_t n_url)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	for (int i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&at, sizeof(at));
	}
	snprintf(url, n_url, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
	return fd;
}

static void test_a_connect_that_hangs(void **state)
{
	int fds[4];
	char url[64];
	int listener = full_listener(fds, 4, url, sizeof(url));

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fixture f;
		int64_t from = clock_mono_ms();

		set_up(&f, NULL, 0);
		set(&f, "model-url", url);
		f.cancel_after_ms = i ? 50 : 0;
		ask(&f);
		if (i) {
			cancelled_within(&f, f.cancelled_ms);
		} else {
			assert_string_equal(f.result.err.reason, "model_timeout");
			assert_true(clock_mono_ms() - from < LATEST_MS);
		}
		tear_down(&f);
	}
	for (int i = 0; i < 4; i++) {
		close(fds[i]);
	}
	close(listener);
}

/* ── an event too long ── */

static void test_a_line_without_end(void **state)
{
	static const char *const heads[] = {OK_HEAD, OK_HEAD SAID};
	size_t n = 10u << 20;
	char *all = malloc(n);

	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t at = strlen(heads[i]);
		struct script s = {.answer = all, .n = n};
		struct fixture f;

		memset(all, 'x', n);
		memcpy(all, heads[i], at);
		memcpy(all + at, "data: {\"a\":\"", 12);
		set_up(&f, &s, 1);
		ask(&f);
		assert_string_equal(f.result.err.reason, "model_too_large");
		assert_string_equal(f.text.data ? f.text.data : "", i ? T : "");
		assert_int_equal(f.n_connections, 1);
		tear_down(&f);
	}
	free(all);
}

/* The faults for a test of the whole server; their bytes in hexadecimal. */
static int print_table(void)
{
	static const char *const ends[] = {"closes", "resets", "stays", "repeats", "dribbles"};
	json_t *table = json_array();

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];
		const char *bytes = f->bytes ? f->bytes : "";
		size_t n = f->n ? f->n : strlen(bytes);
		struct buf hex = BUF_INIT;

		for (size_t k = 0; k < n; k++) {
			buf_printf(&hex, "%02x", (unsigned char)bytes[k]);
		}
		json_array_append_new(table,
			json_pack("{s:s, s:o, s:s, s:s, s:s, s:i, s:b, s:I}", "name", f->name,
				"bytes",
				f->bytes ? json_string(hex.data ? hex.data : "") : json_null(),
				"end", ends[f->end], "text", f->text, "reason", f->reason,
				"connections", f->n_connections, "cut", f->cut, "loop",
				(json_int_t)f->loop));
		buf_finish(&hex);
	}
	json_dumpf(table, stdout, JSON_COMPACT);
	json_decref(table);
	return 0;
}

int main(int n_args, char **args)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_ends_everywhere),
		cmocka_unit_test(test_silence_after_the_first_event),
		cmocka_unit_test(test_an_error_repeats_nothing),
		cmocka_unit_test(test_usage_is_not_given_up),
		cmocka_unit_test(test_cancel_reaches_the_server),
		cmocka_unit_test(test_a_connect_that_hangs),
		cmocka_unit_test(test_a_line_without_end),
	};

	if (n_args > 1 && strcmp(args[1], "--table") == 0) {
		return print_table();
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
