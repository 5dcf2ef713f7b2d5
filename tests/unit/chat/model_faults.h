/* What a model's server can do wrong: the bytes it answers with, how it ends, and what the model's
 * client makes of it. test_model_faults plays each to the client; with --table it prints them for
 * tests/fault/60_upstream.test.mjs, which plays them to a whole server. */
#ifndef TESTS_UNIT_CHAT_MODEL_FAULTS_H
#define TESTS_UNIT_CHAT_MODEL_FAULTS_H

#include "tests/unit/chat/scripted_model.h"

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

#endif
