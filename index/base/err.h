/*
 * Errors are values. A function that can fail returns int: 0, or a negative code of ERR_MAP; the
 * human detail goes to a struct err, always the last argument (NULL: the caller does not care).
 *
 * One table holds every code with its API type, HTTP status and exit code of the command line.
 * Thread: any; a struct err belongs to its caller.
 */
#ifndef INDEX_BASE_ERR_H
#define INDEX_BASE_ERR_H

#include <stddef.h>

/*      name               value  API "type"              HTTP  exit */
#define ERR_MAP(X)                                                                                 \
	X(ERR_INVALID, -1, "invalid_request", 400, 2)                                              \
	X(ERR_AUTH, -2, "unauthenticated", 401, 4)                                                 \
	X(ERR_FORBIDDEN, -3, "forbidden", 403, 4)                                                  \
	X(ERR_NOT_FOUND, -4, "not_found", 404, 9)                                                  \
	X(ERR_METHOD, -5, "method_not_allowed", 405, 2)                                            \
	X(ERR_CONFLICT, -6, "conflict", 409, 2)                                                    \
	X(ERR_TOO_LARGE, -7, "too_large", 413, 2)                                                  \
	X(ERR_UNSUPPORTED, -8, "unsupported_media_type", 415, 2)                                   \
	X(ERR_UNPROCESSABLE, -9, "unprocessable", 422, 2)                                          \
	X(ERR_LIMITED, -10, "rate_limited", 429, 6)                                                \
	X(ERR_CANCELLED, -11, "cancelled", 499, 8)                                                 \
	X(ERR_INTERNAL, -12, "internal", 500, 8)                                                   \
	X(ERR_UPSTREAM, -13, "upstream", 502, 8)                                                   \
	X(ERR_UNAVAILABLE, -14, "unavailable", 503, 5)                                             \
	X(ERR_TIMEOUT, -15, "timeout", 504, 7)                                                     \
	X(ERR_IO, -16, "unavailable", 503, 8)                                                      \
	X(ERR_CORRUPT, -17, "internal", 500, 8)                                                    \
	X(ERR_NO_SPACE, -18, "insufficient_storage", 507, 8)                                       \
	X(ERR_CONFIG, -19, "not_configured", 503, 3)

enum err_code {
#define X(name, value, type, http, exit) name = value,
	ERR_MAP(X)
#undef X
};

/* What went wrong, for a person. `reason` is a stable word a program may test
 * ("password_required"); message is one sentence that says what to do, without a trailing newline;
 * valid UTF-8, whatever was put into it. */
struct err {
	int code;
	char reason[48];
	char message[464];
};

#define ERR_INIT                                                                                   \
	{                                                                                          \
		0, "", ""                                                                          \
	}

/* Fills e (may be NULL) and returns code, so that a failing function ends in
 * `return err_set(e, ERR_INVALID, "bad_limit", "limit must be 1 to 100, not %d", n);`
 * The first error stands: an e that is already set is overwritten only by err_replace. */
int err_set(struct err *e, int code, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int err_replace(struct err *e, int code, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* As err_set with ": " and strerror(errnum) after the message; ENOSPC and EDQUOT become
 * ERR_NO_SPACE whatever `code` says. */
int err_sys(struct err *e, int code, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The one answer to what is absent and to what the asker may not see: ERR_NOT_FOUND "not_found",
 * always the same text, so that nothing can be told from it. */
int err_absent(struct err *e);

void err_clear(struct err *e);

/* The code of what a call that gives NULL put into e; ERR_INTERNAL where e is NULL or nothing was
 * put into it. */
int err_code(const struct err *e);

const char *err_name(int code); /* "ERR_INVALID"; "ERR_UNKNOWN" for no code of the table */
const char *err_type(int code); /* "invalid_request" */
int err_http(int code);		/* 400; 500 for unknown codes */
int err_exit(int code);		/* exit status of the command line; 0 for code 0 */

/* Ends the process with file, line and message: for what cannot happen. Stays on in release. */
#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void assert_failed(const char *cond, const char *file, int line);

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
