/* csv and tsv: a sheet, a row a record. */
#include <string.h>
#include <strings.h>

#include "ingest/child.h"
#include "ingest/csv.h"

#define SAMPLE 65536
#define PROGRESS_ROWS 10000

static bool name_ends(const struct document *doc, const char *end)
{
	size_t n = strlen(doc->name), m = strlen(end);

	return n >= m && strcasecmp(doc->name + n - m, end) == 0;
}

/* Names that say it is something else keep it from being judged at all. */
static bool is_other(const struct document *doc)
{
	static const char *const ENDS[] = {".md", ".markdown", ".log", ".c", ".h", ".py", ".js",
		".ts", ".sql", ".sh", ".yaml", ".yml", ".toml", ".ini", ".css"};

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
		if (name_ends(doc, ENDS[i])) {
			return true;
		}
	}
	return false;
}

/* "sep=;" on the first line is Excel's. */
static size_t separator_line(const char *p, size_t n)
{
	if (n < 6 || strncasecmp(p, "sep=", 4) != 0 || (p[5] != '\r' && p[5] != '\n')) {
		return 0;
	}
	return n > 6 && p[5] == '\r' && p[6] == '\n' ? 7 : 6;
}

static bool judge(const struct document *doc, struct csv_shape *shape)
{
	struct buf text = BUF_INIT;
	size_t n = doc->n_bytes < SAMPLE ? doc->n_bytes : SAMPLE;
	bool named = name_ends(doc, ".csv") || name_ends(doc, ".tsv") || name_ends(doc, ".tab");
	bool ok = !is_other(doc) && text_decode(doc->bytes, n, NULL, &text) && text.len;
	size_t skip = ok ? separator_line(text.data, text.len) : 0;

	ok = ok && csv_judge(text.data + skip, text.len - skip, named, shape);
	buf_finish(&text);
	return ok;
}

bool csv_is(struct document *doc)
{
	struct csv_shape shape;

	return judge(doc, &shape) && shape.delimiter != '\t';
}

bool tsv_is(struct document *doc)
{
	struct csv_shape shape;

	return judge(doc, &shape) && shape.delimiter == '\t';
}

void extract_csv(struct document *doc, struct draft *d)
{
	struct buf text = BUF_INIT;
	struct csv_shape shape;
	struct csv_reader r;
	enum row_role role;
	size_t skip;
	float row = 0;

	draft_page(d, 0, 0);
	if (!judge(doc, &shape) || !text_decode(doc->bytes, doc->n_bytes, NULL, &text)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	skip = separator_line(text.data, text.len);
	csv_open(&r, text.data + skip, text.len - skip, shape.delimiter);
	role = shape.header ? ROW_HEADER : ROW_FIRST;
	while (csv_next(&r)) {
		struct box box = {.x0 = 0, .y0 = row, .x1 = (float)r.n_fields, .y1 = row + 1};
		uint32_t at = draft_at(d);

		draft_row(d, role, r.fields, r.n_fields, &box);
		role = draft_at(d) > at ? ROW_NEXT : role;
		row++;
		if ((int)row % PROGRESS_ROWS == 0) {
			draft_progress(d, 1, 1);
		}
	}
	csv_close(&r);
	buf_finish(&text);
}
