/*
 * The builtin embedder's figures, as lines of JSON:
 *   bench_embedding FOLDER N SEED [corpus.jsonl]
 * chunks a second that one core embeds (analysis of the text included), seconds and memory of
 * training on a set's texts and on a made workspace of N chunks (kept under FOLDER). Seconds are
 * those of the processor; each figure is of a process of its own.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/embed.h"
#include "index/embed_table.h"
#include "index/embed_train.h"
#include "tests/scale/searching.h"

#define SPEED_CHUNKS 6000
#define SPEED_ROUNDS 3
#define SPEED_WORDS 200 /* some 220 tokens, numbers and compounds included */

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int rc, const struct err *e, const char *what)
{
	scale_check(rc, e, what);
}

/* ── texts, from a file of JSON lines or made ── */

struct texts {
	char *title[20000], *body[20000];
	int n;
};

static void load_texts(const char *path, struct texts *out)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;

	while (f && out->n < 20000 && getline(&line, &cap, f) > 0) {
		json_t *row = json_loads(line, 0, NULL);
		const char *title = json_string_value(json_object_get(row, "title"));
		const char *body = json_string_value(json_object_get(row, "text"));

		if (body) {
			out->title[out->n] = strdup(title ? title : "");
			out->body[out->n++] = strdup(body);
		}
		json_decref(row);
	}
	free(line);
	if (f) {
		fclose(f);
	}
}

static void make_texts(uint64_t seed, struct texts *out)
{
	struct corpus_spec spec = {
		.seed = seed, .n_chunks = 2 * SPEED_CHUNKS, .chunk_words = SPEED_WORDS};
	struct made_corpus *c = made_create(&spec);
	struct made_text t;

	made_init(&t);
	for (int64_t d = 0; d < made_documents(c) && out->n < SPEED_CHUNKS; d++) {
		made_document(c, d, &t);
		for (int i = 0; i < t.n_chunks && out->n < SPEED_CHUNKS; i++) {
			out->title[out->n] = strdup(t.title);
			out->body[out->n++] = strdup(t.body[i]);
		}
	}
	made_finish(&t);
	made_destroy(c);
}

static int64_t fill_corpus(const struct texts *x, struct corpus *c)
{
	int64_t n_tokens = 0;

	corpus_init(c);
	for (int i = 0; i < x->n; i++) {
		struct terms head, body;
		struct arena a;

		arena_init(&a);
		analyse(&a, x->title[i], strlen(x->title[i]), "en", &head);
		analyse(&a, x->body[i], strlen(x->body[i]), "en", &body);
		corpus_add(c, &head, &body);
		n_tokens += head.n + body.n;
		arena_finish(&a);
	}
	return n_tokens;
}

/* Of a set's texts the pieces of that many words. */
static void cut_texts(const struct texts *from, struct texts *out)
{
	for (int i = 0; i < from->n; i++) {
		const char *p = from->body[i];

		while (*p && out->n < SPEED_CHUNKS) {
			const char *start = p;
			int n = 0;

			for (; *p && n < SPEED_WORDS; p++) {
				n += *p == ' ';
			}
			if (n == SPEED_WORDS) {
				out->title[out->n] = from->title[i];
				out->body[out->n++] = strndup(start, (size_t)(p - start));
			}
		}
	}
}

/* ── the figures ── */

static void print_training(
	const char *what, int64_t n, double before_s, double before_mb, size_t n_bytes)
{
	printf("{\"what\":\"%s\",\"chunks\":%lld,\"seconds\":%.2f,\"peakMb\":%.0f,\"tableMb\":%.1f}"
	       "\n",
		what, (long long)n, cpu_s() - before_s, memory_mb(getpid(), "VmHWM:") - before_mb,
		(double)n_bytes / 1048576);
}

static void speed(const char *what, struct texts *x)
{
	struct err e = ERR_INIT;
	struct settings settings;
	struct embed_identity id;
	struct embedder *em;
	struct embed_text *texts = calloc((size_t)x->n, sizeof(*texts));
	float *vectors = calloc((size_t)x->n * TABLE_DIMENSION, sizeof(float));
	struct buf table = BUF_INIT;
	struct corpus c;
	int64_t n_tokens = fill_corpus(x, &c);
	double best = 1e9;

	must(corpus_train(&c, NULL, &table, &e), &e, "train");
	corpus_finish(&c);
	settings_init(&settings);
	must(embed_identify(&settings, "builtin", &id, &e), &e, "identify");
	must(embedder_open(&settings, &id, table.data, table.len, &em, &e), &e, "open");
	for (int i = 0; i < x->n; i++) {
		texts[i] = (struct embed_text){
			.title = x->title[i], .body = x->body[i], .language = "en"};
	}
	for (int i = 0; i < SPEED_ROUNDS; i++) {
		double from = cpu_s();

		must(embed(em, EMBED_DOCUMENT, texts, x->n, vectors, NULL, NULL, NULL, &e), &e,
			"embed");
		best = cpu_s() - from < best ? cpu_s() - from : best;
	}
	printf("{\"what\":\"embed %s\",\"chunks\":%d,\"tokens\":%.0f,\"perSecond\":%.0f}\n", what,
		x->n, (double)n_tokens / x->n, x->n / best);
	embedder_drop(em);
	buf_finish(&table);
	free(texts);
	free(vectors);
}

static void train_set(struct texts *x)
{
	double before_mb = memory_mb(getpid(), "VmRSS:"), before_s = cpu_s();
	struct buf table = BUF_INIT;
	struct err e = ERR_INIT;
	struct corpus c;

	(void)fill_corpus(x, &c);
	must(corpus_train(&c, NULL, &table, &e), &e, "train");
	corpus_finish(&c);
	print_training("train a set", x->n, before_s, before_mb, table.len);
	buf_finish(&table);
}

static void train_workspace(const char *folder, int64_t n, uint64_t seed)
{
	struct corpus_spec spec = {.seed = seed, .n_chunks = n};
	struct err e = ERR_INIT;
	static struct scale s;
	double before_mb, before_s;
	int64_t n_chunks;
	size_t n_bytes;
	void *table;

	scale_open(&s, &spec, folder);
	before_mb = memory_mb(getpid(), "VmRSS:");
	before_s = cpu_s();
	must(embed_train(s.index->store, s.workspace_n, NULL, &table, &n_bytes, &n_chunks, &e), &e,
		"train");
	print_training("train a workspace", n_chunks, before_s, before_mb, n_bytes);
	free(table);
	scale_close(&s);
}

/* In a process of its own. */
static void alone(int figure, char **argv, struct texts *x)
{
	int64_t n = strtoll(argv[2], NULL, 10);
	uint64_t seed = strtoull(argv[3], NULL, 10);
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (figure == 4) {
			make_texts(seed, x);
			speed("made texts, many rare words", x);
		} else if (figure == 0 && argv[4]) {
			static struct texts pieces;

			load_texts(argv[4], x);
			cut_texts(x, &pieces);
			speed("a set's texts", &pieces);
		} else if (figure == 1 && argv[4]) {
			load_texts(argv[4], x);
			train_set(x);
		} else if (figure == 2) {
			struct corpus_spec spec = {.seed = seed, .n_chunks = n};
			static struct scale s;

			scale_open(&s, &spec, argv[1]); /* makes it */
			scale_close(&s);
		} else if (figure == 3) {
			train_workspace(argv[1], n, seed);
		}
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static struct texts x;

	if (argc < 4) {
		fprintf(stderr, "usage: bench_embedding FOLDER N SEED [corpus.jsonl]\n");
		return 2;
	}
	for (int i = 0; i < 5; i++) {
		alone(i, argv, &x);
	}
	return 0;
}
