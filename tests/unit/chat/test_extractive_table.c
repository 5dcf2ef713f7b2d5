#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "chat/extractive_table.h"

static struct table_row row_of(
	struct arena *a, const char *heading, const char *text, const char *line)
{
	static struct passage p;
	struct source s;
	struct table_row row;

	p = (struct passage){.heading = heading, .language = "en", .text = text, .title = ""};
	source_init(&s, a, 1, &p);
	for (int i = 0; i < s.n_sentences; i++) {
		if (s.sentences[i].row &&
			strncmp(text + s.sentences[i].start, line, strlen(line)) == 0) {
			table_read(a, &s, i, &row);
			return row;
		}
	}
	fail_msg("no row %s", line);
	return (struct table_row){0};
}

/* "label|group|unit|name=cell|…" */
static void expect(const struct table_row *row, const char *want)
{
	char got[2000];
	int n = snprintf(got, sizeof(got), "%s|%s|%s", row->label, row->group, row->unit);

	for (int i = 0; i < row->n_cells; i++) {
		n += snprintf(got + n, sizeof(got) - (size_t)n, "|%s=%s", row->cells[i].name,
			row->cells[i].text);
	}
	assert_string_equal(got, want);
}

static void test_periods(void **state)
{
	static const char two[] = "Net sales were as follows (in millions):\n"
				  "Three Months Ended | Nine Months Ended\n"
				  "June 25, | June 26, | June 25, | June 26,\n"
				  "2031 | 2030 | 2031 | 2030\n"
				  "Europe:\n"
				  "Lanterns (1) | $40 | $39 | $162 | $153\n"
				  "Oil | 3 | — | (4) | 5\n"
				  "Basic earnings per share | 1.2 | 1.1 | 3.3 | 3.2\n";
	static const char one[] = "June 25, | June 26, | June 25, | June 26,\n"
				  "2031 | 2030 | 2031 | 2030\n"
				  "Oil | 3 | 2 | 4 | 5\n"
				  "Nine Months Ended\n";
	static const char change[] = "June 25, | June 26, | June 25, | June 26,\n"
				     "2031 | 2030 | Change | 2031 | 2030 | Change\n"
				     "Oil | 3 | 2 | 50 % | 4 | 5 | (20)%\n";
	struct arena a;
	struct table_row row;

	(void)state;
	arena_init(&a);
	row = row_of(&a, "Sales", two, "Lanterns");
	expect(&row, "Lanterns (1)|Europe|in millions|Three Months Ended June 25, 2031=$40"
		     "|Three Months Ended June 26, 2030=$39|Nine Months Ended June 25, 2031=$162"
		     "|Nine Months Ended June 26, 2030=$153");
	assert_string_equal(row.lead, "Net sales were as follows (in millions):");
	row = row_of(&a, "Sales", two, "Oil");
	assert_true(row.cells[1].value && row.cells[2].value);
	assert_int_equal(row.cells[2].period.months, 9);
	row = row_of(&a, "Sales", two, "Basic");
	assert_string_equal(row.unit, "");
	row = row_of(&a, "Sales", two, "June");
	assert_true(row.header);
	/* what extraction left behind the table is of its last columns */
	row = row_of(&a, "Sales > Three Months Ended", one, "Oil");
	expect(&row, "Oil|||Three Months Ended June 25, 2031=3|Three Months Ended June 26, 2030=2"
		     "|Nine Months Ended June 25, 2031=4|Nine Months Ended June 26, 2030=5");
	row = row_of(&a, "Sales", one, "Oil");
	expect(&row, "Oil|||June 25, 2031=3|June 26, 2030=2|Nine Months Ended June 25, 2031=4"
		     "|Nine Months Ended June 26, 2030=5");
	row = row_of(&a, "Sales", change, "Oil");
	expect(&row, "Oil|||June 25, 2031=3|June 26, 2030=2|Change=50 %|June 25, 2031=4"
		     "|June 26, 2030=5|Change=(20)%");
	arena_finish(&a);
}

static void test_labels(void **state)
{
	static const char text[] = "(In Millions) | Sep 30, 2031 | Dec 31, 2030\n"
				   "Net proceeds from sales of shares and\n"
				   "partner contributions | $388 | $371\n"
				   "Client Computing\n"
				   "Desktop | 2,753 | 3,222\n"
				   "Earnings per share\n"
				   "$0.07 | $0.25\n";
	struct arena a;
	struct table_row row;

	(void)state;
	arena_init(&a);
	row = row_of(&a, "", text, "partner");
	expect(&row, "Net proceeds from sales of shares and partner contributions||in millions"
		     "|Sep 30, 2031=$388|Dec 31, 2030=$371");
	row = row_of(&a, "", text, "Desktop");
	assert_string_equal(row.above, "Client Computing");
	row = row_of(&a, "", text, "$0.07");
	expect(&row, "Earnings per share|||Sep 30, 2031=$0.07|Dec 31, 2030=$0.25");
	arena_finish(&a);
}

static void test_words_and_forms(void **state)
{
	static const char words[] = "City | Limit per night | By\nParis | 175 EUR | train\n"
				    "Oslo | as approved | plane\n";
	static const char twice[] = "TERM | MEANING | TERM | MEANING\nAE | event | IFU | use\n";
	static const char form[] = "Make: | Beech | Age: | Class: | Private\n";
	struct arena a;
	struct table_row row;

	(void)state;
	arena_init(&a);
	row = row_of(&a, "", words, "Paris");
	expect(&row, "Paris|||Limit per night=175 EUR|By=train");
	assert_string_equal(row.label_name, "City");
	row = row_of(&a, "", words, "Oslo");
	expect(&row, "Oslo|||Limit per night=as approved|By=plane");
	row = row_of(&a, "", twice, "AE");
	expect(&row, "|||TERM=AE|MEANING=event|TERM=IFU|MEANING=use");
	row = row_of(&a, "", form, "Make");
	assert_true(row.form);
	expect(&row, "|||Make=Beech|Class=Private");
	arena_finish(&a);
}

/* Whatever lines come: no more cells than there is room for, and nothing is NULL. */
static void test_random(void **state)
{
	static const char *const pieces[] = {"a", "2031", " | ", "\n", "June 25,", ":", "(1)", "$5",
		"—", " | ", "\n", "Three Months Ended", " ", "in millions"};
	unsigned seed = (unsigned)time(NULL);
	struct arena a;

	(void)state;
	printf("seed %u\n", seed);
	srand(seed);
	arena_init(&a);
	for (int round = 0; round < 300; round++) {
		char text[1000] = "x\n";
		struct passage p = {.heading = "h > 2031", .language = "en", .text = text};
		struct source s;

		for (int i = 0; i < 60; i++) {
			strcat(text, pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))]);
		}
		source_init(&s, &a, 1, &p);
		for (int i = 0; i < s.n_sentences; i++) {
			struct table_row row;

			if (!s.sentences[i].row) {
				continue;
			}
			table_read(&a, &s, i, &row);
			assert_in_range(row.n_cells, 0, TABLE_CELLS_MAX);
			for (int c = 0; c < row.n_cells; c++) {
				assert_non_null(row.cells[c].text);
				assert_non_null(row.cells[c].name);
			}
		}
	}
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_words_and_forms),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
