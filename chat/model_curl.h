/*
 * libcurl's multi interface on a libuv loop, for chat/model.c: its sockets are uv_poll handles, its
 * time a uv_timer; nothing blocks (https://curl.se/libcurl/c/libcurl-multi.html, "multi_socket").
 *
 *   model_curl_init -> easy handles in and out of `multi` … on_worked … -> model_curl_close
 *   -> on_closed -> model_curl_finish
 *
 * Thread: the loop's. on_worked comes from the loop, each time that curl has worked.
 */
#ifndef CHAT_MODEL_CURL_H
#define CHAT_MODEL_CURL_H

#include <stdbool.h>
#include <curl/curl.h>
#include <uv.h>

#include "index/base/err.h"

struct model_curl {
	CURLM *multi;
	/* private: */
	uv_loop_t *loop;
	uv_timer_t
		timer; /* curl's own: nobody else may start it, for curl does not tell it again */
	int n_handles; /* open ones: sockets and the timer */
	bool closing;
	void (*on_worked)(void *arg);
	void (*on_closed)(void *arg);
	void *arg;
};

MUST_CHECK int model_curl_init(struct model_curl *m, uv_loop_t *loop, void (*on_worked)(void *arg),
	void *arg, struct err *e);
/* When no easy handle is in it any more; on_closed follows from the loop. */
void model_curl_close(struct model_curl *m, void (*on_closed)(void *arg));
void model_curl_finish(struct model_curl *m); /* from on_closed on */

#endif
