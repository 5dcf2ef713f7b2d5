/*
 * What a model may write, with markers that cite and that do not (chat/cite.c): the same text and
 * citations however it comes, and every one of a source of the prompt.
 *
 * The first byte says the language and how the second run is cut.
 */
#include "chat/cite.h"
#include "index/base/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define N_SOURCES 3

static struct arena kept;
static struct source sources[N_SOURCES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const texts[N_SOURCES] = {
		"Hotels are booked by the travel desk. A room in Milan may cost up to 175 EUR per "
		"night.\nBreakfast is included.",
		"City | Limit\nParis | 175 EUR\nOslo | 210 EUR",
		"员工每年享有二十五天年假。数据库管理员除外。"};
	static const char *const languages[N_SOURCES] = {"en", "en", "zh"};
	static struct passage passages[N_SOURCES];

	(void)argc;
	(void)argv;
	arena_init(&kept);
	for (int i = 0; i < N_SOURCES; i++) {
		passages[i] = (struct passage){.document_name = "travel.pdf",
			.title = "Travel",
			.heading = "Hotels",
			.language = languages[i],
			.text = texts[i],
			.page_first = 1,
			.page_last = 1,
			.byte_end = (int64_t)strlen(texts[i])};
		source_init(&sources[i], &kept, i + 1, &passages[i]);
	}
	return 0;
}

static void read_answer(
	struct cite *c, struct arena *a, const char *p, size_t n, size_t cut, const char *language)
{
	cite_init(c, a, sources, N_SOURCES, language);
	for (size_t at = 0; at < n;) {
		size_t to = at + cut < n ? utf8_floor(p, n, at + cut) : n;

		/* A character is never cut. */
		to = to > at ? to : at + cut + 4 < n ? utf8_floor(p, n, at + 4) : n;
		cite_feed(c, p + at, to - at);
		at = to;
	}
	cite_end(c);
}

static void check(const struct cite *c)
{
	const char *text = c->text.data ? c->text.data : "";

	if (!utf8_valid(text, c->text.len) || c->n_citations > CITATIONS_MAX || c->n_dropped < 0) {
		abort();
	}
	for (int i = 0; i < c->n_citations; i++) {
		const struct citation *k = &c->citations[i];

		if (k->ordinal != i + 1 || k->handle < 1 || k->handle > N_SOURCES ||
			k->answer_start < 0 || k->answer_start > k->answer_end ||
			k->answer_end > (int)c->text.len ||
			!utf8_valid(k->quote, strlen(k->quote))) {
			abort();
		}
	}
}

static bool same(const struct cite *a, const struct cite *b)
{
	if (a->n_citations != b->n_citations || a->n_dropped != b->n_dropped ||
		a->text.len != b->text.len ||
		(a->text.len > 0 && memcmp(a->text.data, b->text.data, a->text.len) != 0)) {
		return false;
	}
	for (int i = 0; i < a->n_citations; i++) {
		const struct citation *k = &a->citations[i], *m = &b->citations[i];

		if (k->handle != m->handle || k->support != m->support ||
			k->answer_start != m->answer_start || k->answer_end != m->answer_end ||
			strcmp(k->quote, m->quote) != 0) {
			return false;
		}
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const languages[] = {"", "en", "de", "zh"};
	struct cite whole, cut;
	struct arena a;

	if (n < 2 || !utf8_valid((const char *)data + 1, n - 1)) {
		return -1;
	}
	arena_init(&a);
	read_answer(&whole, &a, (const char *)data + 1, n - 1, n, languages[data[0] % 4]);
	read_answer(
		&cut, &a, (const char *)data + 1, n - 1, 1 + data[0] / 4, languages[data[0] % 4]);
	check(&whole);
	if (!same(&whole, &cut)) {
		abort();
	}
	cite_finish(&whole);
	cite_finish(&cut);
	arena_finish(&a);
	return 0;
}
