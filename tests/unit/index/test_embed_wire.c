/* Answers of an embedding server: bad ones, and the bytes of a real one. */
#include "tests/unit/index/embedding_server.h"

#include <unistd.h>

#include "index/base/fs.h"
#include "index/embed_wire.h"

static int read_one(const char *body, float *out)
{
	struct wire_vectors v = {.n = 1, .dimension = DIM, .out = out};

	return wire_answer(body, strlen(body), &v, &e);
}

static void test_bad_answers(void **state)
{
	static const char *const bodies[] = {
		"",
		"<html>",
		"{}",
		"[]",
		"{\"error\":{\"message\":\"x\"}}",
		"{\"data\":[]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,4,5]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,\"4\"]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,null]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,1e999]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2,3,NaN]}]}",
		"{\"data\":[{\"index\":1,\"embedding\":[1,2,3,4]}]}",
		"{\"data\":[{\"index\":-1,\"embedding\":[1,2,3,4]}]}",
		"{\"data\":[{\"index\":0}]}",
		"{\"data\":[null]}",
		"{\"data\":[{\"embedding\":\"AAAAAAAAAAAAAAAA\"}]}",
		"{\"data\":[{\"embedding\":\"AADAfwAAAAAAAAAAAAAAAA==\"}]}", /* NaN */
		"{\"data\":[{\"embedding\":\"AACAfwAAAAAAAAAAAAAAAA==\"}]}", /* infinity */
		"{\"data\":[{\"embedding\":\"!\"}]}",
		"{\"data\":[{\"embedding\":[0,0,0,0]}]}",
		"{\"data\":[{\"embedding\":[1,2,3,4]},{\"embedding\":[1,2,3,4]}]}",
		"{\"data\":[{\"embedding\":\"AADAfwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
	};
	float out[DIM];

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		err_clear(&e);
		if (read_one(bodies[i], out) != ERR_UPSTREAM) {
			fail_msg("accepted: %s", bodies[i]);
		}
	}
	err_clear(&e);
	ok(read_one("{\"data\":[{\"embedding\":[0,0,3,4]}]}", out));
	assert_float_equal(out[3], .8, 1e-6);
}

static void test_two_with_the_same_index(void **state)
{
	const char *body = "{\"data\":[{\"index\":1,\"embedding\":[1,2,3,4]},"
			   "{\"index\":1,\"embedding\":[1,2,3,4]}]}";
	float out[2 * DIM];
	struct wire_vectors v = {.n = 2, .dimension = DIM, .out = out};

	(void)state;
	assert_int_equal(wire_answer(body, strlen(body), &v, &e), ERR_UPSTREAM);
}

/* A real server's bytes, where they are at hand. */
static void test_real_bytes(void **state)
{
	static const struct {
		const char *file;
		int n; /* 0: an error */
	} cases[] = {{"40_emb_float", 2}, {"41_emb_base64", 1}, {"42_emb_default", 1},
		{"46_err_emb_empty_array", 0}, {"47_err_emb_too_long", 0},
		{"53_emb_600_tokens", 0}};
	struct fixture *f = *state;
	struct embed_text texts[2] = {{.body = "hello world"}, {.body = "the cat sat"}};
	float *out = calloc(2 * 384, sizeof(float));

	if (access("../shared/wire", R_OK) != 0) {
		free(out);
		skip();
	}
	f->server.net.packet = 100;
	f->server.n_scripted = 6;
	for (int i = 0; i < 6; i++) {
		char path[200];

		snprintf(path, sizeof(path), "../shared/wire/%s.http", cases[i].file);
		ok(fs_read(path, 1 << 20, &f->files[i], &e));
		f->server.scripted[i] = f->files[i].data;
		f->server.scripted_len[i] = f->files[i].len;
	}
	f->id.dimension = 384;
	open_embedder(f);
	for (int i = 0; i < 6; i++) {
		int rc;

		err_clear(&e);
		rc = embed(f->em, EMBED_DOCUMENT, texts, cases[i].n ? cases[i].n : 1, out, NULL,
			NULL, NULL, &e);
		assert_int_equal(rc, cases[i].n ? 0 : ERR_UPSTREAM);
		if (cases[i].n) {
			assert_float_equal(out[0], .0353218, 1e-3);
		} else {
			assert_string_equal(e.reason, i == 3 ? "embed_refused" : "embed_too_long");
		}
	}
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bad_answers),
		TEST(test_two_with_the_same_index),
		TEST(test_real_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
