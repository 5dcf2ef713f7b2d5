/*
 * The service of ingest/external.h:
 *
 *   POST external-url
 *   Content-Type: application/msword
 *   X-File-Name: Offer%202026.doc     percent-encoded UTF-8
 *
 *   -> 200 and a document. A redirect is not followed: what is sent is nobody else's business.
 */
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "ingest/external_private.h"

#define CONNECT_MS 5000
#define POLL_MS 50
#define NAME_MAX_BYTES 255

struct posting {
	int from, to;
	int64_t sent, received, received_max;
	bool over;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void on_curl(void)
{
	ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static size_t on_send(char *p, size_t size, size_t n, void *arg)
{
	struct posting *x = arg;
	ssize_t got = pread(x->from, p, size * n, (off_t)x->sent);

	if (got < 0) {
		return CURL_READFUNC_ABORT;
	}
	x->sent += got;
	return (size_t)got;
}

static size_t on_receive(char *p, size_t size, size_t n, void *arg)
{
	struct posting *x = arg;

	x->received += (int64_t)(size * n);
	x->over = x->received > x->received_max;
	return x->over || fs_write_all(x->to, p, size * n, NULL) < 0 ? 0 : size * n;
}

static struct curl_slist *header_lines(CURL *easy, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *leaf = slash ? slash + 1 : name;
	size_t n = strlen(leaf);
	char *escaped =
		curl_easy_escape(easy, leaf, (int)(n < NAME_MAX_BYTES ? n : NAME_MAX_BYTES));
	struct curl_slist *lines;
	char *line;

	ASSERT(escaped != NULL);
	ASSERT(asprintf(&line, "Content-Type: %s", external_media_type(name)) > 0);
	lines = curl_slist_append(NULL, line);
	free(line);
	ASSERT(asprintf(&line, "X-File-Name: %s", escaped) > 0);
	lines = curl_slist_append(lines, line);
	free(line);
	curl_free(escaped);
	return curl_slist_append(lines, "Expect:");
}

static void set_options(CURL *easy, const struct settings *set, struct posting *x, int64_t n_bytes)
{
	long timeout_ms = (long)set->external_timeout_s * 1000;

	curl_easy_setopt(easy, CURLOPT_URL, set->external_url);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n_bytes);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(easy, CURLOPT_READDATA, x);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_receive);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "carrel");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(
		easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS);
}

/* 0 with the transfer's result, or ERR_CANCELLED. */
static int transfer(CURL *easy, const atomic_bool *cancel, CURLcode *result, struct err *e)
{
	CURLM *multi = curl_multi_init();
	CURLMsg *message;
	int running = 1, n_left, rc = 0;

	ASSERT(multi && curl_multi_add_handle(multi, easy) == CURLM_OK);
	*result = CURLE_OK;
	while (running && rc == 0) {
		if (curl_multi_perform(multi, &running) != CURLM_OK) {
			rc = err_set(e, ERR_INTERNAL, "curl", "libcurl failed");
		} else if (running && cancel && atomic_load(cancel)) {
			rc = err_set(e, ERR_CANCELLED, "cancelled",
				"reading the document was cancelled");
		} else if (running) {
			(void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
		}
	}
	while ((message = curl_multi_info_read(multi, &n_left))) {
		if (message->msg == CURLMSG_DONE) {
			*result = message->data.result;
		}
	}
	curl_multi_remove_handle(multi, easy);
	curl_multi_cleanup(multi);
	return rc;
}

static int judge(CURL *easy, const struct settings *set, const struct posting *x, CURLcode result,
	struct err *e)
{
	long status = 0;

	if (x->over) {
		return err_set(e, ERR_UNPROCESSABLE, "external_failed",
			"the service at external-url answered with more than ingest-inflated-mb "
			"allows");
	}
	if (result == CURLE_OPERATION_TIMEDOUT) {
		return err_set(e, ERR_UNPROCESSABLE, "external_timeout",
			"the service at external-url did not convert the document within %lld s: "
			"split it, or raise external-timeout-s",
			(long long)set->external_timeout_s);
	}
	if (result != CURLE_OK) {
		return err_set(e, ERR_UPSTREAM, "external_unavailable",
			"the service at external-url cannot be reached: %s",
			curl_easy_strerror(result));
	}
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 429 || status >= 500) {
		return err_set(e, ERR_UPSTREAM, "external_failed",
			"the service at external-url answered with status %ld", status);
	}
	if (status != 200 || x->received == 0) {
		return err_set(e, ERR_UNPROCESSABLE, "external_failed",
			"the service at external-url did not convert the document (status %ld, "
			"%lld bytes)",
			status, (long long)x->received);
	}
	return 0;
}

int external_post(const struct settings *set, const struct external_request *r, int64_t bytes_max,
	int *out, struct err *e)
{
	struct posting x = {.from = r->memfd, .received_max = bytes_max};
	struct curl_slist *lines;
	CURLcode result;
	struct stat st;
	CURL *easy;
	int rc;

	pthread_once(&curl_once, on_curl);
	if (fstat(r->memfd, &st) < 0) {
		return err_sys(e, ERR_INTERNAL, errno, "a document cannot be sent");
	}
	x.to = memfd_create("external", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (x.to < 0) {
		return err_sys(e, ERR_INTERNAL, errno, "no memory for a document");
	}
	easy = curl_easy_init();
	ASSERT(easy != NULL);
	lines = header_lines(easy, r->name);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
	set_options(easy, set, &x, st.st_size);
	rc = transfer(easy, r->cancel, &result, e);
	if (rc == 0) {
		rc = judge(easy, set, &x, result, e);
	}
	if (rc == 0) {
		rc = external_seal(x.to, e);
	}
	curl_easy_cleanup(easy);
	curl_slist_free_all(lines);
	if (rc < 0) {
		close(x.to);
	} else {
		*out = x.to;
	}
	return rc;
}
