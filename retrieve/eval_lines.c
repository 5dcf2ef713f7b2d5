#include "retrieve/eval_lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/utf8.h"

#define BOM "\xef\xbb\xbf"

int lines_open(struct lines *l, const char *path, struct err *e)
{
	struct stat st;

	*l = (struct lines){.path = path, .line = BUF_INIT};
	l->file = fopen(path, "re");
	if (!l->file) {
		return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID, errno,
			"cannot read %s", path);
	}
	if (fstat(fileno(l->file), &st) == 0 && S_ISDIR(st.st_mode)) {
		return err_set(e, ERR_INVALID, "not_a_file", "%s is not a file", path);
	}
	return 0;
}

void lines_close(struct lines *l)
{
	if (l->file) {
		fclose(l->file);
	}
	l->file = NULL;
	buf_finish(&l->line);
}

int lines_fault(const struct lines *l, struct err *e, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	err_set(e, ERR_INVALID, "bad_line", "%s, line %" PRId64 ": %s", l->path, l->n, text.data);
	buf_finish(&text);
	return ERR_INVALID;
}

/* 1, 0 at the end, negative. */
static int read_line(struct lines *l, struct err *e)
{
	int c = EOF;

	buf_clear(&l->line);
	l->n++;
	while ((c = getc_unlocked(l->file)) != EOF && c != '\n') {
		if (l->line.len == EVAL_LINE_MAX) {
			return lines_fault(
				l, e, "longer than %zu MiB", EVAL_LINE_MAX / 1024 / 1024);
		}
		buf_char(&l->line, (char)c);
	}
	if (ferror(l->file)) {
		return err_sys(e, ERR_IO, errno, "cannot read %s", l->path);
	}
	if (c == EOF && l->line.len == 0) {
		return 0;
	}
	if (l->n == 1 && l->line.len >= 3 && memcmp(l->line.data, BOM, 3) == 0) {
		buf_remove_front(&l->line, 3);
	}
	if (l->line.len > 0 && l->line.data[l->line.len - 1] == '\r') {
		l->line.len--;
	}
	buf_char(&l->line, '\0');
	l->line.len--;
	return utf8_valid(l->line.data, l->line.len)
		       ? 1
		       : lines_fault(l, e, "not UTF-8 text, or it has a NUL in it");
}

int lines_next(struct lines *l, struct err *e)
{
	int rc;

	do {
		rc = read_line(l, e);
	} while (rc > 0 && strspn(l->line.data, " \t") == l->line.len);
	return rc;
}

int lines_next_json(struct lines *l, json_t **out, struct err *e)
{
	json_error_t why;
	int rc = lines_next(l, e);

	*out = NULL;
	if (rc <= 0) {
		return rc;
	}
	*out = json_loadb(l->line.data, l->line.len, 0, &why);
	if (!*out) {
		return lines_fault(l, e, "not JSON: %s at character %d", why.text, why.column);
	}
	if (!json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		return lines_fault(l, e, "not a JSON object");
	}
	return 1;
}
