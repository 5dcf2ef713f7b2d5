/*
 * Mutated documents through the zygote, two at a time: whatever was done to a file, the zygote
 * lives, each request ends within its limits with a text or a reason of the table, and no child is
 * left.
 *
 *   SEED=7                repeats a run: mutant k of a file depends on these three alone
 *   MUTANTS=10            of each PDF and Word document, a fifth of it of every other file; of
 * archives every second one has one of its parts changed, not its bytes MUTANTS_SECONDS=60    stops
 * then (0: when all is done); files are taken in a random order MUTANT=path:k         only that
 * one, kept in BUILD/mutant
 *
 * Files: ../shared/hostile where it is, and fixtures/.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <zip.h>

#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/base/log.h"
#include "ingest/zygote.h"
#include "tests/fuzz/zip.h"

#define CPU_S 5
#define STALL_S 10
#define MEMORY_MB 512
#define FILE_MAX ((size_t)4 << 20)
#define N_THREADS 2

static const char *const FOLDERS[] = {
	"../shared/hostile", "fixtures/documents", "fixtures/formats", "fixtures/broken"};

/* Every way in which a document may end; the first: it was read. */
static const char *const ENDS[] = {"read", "no_text", "empty_file", "unsupported_type",
	"broken_file", "password_required", "too_many_pages", "too_much_text", "out_of_memory",
	"out_of_cpu", "stalled", "over_limit", "refused_file", "crashed"};
enum { N_ENDS = sizeof(ENDS) / sizeof(ENDS[0]), N_KINDS = 3 };
static const char *const KINDS[N_KINDS] = {"pdf", "docx", "others"};

struct task {
	const char *path;
	int k;
};

static struct {
	struct zygote *zygote;
	char **paths;
	int n_paths;
	struct task *tasks;
	int n_tasks;
	atomic_int next;
	uint64_t seed;
	int64_t until_ms; /* 0: never */
	atomic_int ends[N_KINDS][N_ENDS], n_wrong, n_done;
	_Atomic int64_t longest_ms, most_cpu_us, most_memory_kb;
} all;

/* ── what is done to a file ── */

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t n)
{
	return n ? (size_t)(draw(state) % n) : 0;
}

/* [at, at + n) of b replaced. */
static void put_in(struct buf *b, size_t at, size_t n, const char *p, size_t n_new)
{
	struct buf out = BUF_INIT;

	buf_add(&out, b->data, at);
	buf_add(&out, p, n_new);
	buf_add(&out, b->data + at + n, b->len - at - n);
	buf_finish(b);
	*b = out;
}

static void flip(struct buf *b, uint64_t *state)
{
	for (size_t n = 1 + below(state, 20); n > 0 && b->len; n--) {
		b->data[below(state, b->len)] ^= (char)(1 << below(state, 8));
	}
}

static void insert(struct buf *b, uint64_t *state)
{
	char noise[64];
	size_t n = 1 + below(state, sizeof(noise));

	for (size_t i = 0; i < n; i++) {
		noise[i] = (char)draw(state);
	}
	put_in(b, below(state, b->len + 1), 0, noise, n);
}

/* A run is cut out, written twice, or made zeros. */
static void on_run(struct buf *b, uint64_t *state, int what)
{
	size_t at = below(state, b->len);
	size_t most = b->len - at < 4096 ? b->len - at : 4096;
	size_t n = 1 + below(state, most);
	struct buf run = BUF_INIT;

	if (!b->len) {
		return;
	}
	buf_add(&run, b->data + at, n);
	if (what == 0) {
		put_in(b, at, n, "", 0);
	} else if (what == 1) {
		put_in(b, at, 0, run.data, run.len);
	} else {
		memset(b->data + at, 0, n);
	}
	buf_finish(&run);
}

/* A number in digits becomes another: lengths, offsets, counts. */
static void renumber(struct buf *b, uint64_t *state)
{
	static const char *const NUMBERS[] = {
		"0", "-1", "1", "65536", "2147483647", "4294967296", "99999999999999999999"};
	const char *number = NUMBERS[below(state, sizeof(NUMBERS) / sizeof(NUMBERS[0]))];
	size_t from = below(state, b->len), n = 0;

	while (from < b->len && !(b->data[from] >= '0' && b->data[from] <= '9')) {
		from++;
	}
	while (from + n < b->len && b->data[from + n] >= '0' && b->data[from + n] <= '9') {
		n++;
	}
	if (n) {
		put_in(b, from, n, number, strlen(number));
	}
}

static uint64_t hash_of(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *s; s++) {
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	}
	return h;
}

static void mutate_bytes(struct buf *b, uint64_t *state)
{
	for (size_t n = 1 + below(state, 3); n > 0; n--) {
		switch (below(state, 7)) {
		case 0:
			flip(b, state);
			break;
		case 1:
			insert(b, state);
			break;
		case 2:
			b->len = below(state, b->len + 1); /* cut off */
			break;
		case 3:
			renumber(b, state);
			break;
		default:
			on_run(b, state, (int)below(state, 3));
			break;
		}
	}
}

/* One part of an archive of the file's parts, stored anew: so readers of XML see it, where a
 * changed byte of the file itself mostly ends in a checksum. false: it is none. */
static bool mutate_part(struct buf *b, uint64_t *state)
{
	zip_source_t *source = zip_source_buffer_create(b->data, b->len, 0, NULL);
	zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, NULL) : NULL;
	zip_int64_t n = zip ? zip_get_num_entries(zip, 0) : 0;
	size_t chosen = below(state, (size_t)n);
	struct buf out = BUF_INIT;
	struct zip_writer w = {.out = &out};

	for (zip_int64_t i = 0; i < n; i++) {
		zip_file_t *file = zip_fopen_index(zip, (zip_uint64_t)i, 0);
		const char *name = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
		struct buf part = BUF_INIT;
		char piece[16384];
		zip_int64_t got = 0;

		while (file && part.len < FILE_MAX &&
			(got = zip_fread(file, piece, sizeof(piece))) > 0) {
			buf_add(&part, piece, (size_t)got);
		}
		if ((size_t)i == chosen && part.len) {
			mutate_bytes(&part, state);
		}
		zip_put(&w, name ? name : "", name ? strlen(name) : 0, part.data ? part.data : "",
			part.len);
		buf_finish(&part);
		if (file) {
			zip_fclose(file);
		}
	}
	zip_end(&w);
	if (zip) {
		zip_discard(zip);
		buf_finish(b);
		*b = out;
	} else {
		zip_source_free(source);
		buf_finish(&out);
	}
	return zip != NULL;
}

static void mutate(struct buf *b, const struct task *t)
{
	uint64_t state = all.seed ^ hash_of(t->path) ^ (uint64_t)t->k << 48;

	if (t->k % 2 == 0 || !mutate_part(b, &state)) {
		mutate_bytes(b, &state);
	}
}

/* ── one request ── */

static int kind_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (int i = 0; dot && i < N_KINDS - 1; i++) {
		if (strcasecmp(dot + 1, KINDS[i]) == 0) {
			return i;
		}
	}
	return N_KINDS - 1;
}

static void wrong(const struct task *t, const char *what, const char *detail)
{
	printf("wrong: SEED=%" PRIu64 " MUTANT=%s:%d %s %s\n", all.seed, t->path, t->k, what,
		detail);
	atomic_fetch_add(&all.n_wrong, 1);
}

static void raise_to(_Atomic int64_t *most, int64_t v)
{
	int64_t seen = atomic_load(most);

	while (v > seen && !atomic_compare_exchange_weak(most, &seen, v)) {
	}
}

static void count_end(const struct task *t, int rc, const struct extracted *x, const struct err *e)
{
	const char *end = rc ? e->reason : x->n_bytes ? "read" : "no_text";

	for (int i = 0; i < N_ENDS; i++) {
		if (strcmp(ENDS[i], end) == 0) {
			atomic_fetch_add(&all.ends[kind_of(t->path)][i], 1);
			end = NULL;
			break;
		}
	}
	if (end) {
		wrong(t, end, e->message);
	} else if (rc && strcmp(e->reason, "crashed") == 0) {
		/* A library may crash in its sandbox; our own frames are sound. */
		if (strstr(e->message, "nonsense")) {
			wrong(t, "bad frames:", e->message);
		} else {
			printf("crashed: SEED=%" PRIu64 " MUTANT=%s:%d %s\n", all.seed, t->path,
				t->k, e->message);
		}
	}
}

static int sealed(const struct buf *b)
{
	int fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct err e = ERR_INIT;

	if (fd < 0 || fs_write_all(fd, b->data ? b->data : "", b->len, &e) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) <
			0) {
		fprintf(stderr, "memfd: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

static void run_task(const struct task *t)
{
	struct buf b = BUF_INIT;
	struct extract_cost cost = {0};
	struct extract_request r = {.name = strrchr(t->path, '/') + 1, .cost = &cost};
	struct extracted x;
	struct err e = ERR_INIT;
	struct arena a;
	int64_t from_ms;
	int rc;

	if (fs_read(t->path, FILE_MAX, &b, &e) < 0) {
		buf_finish(&b);
		return;
	}
	mutate(&b, t);
	if (getenv("MUTANT")) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/mutant",
			getenv("BUILD") ? getenv("BUILD") : "build");
		rc = fs_replace(path, b.data, b.len, NULL);
		printf("%s: %s\n", path, rc ? "cannot be written" : "kept");
	}
	arena_init(&a);
	r.memfd = sealed(&b);
	buf_finish(&b);
	from_ms = clock_mono_ms();
	rc = zygote_extract(all.zygote, &r, &a, &x, &e);
	raise_to(&all.longest_ms, clock_mono_ms() - from_ms);
	raise_to(&all.most_cpu_us, cost.cpu_us);
	raise_to(&all.most_memory_kb, cost.memory_kb);
	count_end(t, rc, &x, &e);
	close(r.memfd);
	arena_finish(&a);
	atomic_fetch_add(&all.n_done, 1);
}

static void *on_thread(void *arg)
{
	(void)arg;
	for (;;) {
		int i = atomic_fetch_add(&all.next, 1);

		if (i >= all.n_tasks || (all.until_ms && clock_mono_ms() > all.until_ms)) {
			return NULL;
		}
		run_task(&all.tasks[i]);
	}
}

/* ── all of them ── */

static void add_folder(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *path = NULL;
		const char *dot = strrchr(entry->d_name, '.');

		if (entry->d_name[0] == '.' ||
			asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
			continue;
		}
		if (entry->d_type == DT_DIR) {
			add_folder(path);
			free(path);
		} else if (dot && strcmp(dot, ".expected") != 0 && strcmp(dot, ".py") != 0) {
			all.paths = realloc(all.paths, (size_t)(all.n_paths + 1) * sizeof(char *));
			all.paths[all.n_paths++] = path;
		} else {
			free(path);
		}
	}
	if (d) {
		closedir(d);
	}
}

static void add_task(const char *path, int k)
{
	all.tasks = realloc(all.tasks, (size_t)(all.n_tasks + 1) * sizeof(*all.tasks));
	all.tasks[all.n_tasks++] = (struct task){path, k};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void make_tasks(int each)
{
	uint64_t state = all.seed;

	qsort(all.paths, (size_t)all.n_paths, sizeof(char *), by_name);
	for (int i = 0; i < all.n_paths; i++) {
		int n = kind_of(all.paths[i]) < N_KINDS - 1 ? each : (each + 4) / 5;

		for (int k = 0; k < n; k++) {
			add_task(all.paths[i], k);
		}
	}
	for (int i = all.n_tasks - 1; i > 0; i--) {
		int j = (int)below(&state, (size_t)i + 1);
		struct task t = all.tasks[i];

		all.tasks[i] = all.tasks[j];
		all.tasks[j] = t;
	}
}

static int64_t number_of(const char *name, int64_t otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoll(s, NULL, 10) : otherwise;
}

/* Children of a process by their name; the last one's id. */
static int children_of(pid_t parent, const char *name, pid_t *last)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	while (d && (entry = readdir(d))) {
		char path[300], line[512] = "";
		const char *open_, *close_;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		f = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
		if (f && fgets(line, sizeof(line), f) && (open_ = strchr(line, '(')) &&
			(close_ = strrchr(line, ')')) && strtol(close_ + 4, NULL, 10) == parent &&
			strncmp(open_ + 1, name, strlen(name)) == 0) {
			n++;
			*last = (pid_t)strtol(line, NULL, 10);
		}
		if (f) {
			fclose(f);
		}
	}
	if (d) {
		closedir(d);
	}
	return n;
}

static void print_ends(void)
{
	for (int kind = 0; kind < N_KINDS; kind++) {
		printf("%s:", KINDS[kind]);
		for (int i = 0; i < N_ENDS; i++) {
			if (all.ends[kind][i]) {
				printf(" %s %d", ENDS[i], all.ends[kind][i]);
			}
		}
		putchar('\n');
	}
}

static void start_zygote(void)
{
	struct settings set;
	struct err e = ERR_INIT;

	settings_init(&set);
	set.ingest_cpu_s = CPU_S;
	set.ingest_stall_s = STALL_S;
	set.ingest_memory_mb = MEMORY_MB;
	if (settings_set(&set, "ocr-languages", "", "test", &e) < 0 ||
		zygote_start(&set, &all.zygote, &e) < 0 || zygote_state(all.zygote)) {
		printf("%s\n", e.code ? e.message : zygote_state(all.zygote));
		exit(1);
	}
	settings_finish(&set);
}

static void hold(bool ok, const char *what)
{
	if (!ok) {
		printf("wrong: %s\n", what);
		atomic_fetch_add(&all.n_wrong, 1);
	}
}

int main(void)
{
	const char *only = getenv("MUTANT");
	const char *colon = only ? strrchr(only, ':') : NULL;
	int64_t seconds = number_of("MUTANTS_SECONDS", 120);
	pthread_t threads[N_THREADS];
	pid_t zygote = 0, other = 0;

	all.seed = (uint64_t)number_of("SEED", clock_wall_ms() % 1000000000);
	log_level_set(LOG_ERROR);
	start_zygote();
	hold(children_of(getpid(), "carrel-zygote", &zygote) == 1, "there is one zygote");
	if (colon) {
		add_task(strndup(only, (size_t)(colon - only)), (int)strtol(colon + 1, NULL, 10));
	} else {
		for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
			add_folder(FOLDERS[i]);
		}
		make_tasks((int)number_of("MUTANTS", 10));
	}
	all.until_ms = seconds ? clock_mono_ms() + seconds * 1000 : 0;
	for (int i = 0; i < N_THREADS; i++) {
		if (pthread_create(&threads[i], NULL, on_thread, NULL) != 0) {
			return 1;
		}
	}
	for (int i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	print_ends();
	printf("figure: SEED=%" PRIu64 ": %d of %d mutants of %d files; longest %.1f s, most CPU "
	       "%.1f s, most memory %d MB\n",
		all.seed, all.n_done, all.n_tasks, all.n_paths, (double)all.longest_ms / 1000,
		(double)all.most_cpu_us / 1e6, (int)(all.most_memory_kb / 1024));
	hold(all.n_done > 0, "something was read");
	hold(zygote_state(all.zygote) == NULL, "the zygote lives");
	hold(children_of(getpid(), "carrel-zygote", &other) == 1 && other == zygote,
		"it is the same zygote");
	hold(children_of(zygote, "", &other) == 0, "no child is left");
	hold(all.most_cpu_us <= (CPU_S + 1) * 1000000, "no child used more CPU than it may");
	hold(all.longest_ms <= (STALL_S + CPU_S * 10 + 2) * 1000, "no child outlived its limit");
	zygote_stop(all.zygote);
	return all.n_wrong ? 1 : 0;
}
