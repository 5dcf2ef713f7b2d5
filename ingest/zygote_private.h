/* Inside of zygote.c and zygote_convert.c: one request to the zygote. Thread: the request's. */
#ifndef INGEST_ZYGOTE_PRIVATE_H
#define INGEST_ZYGOTE_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>

#include "ingest/child.h"
#include "ingest/frame.h"
#include "ingest/zygote.h"

#define STDERR_KEPT 4096

struct zygote {
	int socket; /* both of its ends: the zygote that there is now has a copy of its_socket */
	int its_socket, its_limits;
	int stop; /* an eventfd: the zygote is to end */
	struct child_limits limits;
	int stall_ms;
	pthread_t keeper;
	pthread_mutex_t lock; /* of told, and of trouble until then */
	pthread_cond_t changed;
	bool told;
	char trouble[464]; /* of the first zygote; "": none */
	atomic_bool down;  /* no zygote can be started now; the keeper goes on trying */
};

enum verdict { RUNNING, EXITED, LOST, KILLED_CANCEL, KILLED_STALL, KILLED_FRAMES, KILLED_OWNER };

struct request {
	struct zygote *z;
	uint32_t cpu_s, cpu_more_s;
	const atomic_bool *cancel;
	void (*progress)(void *arg, int done, int n);
	bool (*goes_on)(void *arg); /* NULL: nobody asks */
	void *arg;
	int64_t stall_ms, wall_ms;    /* 0: the zygote's */
	int frames, stderr_, channel; /* -1: at its end */
	struct frame_reader reader;
	char said[STDERR_KEPT + 1]; /* the first of stderr */
	size_t n_said, n_stderr;
	enum verdict verdict;
	struct obituary end;
	int64_t last_frame_ms;
};

/* Sends the order and waits until its child has ended, however: the verdict and the obituary say
 * how. An error: there was no child. */
MUST_CHECK int request_run(struct request *r, const struct order *o, int memfd, struct err *e);
/* ERR_UNAVAILABLE "sandbox_unavailable", and why. */
int zygote_unavailable(const struct zygote *z, struct err *e);

#endif
