/*
 * Tokens a language model would count, estimated by script classes: within about 15 % for English,
 * on the high side for the rest. Chunk sizes and prompt budgets are in these. Thread: any.
 */
#ifndef INDEX_TOKENS_H
#define INDEX_TOKENS_H

#include <stddef.h>

int tokens_estimate(const char *text, size_t n_bytes);

#endif
