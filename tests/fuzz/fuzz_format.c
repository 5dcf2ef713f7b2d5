/*
 * The readers of documents: that of the table's row which FUZZ_FORMAT names by its first extension
 * ("docx"). What it sends is taken by the frame reader, stored, read back and cut, as in the
 * server; frames that break a rule are a finding.
 *
 * An archive is made here of the input, which lists its parts ("@@ word/document.xml\n", then its
 * bytes): so the fuzzer changes XML, not compressed data. tests/fuzz/seeds.py writes such lists.
 *
 * A reader ends by _exit and leaves its memory to the system. Here _exit comes back (the link wraps
 * it) and tests/fuzz/run.sh starts this program anew every so many inputs.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ingest/child.h"
#include "ingest/chunker.h"
#include "ingest/formats.h"
#include "tests/fuzz/zip.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

static const struct format *format;
static bool is_archive;
static char name[64];
static int frames = -1;
static jmp_buf back;
static bool inside;

static const struct child_limits LIMITS = {
	.text_max = 1 << 20,
	.pages_max = 200,
	.pixels_max = 1000000,
	.zip_entries_max = 100,
	.inflated_max = 8 << 20,
	.ratio_max = 200,
	.nesting_max = 256,
	.children_max = 10,
	.children_bytes_max = 1 << 20,
};

void __wrap__exit(int status)
{
	if (inside) {
		inside = false;
		longjmp(back, 1);
	}
	__real__exit(status);
}

static const struct format *format_of_extension(const char *extension)
{
	size_t n = strlen(extension);

	for (int i = 0; i < N_FORMATS; i++) {
		if (strcspn(FORMATS[i].extensions, " ") == n &&
			memcmp(FORMATS[i].extensions, extension, n) == 0) {
			return &FORMATS[i];
		}
	}
	return NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const ARCHIVES[] = {"docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"};
	const char *extension = getenv("FUZZ_FORMAT");

	(void)argc;
	(void)argv;
	format = extension ? format_of_extension(extension) : NULL;
	if (!format) {
		fprintf(stderr, "FUZZ_FORMAT is not the first extension of a format\n");
		exit(2);
	}
	for (size_t i = 0; i < sizeof(ARCHIVES) / sizeof(ARCHIVES[0]); i++) {
		is_archive = is_archive || strcmp(extension, ARCHIVES[i]) == 0;
	}
	snprintf(name, sizeof(name), "fuzz.%s", extension);
	frames = memfd_create("frames", MFD_CLOEXEC);
	return 0;
}

/* false: it is not of this format. */
static bool read_document(struct document *doc, struct draft *d)
{
	bool mine = true;

	if (setjmp(back) == 0) {
		inside = true;
		if (format->is(doc)) {
			draft_type(d, format->media_type, format->paging);
			format->extract(doc, d);
			draft_end(d);
		} else {
			mine = false;
		}
	}
	inside = false;
	return mine;
}

static void finding(const char *what)
{
	fprintf(stderr, "a reader sent what the server refuses: %s\n", what);
	abort();
}

/* What the server would do with it. */
static void take(struct frame_reader *r)
{
	const struct chunker_config config = {.target_tokens = 40, .name = name};
	struct buf packed = BUF_INIT;
	struct extracted x, again;
	struct err e = ERR_INIT;
	struct chunk *chunks;
	struct arena a;
	int n;

	if (r->fault) {
		return;
	}
	arena_init(&a);
	if (frame_reader_take(r, &a, &x, &e) < 0) {
		finding(e.message);
	}
	chunker_run(&x, &config, &a, &chunks, &n);
	extracted_pack(&x, &packed);
	if (extracted_unpack(packed.data, packed.len, &a, &again, &e) < 0) {
		finding(e.message);
	}
	buf_finish(&packed);
	arena_finish(&a);
}

static void take_frames(void)
{
	struct frame_reader r;
	char piece[65536];
	ssize_t n;

	frame_reader_init(&r, LIMITS.text_max, 0, LIMITS.pages_max);
	r.children_max = LIMITS.children_max;
	r.children_bytes_max = LIMITS.children_bytes_max;
	lseek(frames, 0, SEEK_SET);
	while ((n = read(frames, piece, sizeof(piece))) > 0) {
		if (frame_reader_feed(&r, piece, (size_t)n) < 0) {
			finding(r.bad);
		}
	}
	if (!r.ended) {
		finding("it has no end");
	}
	take(&r);
	frame_reader_finish(&r);
}

static void draft_finish(struct draft *d)
{
	buf_finish(&d->out);
	buf_finish(&d->text);
	buf_finish(&d->blocks);
	buf_finish(&d->lines);
	buf_finish(&d->pages);
	buf_finish(&d->annotations);
	buf_finish(&d->label);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct draft d; /* longjmp leaves locals undefined */
	static struct document *doc;
	static struct buf zip;
	bool mine;

	if (n == 0) {
		return -1;
	}
	if (is_archive) {
		buf_clear(&zip);
		zip_of_parts(&zip, (const char *)data, n);
	}
	draft_init(&d, frames, LIMITS.text_max, LIMITS.pages_max);
	d.children_max = LIMITS.children_max;
	d.children_bytes_max = LIMITS.children_bytes_max;
	d.nesting_max = LIMITS.nesting_max;
	/* Never freed: readers know what they have opened by its address. */
	doc = malloc(sizeof(*doc));
	if (!doc) {
		abort();
	}
	*doc = (struct document){.bytes = is_archive ? zip.data : (const char *)data,
		.n_bytes = is_archive ? zip.len : n,
		.name = name,
		.limits = &LIMITS,
		.draft = &d};
	if (ftruncate(frames, 0) < 0 || lseek(frames, 0, SEEK_SET) < 0) {
		abort();
	}
	mine = read_document(doc, &d);
	if (mine) {
		take_frames();
	}
	draft_finish(&d);
	return mine ? 0 : -1;
}
