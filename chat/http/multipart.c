/*
 * multipart/form-data (RFC 7578, RFC 2046 5.1.1), read incrementally:
 *
 *   [preamble] --B CRLF  headers CRLF CRLF  content  CRLF--B CRLF  …  CRLF--B-- [epilogue]
 *
 * A window of the input is kept; content is handed out up to where a delimiter might begin.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "chat/http/server.h"
#include "index/base/utf8.h"

#define WINDOW ((size_t)32 * 1024)
#define HEADERS_MAX ((size_t)8 * 1024)
#define BOUNDARY_MAX 70
#define PARTS_MAX 1000

struct multipart {
	struct body_stream *body;
	struct arena *arena;
	char delimiter[BOUNDARY_MAX + 8]; /* CR LF -- boundary */
	size_t n_delimiter;
	char *window;	 /* [WINDOW] in the arena */
	size_t from, to; /* what is in it */
	bool ended;	 /* the body gave its last byte */
	bool in_part, over;
	int n_parts;
};

static int bad(struct err *e, const char *message)
{
	return err_set(e, ERR_INVALID, "bad_multipart", "%s", message);
}

static int truncated(struct err *e)
{
	return err_set(e, ERR_INVALID, "truncated_body",
		"The request ended before its body was complete.");
}

/* ── parameters of a header: form-data; name="a"; filename="b.pdf" ── */

/* Browsers write %22, %0D and %0A for what would end the string; others write a backslash before a
 * quote. */
static char *unquote(struct arena *a, const char *p, size_t n)
{
	char *out = arena_alloc(a, n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\\' && i + 1 < n && (p[i + 1] == '"' || p[i + 1] == '\\')) {
			out[len++] = p[++i];
		} else if (i + 2 < n && strncmp(p + i, "%22", 3) == 0) {
			out[len++] = '"';
			i += 2;
		} else if (i + 2 < n && (strncasecmp(p + i, "%0d", 3) == 0 ||
						strncasecmp(p + i, "%0a", 3) == 0)) {
			out[len++] = ' ';
			i += 2;
		} else {
			out[len++] = p[i];
		}
	}
	out[len] = '\0';
	return out;
}

/* The value of a parameter, in the arena; NULL if absent. */
static char *parameter(struct arena *a, const char *header, const char *name)
{
	const char *p = header + strcspn(header, ";");

	while (*p == ';') {
		const char *key = p + 1 + strspn(p + 1, " \t");
		size_t n_key = strcspn(key, "=; \t");
		const char *value;
		size_t n = 0;
		bool quoted;

		p = key + n_key;
		p += strspn(p, " \t");
		if (*p != '=') {
			p += strcspn(p, ";");
			continue;
		}
		value = p + 1 + strspn(p + 1, " \t");
		quoted = *value == '"';
		if (quoted) {
			value++;
			while (value[n] && value[n] != '"') {
				n += value[n] == '\\' && value[n + 1] ? 2 : 1;
			}
		} else {
			n = strcspn(value, "; \t");
		}
		if (n_key == strlen(name) && strncasecmp(key, name, n_key) == 0) {
			return quoted ? unquote(a, value, n) : arena_strn(a, value, n);
		}
		p = value + n + (quoted && value[n] == '"');
		p += strcspn(p, ";");
	}
	return NULL;
}

/* ── the window ── */

/* Reads more behind what is there. 0: more came or the body ended; negative: an error. */
static int fill(struct multipart *m, struct err *e)
{
	int n;

	if (m->from > 0) {
		memmove(m->window, m->window + m->from, m->to - m->from);
		m->to -= m->from;
		m->from = 0;
	}
	if (m->ended || m->to == WINDOW) {
		return 0;
	}
	n = body_read(m->body, m->window + m->to, WINDOW - m->to, e);
	if (n < 0) {
		return n;
	}
	m->ended = n == 0;
	m->to += (size_t)n;
	return 0;
}

/* At least n bytes in the window, or it is the end of the body (truncated). */
static int need(struct multipart *m, size_t n, struct err *e)
{
	while (m->to - m->from < n) {
		int rc = m->ended ? truncated(e) : fill(m, e);

		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

/* Content before the next delimiter: *n bytes at the window's front, 0 where the delimiter stands.
 */
static int content(struct multipart *m, size_t *n, struct err *e)
{
	for (;;) {
		size_t n_there = m->to - m->from;
		const char *p = m->window + m->from;
		const char *found = memmem(p, n_there, m->delimiter, m->n_delimiter);
		int rc;

		if (found) {
			*n = (size_t)(found - p);
			return 0;
		}
		if (n_there >= m->n_delimiter) {
			*n = n_there - (m->n_delimiter - 1);
			return 0;
		}
		rc = m->ended ? truncated(e) : fill(m, e);
		if (rc != 0) {
			return rc;
		}
	}
}

/* ── parts ── */

int multipart_open(struct call *c, struct multipart **out, struct err *e)
{
	const char *type = call_header_in(c, "content-type");
	struct multipart *m;
	char *boundary;

	if (!type || strncasecmp(type, "multipart/form-data", 19) != 0 ||
		!strchr("; \t", type[19])) {
		return err_set(e, ERR_UNSUPPORTED, "not_multipart",
			"The request's body must be multipart/form-data.");
	}
	boundary = parameter(&c->arena, type, "boundary");
	if (!boundary || !*boundary || strlen(boundary) > BOUNDARY_MAX) {
		return bad(e, "The Content-Type names no valid boundary.");
	}
	m = arena_new(&c->arena, struct multipart);
	m->body = c->stream_in;
	m->arena = &c->arena;
	m->n_delimiter = (size_t)snprintf(m->delimiter, sizeof(m->delimiter), "\r\n--%s", boundary);
	m->window = arena_alloc(&c->arena, WINDOW);
	/* The first delimiter may be without the line end before it. */
	memcpy(m->window, "\r\n", 2);
	m->to = 2;
	*out = m;
	return 0;
}

/* Reads what is left, so that the connection can go on. */
static int drain(struct multipart *m, struct err *e)
{
	int n = 1;

	while (!m->ended && n > 0) {
		n = body_read(m->body, m->window, WINDOW, e);
	}
	m->ended = m->over = true;
	return n < 0 ? n : 0;
}

/* Behind a delimiter: "--" ends everything, else the line ends. */
static int after_delimiter(struct multipart *m, struct err *e)
{
	int rc;

	m->from += m->n_delimiter;
	rc = need(m, 2, e);
	if (rc == 0 && memcmp(m->window + m->from, "--", 2) == 0) {
		return drain(m, e);
	}
	while (rc == 0 && strchr(" \t", m->window[m->from]) && m->window[m->from]) {
		m->from++;
		rc = need(m, 2, e);
	}
	if (rc == 0 && memcmp(m->window + m->from, "\r\n", 2) != 0) {
		return bad(e, "A boundary is followed by something else than a line end.");
	}
	/* The line end stays: it may begin the empty line that ends no headers at all. */
	return rc;
}

static int part_header(
	struct multipart *m, struct multipart_part *part, const char *line, size_t n, struct err *e)
{
	const char *colon = memchr(line, ':', n);
	size_t n_name = colon ? (size_t)(colon - line) : 0;
	char *value;

	if (!utf8_valid(line, n)) {
		return bad(e, "A part's headers are not UTF-8.");
	}
	if (!colon || n_name == 0) {
		return bad(e, "A part has a header without a name.");
	}
	value = arena_strn(m->arena, colon + 1, n - n_name - 1);
	value += strspn(value, " \t");
	if (n_name == 19 && strncasecmp(line, "content-disposition", 19) == 0) {
		if (strncasecmp(value, "form-data", 9) != 0) {
			return bad(e, "A part is not form-data.");
		}
		part->name = parameter(m->arena, value, "name");
		part->filename = parameter(m->arena, value, "filename");
	} else if (n_name == 12 && strncasecmp(line, "content-type", 12) == 0) {
		part->content_type = value;
	} else if (n_name == 25 && strncasecmp(line, "content-transfer-encoding", 25) == 0 &&
		   strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
		   strcasecmp(value, "7bit") != 0) {
		return bad(e, "A part is encoded in a way that is not understood.");
	}
	return 0;
}

/* CRLF header CRLF header … CRLF CRLF; from at the first line end. */
static int part_headers(struct multipart *m, struct multipart_part *part, struct err *e)
{
	const char *end;
	const char *p;

	for (;;) {
		size_t n_there = m->to - m->from;
		int rc;

		p = m->window + m->from;
		end = memmem(p, n_there, "\r\n\r\n", 4);
		/* The same limit however much of them has come at once. */
		if ((end ? (size_t)(end - p) : n_there) > HEADERS_MAX) {
			return bad(e, "A part's headers are too large.");
		}
		if (end) {
			break;
		}
		rc = m->ended ? truncated(e) : fill(m, e);
		if (rc != 0) {
			return rc;
		}
	}
	for (const char *line = p; line < end;) {
		const char *next;
		int rc;

		line += 2;
		next = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
		rc = part_header(m, part, line, (size_t)(next - line), e);
		if (rc != 0) {
			return rc;
		}
		line = next;
	}
	m->from += (size_t)(end - p) + 4;
	return 0;
}

int multipart_next(struct multipart *m, struct multipart_part *part, struct err *e)
{
	size_t n;
	int rc;

	memset(part, 0, sizeof(*part));
	m->in_part = false;
	if (m->over) {
		return 0;
	}
	/* What is left of the part before, or the preamble. */
	while ((rc = content(m, &n, e)) == 0 && n > 0) {
		m->from += n;
	}
	if (rc == 0) {
		rc = after_delimiter(m, e);
	}
	if (rc != 0 || m->over) {
		return rc;
	}
	if (++m->n_parts > PARTS_MAX) {
		return bad(e, "The form has too many parts.");
	}
	rc = part_headers(m, part, e);
	if (rc == 0 && !part->name) {
		rc = bad(e, "A part has no name.");
	}
	m->in_part = rc == 0;
	return rc == 0 ? 1 : rc;
}

int multipart_read(struct multipart *m, void *p, size_t n, struct err *e)
{
	size_t n_content;
	int rc;

	if (!m->in_part) {
		return 0;
	}
	rc = content(m, &n_content, e);
	if (rc != 0) {
		return rc;
	}
	if (n_content == 0) {
		m->in_part = false;
		return 0;
	}
	n = n < n_content ? n : n_content;
	memcpy(p, m->window + m->from, n);
	m->from += n;
	return (int)n;
}
