/*
 * Inside the house of the zygote: what passes between zygote.c (the server's side), zygote_loop.c
 * (the zygote) and the children, which run child_run in the sandbox.
 */
#ifndef INGEST_CHILD_H
#define INGEST_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "ingest/draft.h"
#include "ingest/sandbox.h"

/* A child's fds: the document, the frames, what the libraries have to say. */
enum { CHILD_DOCUMENT = 0, CHILD_FRAMES = 1, CHILD_STDERR = 2 };

enum order_kind { ORDER_EXTRACT, ORDER_RENDER, ORDER_CONVERT };

#define ORDER_BOXES_MAX 1500

struct order_box {
	float x0, y0, x1, y1;
};

/* A request, one message on the socket with four fds: memfd, frames, stderr, channel. Both ends are
 * the same binary. */
struct order {
	uint32_t kind;
	uint32_t cpu_s, cpu_more_s; /* of struct sandbox_limits */
	uint32_t page, width, n_boxes;
	uint32_t no_children;		     /* files inside are not wanted, only named */
	uint32_t wall_s, memory_mb, file_mb; /* of a command */
	uint32_t n_words;		     /* bytes of words */
	char name[256];
	union { /* only what is used of it is sent */
		struct order_box boxes[ORDER_BOXES_MAX];
		char words[sizeof(struct order_box) *
			   ORDER_BOXES_MAX]; /* a command's folder and
						words, each with its NUL */
	};
};

static inline size_t order_size(const struct order *o)
{
	return offsetof(struct order, boxes) +
	       (o->kind == ORDER_CONVERT ? o->n_words : o->n_boxes * sizeof(struct order_box));
}

enum { ORDER_N_FDS = 4 };

/* The zygote's first message, and then one on each channel: how its child ended. */
struct hello {
	char trouble[464]; /* "": at work */
};
struct obituary {
	int32_t status; /* of waitpid; -1: no child could be forked */
	struct rusage usage;
};

struct child_limits {
	struct sandbox_limits sandbox;
	size_t text_max, image_max;
	int pages_max;
	int64_t pixels_max;	   /* of one image or rendered page */
	int zip_entries_max;	   /* of one archive */
	int64_t inflated_max;	   /* bytes that come out of one archive, all entries together */
	int ratio_max;		   /* inflated / stored, of what is larger than a megabyte */
	int nesting_max;	   /* elements inside of each other, parts inside of parts */
	int children_max;	   /* files inside that are handed on */
	size_t children_bytes_max; /* all of them together */
	char ocr_languages[128];   /* "eng+deu,chi_sim": groups, tried in turn (ingest/ocr.h) */
};

/* Loads what children need and can share (before the sandbox: reads files). */
void child_preload(void);
/* Reads the document on CHILD_DOCUMENT as the order says; writes frames; ends the process. */
_Noreturn void child_run(
	const struct sandbox *s, const struct child_limits *limits, const struct order *o);

/* The zygote: forks a child an order until the socket closes. Ends the process. */
_Noreturn void zygote_loop(int socket, const struct child_limits *limits);
/* A stop reaches every process of a terminal or a service at once; these must outlive the server's
 * graceful end, which is the socket's end. */
void zygote_ignore_signals(void);

/* ── external commands (ingest/external_child.c) ── */

#define KEEPER_STOP (SIGRTMIN + 1) /* ends a keeper, with all that it keeps */

/* How a keeper ends: its exit status. */
enum { CONVERT_DONE, CONVERT_FAILED = 81, CONVERT_TIMEOUT, CONVERT_SANDBOX, CONVERT_NO_EXEC };

/* Keeps the order's command; ends the process. */
_Noreturn void external_child(const struct order *o);

/* ── the formats ── */

struct archive;
struct ocr;

struct document {
	const char *bytes;
	size_t n_bytes;
	const char *name; /* a hint for text formats */
	const struct child_limits *limits;
	struct draft *draft; /* where faults are told by what has no draft of its own */
	/* Opened by the first that asks (archive_of): the table's rows look at the same one. */
	struct archive *archive;
	bool archive_tried;
	struct ocr *ocr; /* made for the first page that needs it (ocr_read) */
};

_Noreturn void extract_child(struct document *doc, struct draft *d);
void extract_docx(struct document *doc, struct draft *d);
void extract_xlsx(struct document *doc, struct draft *d);
void extract_pptx(struct document *doc, struct draft *d);
void extract_pdf(struct document *doc, struct draft *d);
void extract_markdown(struct document *doc, struct draft *d);
void extract_html(struct document *doc, struct draft *d);
/* Appends a piece of HTML to the open page. */
void html_write(const char *p, size_t n_bytes, struct draft *d);
void extract_text(struct document *doc, struct draft *d);
void extract_epub(struct document *doc, struct draft *d);
void extract_odt(struct document *doc, struct draft *d);
void extract_ods(struct document *doc, struct draft *d);
void extract_odp(struct document *doc, struct draft *d);
void extract_rtf(struct document *doc, struct draft *d);
/* The type is application/vnd.oasis.opendocument.<type> or a template of it; packages and flat XML.
 */
bool odf_is(struct document *doc, const char *type);
void extract_image(struct document *doc, struct draft *d);
void extract_eml(struct document *doc, struct draft *d);
void extract_mbox(struct document *doc, struct draft *d);
void extract_mhtml(struct document *doc, struct draft *d);
void extract_msg(struct document *doc, struct draft *d);
void extract_csv(struct document *doc, struct draft *d);
void extract_json(struct document *doc, struct draft *d);
void extract_xml(struct document *doc, struct draft *d);
void extract_code(struct document *doc, struct draft *d);
bool mail_is_eml(struct document *doc);
bool mail_is_mbox(struct document *doc);
bool mail_is_mhtml(struct document *doc);
bool msg_is(struct document *doc);
bool csv_is(struct document *doc);
bool tsv_is(struct document *doc);
bool json_is(struct document *doc);
bool xml_is_document(struct document *doc);
bool code_is(struct document *doc);
_Noreturn void render_child(const struct document *doc, const struct order *o, struct draft *d);

/* Text of unknown encoding as UTF-8 without a byte order mark; false: it is not text. charset: what
 * the document itself says, or NULL; UTF-8 that is valid is taken for what it is, whatever it says.
 */
bool text_decode(const char *p, size_t n_bytes, const char *charset, struct buf *out);
/* Text whose encoding is known for certain. false: ICU does not know it. */
bool text_convert(const char *p, size_t n_bytes, const char *charset, struct buf *out);

/* What libmagic calls these bytes ("application/zip"), "" if it does not know. */
const char *child_magic(const void *p, size_t n_bytes);

/* A PDF opened from memory, or the process ends with the fault. */
typedef struct _PopplerDocument PopplerDocument;
PopplerDocument *pdf_open(const struct document *doc, struct draft *d);

#endif
