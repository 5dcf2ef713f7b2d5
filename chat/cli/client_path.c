/* Paths and lists: what of the client is only about how the API is asked. */
#include <string.h>

#include "chat/cli/client.h"

#define PAGE 200

static void add_encoded(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if ((*s >= '0' && *s <= '9') || ((*s | 32) >= 'a' && (*s | 32) <= 'z') ||
			strchr("-._~", *s)) {
			buf_char(out, *s);
		} else {
			buf_printf(out, "%%%02X", (unsigned char)*s);
		}
	}
}

char *client_path(struct cli *cli, const char *fmt, ...)
{
	struct buf out = BUF_INIT;
	char *path;
	va_list ap;

	va_start(ap, fmt);
	for (const char *p = fmt; *p; p++) {
		if (p[0] == '%' && p[1] == 's') {
			add_encoded(&out, va_arg(ap, const char *));
			p++;
		} else if (p[0] == '%' && p[1] == 'd') {
			buf_printf(&out, "%d", va_arg(ap, int));
			p++;
		} else {
			buf_char(&out, *p);
		}
	}
	va_end(ap);
	path = arena_strn(&cli->arena, out.data ? out.data : "", out.len);
	buf_finish(&out);
	return path;
}

int client_list(struct cli *cli, const char *path, const char *field, json_t **out, struct err *e)
{
	json_t *all = json_array();
	const char *after = NULL;
	int rc = 0;

	do {
		json_t *page = NULL;
		const char *join = strchr(path, '?') ? "&" : "?";
		const char *cursor = after ? client_path(cli, "&after=%s", after) : "";

		rc = client_read(cli,
			arena_printf(&cli->arena, "%s%slimit=%d%s", path, join, PAGE, cursor),
			&page, e);
		if (rc == 0) {
			json_array_extend(all, json_object_get(page, field));
			after = arena_str(
				&cli->arena, json_string_value(json_object_get(page, "next")));
		}
		json_decref(page);
	} while (rc == 0 && after);
	if (rc == 0) {
		*out = all;
	} else {
		json_decref(all);
	}
	return rc;
}
