/*
 * A form that is uploaded (chat/http/multipart.c): the same parts and the same end however it is
 * cut and read.
 *
 * The first byte says how the second run is cut, the second how much it reads at a time; then the
 * Content-Type in a line, then the body.
 */
#include "index/base/utf8.h"
#include "tests/fuzz/http_alone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

const struct route routes[] = {{"GET", "/", ACCESS_PUBLIC, BODY_NONE, NULL, "none"}};
const int n_routes = 1;

struct form {
	const char *type, *body;
	size_t n_body, cut, n_read;
	size_t at;
};

static struct form *feeding;

/* The next piece, each as one read of the body finds it. */
static void feed(void *arg)
{
	struct body_stream *b = arg;
	struct form *f = feeding;
	size_t n = f->n_body - f->at < f->cut ? f->n_body - f->at : f->cut;

	body_add(b, f->body + f->at, n);
	f->at += n;
	b->paused = true; /* so that the next read asks for more */
	if (f->at == f->n_body) {
		body_close(b, BODY_COMPLETE);
	}
}

static void check_part(const struct multipart_part *part)
{
	const char *const texts[] = {part->name, part->filename, part->content_type};

	if (!part->name) {
		abort();
	}
	for (int i = 0; i < 3; i++) {
		if (texts[i] && !utf8_valid(texts[i], strlen(texts[i]))) {
			abort();
		}
	}
}

/* The parts as text; returns how it ended. */
static int read_form(struct form *f, struct buf *out, struct err *e)
{
	struct exchange *ex = calloc(1, sizeof(*ex));
	struct multipart_part part;
	struct multipart *m;
	char piece[4096];
	int rc;

	if (!ex) {
		abort();
	}
	arena_init(&ex->call.arena);
	body_init(&ex->stream_in);
	ex->stream_in.on_wanted = ex->stream_in.on_low = feed;
	ex->stream_in.arg = &ex->stream_in;
	ex->call.stream_in = &ex->stream_in;
	ex->headers = arena_new(&ex->call.arena, struct header);
	ex->headers[0] = (struct header){"content-type", f->type};
	ex->n_headers = 1;
	feeding = f;
	rc = multipart_open(&ex->call, &m, e);
	while (rc == 0 && (rc = multipart_next(m, &part, e)) == 1) {
		check_part(&part);
		buf_printf(out, "\n%s|%s|%s=", part.name, part.filename ? part.filename : "",
			part.content_type ? part.content_type : "");
		while ((rc = multipart_read(m, piece, f->n_read, e)) > 0) {
			buf_add(out, piece, (size_t)rc);
		}
	}
	body_finish(&ex->stream_in);
	arena_finish(&ex->call.arena);
	free(ex);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *line = (const char *)data + 2;
	const char *end = n > 2 ? memchr(line, '\n', n - 2) : NULL;
	struct err e_whole = ERR_INIT, e_cut = ERR_INIT;
	struct buf whole = BUF_INIT, cut = BUF_INIT, type = BUF_INIT;
	struct form f = {.n_read = 4096};
	int rc;

	if (!end || memchr(line, '\0', (size_t)(end - line))) {
		return -1;
	}
	buf_add(&type, line, (size_t)(end - line));
	buf_char(&type, '\0');
	f.type = type.data;
	f.body = end + 1;
	f.n_body = n - 2 - (size_t)(end + 1 - line);
	f.cut = f.n_body + 1;
	rc = read_form(&f, &whole, &e_whole);
	f.at = 0;
	f.cut = 1 + data[0];
	f.n_read = 1 + data[1];
	if (read_form(&f, &cut, &e_cut) != rc || strcmp(e_whole.reason, e_cut.reason) != 0 ||
		whole.len != cut.len ||
		(whole.len > 0 && memcmp(whole.data, cut.data, cut.len) != 0)) {
		abort();
	}
	buf_finish(&whole);
	buf_finish(&cut);
	buf_finish(&type);
	return 0;
}
