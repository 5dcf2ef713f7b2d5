/*
 * What a child that parses untrusted bytes may do: compute, read its own fds, write its two pipes,
 * and read a few public folders. Layers, each of which must hold: rlimits; every fd but 0, 1, 2
 * closed; no capabilities; no_new_privs; Landlock (linux/landlock.h, raw system calls); seccomp:
 * what is not listed gets EPERM, what an attack would need kills the process. It binds root just as
 * well (rlimits on processes do not, hence seccomp forbids fork, clone and exec outright).
 *
 * Thread: single-threaded processes only: the zygote makes, its children enter.
 */
#ifndef INGEST_SANDBOX_H
#define INGEST_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/err.h"

enum sandbox_profile {
	SANDBOX_EXTRACT, /* reads /usr/share/poppler, without which CJK text vanishes silently,
			    tesseract's models, and fonts: hidden text is told by drawing it */
	SANDBOX_RENDER,	 /* reads /usr/share/poppler and fonts; more fds, for their files */
	N_SANDBOX_PROFILES
};

/* What is the same for every child: the compiled seccomp program, Landlock's rules. What the
 * profiles may read and what is installed later is theirs with the next zygote. */
struct sandbox;

struct sandbox_limits {
	int64_t cpu_s;	    /* then SIGXCPU */
	int64_t cpu_more_s; /* which it may add to that, by setrlimit (OCR does, page by page) */
	int64_t memory_mb;  /* beyond what the process has mapped already */
};

/* ERR_UNAVAILABLE "sandbox_unavailable". */
MUST_CHECK int sandbox_create(struct sandbox **out, struct err *e);
void sandbox_destroy(struct sandbox *s); /* NULL is fine */

/* Confines the calling process for good. After an error the process must end: it is half confined.
 * ERR_UNAVAILABLE "sandbox_unavailable", the message names the layer. */
MUST_CHECK int sandbox_enter(const struct sandbox *s, enum sandbox_profile profile,
	const struct sandbox_limits *limits, struct err *e);

/* A forbidden thing; `tried` returns true if it worked. Run in a process of its own, since some
 * attempts end it (by SIGSYS, or SIGXFSZ), with sandbox_probe_document as descriptor 0. A probe
 * that would run another program is known by its exit status, 42. */
struct sandbox_probe {
	const char *name;
	bool (*tried)(void);
};
extern const struct sandbox_probe SANDBOX_PROBES[];
extern const int N_SANDBOX_PROBES;

/* A file that the probes try to change and to run; the caller's to close. -1: errno. */
int sandbox_probe_document(void);

/* Tries every probe in every profile, in children: each must be refused, and reading an allowed
 * folder must not be. ERR_UNAVAILABLE "sandbox_unavailable" names the first that was not. s NULL:
 * without a sandbox, which must not pass. */
MUST_CHECK int sandbox_probe_all(
	const struct sandbox *s, const struct sandbox_limits *limits, struct err *e);

#endif
