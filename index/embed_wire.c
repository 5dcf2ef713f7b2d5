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

static json_t *text_json(const struct wire_texts *t, int i)
{
	struct buf whole = BUF_INIT;
	json_t *text;

	if (!*t->prefix) {
		return json_stringn(t->texts[i], t->lengths[i]);
	}
	buf_str(&whole, t->prefix);
	buf_add(&whole, t->texts[i], t->lengths[i]);
	text = json_stringn(whole.data, whole.len);
	buf_finish(&whole);
	return text;
}

int wire_request(const struct wire_texts *t, struct buf *out, struct err *e)
{
	json_t *input = json_array(), *root;
	char *body;

	for (int i = 0; i < t->n; i++) {
		json_t *text = text_json(t, i);

		if (!text || json_array_append_new(input, text)) {
			json_decref(input);
			return err_set(e, ERR_INVALID, "not_utf8", "a text to embed is not UTF-8");
		}
	}
	root = json_pack("{s:s, s:o}", "model", t->model, "input", input);
	if (root && t->format != WIRE_PLAIN) {
		json_object_set_new(root, "encoding_format",
			json_string(t->format == WIRE_BASE64 ? "base64" : "float"));
	}
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
	float *v, length;

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
	if (wrong) {
		return wrong;
	}
	length = vector_normalise(v, (size_t)*dimension);
	return isnan(length) ? "has NaN or infinity in a vector"
	       : length > 0  ? NULL
			     : "has a vector of zeros";
}

int wire_answer(const void *body, size_t n_bytes, struct wire_vectors *v, struct err *e)
{
	json_t *root = json_loadb(body, n_bytes, 0, NULL);
	json_t *data = json_object_get(root, "data");
	const char *model = json_string_value(json_object_get(root, "model")), *wrong = NULL;
	bool *seen = calloc((size_t)v->n + 1, sizeof(*seen));

	ASSERT(seen != NULL && (v->dimension > 0 || v->n == 1));
	if (!root) {
		wrong = "is not JSON";
	} else if (!json_is_array(data)) {
		wrong = json_object_get(root, "error") ? "is an error" : "has no data";
	} else if (json_array_size(data) != (size_t)v->n) {
		wrong = "has another number of vectors than was asked for";
	}
	for (int i = 0; !wrong && i < v->n; i++) {
		wrong = read_item(
			json_array_get(data, (size_t)i), i, v->n, &v->dimension, v->out, seen);
	}
	model = model ? model : "";
	snprintf(v->model, sizeof(v->model), "%.*s",
		(int)utf8_floor(model, strlen(model), sizeof(v->model) - 1), model);
	free(seen);
	json_decref(root);
	return wrong ? bad_answer(e, wrong) : 0;
}

static bool says(const char *body, size_t n_bytes, const char *const *words)
{
	for (; *words; words++) {
		for (size_t i = 0, n = strlen(*words); i + n <= n_bytes; i++) {
			if (strncasecmp(body + i, *words, n) == 0) {
				return true;
			}
		}
	}
	return false;
}

enum wire_cause wire_cause(long status, const char *body, size_t n_bytes)
{
	static const char *const format[] = {"encoding_format", "base64",
		"format to return the embeddings", "unknown field", "extra inputs",
		"unexpected keyword", "unrecognized", NULL};
	static const char *const length[] = {"too large", "too long", "context size",
		"context length", "max_tokens", "maximum context", "exceeds the", "exceed_context",
		"larger than the max", "must have less than", "batch size", "too many", NULL};
	bool bad_request = status == 400 || status == 422;

	if (status == 413) {
		return WIRE_LONG;
	}
	if ((bad_request || status == 501) && says(body, n_bytes, format)) {
		return WIRE_FORMAT;
	}
	if ((bad_request || status == 500) && says(body, n_bytes, length)) {
		return WIRE_LONG;
	}
	return bad_request ? WIRE_PERHAPS_LONG : WIRE_OTHER;
}
