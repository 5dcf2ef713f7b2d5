/* Chunks read without a tree: those of real servers are, the odd ones are left to the tree, and of
 * whatever is taken the tree says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "tests/unit/chat/chunk_tree.h"

#define MUTANTS 200000

static const char *const ordinary[] = {
	/* OpenAI */
	"{\"id\":\"chatcmpl-B\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,"
	"\"model\":"
	"\"gpt\",\"service_tier\":\"default\",\"system_fingerprint\":null,\"choices\":[{\"index\":"
	"0,"
	"\"delta\":{\"content\":\" "
	"word\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,"
	"\"obfuscation\":\"x1\"}",
	/* vLLM */
	"{\"id\": \"c\", \"choices\": [{\"index\": 0, \"delta\": {\"role\": \"assistant\", "
	"\"content\": \"\"}, \"logprobs\": {\"content\": [{\"token\": \"a\", \"logprob\": -0.0125, "
	"\"bytes\": [97, 0], \"top_logprobs\": []}]}, \"finish_reason\": null}]}",
	/* llama.cpp */
	"{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}}],\"created\":1,"
	"\"timings\":"
	"{\"predicted_ms\":12.5,\"cache\":true,\"draft\":false}}",
	"{\"choices\":[{\"delta\":{\"content\":\"水 – é\",\"tool_calls\":[]}}]}",
	"{\"choices\":[{\"delta\":{\"content\":null},\"finish_reason\":\"length\"}]}",
	"{\"choices\":[]}",
	" { \"choices\" : [ { } ] } ",
};

static const char *const odd[] = {
	"",
	"{}",
	"[]",
	"null",
	"5",
	"{\"choices\":[]",
	"{\"choices\":[]} x",
	"{\"choices\":[],}",
	"{\"choices\":[{}{}]}",
	"{\"choices\":[{},{}]}",
	"{\"choices\":[null]}",
	"{\"choices\":{}}",
	"{\"choices\":null}",
	"{\"choices\":[],\"choices\":[]}",
	"{\"choices\" []}",
	"{choices:[]}",
	"{\"choices\":[],\"error\":{\"message\":\"m\"}}",
	"{\"choices\":[],\"error\":\"m\"}",
	"{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}",
	"{\"choices\":[{\"message\":{\"content\":\"m\"}}]}",
	"{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}}]}",
	"{\"choices\":[{\"index\":00}]}",
	"{\"choices\":[{\"index\":0.5}]}",
	"{\"choices\":[{\"index\":0e9}]}",
	"{\"choices\":[{\"index\":-0}]}",
	"{\"choices\":[{\"delta\":null}]}",
	"{\"choices\":[{\"delta\":{},\"delta\":{}}]}",
	"{\"choices\":[{\"delta\":{\"content\":5}}]}",
	"{\"choices\":[{\"delta\":{\"content\":\"a\",\"content\":\"b\"}}]}",
	"{\"choices\":[{\"delta\":{\"content\":null,\"content\":\"b\"}}]}",
	"{\"choices\":[{\"delta\":{\"content\":\"a\\nb\"}}]}",
	"{\"choices\":[{\"delta\":{\"conte\\u006et\":\"a\"}}]}",
	"{\"choices\":[{\"delta\":{\"content\":\"a\nb\"}}]}",
	"{\"choices\":[{\"delta\":{\"content\":\"a}]}",
	"{\"choices\":[{\"finish_reason\":\"stop\",\"finish_reason\":null}]}",
	"{\"choices\":[],\"n\":01}",
	"{\"choices\":[],\"n\":1.}",
	"{\"choices\":[],\"n\":-}",
	"{\"choices\":[],\"n\":- 1}",
	"{\"choices\":[],\"n\":1e999}",
	"{\"choices\":[],\"n\":9223372036854775808}",
	"{\"choices\":[],\"n\":nul}",
	"{\"choices\":[],\"n\":truer}",
	"{\"choices\":[],\"n\":[1,]}",
	"{\"choices\":[],\"n\":[1 2]}",
	"{\"choices\":[],\"n\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_ordinary(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ordinary); i++) {
		if (chunk_against_tree(ordinary[i], strlen(ordinary[i])) != 1) {
			fail_msg("left to the tree, or read wrongly: %s", ordinary[i]);
		}
	}
}

static void test_odd(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		if (chunk_against_tree(odd[i], strlen(odd[i])) != 0) {
			fail_msg("taken for an ordinary one: %s", odd[i]);
		}
	}
}

static void test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ordinary); i++) {
		size_t n = strlen(ordinary[i]);

		for (size_t cut = 0; cut + 1 < n; cut++) {
			char *exact = malloc(
				cut + 1); /* of its size: AddressSanitizer sees a byte more */

			memcpy(exact, ordinary[i], cut);
			assert_int_equal(chunk_against_tree(exact, cut), 0);
			free(exact);
		}
	}
}

/* A piece of one chunk is put over, into or in place of a piece of another. */
static size_t mutate(char *out, size_t n_out, unsigned *seed)
{
	const char *a = ordinary[(size_t)rand_r(seed) % COUNT(ordinary)];
	const char *b = rand_r(seed) % 2 ? odd[(size_t)rand_r(seed) % COUNT(odd)]
					 : ordinary[(size_t)rand_r(seed) % COUNT(ordinary)];
	size_t n_a = strlen(a), n_b = strlen(b);
	size_t keep = (size_t)rand_r(seed) % (n_a + 1), skip = (size_t)rand_r(seed) % 4;
	size_t from = (size_t)rand_r(seed) % (n_b + 1);
	size_t n_piece = (size_t)rand_r(seed) % (n_b - from + 1) % 12;

	skip = skip > n_a - keep ? n_a - keep : skip;
	return (size_t)snprintf(
		out, n_out, "%.*s%.*s%s", (int)keep, a, (int)n_piece, b + from, a + keep + skip);
}

static void test_mutants(void **state)
{
	unsigned seed =
		getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
	int n_taken = 0;
	char text[2048];

	(void)state;
	print_message("seed %u\n", seed);
	for (int i = 0; i < MUTANTS; i++) {
		size_t n = mutate(text, sizeof(text), &seed);
		int said = chunk_against_tree(text, n);

		if (said < 0) {
			fail_msg("the tree says otherwise: %s", text);
		}
		n_taken += said;
	}
	assert_true(n_taken > MUTANTS / 50); /* else nothing was tried */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_mutants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
