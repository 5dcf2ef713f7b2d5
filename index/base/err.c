#include "index/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/utf8.h"

static const struct {
	int code;
	const char *name;
	const char *type;
	int http;
	int exit;
} rows[] = {
#define X(name, value, type, http, exit) {value, #name, type, http, exit},
	ERR_MAP(X)
#undef X
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* Words of others come in cut by a precision, or were never text; what is told is valid UTF-8. */
static void mend_text(char *s)
{
	size_t n = strlen(s);

	n -= utf8_incomplete_tail(s, n);
	s[n] = '\0';
	for (size_t i = 0; i < n;) {
		int n_used;

		(void)utf8_decode(s + i, n - i, &n_used);
		if (n_used == 1 && (unsigned char)s[i] >= 0x80) {
			s[i] = '?';
		}
		i += (size_t)n_used;
	}
}

static void fill(struct err *e, int code, const char *reason, const char *fmt, va_list ap)
{
	e->code = code;
	snprintf(e->reason, sizeof(e->reason), "%s", reason ? reason : "");
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
}

int err_set(struct err *e, int code, const char *reason, const char *fmt, ...)
{
	va_list ap;

	if (e && e->code == 0) {
		va_start(ap, fmt);
		fill(e, code, reason, fmt, ap);
		va_end(ap);
		mend_text(e->message);
	}
	return code;
}

int err_replace(struct err *e, int code, const char *reason, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		/* The old message may be among the arguments, so it is read before it is
		 * overwritten. */
		struct err fresh;

		va_start(ap, fmt);
		fill(&fresh, code, reason, fmt, ap);
		va_end(ap);
		mend_text(fresh.message);
		*e = fresh;
	}
	return code;
}

int err_sys(struct err *e, int code, int errnum, const char *fmt, ...)
{
	char text[320];
	va_list ap;
	bool full = errnum == ENOSPC || errnum == EDQUOT;

	if (full) {
		code = ERR_NO_SPACE;
	}
	if (e && e->code == 0) {
		char why[96];

		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		return err_set(e, code, full ? "no_space" : "system", "%s: %s", text,
			strerror_r(errnum, why, sizeof(why)));
	}
	return code;
}

void err_clear(struct err *e)
{
	if (e) {
		e->code = 0;
		e->reason[0] = '\0';
		e->message[0] = '\0';
	}
}

int err_code(const struct err *e)
{
	return e && e->code ? e->code : ERR_INTERNAL;
}

static int find(int code)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].code == code) {
			return (int)i;
		}
	}
	return -1;
}

const char *err_name(int code)
{
	int i = find(code);

	return i < 0 ? "ERR_UNKNOWN" : rows[i].name;
}

const char *err_type(int code)
{
	int i = find(code);

	return i < 0 ? "internal" : rows[i].type;
}

int err_http(int code)
{
	int i = find(code);

	return i < 0 ? 500 : rows[i].http;
}

int err_exit(int code)
{
	int i = find(code);

	if (code == 0) {
		return 0;
	}
	return i < 0 ? 8 : rows[i].exit;
}

void assert_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, cond);
	abort();
}

int err_absent(struct err *e)
{
	return err_set(
		e, ERR_NOT_FOUND, "not_found", "There is no such thing, or you may not see it.");
}
