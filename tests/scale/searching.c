#include "tests/scale/searching.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/base/clock.h"

/* ── numbers ── */

void load_told(void)
{
	char text[64] = "";
	FILE *f = fopen("/proc/loadavg", "r");

	if (f) {
		(void)!fgets(text, sizeof(text), f);
		fclose(f);
	}
	printf("  load %.14s\n", text);
}

double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double part_of(const double *sorted, int n, double part)
{
	return n ? sorted[(int)((n - 1) * part)] : 0;
}

double proc_number(long pid, const char *file, const char *line)
{
	char path[64], text[256];
	double number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, file);
	f = fopen(path, "r");
	while (f && fgets(text, sizeof(text), f)) {
		if (strncmp(text, line, strlen(line)) == 0) {
			number = strtod(text + strlen(line), NULL);
		}
	}
	if (f) {
		fclose(f);
	}
	return number;
}

double memory_mb(long pid, const char *line)
{
	return proc_number(pid, "status", line) / 1024;
}

/* ── searches ── */

static bool has_document(const struct search_result *r, const char *name)
{
	for (int i = 0; i < r->n_passages; i++) {
		if (strcmp(r->passages[i].document_name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* As the formats' table has it; this one is not linked. */
static const char *made_type(const char *name)
{
	return strcmp(name, "md") == 0	  ? "text/markdown"
	       : strcmp(name, "pdf") == 0 ? "application/pdf"
					  : NULL;
}

static void count(struct scale *s, enum made_readers who, const struct made_question *q,
	const struct search_result *r, struct searches *out)
{
	char name[40];

	snprintf(name, sizeof(name), "d%07lld.md", (long long)q->document);
	out->n_corrected += r->n_corrections > 0;
	for (int i = 0; i < r->n_conditions; i++) {
		out->n_unmatched += r->conditions[i].unmatched;
	}
	if (q->kind != MADE_COMMON && made_may_read(s->corpus, who, q->document)) {
		out->n_expected++;
		out->n_found += has_document(r, name);
	}
}

static void search_one(struct scale *s, const struct asking *a, const struct made_question *q,
	struct searches *out)
{
	struct err e = ERR_INIT;
	struct search_result r;
	struct asker asker;
	struct arena arena;
	char text[SEARCH_QUERY_MAX];
	struct db *db = store_reader(s->index->store, &e);
	struct search_request request = {
		.who = &asker, .query = q->text, .limit = 8, .type_of = made_type};
	double start_cpu;
	int64_t start;

	ASSERT(db != NULL);
	arena_init(&arena);
	scale_asker(s, db, &arena, a->who, &asker);
	if (a->write) {
		a->write(s, q, text, sizeof(text));
		request.query = text;
	}
	start = clock_mono_us();
	start_cpu = cpu_us();
	scale_check(search_run(s->index, db, &request, &arena, &r, &e), &e, "search");
	out->cpu_ms[out->n] = (cpu_us() - start_cpu) / 1e3;
	out->wall_ms[out->n++] = (double)(clock_mono_us() - start) / 1e3;
	for (int k = 0; k < SEARCH_N_STEPS; k++) {
		out->step_ms[k] += (double)r.step_us[k] / 1e3 / a->n;
	}
	count(s, a->who, q, &r, out);
	store_reader_drop(db);
	arena_finish(&arena);
}

void search_many(struct scale *s, const struct asking *a, struct searches *out)
{
	ASSERT(a->n <= N_SEARCHES);
	memset(out, 0, sizeof(*out));
	for (int i = a->first; out->n < a->n; i++) {
		struct made_question q;

		made_question(s->corpus, i, &q);
		if (!a->readable || made_may_read(s->corpus, a->who, q.document)) {
			search_one(s, a, &q, out);
		}
	}
	qsort(out->cpu_ms, (size_t)out->n, sizeof(double), by_number);
	qsort(out->wall_ms, (size_t)out->n, sizeof(double), by_number);
}

void searches_row(const char *name, const struct searches *r)
{
	printf("  %-12s p50 / p99 %6.1f / %6.1f ms, CPU %6.1f / %6.1f ms; the document found %d of"
	       " %d\n             ",
		name, part_of(r->wall_ms, r->n, .5), part_of(r->wall_ms, r->n, .99),
		part_of(r->cpu_ms, r->n, .5), part_of(r->cpu_ms, r->n, .99), r->n_found,
		r->n_expected);
	for (int k = 0; k < SEARCH_N_STEPS; k++) {
		printf(" %s %.1f", search_step_name((enum search_step)k), r->step_ms[k]);
	}
	printf("\n");
}
