#include "ingest/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/log.h"
#include "index/base/utf8.h"
#include "ingest/child.h"
#include "ingest/formats.h"
#include "ingest/zygote_private.h"

#define SLICE_MS 50	      /* how late a cancellation may be seen */
#define STDERR_MAX (4u << 20) /* more than that is no error message */
#define WALL_PER_CPU 10	      /* children run at low priority on a busy machine */
#define WALL_PER_MORE 3	      /* the same, of the hours that OCR may take */
#define RENDER_CPU_S 30	      /* somebody waits for the picture */

const char *zygote_state(const struct zygote *z)
{
	if (z->trouble[0]) {
		return z->trouble;
	}
	return atomic_load(&z->down) ? "the process that starts document readers cannot be started "
				       "now, which is tried again every second"
				     : NULL;
}

int zygote_unavailable(const struct zygote *z, struct err *e)
{
	const char *why = zygote_state(z);

	return err_set(e, ERR_UNAVAILABLE, "sandbox_unavailable",
		"documents cannot be read now: %s",
		why ? why : "no process could be started for it, or it was killed");
}

/* ── one request ── */

static void close_fd(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

static int send_order(struct zygote *z, const struct order *o, const int fds[ORDER_N_FDS])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(ORDER_N_FDS * sizeof(int))];
	} control;
	struct iovec part = {(void *)o, order_size(o)};
	struct msghdr msg = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t n;

	memset(&control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(ORDER_N_FDS * sizeof(int));
	memcpy(CMSG_DATA(c), fds, ORDER_N_FDS * sizeof(int));
	do {
		n = sendmsg(z->socket, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* Opens pipes and channel and sends the order. */
static int request_start(struct request *r, const struct order *o, int memfd, struct err *e)
{
	int frames[2] = {-1, -1}, errors[2] = {-1, -1}, channel[2] = {-1, -1};
	int rc = 0;

	if (pipe2(frames, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) {
		rc = err_sys(e, ERR_INTERNAL, errno, "cannot start a document reader");
	} else {
		int fds[ORDER_N_FDS] = {memfd, frames[1], errors[1], channel[1]};

		if (send_order(r->z, o, fds) < 0) {
			rc = zygote_unavailable(r->z, e);
		}
	}
	close_fd(&frames[1]);
	close_fd(&errors[1]);
	close_fd(&channel[1]);
	r->frames = frames[0];
	r->stderr_ = errors[0];
	r->channel = channel[0];
	if (rc == 0) {
		fcntl(r->frames, F_SETFL, O_NONBLOCK);
		fcntl(r->stderr_, F_SETFL, O_NONBLOCK);
		r->last_frame_ms = clock_mono_ms();
	}
	return rc;
}

/* The zygote kills, since only it knows that the pid is still the child's. */
static void request_kill(struct request *r, enum verdict why)
{
	if (r->verdict == EXITED) {
		r->verdict = why; /* of itself, and its last words were no good */
	}
	if (r->verdict == RUNNING) {
		r->verdict = why;
		(void)!send(r->channel, "k", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

static void read_frames(struct request *r)
{
	char chunk[65536];
	ssize_t n = read(r->frames, chunk, sizeof(chunk));
	int n_frames;

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			close_fd(&r->frames);
		}
		return;
	}
	if (r->verdict != RUNNING && r->verdict != EXITED) {
		return; /* drained, so that nothing waits */
	}
	n_frames = frame_reader_feed(&r->reader, chunk, (size_t)n);
	if (n_frames < 0) {
		request_kill(r, KILLED_FRAMES);
		return;
	}
	if (n_frames > 0) {
		r->last_frame_ms = clock_mono_ms();
	}
	if (r->reader.progressed && r->progress) {
		r->progress(r->arg, r->reader.done, r->reader.n_units);
	}
	r->reader.progressed = false;
}

static void read_stderr(struct request *r)
{
	char chunk[4096];
	ssize_t n = read(r->stderr_, chunk, sizeof(chunk));
	size_t keep;

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			close_fd(&r->stderr_);
		}
		return;
	}
	keep = (size_t)n < STDERR_KEPT - r->n_said ? (size_t)n : STDERR_KEPT - r->n_said;
	memcpy(r->said + r->n_said, chunk, keep);
	r->n_said += keep;
	r->n_stderr += (size_t)n;
	if (r->n_stderr > STDERR_MAX) {
		close_fd(&r->stderr_); /* its next complaint meets a closed pipe */
	}
}

static void read_channel(struct request *r)
{
	ssize_t n = recv(r->channel, &r->end, sizeof(r->end), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n != (ssize_t)sizeof(r->end)) {
		r->verdict = LOST;
	} else if (r->verdict == RUNNING) {
		r->verdict = EXITED;
	}
	close_fd(&r->channel);
}

/* Until the child has been reaped and its pipes are empty. */
static void request_wait(struct request *r)
{
	/* A hijacked child could sleep and send a frame now and then: even that has an end. */
	int64_t stall_ms = r->stall_ms ? r->stall_ms : r->z->stall_ms;
	int64_t until_ms = clock_mono_ms() + stall_ms +
			   (r->wall_ms ? r->wall_ms
				       : (int64_t)r->cpu_s * 1000 * WALL_PER_CPU +
						   (int64_t)r->cpu_more_s * 1000 * WALL_PER_MORE);
	int64_t now_ms;

	while (r->channel >= 0) {
		struct pollfd fds[3] = {{.fd = r->frames, .events = POLLIN},
			{.fd = r->stderr_, .events = POLLIN}, {.fd = r->channel, .events = POLLIN}};

		if (zygote_state(r->z)) { /* nobody takes the order */
			r->verdict = LOST;
			break;
		}
		if (r->cancel && atomic_load(r->cancel)) {
			request_kill(r, KILLED_CANCEL);
		}
		now_ms = clock_mono_ms();
		if (now_ms - r->last_frame_ms > stall_ms || now_ms > until_ms) {
			request_kill(r, KILLED_STALL);
		}
		if (r->goes_on && !r->goes_on(r->arg)) {
			request_kill(r, KILLED_OWNER);
		}
		if (poll(fds, 3, SLICE_MS) <= 0) {
			continue;
		}
		if (fds[0].revents) {
			read_frames(r);
		}
		if (fds[1].revents) {
			read_stderr(r);
		}
		if (fds[2].revents) {
			read_channel(r);
		}
	}
	/* The child is dead: what it had written is there, then the end. */
	while (r->frames >= 0 && r->verdict != LOST) {
		read_frames(r);
	}
	while (r->stderr_ >= 0 && r->verdict != LOST) {
		read_stderr(r);
	}
}

/* ── what it means ── */

static const struct {
	int code;
	const char *reason, *message; /* %s: detail, %u: number */
} FAULTS[N_FAULTS] = {
	[FAULT_EMPTY] = {ERR_UNPROCESSABLE, "empty_file",
		"the file is empty: upload the complete document"},
	[FAULT_UNSUPPORTED] = {ERR_UNPROCESSABLE, "unsupported_type",
		"this kind of file is not read (it looks like %s): upload it as "},
	[FAULT_BROKEN] = {ERR_UNPROCESSABLE, "broken_file",
		"the file is damaged and cannot be read: open it in the program that made it and "
		"save it "
		"anew"},
	[FAULT_PASSWORD] = {ERR_UNPROCESSABLE, "password_required",
		"the file is protected by a password: remove the password and upload it again"},
	[FAULT_PAGES] = {ERR_UNPROCESSABLE, "too_many_pages",
		"the document has %u pages, more than are read of one document: split it, or raise "
		"ingest-pages"},
	[FAULT_TEXT] = {ERR_UNPROCESSABLE, "too_much_text",
		"the document has more text than is taken from one document: split it, or raise "
		"ingest-text-mb"},
	[FAULT_MEMORY] = {ERR_UNPROCESSABLE, "out_of_memory",
		"the document needs more memory than one document may use: split it, or raise "
		"ingest-memory-mb"},
	[FAULT_NO_PAGE] = {ERR_NOT_FOUND, "no_such_page", "the document has %u pages"},
	[FAULT_LIMIT] = {ERR_UNPROCESSABLE, "over_limit",
		"the document is larger inside than is read (%s): split it, or raise that setting"},
	[FAULT_REFUSED] = {ERR_UNPROCESSABLE, "refused_file",
		"the file is not read, since it holds %s: save it anew in the program that made "
		"it"},
	[FAULT_SANDBOX] = {ERR_UNAVAILABLE, "sandbox_unavailable",
		"documents cannot be read now: the sandbox cannot be applied (%s)"},
};

static int fault_error(const struct frame_reader *f, struct err *e)
{
	struct buf supported = BUF_INIT;
	const char *message = FAULTS[f->fault].message;
	const char *mark = strchr(message, '%');
	char text[400];

	if (mark && mark[1] == 's') {
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(mark - message), message,
			f->fault_detail[0] ? f->fault_detail : "unknown data", mark + 2);
	} else if (mark) {
		snprintf(text, sizeof(text), "%.*s%u%s", (int)(mark - message), message,
			f->fault_number, mark + 2);
	} else {
		snprintf(text, sizeof(text), "%s", message);
	}
	if (f->fault == FAULT_UNSUPPORTED) {
		formats_sentence(&supported);
	}
	err_set(e, FAULTS[f->fault].code, FAULTS[f->fault].reason, "%s%s", text,
		supported.len ? supported.data : "");
	buf_finish(&supported);
	return FAULTS[f->fault].code;
}

/* What libraries print when an allocation fails, before they abort. */
static bool said_no_memory(const struct request *r)
{
	static const char *const WORDS[] = {"bad_alloc", "Out of memory", "out of memory",
		"failed to allocate", "memory exhausted", "length_error", "b->data != NULL",
		"allocator is out of memory", "cannot allocate"};

	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		if (strstr(r->said, WORDS[i])) {
			return true;
		}
	}
	return false;
}

static int crashed(const struct request *r, struct err *e)
{
	int status = r->end.status;
	long cpu_s = r->end.usage.ru_utime.tv_sec + r->end.usage.ru_stime.tv_sec;
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (status == -1) {
		return zygote_unavailable(r->z, e);
	}
	if (sig == SIGXCPU || (sig == SIGKILL && cpu_s >= (long)(r->cpu_s + r->cpu_more_s))) {
		return err_set(e, ERR_UNPROCESSABLE, "out_of_cpu",
			"the document, or a scanned page of it, took more than %u s of computing: "
			"split it, or raise "
			"ingest-cpu-s",
			r->cpu_s);
	}
	if (said_no_memory(r)) {
		return err_set(e, FAULTS[FAULT_MEMORY].code, FAULTS[FAULT_MEMORY].reason, "%s",
			FAULTS[FAULT_MEMORY].message);
	}
	if (sig == SIGKILL) { /* not by us, and not by its own doing: it may go better next time */
		return err_set(e, ERR_UNAVAILABLE, "killed",
			"the process that read the document was killed from outside: is the "
			"machine short of memory?");
	}
	log_warn("document.crashed", LN("status", status), LN("signal", sig));
	return err_set(e, ERR_UNPROCESSABLE, "crashed",
		"the document made its reader crash (%s): save it anew in the program that made it",
		sig ? strsignal(sig) : "it gave up");
}

/* 0: the reader's frames are the result. */
static int request_result(const struct request *r, struct err *e)
{
	switch (r->verdict) {
	case KILLED_CANCEL:
		return err_set(e, ERR_CANCELLED, "cancelled", "reading the document was cancelled");
	case KILLED_STALL:
		return err_set(e, ERR_UNPROCESSABLE, "stalled",
			"the document made no progress for %d s: split it, or raise ingest-stall-s",
			r->z->stall_ms / 1000);
	case KILLED_FRAMES:
		if (r->reader.sink_err.code) {
			return err_set(e, r->reader.sink_err.code, r->reader.sink_err.reason, "%s",
				r->reader.sink_err.message);
		}
		log_warn("document.bad_frames", LT("rule", r->reader.bad));
		return err_set(e, ERR_UNPROCESSABLE, "crashed",
			"the document made its reader talk nonsense (%s): save it anew in the "
			"program "
			"that made it",
			r->reader.bad);
	case LOST:
		return zygote_unavailable(r->z, e);
	case KILLED_OWNER: /* who says himself why */
	case RUNNING:
	case EXITED:
		break;
	}
	if (!WIFEXITED(r->end.status) || WEXITSTATUS(r->end.status) != 0 || !r->reader.ended) {
		return crashed(r, e);
	}
	return r->reader.fault ? fault_error(&r->reader, e) : 0;
}

int request_run(struct request *r, const struct order *o, int memfd, struct err *e)
{
	int rc;

	r->cpu_s = o->cpu_s;
	r->cpu_more_s = o->cpu_more_s;
	r->frames = r->stderr_ = r->channel = -1;
	if (zygote_state(r->z)) {
		return zygote_unavailable(r->z, e);
	}
	rc = request_start(r, o, memfd, e);
	if (rc == 0) {
		request_wait(r);
	}
	close_fd(&r->frames);
	close_fd(&r->stderr_);
	close_fd(&r->channel);
	return rc;
}

/* The same of one whose frames are the result. */
static int request_read(struct request *r, const struct order *o, int memfd, struct err *e)
{
	int rc = request_run(r, o, memfd, e);

	return rc == 0 ? request_result(r, e) : rc;
}

static struct extract_cost cost_of(const struct rusage *used)
{
	const struct timeval *u = &used->ru_utime, *s = &used->ru_stime;

	return (struct extract_cost){
		.cpu_us = (int64_t)(u->tv_sec + s->tv_sec) * 1000000 + u->tv_usec + s->tv_usec,
		.memory_kb = used->ru_maxrss,
	};
}

int zygote_extract(struct zygote *z, const struct extract_request *q, struct arena *a,
	struct extracted *out, struct err *e)
{
	struct request r = {.z = z, .cancel = q->cancel, .progress = q->progress, .arg = q->arg};
	struct order *o = arena_new(a, struct order);
	const char *name = q->name ? q->name : "";
	size_t n = strlen(name);
	/* The end of a long name is what tells its type. */
	size_t skip = n >= sizeof(o->name) ? n - sizeof(o->name) + 1 : 0;
	int rc;

	memset(out, 0, sizeof(*out));
	o->kind = ORDER_EXTRACT;
	o->cpu_s = (uint32_t)z->limits.sandbox.cpu_s;
	o->cpu_more_s = (uint32_t)z->limits.sandbox.cpu_more_s;
	memcpy(o->name, name + skip, n - skip);
	frame_reader_init(&r.reader, z->limits.text_max, 0, z->limits.pages_max);
	o->no_children = q->no_children;
	r.reader.children_max = z->limits.children_max;
	r.reader.children_bytes_max = z->limits.children_bytes_max;
	r.reader.sink = q->children;
	rc = request_read(&r, o, q->memfd, e);
	if (rc == 0 && frame_reader_take(&r.reader, a, out, e) < 0) {
		rc = ERR_UNPROCESSABLE;
		err_replace(e, rc, "crashed",
			"the document made its reader talk nonsense: save it anew in the program "
			"that "
			"made it");
	}
	if (q->cost) {
		*q->cost = cost_of(&r.end.usage);
	}
	frame_reader_finish(&r.reader);
	return rc;
}

int zygote_render(struct zygote *z, const struct render_request *q, struct buf *out, struct err *e)
{
	struct request r = {.z = z};
	struct order *o;
	int rc;

	if (q->width < 64 || q->width > 2400 || q->page < 1) {
		return err_set(e, ERR_INVALID, "bad_size",
			"width must be 64 to 2400 pixels and page at least 1");
	}
	o = calloc(1, sizeof(*o));
	ASSERT(o != NULL);
	o->kind = ORDER_RENDER;
	o->cpu_s = (uint32_t)z->limits.sandbox.cpu_s;
	if (o->cpu_s > RENDER_CPU_S) {
		o->cpu_s = RENDER_CPU_S;
	}
	o->page = (uint32_t)q->page;
	o->width = (uint32_t)q->width;
	for (int i = 0; i < q->n_boxes && o->n_boxes < ORDER_BOXES_MAX; i++) {
		if (q->boxes[i].page == q->page) {
			o->boxes[o->n_boxes++] = (struct order_box){
				q->boxes[i].x0, q->boxes[i].y0, q->boxes[i].x1, q->boxes[i].y1};
		}
	}
	frame_reader_init(&r.reader, 0, z->limits.image_max, 1);
	rc = request_read(&r, o, q->memfd, e);
	if (rc == 0 && r.reader.image.len < 8) {
		rc = err_set(e, ERR_UNPROCESSABLE, "broken_file", "the page cannot be drawn");
	}
	if (rc == 0) {
		buf_add(out, r.reader.image.data, r.reader.image.len);
	}
	frame_reader_finish(&r.reader);
	free(o);
	return rc;
}
