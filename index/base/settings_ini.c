/* The text of carrel.ini, changed line by line (index/base/settings.h). */
#include <string.h>

#include "index/base/settings.h"

/* The setting that the line is of, as a place in names; -1: none of them. */
static int named(const char *line, size_t n_bytes, const char *const *names, int n)
{
	const char *end = line + n_bytes;
	const char *at = line;
	size_t length = 0;

	while (at < end && (*at == ' ' || *at == '\t')) {
		at++;
	}
	while (at + length < end && !strchr(" \t=:\r", at[length])) {
		length++;
	}
	for (int i = 0; i < n; i++) {
		if (strlen(names[i]) == length && memcmp(names[i], at, length) == 0) {
			return i;
		}
	}
	return -1;
}

static void add_line(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s = %s\n", name, value);
}

/* Read back, each has to be what was meant: the file's reader trims and cuts values. */
static int check(const struct buf *text, const char *const *names, const char *const *values, int n,
	struct err *e)
{
	struct settings meant, read;
	struct err why = ERR_INIT;
	int rc;

	settings_init(&meant);
	settings_init(&read);
	rc = text->len > 0 ? settings_parse_ini(&read, text, "carrel.ini", &why) : 0;
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = settings_put(&meant, names[i], values[i], &why);
		if (rc == 0 && !settings_same(&meant, &read, names[i])) {
			rc = err_set(&why, ERR_INVALID, "bad_setting",
				"carrel.ini cannot hold that value of %s: no line breaks, no outer "
				"spaces, no \" ;\"",
				names[i]);
		}
	}
	settings_finish(&meant);
	settings_finish(&read);
	return rc == 0 ? 0 : err_set(e, rc, why.reason, "%s", why.message);
}

int settings_rewrite_ini(const struct buf *old, const char *const *names, const char *const *values,
	int n, struct buf *out, struct err *e)
{
	const char *at = old->len ? old->data : "";
	bool written[64] = {false};

	ASSERT(n <= 64);
	for (int i = 0; i < n; i++) {
		if (values[i] && strpbrk(values[i], "\r\n")) {
			return err_set(e, ERR_INVALID, "bad_setting",
				"%s must not hold a line break", names[i]);
		}
	}
	while (*at) {
		size_t length = strcspn(at, "\n");
		int i = named(at, length, names, n);

		if (i < 0) {
			buf_add(out, at, length);
			buf_char(out, '\n');
		} else if (values[i] && !written[i]) {
			add_line(out, names[i], values[i]);
			written[i] = true;
		}
		at += length + (at[length] == '\n');
	}
	for (int i = 0; i < n; i++) {
		if (values[i] && !written[i]) {
			add_line(out, names[i], values[i]);
		}
	}
	return check(out, names, values, n, e);
}
