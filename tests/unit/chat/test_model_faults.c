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

#include "tests/unit/chat/scripted_model.h"
#include "chat/cite.h"
#include "index/base/utf8.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
#define STATUS(line) "HTTP/1.1 " line "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define CHUNK(content) "{\"choices\":[{\"index\":0,\"delta\":{\"content\":" content "}}]}"
#define STOP "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define SAID D("\"水表\"") D("\" 📈 \"") D("\"👩‍🔬 175 €。\"")
#define T "水表 📈 👩‍🔬 175 €。"
#define TOOL                                                                                       \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\","  \
	"\"function\":{\"name\":\"rm\",\"arguments\":\"{}\"}}]}}]}\n\n"
#define ERROR_EVENT "data: {\"error\":{\"message\":\"模型 out of memory\",\"code\":500}}\n\n"

#define EIGHT(x) x x x x x x x x
#define FLOOD                                                                                      \
	EIGHT(EIGHT(EIGHT(": a comment of sixty four bytes that says that nothing comes yet\n")))

enum end { CLOSES, RESETS, STAYS, REPEATS, DRIBBLES };

struct fault {
	const char *name;
	const char *bytes; /* NULL: closes at once */
	enum end end;
	const char *text;
	const char *reason;
	int n_connections;
	bool cut; /* also in two packets, at every byte */
	size_t n; /* of bytes; 0: a string */
	size_t loop;
};

/* clang-format off */
static const struct fault faults[] = {
	{"well", OK_HEAD SAID STOP DONE, CLOSES, T, "", 1, true, 0, 0},
	{"CRLF", OK_HEAD "data: " CHUNK("\"水表\"") "\r\n\r\ndata: " CHUNK("\" 😀\"") "\r\n\r\ndata: [DONE]\r\n\r\n", CLOSES, "水表 😀", "", 1, true, 0, 0},
	{"CR", OK_HEAD "data: " CHUNK("\"水表\"") "\r\rdata: " CHUNK("\" 😀\"") "\r\rdata: [DONE]\r\r", CLOSES, "水表 😀", "", 1, true, 0, 0},
	{"comments and other fields", OK_HEAD ": 水\n\nid: 7\nevent: x\nretry: 9\n" SAID ":\n\n" DONE, CLOSES, T, "", 1, true, 0, 0},
	{"no space after data:", OK_HEAD "data:" CHUNK("\"水😀\"") "\n\ndata:[DONE]\n\n", CLOSES, "水😀", "", 1, true, 0, 0},
	{"an event of several lines", OK_HEAD "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"水😀\"}}]}\n\n" DONE, CLOSES, "水😀", "", 1, true, 0, 0},
	{"escapes", OK_HEAD D("\"\\u6c34\\ud83d\\ude00\\n\"") DONE, CLOSES, "水😀\n", "", 1, true, 0, 0},
	{"characters cut by tokens", OK_HEAD D("\"\xe6\xb0\"") D("\"\xb4\xf0\x9f\"") D("\"\x98\x80\"") DONE, CLOSES, "水😀", "", 1, true, 0, 0},
	{"a byte order mark", OK_HEAD "\xef\xbb\xbf" SAID DONE, CLOSES, T, "", 1, true, 0, 0},
	{"HTTP chunks that cut characters", HEAD "Transfer-Encoding: chunked\r\n\r\n"
		"32\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xe6\r\n"
		"6\r\n\xb0\xb4\"}}]\r\n3\r\n}\n\n\r\ne\r\n" DONE "\r\n0\r\n\r\n", CLOSES, "水", "", 1, true, 0, 0},
	{"200 after 100s", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK_HEAD SAID DONE, CLOSES, T, "", 1, true, 0, 0},
	{"no [DONE] after the finish", OK_HEAD SAID STOP, CLOSES, T, "", 1, true, 0, 0},
	{"a reset after the finish", OK_HEAD SAID STOP, RESETS, T, "", 1, true, 0, 0},
	{"[DONE] without its line's end", OK_HEAD SAID "data: [DONE]", CLOSES, T, "", 1, true, 0, 0},
	{"the finish without its blank line", OK_HEAD SAID "data: {\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"stop\"}]}", CLOSES, T "!", "", 1, true, 0, 0},
	{"words after [DONE]", OK_HEAD SAID DONE D("\"more\""), CLOSES, T, "", 1, true, 0, 0},
	{"a connection kept after [DONE]", OK_HEAD SAID DONE, STAYS, T, "", 1, false, 0, 0},
	{"neither [DONE] nor finish", OK_HEAD SAID, CLOSES, T, "model_dropped", 1, true, 0, 0},
	{"an end inside an event", OK_HEAD SAID "data: {\"choices\":[{\"delta\":{\"content\":\"水", CLOSES, T, "model_dropped", 1, true, 0, 0},
	{"an end inside a character", OK_HEAD SAID D("\"\xf0\x9f\""), CLOSES, T "\xef\xbf\xbd", "model_dropped", 1, true, 0, 0},
	{"a reset in the middle", OK_HEAD SAID, RESETS, T, "model_dropped", 1, true, 0, 0},
	{"fewer bytes than told", HEAD "Content-Length: 9999\r\n\r\n" SAID, CLOSES, T, "model_dropped", 1, true, 0, 0},
	{"garbage, then the end", OK_HEAD SAID "data: pong\n\n", CLOSES, T, "model_dropped", 1, true, 0, 0},
	{"an error event", OK_HEAD SAID ERROR_EVENT D("\"more\""), CLOSES, T, "model_error", 1, true, 0, 0},
	{"an error event with its name", OK_HEAD SAID "event: error\ndata: {\"error\":\"gone\"}\n\n", STAYS, T, "model_error", 1, true, 0, 0},
	{"an error object with 200", OK_HEAD ERROR_EVENT, CLOSES, "", "model_error", 1, true, 0, 0},
	{"a JSON error with 200", OK_HEAD "{\"error\":{\"message\":\"loading\"}}", CLOSES, "", "model_error", 1, true, 0, 0},
	{"a page", OK_HEAD "<html>水</html>\n", CLOSES, "", "model_garbage", 1, true, 0, 0},
	{"compressed bytes", HEAD "Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x01\x02\x03\x04", CLOSES, "", "model_garbage", 1, true, 0, 0},
	{"garbage between", OK_HEAD "data: ping\n\n" SAID "data: [[[\n\ndata: 7\n\ndata: {\"type\":\"ping\"}\n\n" DONE, CLOSES, T, "", 1, true, 0, 0},
	{"a NUL", OK_HEAD D("\"水\\u0000😀\"") DONE, CLOSES, "水😀", "", 1, true, 0, 0},
	{"NULs between", OK_HEAD D("\"水\"") "data: \0\n\n\0\n\n" DONE, CLOSES, "水", "", 1, true, sizeof(OK_HEAD D("\"水\"") "data: \0\n\n\0\n\n" DONE) - 1, 0},
	{"invalid UTF-8", OK_HEAD D("\"水\xff\xc0\x80 \xed\xa0\x80😀\"") DONE, CLOSES, "水\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd😀", "", 1, true, 0, 0},
	{"contents that are none", OK_HEAD D("null") D("7") D("[\"x\"]") "data: {\"choices\":[null,7]}\n\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n" SAID DONE, CLOSES, T, "", 1, true, 0, 0},
	{"usage that is none", OK_HEAD SAID "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1.5}}\n\n" DONE, CLOSES, T, "", 1, true, 0, 0},
	{"tool calls among the words", OK_HEAD TOOL SAID TOOL STOP DONE, CLOSES, T, "", 1, true, 0, 0},
	{"tool calls alone", OK_HEAD TOOL TOOL "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n" DONE, CLOSES, "", "", 1, true, 0, 0},
	{"no stream", OK_HEAD "{\"choices\":[{\"message\":{\"content\":\"" T "\"},\"finish_reason\":\"stop\"}]}", CLOSES, T, "", 1, true, 0, 0},
	{"401", STATUS("401 Who"), CLOSES, "", "model_status", 1, true, 0, 0},
	{"a redirect", "HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", CLOSES, "", "model_status", 1, true, 0, 0},
	{"204", "HTTP/1.1 204 Nothing\r\nConnection: close\r\n\r\n", CLOSES, "", "model_status", 1, true, 0, 0},
	{"429 for long", "HTTP/1.1 429 No\r\nRetry-After: 3600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", CLOSES, "", "model_status", 1, true, 0, 0},
	{"501", STATUS("501 Never"), CLOSES, "", "model_status", 1, true, 0, 0},
	/* tried again */
	{"429", STATUS("429 Slow"), CLOSES, "", "model_status", 2, false, 0, 0},
	{"429 with a date that has passed", "HTTP/1.1 429 No\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", CLOSES, "", "model_status", 2, false, 0, 0},
	{"500", STATUS("500 Broken"), CLOSES, "", "model_status", 2, false, 0, 0},
	{"502 with a page", "HTTP/1.1 502 Bad\r\nConnection: close\r\n\r\n<html>\xff</html>", CLOSES, "", "model_status", 2, false, 0, 0},
	{"closed at once", NULL, CLOSES, "", "model_unreachable", 2, false, 0, 0},
	{"reset at once", NULL, RESETS, "", "model_unreachable", 2, false, 0, 0},
	{"an empty body", OK_HEAD, CLOSES, "", "model_unreachable", 2, false, 0, 0},
	{"an end inside the first event", OK_HEAD "data: {\"choices\":[{", CLOSES, "", "model_unreachable", 2, false, 0, 0},
	{"an end inside the head", "HTTP/1.1 200 OK\r\nContent-", CLOSES, "", "model_unreachable", 2, false, 0, 0},
	{"no HTTP", "220 mail ready\r\n", CLOSES, "", "model_unreachable", 2, false, 0, 0},
	/* silence */
	{"no byte", "", STAYS, "", "model_timeout", 1, false, 0, 0},
	{"a stall inside the head", "HTTP/1.1 200 OK\r\nContent-", STAYS, "", "model_timeout", 1, false, 0, 0},
	{"a stall before the first event", OK_HEAD ": soon\n\ndata: {\"choi", STAYS, "", "model_timeout", 1, false, 0, 0},
	{"a stall in the middle", OK_HEAD SAID, STAYS, T, "model_stalled", 1, false, 0, 0},
	{"a stall inside an event", OK_HEAD SAID "data: {\"choices\":", STAYS, T, "model_stalled", 1, false, 0, 0},
	{"comments without end", OK_HEAD SAID ": 水\n\n", DRIBBLES, T, "model_stalled", 1, false, 0, sizeof(OK_HEAD SAID) - 1},
	{"pings without end", OK_HEAD SAID "data: ping\n\n", DRIBBLES, T, "model_stalled", 1, false, 0, sizeof(OK_HEAD SAID) - 1},
	{"a line that comes slowly", OK_HEAD SAID "x", DRIBBLES, T, "model_stalled", 1, false, 0, sizeof(OK_HEAD SAID) - 1},
	/* too much */
	{"a flood of comments", OK_HEAD SAID FLOOD, REPEATS, T, "model_too_large", 1, false, 0, sizeof(OK_HEAD SAID) - 1},
	{"tool calls without end", OK_HEAD SAID EIGHT(EIGHT(TOOL)), REPEATS, T, "model_too_large", 1, false, 0, sizeof(OK_HEAD SAID) - 1},
};
/* clang-format on */

static void fail_with(const struct fault *f, size_t cut, const struct fixture *got, int64_t ms)
{
	fail_msg("%s, cut at %zu: \"%s\" %s (%s) after %d connections, %d ends, %lld ms", f->name,
		cut, got->text.data ? got->text.data : "", got->result.err.reason,
		got->result.err.message, got->n_connections, got->n_ends, (long long)ms);
}

/* first 300 ms, stall 150 ms; back-off at most 250 + 500 ms and a quarter; the rest is the machine
 */
#define LATEST_MS (300 + 150 + 950 + 2000)

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

int main(void)
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

	return cmocka_run_group_tests(tests, NULL, NULL);
}
