/*
 * The zygote: a process without threads, with the parsers loaded, without secrets, database or
 * sockets: this program, run anew. It forks one sandboxed child a request; no parser of untrusted
 * bytes runs anywhere else. A child gets a sealed memfd, a result pipe and a capped stderr pipe,
 * then rlimits, close_range, no_new_privs, Landlock and seccomp, and only then touches a byte.
 *
 * zygote_start probes the sandbox in a child (network, exec, fork, open for writing, ptrace, kill:
 * all must fail); if it cannot be applied, every request is ERR_UNAVAILABLE "sandbox_unavailable"
 * and zygote_state says why. A zygote that ends, killed or by itself, is followed by another at
 * once (zygote_start.c). What it was reading fails with ERR_UNAVAILABLE, and may be asked for again
 * at once; what is asked for while there is none waits for the next.
 *
 * Thread: start and stop in any one; requests from any worker, several at once. A request owns its
 * child: killed and reaped when the request ends, however that is.
 */
#ifndef INGEST_ZYGOTE_H
#define INGEST_ZYGOTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/base/settings.h"
#include "ingest/extracted.h"
#include "ingest/frame.h"

struct zygote;

MUST_CHECK int zygote_start(const struct settings *set, struct zygote **out, struct err *e);
void zygote_stop(struct zygote *z);		  /* NULL is fine */
const char *zygote_state(const struct zygote *z); /* NULL: working; else a sentence why not */

/* What a child used. */
struct extract_cost {
	int64_t cpu_us;
	int64_t memory_kb; /* at its peak, with what the zygote had loaded */
};

struct extract_request {
	int memfd;		   /* the bytes, sealed (index/blob.h); borrowed */
	const char *name;	   /* the file's name: a hint for text formats only */
	const atomic_bool *cancel; /* the child is killed within 200 ms: ERR_CANCELLED */
	/* Told on the calling thread: page done of n (0: unknown). */
	void (*progress)(void *arg, int done, int n);
	void *arg;
	/* Given the files inside as they come; NULL: they are counted only. They are the document's
	 * only once zygote_extract has returned 0. */
	const struct child_sink *children;
	bool no_children;	   /* files inside are not handed on at all, only annotated */
	struct extract_cost *cost; /* OUT, after errors too; NULL: not wanted */
};

/* Reads a document. Errors, all with a sentence that says what to do: ERR_UNPROCESSABLE with reason
 * "empty_file", "unsupported_type", "broken_file", "password_required", "too_many_pages",
 * "too_much_text", "out_of_memory", "out_of_cpu", "stalled", "crashed"; ERR_CANCELLED;
 * ERR_UNAVAILABLE "sandbox_unavailable". No text at all is a success with n_bytes 0. */
MUST_CHECK int zygote_extract(struct zygote *z, const struct extract_request *r, struct arena *a,
	struct extracted *out, struct err *e);

struct render_request {
	int memfd;
	int page;		 /* 1-based */
	int width;		 /* pixels, 64 to 2400 */
	const struct box *boxes; /* those of this page are drawn as translucent highlights */
	int n_boxes;
};

struct convert_request {
	int memfd;		  /* the document; borrowed */
	const char *folder;	  /* absolute, with in, out and home in it */
	const char *const *words; /* [n_words] the first one is the program's absolute path */
	int n_words;
	int wall_s, cpu_s, memory_mb, file_mb; /* of its processes; of each file it writes */
	const atomic_bool *cancel;
	/* Asked now and then; false: it has to end, with ERR_UNPROCESSABLE "external_failed". */
	bool (*goes_on)(void *arg);
	void *arg;
};

/* Runs an external command (ingest/external.h) until it and all that it started has ended. said
 * [n_said]: the first of what it said, cleaned. ERR_UNPROCESSABLE "external_failed",
 * "external_timeout"; ERR_CANCELLED; ERR_UNAVAILABLE "sandbox_unavailable". */
MUST_CHECK int zygote_convert(struct zygote *z, const struct convert_request *r, char *said,
	size_t n_said, struct err *e);

/* One page as PNG appended to out. ERR_NOT_FOUND: no such page; else as above. */
MUST_CHECK int zygote_render(
	struct zygote *z, const struct render_request *r, struct buf *out, struct err *e);

#endif
