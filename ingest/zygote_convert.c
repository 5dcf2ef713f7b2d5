/* External commands, of ingest/zygote.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ingest/zygote_private.h"

#define CONVERT_GRACE_S 10 /* a keeper has to see the end of its command's time */

static bool put_words(struct order *o, const struct convert_request *q)
{
	for (int i = -1; i < q->n_words; i++) {
		const char *word = i < 0 ? q->folder : q->words[i];
		size_t n = strlen(word) + 1;

		if (n > sizeof(o->words) - o->n_words) {
			return false;
		}
		memcpy(o->words + o->n_words, word, n);
		o->n_words += (uint32_t)n;
	}
	return true;
}

static int command_failed(struct err *e)
{
	return err_set(e, ERR_UNPROCESSABLE, "external_failed",
		"the external command could not convert the document: save it in a newer format "
		"and upload that");
}

static int command_result(const struct request *r, const struct convert_request *q, struct err *e)
{
	int status = r->end.status;

	if (r->verdict == KILLED_CANCEL) {
		return err_set(e, ERR_CANCELLED, "cancelled", "reading the document was cancelled");
	}
	if (r->verdict == LOST || status == -1) {
		return zygote_unavailable(r->z, e);
	}
	if (r->verdict == KILLED_STALL ||
		(WIFEXITED(status) && WEXITSTATUS(status) == CONVERT_TIMEOUT)) {
		return err_set(e, ERR_UNPROCESSABLE, "external_timeout",
			"the external command did not convert the document within its time: split "
			"it, save it in a newer format, or raise external-timeout-s");
	}
	if (r->verdict == KILLED_OWNER || !WIFEXITED(status)) {
		return command_failed(e);
	}
	switch (WEXITSTATUS(status)) {
	case CONVERT_DONE:
		return 0;
	case CONVERT_NO_EXEC:
		return err_set(e, ERR_UNPROCESSABLE, "external_unavailable",
			"the external command %.200s cannot be started: check external-command",
			q->words[0]);
	case CONVERT_SANDBOX:
		return err_set(e, ERR_UNAVAILABLE, "sandbox_unavailable",
			"the external command cannot be confined, so it is not started");
	default:
		return command_failed(e);
	}
}

int zygote_convert(
	struct zygote *z, const struct convert_request *q, char *said, size_t n_said, struct err *e)
{
	struct request r = {.z = z,
		.cancel = q->cancel,
		.goes_on = q->goes_on,
		.arg = q->arg,
		/* The keeper is the first to notice; this is for when it cannot. */
		.stall_ms = (int64_t)(q->wall_s + CONVERT_GRACE_S) * 1000,
		.wall_ms = 1};
	struct order *o = calloc(1, sizeof(*o));
	struct buf clean = BUF_INIT;
	int rc;

	ASSERT(o != NULL);
	*said = '\0';
	*o = (struct order){.kind = ORDER_CONVERT,
		.cpu_s = (uint32_t)q->cpu_s,
		.wall_s = (uint32_t)q->wall_s,
		.memory_mb = (uint32_t)q->memory_mb,
		.file_mb = (uint32_t)q->file_mb};
	if (!put_words(o, q)) {
		rc = err_set(e, ERR_UNPROCESSABLE, "external_unavailable",
			"external-command is too long");
	} else {
		rc = request_run(&r, o, q->memfd, e);
	}
	if (rc == 0) {
		rc = command_result(&r, q, e);
		draft_clean(&clean, r.said, r.n_said, false);
		snprintf(said, n_said, "%s", clean.len ? clean.data : "");
	}
	buf_finish(&clean);
	free(o);
	return rc;
}
