/*
 * One small real request to a model, an embedder or a reranker, for the person who sets it up: does
 * it answer, and if not, why, in one sentence. Blocks up to 10 s. Follows no redirect; http and
 * https only; the key goes into no message. Thread: a worker.
 */
#ifndef CHAT_PROBE_H
#define CHAT_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/settings.h"

struct probe {
	bool ok;
	int64_t ms;
	char message[512];
};

void probe_model(const struct settings *s, struct probe *out);
void probe_embedder(const struct settings *s, struct probe *out);
void probe_reranker(const struct settings *s, struct probe *out);
/* Whether two addresses are of one server: scheme, host and port. */
bool probe_same_server(const char *url_a, const char *url_b);

#endif
