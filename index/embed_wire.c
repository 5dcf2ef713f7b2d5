#include "index/embed_wire.h"

#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "index/base/utf8.h"
#include "index/embed.h"
#include "index/vector_kernel.h"

int wire_request(const char *model, const char *const *texts, const size_t *lengths, int n,
	struct buf *out, struct err *e)
{
	json_t *input = json_array(), *root;
	char *body;

	for (int i = 0; i < n; i++) {
		json_t *text = json_stringn(texts[i], lengths[i]);

		if (!text || json_array_append_new(input, text)) {
			json_decref(input);
			return err_set(e, ERR_INVALID, "not_utf8", "a text to embed is not UTF-8");
		}
	}
	root = json_pack(
		"{s:s, s:o, s:s}", "model", model, "input", input, "encoding_format", "float");
	body = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!body) {
		return err_set(e, ERR_CONFIG, "embed_model", "embed-model is not UTF-8");
	}
	buf_str(out, body);
	free(body);
	return 0;
}

static int bad_answer(struct err *e, const char *what)
{
	return err_set(e, ERR_UPSTREAM, "embed_answer", "the embedding server's answer %s", what);
}

/* NULL, or what is wrong. */
static const char *read_numbers(json_t *array, int *dimension, float *out)
{
	size_t n = json_array_size(array);

	if (*dimension == 0 && n > 0 && n <= EMBED_DIMENSION_MAX) {
		*dimension = (int)n;
	}
	if (n != (size_t)*dimension) {
		return "has vectors of another dimension";
	}
	for (size_t i = 0; i < n; i++) {
		json_t *x = json_array_get(array, i);

		if (!json_is_number(x)) {
			return "has something other than numbers in a vector";
		}
		out[i] = (float)json_number_value(x);
	}
	return NULL;
}

static const char *read_base64(json_t *string, int *dimension, float *out)
{
	size_t n_bytes = 0, room = (size_t)(*dimension ? *dimension : EMBED_DIMENSION_MAX) * 4;

	if (sodium_base642bin((unsigned char *)out, room, json_string_value(string),
		    json_string_length(string), NULL, &n_bytes, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0) {
		return "has base64 that is broken or too long";
	}
	if (*dimension == 0 && n_bytes > 0) {
		*dimension = (int)(n_bytes / 4);
	}
	return n_bytes == (size_t)*dimension * 4 && n_bytes > 0
		       ? NULL
		       : "has vectors of another dimension";
}

static const char *read_item(json_t *item, int i, int n, int *dimension, float *out, bool *seen)
{
	json_t *index = json_object_get(item, "index");
	json_t *embedding = json_object_get(item, "embedding");
	json_int_t at = json_is_integer(index) ? json_integer_value(index) : i;
	const char *wrong;
	float *v;

	if (at < 0 || at >= n || seen[at]) {
		return "repeats or invents an index";
	}
	seen[at] = true;
	v = out + (size_t)at * (size_t)*dimension;
	if (json_is_array(embedding)) {
		wrong = read_numbers(embedding, dimension, v);
	} else if (json_is_string(embedding)) {
		wrong = read_base64(embedding, dimension, v);
	} else {
		wrong = "lacks an embedding";
	}
	if (!wrong && isnan(vector_normalise(v, (size_t)*dimension))) {
		wrong = "has NaN or infinity in a vector";
	}
	return wrong;
}

int wire_answer(const void *body, size_t n_bytes, int n, int *dimension, float *out, struct err *e)
{
	json_t *root = json_loadb(body, n_bytes, 0, NULL);
	json_t *data = json_object_get(root, "data");
	const char *wrong = NULL;
	bool *seen = calloc((size_t)n + 1, sizeof(*seen));

	ASSERT(seen != NULL && (*dimension > 0 || n == 1));
	if (!root) {
		wrong = "is not JSON";
	} else if (!json_is_array(data)) {
		wrong = json_object_get(root, "error") ? "is an error" : "has no data";
	} else if (json_array_size(data) != (size_t)n) {
		wrong = "has another number of vectors than was asked for";
	}
	for (int i = 0; !wrong && i < n; i++) {
		wrong = read_item(json_array_get(data, (size_t)i), i, n, dimension, out, seen);
	}
	free(seen);
	json_decref(root);
	return wrong ? bad_answer(e, wrong) : 0;
}

/* The message of {"error":{"message":…}}, {"error":"…"}, {"message":…} or {"detail":…}. */
static const char *message_of(json_t *root)
{
	json_t *error = json_object_get(root, "error");
	const char *text = json_string_value(json_object_get(error, "message"));

	text = text ? text : json_string_value(error);
	text = text ? text : json_string_value(json_object_get(root, "message"));
	return text ? text : json_string_value(json_object_get(root, "detail"));
}

static bool says_too_long(const char *text)
{
	static const char *const words[] = {"too large", "too long", "context size",
		"context length", "max_tokens", "maximum context", "exceeds the", "exceed_context",
		"larger than the max"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasestr(text, words[i])) {
			return true;
		}
	}
	return false;
}

bool wire_refusal(long status, const void *body, size_t n_bytes, char *text, size_t text_size)
{
	json_t *root = json_loadb(body, n_bytes, 0, NULL);
	const char *message = message_of(root);
	bool too_long = status == 413;
	size_t n = 0;

	text[0] = 0;
	if (message) {
		n = utf8_floor(message, strlen(message), text_size - 1);
		for (size_t i = 0; i < n; i++) {
			text[i] = (unsigned char)message[i] < ' ' ? ' ' : message[i];
		}
		text[n] = 0;
		too_long |=
			(status == 400 || status == 422 || status == 500) && says_too_long(message);
	}
	json_decref(root);
	return too_long;
}
