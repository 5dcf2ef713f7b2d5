/* What the tree of a chunk says, for the unit test and the fuzzer: whatever model_chunk_read takes,
 * it has to tell the same of. */
#ifndef TESTS_CHUNK_TREE_H
#define TESTS_CHUNK_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "chat/model_chunk.h"
#include "index/base/utf8.h"

static bool is_text(const json_t *v, const char *s, size_t n)
{
	if (!json_is_string(v)) {
		return !s;
	}
	return s && json_string_length(v) == n && memcmp(json_string_value(v), s, n) == 0;
}

static bool says_same(const json_t *tree, const struct model_chunk *chunk)
{
	const json_t *choices = json_object_get(tree, "choices");
	const json_t *choice = json_array_get(choices, 0);
	const json_t *error = json_object_get(tree, "error");

	return json_is_object(tree) && json_is_array(choices) && json_array_size(choices) <= 1 &&
	       (!error || json_is_null(error)) && !json_is_object(json_object_get(tree, "usage")) &&
	       !json_object_get(choice, "message") &&
	       json_integer_value(json_object_get(choice, "index")) == 0 &&
	       is_text(json_object_get(json_object_get(choice, "delta"), "content"), chunk->content,
		       chunk->n_content) &&
	       is_text(json_object_get(choice, "finish_reason"), chunk->finish, chunk->n_finish);
}

/* 1: taken, and right; 0: left to the tree; -1: taken, and wrong. */
static int chunk_against_tree(const char *s, size_t n)
{
	struct model_chunk chunk;
	json_t *tree;
	bool same;

	if (!utf8_valid(s, n) || !model_chunk_read(s, n, &chunk)) {
		return 0;
	}
	tree = json_loadb(s, n, JSON_ALLOW_NUL, NULL);
	same = says_same(tree, &chunk);
	json_decref(tree);
	return same ? 1 : -1;
}

#endif
