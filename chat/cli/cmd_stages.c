/* extract, chunk, embed: the steps of the way in, one at a time, without a server and without
 * storing anything, so that a person can look between any two. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chat/cli/cmd.h"
#include "chat/cli/progress.h"
#include "chat/cli/term.h"
#include "chat/cli/text.h"
#include "index/base/fs.h"
#include "index/catalog.h"
#include "index/embed.h"
#include "index/index.h"
#include "index/place.h"
#include "ingest/chunker.h"
#include "ingest/external.h"
#include "ingest/formats.h"
#include "ingest/zygote.h"

#define TEXT_MAX ((size_t)16 * 1024 * 1024)
#define SHOWN_NUMBERS 6

/* ── extract ── */

/* The file's bytes as the sealed memory a sandboxed child is given. */
static int sealed_copy(const char *path, int *out, struct err *e)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	ssize_t n = 1;
	int rc = 0;

	if (from < 0 || to < 0 || fstat(from, &st) != 0) {
		rc = err_sys(e, from < 0 && errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID, errno,
			"cannot read %s", path);
	} else if (!S_ISREG(st.st_mode)) {
		rc = err_set(e, ERR_INVALID, "not_a_file", "%s is not a file", path);
	}
	while (rc == 0 && n > 0) {
		n = sendfile(to, from, NULL, 1 << 20);
		if (n < 0) {
			rc = err_sys(e, ERR_IO, errno, "cannot read %s", path);
		}
	}
	if (rc == 0 &&
		(lseek(to, 0, SEEK_SET) != 0 ||
			fcntl(to, F_ADD_SEALS,
				F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)) {
		rc = err_sys(e, ERR_IO, errno, "cannot seal the copy of %s", path);
	}
	if (from >= 0) {
		close(from);
	}
	if (rc != 0 && to >= 0) {
		close(to);
	}
	*out = to;
	return rc;
}

struct watch {
	struct progress bar;
	atomic_bool cancel;
};

static void on_page(void *arg, int done, int n)
{
	struct watch *w = arg;

	progress_show(&w->bar, done, n, NULL);
	if (term_stopped) {
		atomic_store(&w->cancel, true);
	}
}

static int extract_file(struct cli *cli, struct zygote *z, const char *path, struct arena *a,
	struct extracted *out, struct extract_cost *cost, struct err *e)
{
	struct watch w = {.cancel = false};
	const char *slash = strrchr(path, '/');
	struct extract_request r = {
		.memfd = -1,
		.name = slash ? slash + 1 : path,
		.cancel = &w.cancel,
		.progress = on_page,
		.arg = &w,
		.cost = cost,
	};
	const char *tmp = getenv("TMPDIR");
	char *folder = arena_printf(a, "%s/carrel-extract-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	int rc = sealed_copy(path, &r.memfd, e);

	if (rc != 0) {
		return rc;
	}
	progress_start(&w.bar, "extract", "pages", cli->quiet);
	/* Without a folder to work in there is no external extractor. */
	rc = mkdtemp(folder) ? external_read(z, &cli->settings, &r,
				       arena_printf(a, "%s/external", folder), a, out, e)
			     : zygote_extract(z, &r, a, out, e);
	rmdir(folder);
	progress_end(&w.bar);
	close(r.memfd);
	return rc;
}

static const char *const kinds[N_BLOCK_KINDS] = {
	[BLOCK_PARAGRAPH] = "paragraph",
	[BLOCK_HEADING] = "heading",
	[BLOCK_LIST_ITEM] = "list_item",
	[BLOCK_TABLE_ROW] = "table_row",
	[BLOCK_CODE] = "code",
	[BLOCK_NOTE] = "note",
};

static json_t *facts_of(const struct extracted *x)
{
	return json_pack("{s:s, s:s?, s:i, s:s, s:i, s:i, s:i, s:i, s:i}", "mediaType",
		x->media_type, "title", x->title, "pages", x->n_pages, "paging",
		paging_name(x->paging), "blocks", x->n_blocks, "lines", x->n_lines, "annotations",
		x->n_annotations, "children", x->n_children, "textBytes", (int)x->n_bytes);
}

static void print_page(const struct page *p)
{
	json_t *line = json_pack("{s:i, s:s?, s:f, s:f, s:o}", "page", (int)p->number, "label",
		p->label, "width", (double)p->width, "height", (double)p->height, "confidence",
		p->confidence < 0 ? json_null() : json_integer(p->confidence));

	cli_json(line);
	json_decref(line);
}

static void print_annotation(const struct annotation *n)
{
	json_t *line = json_pack("{s:s, s:i, s:i, s:i, s:b, s:s}", "annotation",
		annotation_name(n->kind), "page", (int)n->page, "byteStart", (int)n->byte_start,
		"byteEnd", (int)n->byte_end, "hidden", (int)annotation_hidden(n->kind), "text",
		n->text);

	cli_json(line);
	json_decref(line);
}

static void print_block(const struct extracted *x, const struct block *b)
{
	json_t *line = json_pack("{s:s, s:i, s:i, s:i, s:i}", "kind", kinds[b->kind], "page",
		(int)b->page, "byteStart", (int)b->byte_start, "byteEnd", (int)b->byte_end, "level",
		(int)b->level);
	const struct box *box;
	int n = extracted_lines_in(x, b->byte_start, b->byte_end, &box);
	json_t *boxes = json_array();

	for (int i = 0; i < n; i++) {
		json_array_append_new(
			boxes, json_pack("[f,f,f,f]", (double)box[i].x0, (double)box[i].y0,
				       (double)box[i].x1, (double)box[i].y1));
	}
	json_object_set_new(line, "boxes", boxes);
	json_object_set_new(line, "text",
		json_stringn(x->text + b->byte_start, (size_t)(b->byte_end - b->byte_start)));
	cli_json(line);
	json_decref(line);
}

/* What a person should know before trusting the document: what it hides, what was hard to read. */
static void print_warning(const struct annotation *n)
{
	struct buf text = BUF_INIT;

	if (annotation_hidden(n->kind) || n->kind == ANNOTATION_POOR_SCAN) {
		text_clean(&text, n->text, strlen(n->text), false);
		fprintf(stderr, "page %d: %s: %.200s\n", (int)n->page, annotation_words(n->kind),
			text.len ? text.data : "");
	}
	buf_finish(&text);
}

static void print_json(const struct extracted *x, const char *path)
{
	json_t *facts = facts_of(x);

	if (path) {
		json_object_set_new(facts, "file", json_string(path));
	}
	cli_json(facts);
	json_decref(facts);
	for (int i = 0; i < x->n_pages && x->paging != PAGING_NONE; i++) {
		print_page(&x->pages[i]);
	}
	for (int i = 0; i < x->n_blocks; i++) {
		print_block(x, &x->blocks[i]);
	}
	for (int i = 0; i < x->n_annotations; i++) {
		print_annotation(&x->annotations[i]);
	}
}

static void print_text(struct cli *cli, const struct extracted *x)
{
	const char *unit = x->paging == PAGING_NONE ? "page" : paging_name(x->paging);

	if (!cli->quiet) {
		fprintf(stderr, "%s, %d %s%s, %d blocks, %d bytes of text\n", x->media_type,
			x->n_pages, unit, x->n_pages == 1 ? "" : "s", x->n_blocks, (int)x->n_bytes);
		for (int i = 0; i < x->n_annotations; i++) {
			print_warning(&x->annotations[i]);
		}
	}
	for (int i = 0; i < x->n_pages; i++) {
		if (x->paging != PAGING_NONE) {
			printf("%s── %s %d%s%s ──\n", i ? "\n" : "", unit, (int)x->pages[i].number,
				x->pages[i].label ? " · " : "",
				x->pages[i].label ? x->pages[i].label : "");
		}
		cli_text(x->text + x->pages[i].byte_start,
			(size_t)(x->pages[i].byte_end - x->pages[i].byte_start));
	}
}

/* The row of --brief; e: why there is nothing else to say. */
static json_t *brief_of(const char *path, const struct extracted *x,
	const struct extract_cost *cost, const struct err *e)
{
	json_t *row = e->code ? json_object() : facts_of(x);

	json_object_set_new(row, "file", json_string(path));
	json_object_set_new(row, "cpuUs", json_integer(cost->cpu_us));
	json_object_set_new(row, "memoryMb", json_integer(cost->memory_kb / 1024));
	if (e->code) {
		json_object_set_new(row, "error",
			json_pack("{s:s, s:s}", "reason", e->reason, "message", e->message));
	}
	return row;
}

static const struct column BRIEF[] = {
	{"File", "file", AS_TEXT, SHRINKS},
	{"Type", "mediaType", AS_TEXT, SHRINKS},
	{"Pages", "pages", AS_COUNT, STAYS},
	{"Text", "textBytes", AS_BYTES, STAYS},
	{"CPU µs", "cpuUs", AS_COUNT, STAYS},
	{"MB", "memoryMb", AS_COUNT, STAYS},
	{"Why not", "error.message", AS_TEXT, WRAPS},
};

/* rows: of --brief, to be shown together; NULL: not asked for. */
static void print_one(struct cli *cli, const char *path, const struct extracted *x,
	const struct extract_cost *cost, const struct err *why, json_t *rows)
{
	bool several = cli->args.n_words > 1;

	if (rows || (why->code && several && cli->json)) {
		json_t *row = brief_of(path, x, cost, why);

		if (cli->json) {
			cli_json(row);
		} else {
			json_array_append(rows, row);
		}
		json_decref(row);
	} else if (why->code && several) {
		fprintf(stderr, "%s: %s\n", path, why->message);
	} else if (!why->code && cli->json) {
		print_json(x, several ? path : NULL);
	} else if (!why->code) {
		if (several) {
			printf("═══ %s ═══\n", path);
		}
		print_text(cli, x);
	}
}

/* Every file in its turn by one zygote; the last error is the result. */
static int extract_all(struct cli *cli, struct zygote *z, json_t *rows, struct err *e)
{
	int n = cli->args.n_words, n_failed = 0, rc = 0;

	for (int i = 0; i < n && !term_stopped; i++) {
		struct extract_cost cost = {0};
		struct extracted x = {0};
		struct err why = ERR_INIT;
		struct arena a;
		int one;

		arena_init(&a);
		one = extract_file(cli, z, cli_word(cli, i), &a, &x, &cost, &why);
		print_one(cli, cli_word(cli, i), &x, &cost, &why, rows);
		arena_finish(&a);
		if (one) {
			n_failed++;
			rc = err_replace(e, one, why.reason, "%s", why.message);
		}
	}
	return n_failed && n > 1 ? err_replace(e, rc, "files_failed",
					   "%d of %d files could not be read", n_failed, n)
				 : rc;
}

static const struct column FORMAT_COLUMNS[] = {
	{"Kind", "name", AS_TEXT, STAYS},
	{"Names end in", "extensions", AS_LIST, WRAPS},
	{"Pages are", "paging", AS_TEXT, STAYS},
	{"Media type", "mediaType", AS_TEXT, SHRINKS},
};

static void print_formats(struct cli *cli)
{
	json_t *rows = json_array();

	for (int i = 0; i < N_FORMATS; i++) {
		const struct format *f = &FORMATS[i];
		json_t *extensions = json_array();

		for (const char *p = f->extensions; *p;) {
			size_t n = strcspn(p, " ");

			json_array_append_new(extensions, json_stringn(p, n));
			p += n + (p[n] == ' ');
		}
		json_array_append_new(
			rows, json_pack("{s:s, s:o, s:s, s:s}", "name", f->name, "extensions",
				      extensions, "paging", paging_name((uint8_t)f->paging),
				      "mediaType", f->media_type));
	}
	cli_rows(
		cli, rows, FORMAT_COLUMNS, (int)(sizeof(FORMAT_COLUMNS) / sizeof(*FORMAT_COLUMNS)));
	json_decref(rows);
}

int cmd_extract(struct cli *cli, struct err *e)
{
	json_t *rows = args_has(&cli->args, "brief") ? json_array() : NULL;
	struct zygote *z = NULL;
	int rc;

	if (args_has(&cli->args, "formats") != (cli->args.n_words == 0)) {
		return err_set(e, ERR_INVALID, "bad_arguments",
			"carrel extract takes files, or --formats alone");
	}
	if (args_has(&cli->args, "formats")) {
		print_formats(cli);
		return 0;
	}
	rc = zygote_start(&cli->settings, &z, e);
	rc = rc ? rc : extract_all(cli, z, rows, e);
	zygote_stop(z);
	if (rows && !cli->json) {
		cli_rows(cli, rows, BRIEF, (int)(sizeof(BRIEF) / sizeof(*BRIEF)));
	}
	json_decref(rows);
	return rc;
}

/* ── chunk ── */

static json_t *chunk_boxes_json(const struct chunk *c)
{
	json_t *list = json_array();

	for (int i = 0; i < c->n_boxes; i++) {
		const struct box *b = &c->boxes[i];

		json_array_append_new(
			list, json_pack("{s:i, s:[f,f,f,f]}", "page", (int)b->page, "rect",
				      (double)b->x0, (double)b->y0, (double)b->x1, (double)b->y1));
	}
	return list;
}

static void print_chunk(struct cli *cli, const struct chunk *c)
{
	struct buf heading = BUF_INIT, place = BUF_INIT, clean = BUF_INIT;

	if (cli->json) {
		json_t *line = json_pack(
			"{s:i, s:i, s:i, s:s, s:s?, s:i, s:I, s:I, s:s?, s:s?, s:s?, s:o, s:s}",
			"seq", c->seq, "pageFirst", c->page_first, "pageLast", c->page_last,
			"place", chunk_place(c, &cli->arena), "unit", c->unit, "tokens",
			c->n_tokens, "byteStart", (json_int_t)c->byte_start, "byteEnd",
			(json_int_t)c->byte_end, "language", c->language, "title", c->title,
			"heading", c->heading, "boxes", chunk_boxes_json(c), "text", c->text);

		cli_json(line);
		json_decref(line);
		return;
	}
	text_clean(
		&heading, c->heading ? c->heading : "", c->heading ? strlen(c->heading) : 0, false);
	place_words(&place, c->unit, c->page_first, chunk_place(c, &cli->arena));
	text_clean(&clean, place.data ? place.data : "", place.len, false);
	printf("── %d%s%s", c->seq, clean.len ? " · " : "", clean.len ? clean.data : "");
	if (c->unit && c->page_last != c->page_first) {
		printf(" to %d", c->page_last);
	}
	printf(" · bytes %lld–%lld · %d boxes · %d tokens%s%s ──\n", (long long)c->byte_start,
		(long long)c->byte_end, c->n_boxes, c->n_tokens, heading.len ? " · " : "",
		heading.len ? heading.data : "");
	buf_finish(&clean);
	buf_finish(&place);
	buf_clear(&heading);
	text_clean(&heading, c->text, strlen(c->text), true);
	if (term_is(STDOUT_FILENO)) {
		struct buf wrapped = BUF_INIT;

		text_wrap(&wrapped, heading.data, term_columns(STDOUT_FILENO), 0);
		puts(wrapped.data ? wrapped.data : "");
		buf_finish(&wrapped);
	} else {
		printf("%s\n\n", heading.data);
	}
	buf_finish(&heading);
}

int cmd_chunk(struct cli *cli, struct err *e)
{
	struct chunker_config config = {
		.target_tokens = (int)cli->settings.chunk_tokens,
		.name = cli_word(cli, 0),
	};
	struct extracted x = {0};
	struct chunk *chunks = NULL;
	struct zygote *z = NULL;
	int n = 0;
	int rc = zygote_start(&cli->settings, &z, e);

	rc = rc ? rc : extract_file(cli, z, cli_word(cli, 0), &cli->arena, &x, NULL, e);
	zygote_stop(z);
	if (rc != 0) {
		return rc;
	}
	chunker_run(&x, &config, &cli->arena, &chunks, &n);
	for (int i = 0; i < n; i++) {
		chunks[i].seq = i;
		chunks[i].unit = x.paging == PAGING_NONE ? NULL : paging_name(x.paging);
		print_chunk(cli, &chunks[i]);
	}
	if (n == 0 && !cli->quiet) {
		fputs("no text, so no chunks\n", stderr);
	}
	return 0;
}

/* ── embed ── */

/* The embedder of the settings, untrained; or with --trained the one that serves in the data
 * folder. */
static int open_embedder(struct cli *cli, struct index *ix, struct embedder **em,
	struct embed_identity *id, struct err *e)
{
	struct db *db;
	struct workspace ws;
	struct space space;
	int rc;

	if (!ix) {
		rc = embed_identify(&cli->settings, cli->settings.embedder, id, e);
		return rc ? rc : embedder_open(&cli->settings, id, NULL, 0, em, e);
	}
	db = store_reader(ix->store, e);
	if (!db) {
		return e->code ? e->code : ERR_CORRUPT;
	}
	rc = workspace_by_name(
		db, &cli->arena, cli->workspace ? cli->workspace : "default", &ws, e);
	store_reader_drop(db);
	rc = rc ? rc : vectors_serving(ix->vectors, ws.n, &space, e);
	if (rc == 0) {
		*em = space.embedder;
		id->dimension = space.dimension;
		snprintf(id->embedder, sizeof(id->embedder), "trained");
	}
	return rc;
}

static double cosine(const float *a, const float *b, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++) {
		sum += (double)a[i] * (double)b[i];
	}
	return sum;
}

static void print_vector(struct cli *cli, const char *text, const struct embed_identity *id,
	const float *vector, double to_first)
{
	struct buf name = BUF_INIT;

	if (cli->json) {
		json_t *numbers = json_array();
		json_t *line;

		for (int i = 0; i < id->dimension; i++) {
			json_array_append_new(numbers, json_real((double)vector[i]));
		}
		line = json_pack("{s:s, s:s, s:s, s:i, s:f, s:o}", "text", text, "embedder",
			id->embedder, "model", id->model, "dimension", id->dimension, "cosine",
			to_first, "vector", numbers);
		cli_json(line);
		json_decref(line);
		return;
	}
	text_cell(&name, text, 30, false);
	cli_text(name.data, name.len);
	printf("  %6.3f  [", to_first);
	for (int i = 0; i < SHOWN_NUMBERS && i < id->dimension; i++) {
		printf("%s%.3f", i ? " " : "", (double)vector[i]);
	}
	puts(" …]");
	buf_finish(&name);
}

static int embed_words(
	struct cli *cli, struct embedder *em, const struct embed_identity *id, struct err *e)
{
	int n = cli->args.n_words;
	size_t dimension = (size_t)id->dimension;
	struct embed_text *texts = arena_array(&cli->arena, struct embed_text, (size_t)n);
	float *vectors = arena_array(&cli->arena, float, (size_t)n *dimension);
	atomic_bool cancel = false;
	int rc = 0;

	for (int i = 0; i < n && rc == 0; i++) {
		struct buf file = BUF_INIT;

		texts[i].body = cli->args.words[i];
		if (args_has(&cli->args, "files")) {
			rc = fs_read(cli->args.words[i], TEXT_MAX, &file, e);
			texts[i].body =
				arena_strn(&cli->arena, file.data ? file.data : "", file.len);
		}
		buf_finish(&file);
	}
	rc = rc ? rc : embed(em, EMBED_DOCUMENT, texts, n, vectors, &cancel, NULL, NULL, e);
	if (rc == 0 && !cli->json && !cli->quiet) {
		fprintf(stderr, "%s %s, %d dimensions; the number is the cosine to the first\n",
			id->embedder, id->model, id->dimension);
	}
	for (int i = 0; i < n && rc == 0; i++) {
		const float *v = vectors + (size_t)i * dimension;

		print_vector(cli, cli->args.words[i], id, v, cosine(vectors, v, id->dimension));
	}
	return rc;
}

int cmd_embed(struct cli *cli, struct err *e)
{
	struct embed_identity id = {0};
	struct embedder *em = NULL;
	struct index *ix = NULL;
	int rc = 0;

	if (args_has(&cli->args, "trained")) {
		rc = index_open(&cli->settings, &ix, e);
	}
	rc = rc ? rc : open_embedder(cli, ix, &em, &id, e);
	rc = rc ? rc : embed_words(cli, em, &id, e);
	embedder_drop(em);
	index_close(ix);
	return rc;
}
