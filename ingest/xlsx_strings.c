/* Shared strings (ECMA-376 part 1, 18.4): all in one buffer, since cells refer to any of them. */
#include <stdlib.h>

#include "index/base/array.h"
#include "ingest/xlsx.h"

struct strings_reader {
	struct xlsx *x;
	bool in_text;
	int in_phonetic; /* depth of it: how the text is read aloud; 0: not in one */
};

static void on_string_start(void *arg, const struct xml_element *el)
{
	struct strings_reader *r = arg;

	if (!r->in_phonetic && xml_is(el, "rPh")) {
		r->in_phonetic = el->depth;
	}
	r->in_text = !r->in_phonetic && xml_is(el, "t");
}

static void on_string_text(void *arg, const char *s, size_t n)
{
	struct strings_reader *r = arg;

	if (r->in_text) {
		buf_add(&r->x->strings, s, n);
		/* What cells show of them cannot be more than a document may have, but for those
		 * that no cell shows. */
		if (r->x->strings.len > r->x->o.draft->text_max) {
			draft_fault(r->x->o.draft, FAULT_TEXT, 0, NULL);
		}
	}
}

static void on_string_end(void *arg, const struct xml_element *el)
{
	struct strings_reader *r = arg;
	struct xlsx *x = r->x;

	r->in_text = false;
	r->in_phonetic = r->in_phonetic == el->depth ? 0 : r->in_phonetic;
	if (!xml_is(el, "si")) {
		return;
	}
	x->string_ends =
		array_grow(x->string_ends, x->n_strings, &x->cap_strings, sizeof(*x->string_ends));
	x->string_ends[x->n_strings++] = (uint32_t)x->strings.len;
	if (x->n_strings % 50000 == 0) {
		draft_progress(x->o.draft, 0, 0);
	}
}

void xlsx_strings_load(struct xlsx *x)
{
	static const struct xml_handler HANDLER = {on_string_start, on_string_end, on_string_text};
	struct strings_reader r = {.x = x};
	const char *part = ooxml_part_of_type(&x->o.relations, "sharedStrings");

	part = part ? part : "xl/sharedStrings.xml";
	if (archive_has(x->o.archive, part)) {
		ooxml_must_read(&x->o, part, &HANDLER, &r);
	}
}

const char *xlsx_string(const struct xlsx *x, long i, size_t *n_bytes)
{
	uint32_t start;

	*n_bytes = 0;
	if (i < 0 || i >= x->n_strings || !x->strings.data) {
		return "";
	}
	start = i ? x->string_ends[i - 1] : 0;
	*n_bytes = x->string_ends[i] - start;
	return x->strings.data + start;
}
