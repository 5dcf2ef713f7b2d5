#include "chat/cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chat/cli/text.h"
#include "index/base/err.h"
#include "index/place.h"

#define COLUMNS_MAX 12
#define GAP 2
#define SHRUNK_MIN 6

static const json_t *lookup(const json_t *row, const char *field)
{
	char name[64];

	while (row && *field) {
		size_t n = strcspn(field, ".");

		ASSERT(n < sizeof(name));
		memcpy(name, field, n);
		name[n] = '\0';
		row = json_object_get(row, name);
		field += n + (field[n] == '.');
	}
	return row;
}

static void add_text(struct buf *out, const json_t *v)
{
	if (json_is_string(v)) {
		text_clean(out, json_string_value(v), json_string_length(v), false);
	} else if (json_is_integer(v)) {
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	} else if (json_is_real(v)) {
		buf_printf(out, "%g", json_real_value(v));
	} else if (json_is_boolean(v)) {
		buf_str(out, json_is_true(v) ? "yes" : "no");
	}
}

static void add_time(struct buf *out, const json_t *v)
{
	struct tm tm = {0};
	char shown[32];
	time_t t = 0;

	if (json_is_string(v) && strptime(json_string_value(v), "%Y-%m-%dT%H:%M:%S", &tm)) {
		t = timegm(&tm);
	} else if (json_is_integer(v)) {
		t = (time_t)(json_integer_value(v) / 1000);
	}
	if (t != 0 && localtime_r(&t, &tm)) {
		strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M", &tm);
		buf_str(out, shown);
	}
}

static void add_list(struct buf *out, const json_t *v)
{
	const json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
	{
		buf_str(out, i > 0 ? ", " : "");
		add_text(out, item);
	}
}

static void add_place(struct buf *out, const json_t *v)
{
	json_int_t page = json_integer_value(json_object_get(v, "page"));
	struct buf words = BUF_INIT;

	if (page < 1) {
		return;
	}
	place_words(&words, json_string_value(json_object_get(v, "unit")), (int)page,
		json_string_value(json_object_get(v, "place")));
	text_clean(out, words.data ? words.data : "", words.len, false);
	buf_finish(&words);
}

void table_value(struct buf *out, const json_t *row, const struct column *column)
{
	const json_t *v = lookup(row, column->field);

	switch (column->format) {
	case AS_TEXT:
	case AS_COUNT:
		add_text(out, v);
		break;
	case AS_BYTES:
		if (json_is_integer(v)) {
			text_bytes(out, json_integer_value(v));
		}
		break;
	case AS_TIME:
		add_time(out, v);
		break;
	case AS_SCORE:
		if (json_is_number(v)) {
			buf_printf(out, "%.2f", json_number_value(v));
		}
		break;
	case AS_RANK:
		if (json_is_integer(v) && json_integer_value(v) > 0) {
			buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		} else {
			buf_char(out, '-');
		}
		break;
	case AS_LIST:
		add_list(out, v);
		break;
	case AS_YES:
		buf_str(out, json_is_true(v) ? "yes" : "");
		break;
	case AS_PLACE:
		add_place(out, v);
		break;
	}
}

static bool to_the_right(enum cell_format f)
{
	return f == AS_COUNT || f == AS_BYTES || f == AS_SCORE || f == AS_RANK;
}

/* Takes columns from the widest that shrinks until all fit. */
static void shrink(const struct column *columns, int n, int *widths, int width)
{
	int total = GAP * (n - 1);

	for (int i = 0; i < n; i++) {
		total += widths[i];
	}
	while (total > width) {
		int widest = -1;

		for (int i = 0; i < n; i++) {
			if (columns[i].fit != STAYS && widths[i] > SHRUNK_MIN &&
				(widest < 0 || widths[i] > widths[widest])) {
				widest = i;
			}
		}
		if (widest < 0) {
			return;
		}
		widths[widest]--;
		total--;
	}
}

/* Takes from *rest what stands in one line of the column. */
static void add_cell(struct buf *out, const struct column *column, int width, char **rest)
{
	if (column->fit == WRAPS) {
		size_t skip;
		size_t n = text_line(*rest, strlen(*rest), width, &skip);
		char *next = *rest + n + skip;
		char ended = (*rest)[n];

		(*rest)[n] = '\0';
		text_cell(out, *rest, width, false);
		(*rest)[n] = ended;
		*rest = next;
	} else {
		text_cell(out, *rest, width, to_the_right(column->format));
		*rest += strlen(*rest);
	}
}

/* row NULL: the titles. */
static void add_row(
	struct buf *out, const struct column *columns, int n, const int *widths, const json_t *row)
{
	struct buf cells[COLUMNS_MAX] = {BUF_INIT};
	char *rest[COLUMNS_MAX];
	bool more = true;

	for (int i = 0; i < n; i++) {
		if (row) {
			table_value(&cells[i], row, &columns[i]);
		} else {
			buf_str(&cells[i], columns[i].title);
		}
		buf_add(&cells[i], "", 0);
		rest[i] = cells[i].data;
	}
	while (more) {
		more = false;
		for (int i = 0; i < n; i++) {
			add_cell(out, &columns[i], widths[i], &rest[i]);
			buf_str(out, i + 1 < n ? "  " : "");
			more = more || *rest[i];
		}
		while (out->len > 0 && out->data[out->len - 1] == ' ') {
			out->data[--out->len] = '\0';
		}
		buf_char(out, '\n');
	}
	for (int i = 0; i < n; i++) {
		buf_finish(&cells[i]);
	}
}

void table_render(struct buf *out, const struct column *columns, int n_columns, const json_t *rows,
	int width, bool bold_titles)
{
	int widths[COLUMNS_MAX];
	struct buf cell = BUF_INIT;
	const json_t *row;
	size_t r;

	ASSERT(n_columns > 0 && n_columns <= COLUMNS_MAX);
	for (int i = 0; i < n_columns; i++) {
		widths[i] = text_width(columns[i].title, strlen(columns[i].title));
		json_array_foreach(rows, r, row)
		{
			int w;

			buf_clear(&cell);
			table_value(&cell, row, &columns[i]);
			w = text_width(cell.data, cell.len);
			widths[i] = w > widths[i] ? w : widths[i];
		}
	}
	buf_finish(&cell);
	if (width > 0) {
		shrink(columns, n_columns, widths, width);
	}
	buf_str(out, bold_titles ? "\033[1m" : "");
	add_row(out, columns, n_columns, widths, NULL);
	buf_str(out, bold_titles ? "\033[0m" : "");
	json_array_foreach(rows, r, row)
	{
		add_row(out, columns, n_columns, widths, row);
	}
}
