#include "chat/http/path.h"

#include <string.h>

#include "index/base/err.h"
#include "index/base/utf8.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *path_decode(struct arena *a, const char *s, size_t n_bytes, bool plus)
{
	char *out = arena_alloc(a, n_bytes + 1);
	size_t len = 0;

	for (size_t i = 0; i < n_bytes; i++) {
		char c = s[i];

		if (c == '%') {
			int high = i + 2 < n_bytes ? hex(s[i + 1]) : -1;
			int low = high >= 0 ? hex(s[i + 2]) : -1;

			if (low < 0) {
				return NULL;
			}
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[len++] = c;
	}
	out[len] = '\0';
	return utf8_valid(out, len) ? out : NULL;
}

/* One segment against one of the pattern, which holds at most one {…}. */
static bool segment_match(struct arena *a, const char *pattern, size_t n_pattern, const char *raw,
	size_t n_raw, const char **params, int *n_params)
{
	const char *open = memchr(pattern, '{', n_pattern);
	size_t n_before, n_after, n;
	const char *after;
	const char *text;

	if (!open && !memchr(raw, '%', n_raw)) {
		return n_raw == n_pattern && memcmp(raw, pattern, n_raw) == 0;
	}
	text = path_decode(a, raw, n_raw, false);
	if (!text) {
		return false;
	}
	n = strlen(text);
	if (!open) {
		return n == n_pattern && memcmp(text, pattern, n) == 0;
	}
	after = memchr(open, '}', n_pattern - (size_t)(open - pattern));
	ASSERT(after != NULL && *n_params < PATH_PARAMS_MAX);
	after++;
	n_before = (size_t)(open - pattern);
	n_after = n_pattern - (size_t)(after - pattern);
	if (n <= n_before + n_after || memcmp(text, pattern, n_before) != 0 ||
		memcmp(text + n - n_after, after, n_after) != 0) {
		return false;
	}
	params[(*n_params)++] = arena_strn(a, text + n_before, n - n_before - n_after);
	return true;
}

bool path_match(
	struct arena *a, const char *pattern, const char *path, const char *params[PATH_PARAMS_MAX])
{
	int n_params = 0;

	for (;;) {
		size_t n_pattern, n_path;

		if (*pattern != '/' || *path != '/') {
			return *pattern == *path;
		}
		pattern++;
		path++;
		n_pattern = strcspn(pattern, "/");
		n_path = strcspn(path, "/");
		if (!segment_match(a, pattern, n_pattern, path, n_path, params, &n_params)) {
			return false;
		}
		pattern += n_pattern;
		path += n_path;
	}
}

const char *path_query(struct arena *a, const char *query, const char *name)
{
	while (query && *query) {
		size_t n = strcspn(query, "&");
		size_t n_key = strcspn(query, "=&");
		const char *key = path_decode(a, query, n_key, true);

		if (key && strcmp(key, name) == 0) {
			return n_key < n ? path_decode(a, query + n_key + 1, n - n_key - 1, true)
					 : "";
		}
		query += n;
		query += *query == '&';
	}
	return NULL;
}

bool path_query_valid(struct arena *a, const char *query)
{
	while (*query) {
		size_t n = strcspn(query, "&");

		if (!path_decode(a, query, n, true)) {
			return false;
		}
		query += n;
		query += *query == '&';
	}
	return true;
}
