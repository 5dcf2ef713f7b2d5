/*
 * One table of settings: it feeds flags (--model-url), variables (CARREL_MODEL_URL),
 * DATA/carrel.ini (model-url = …), `--help` and GET /v1/settings. Later wins: default, ini,
 * environment, flag. An out-of-range or unknown value is an error that names the setting, its range
 * and its source. Take the flags first, since --data says where carrel.ini is; a weaker source that
 * comes later does not touch what a stronger one has set. An unknown CARREL_* variable is a warning
 * in the log. Thread: read-only after settings_load.
 */
#ifndef INDEX_BASE_SETTINGS_H
#define INDEX_BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/err.h"

/* S(field, name, default, help): a string.   P: a secret string (never shown).
 * N(field, name, default, min, max, help): a whole number. */
#define SETTINGS_MAP(S, P, N)                                                                      \
	S(data, "data", "data", "the data folder; made on first use")                              \
	S(listen, "listen", "127.0.0.1:8360", "address and port to serve HTTP on")                 \
	S(public_url, "public-url", "",                                                            \
		"the address people use, if a proxy stands in front; https:// makes cookies "      \
		"Secure")                                                                          \
	S(log_level, "log-level", "info", "least level logged: debug, info, warn or error")        \
	N(http_workers, "http-workers", 4, 1, 64, "threads that serve API requests")               \
	N(http_connections, "http-connections", 2000, 8, 100000, "open connections at most")       \
	N(http_body_kb, "http-body-kb", 1024, 16, 65536, "largest JSON body, KiB")                 \
	N(http_header_ms, "http-header-ms", 10000, 100, 600000,                                    \
		"time a client has to send its headers")                                           \
	N(http_idle_ms, "http-idle-ms", 60000, 1000, 3600000,                                      \
		"an idle connection is closed after this time; a body that makes no progress too") \
	N(upload_max_mb, "upload-max-mb", 512, 1, 1048576, "largest uploaded file, MiB")           \
	N(uploads_at_once, "uploads-at-once", 8, 1, 256,                                           \
		"uploads received at the same time; more wait")                                    \
	N(ingest_workers, "ingest-workers", 1, 1, 64, "documents ingested at the same time")       \
	N(ingest_cpu_s, "ingest-cpu-s", 120, 1, 86400,                                             \
		"CPU time one document may use, seconds; each page that OCR reads may use as "     \
		"much")                                                                            \
	N(ingest_ocr_s, "ingest-ocr-s", 7200, 0, 864000,                                           \
		"CPU time OCR may use for all pages of one document, seconds; those left are not " \
		"read")                                                                            \
	N(ingest_memory_mb, "ingest-memory-mb", 1024, 64, 65536,                                   \
		"memory one document may use, MiB")                                                \
	N(ingest_stall_s, "ingest-stall-s", 60, 1, 86400,                                          \
		"a document without progress for this long is given up, seconds")                  \
	N(ingest_pages, "ingest-pages", 5000, 1, 1000000, "pages read of one document")            \
	N(ingest_text_mb, "ingest-text-mb", 64, 1, 4096, "text taken from one document, MiB")      \
	N(ingest_megapixels, "ingest-megapixels", 100, 1, 10000,                                   \
		"largest image or page that OCR reads, megapixels")                                \
	N(ingest_zip_entries, "ingest-zip-entries", 10000, 16, 1000000,                            \
		"files inside one office document at most")                                        \
	N(ingest_inflated_mb, "ingest-inflated-mb", 512, 1, 65536,                                 \
		"bytes that one office document may unpack to, MiB")                               \
	N(ingest_ratio, "ingest-ratio", 200, 10, 100000,                                           \
		"how many times its size a part of an office document may unpack to")              \
	N(ingest_nesting, "ingest-nesting", 256, 8, 10000,                                         \
		"elements inside of each other at most in one document")                           \
	N(ingest_children, "ingest-children", 100, 0, 10000,                                       \
		"attachments and embedded files taken in from one document")                       \
	N(ingest_children_mb, "ingest-children-mb", 64, 0, 65536, "their size together, MiB")      \
	N(ingest_children_depth, "ingest-children-depth", 4, 1, 16,                                \
		"attachments of attachments: how deep they are taken in")                          \
	S(ocr_languages, "ocr-languages", "eng+deu,chi_sim",                                       \
		"tesseract languages for scans, + between those read together, commas between "    \
		"groups tried in turn; empty: no OCR")                                             \
	S(external_command, "external-command", "",                                                \
		"program that converts what is not read otherwise, with {file}, {dir} and {to}; "  \
		"empty: LibreOffice where it is installed; off: none")                             \
	S(external_url, "external-url", "",                                                        \
		"service that does the same: it is sent the file by POST and answers with a "      \
		"document")                                                                        \
	S(external_types, "external-types",                                                        \
		"doc,dot,xls,xlt,ppt,pps,pot,wpd,wps,pages,numbers,key,vsd,vsdx,pub,odg,fodg",     \
		"extensions or media types that are converted so; a media type even where Carrel " \
		"reads it itself")                                                                 \
	N(external_timeout_s, "external-timeout-s", 120, 1, 3600,                                  \
		"time that one such conversion may take, seconds")                                 \
	N(ingest_retry_ms, "ingest-retry-ms", 2000, 10, 3600000,                                   \
		"first wait before a failed job is tried again; doubles")                          \
	N(chunk_tokens, "chunk-tokens", 220, 32, 2000, "the size that chunks aim at, tokens")      \
	S(embedder, "embedder", "builtin", "builtin, or openai (needs embed-url and embed-model)") \
	S(embed_url, "embed-url", "",                                                              \
		"base address of an OpenAI-compatible /embeddings, e.g. http://127.0.0.1:8080/v1") \
	S(embed_model, "embed-model", "", "model name for embed-url")                              \
	P(embed_key, "embed-key", "", "key for embed-url")                                         \
	N(embed_timeout_ms, "embed-timeout-ms", 30000, 100, 600000,                                \
		"time one embedding request may take")                                             \
	N(embed_batch, "embed-batch", 64, 1, 2048, "texts in one embedding request at most")       \
	N(embed_batch_tokens, "embed-batch-tokens", 16000, 100, 10000000,                          \
		"their tokens together, estimated; a server that takes less is found out")         \
	N(embed_at_once, "embed-at-once", 4, 1, 32, "embedding requests in flight for documents")  \
	N(embed_retries, "embed-retries", 4, 0, 10,                                                \
		"tries again after 429, 5xx, a time-out or a lost connection; once for questions") \
	N(embed_cache_kb, "embed-cache-kb", 8192, 0, 1048576,                                      \
		"vectors of recent questions kept in memory for each workspace, KiB")              \
	S(embed_query_prefix, "embed-query-prefix", "auto",                                        \
		"what stands before a question for embed-model; auto: by the model's name; may "   \
		"stand in double quotes, \\n is a line end")                                       \
	S(embed_document_prefix, "embed-document-prefix", "auto",                                  \
		"the same before a document's passage; both count from `reindex --embedder "       \
		"openai` on")                                                                      \
	/* Shares of the cosine in fusion, percent. builtin: sought with COVERING                  \
	 * (index/fts_search.c), a little more than before since feedback steadies the cosine;     \
	 * CJK: bigrams already meet what the table learns from them (design, section 11).         \
	 * openai: an even split, not measured. */                                                 \
	N(fusion_weight_builtin, "fusion-weight-builtin", 35, 0, 100,                              \
		"how much meaning counts against words in ranking, percent: built-in embedder")    \
	N(fusion_weight_builtin_cjk, "fusion-weight-builtin-cjk", 10, 0, 100,                      \
		"the same for questions in Chinese, Japanese or Korean")                           \
	N(fusion_weight_openai, "fusion-weight-openai", 50, 0, 100,                                \
		"the same where embed-url computes the vectors")                                   \
	S(rerank_url, "rerank-url", "",                                                            \
		"base address of a /rerank, e.g. http://127.0.0.1:8081/v1; empty: the fused order" \
		" stays")                                                                          \
	S(rerank_model, "rerank-model", "", "model name for rerank-url; empty: none is named")     \
	P(rerank_key, "rerank-key", "", "key for rerank-url")                                      \
	N(rerank_timeout_ms, "rerank-timeout-ms", 5000, 50, 600000,                                \
		"longest wait for a rerank, tries included; then the fused order stays")           \
	N(rerank_candidates, "rerank-candidates", 30, 2, 200,                                      \
		"passages of the fused order that are reranked")                                   \
	S(model_url, "model-url", "",                                                              \
		"base address of an OpenAI-compatible API, e.g. http://127.0.0.1:8080/v1; empty: " \
		"built-in extractive answers")                                                     \
	S(model_name, "model-name", "default", "model to ask for at model-url")                    \
	P(model_key, "model-key", "", "key for model-url")                                         \
	N(model_context, "model-context", 8192, 512, 4194304, "the model's window, tokens")        \
	N(model_first_ms, "model-first-ms", 60000, 50, 3600000,                                    \
		"longest wait for the model's first byte")                                         \
	N(model_stall_ms, "model-stall-ms", 30000, 50, 3600000,                                    \
		"longest silence in the middle of an answer")                                      \
	N(model_retries, "model-retries", 2, 0, 10,                                                \
		"tries again after 429, 5xx or a lost connection before the first token")          \
	N(rewrite_ms, "rewrite-ms", 2000, 0, 60000,                                                \
		"longest wait for the model to make a question that follows up on earlier ones "   \
		"stand alone; then, and with 0, a built-in rule does it")                          \
	N(answer_tokens, "answer-tokens", 800, 16, 100000,                                         \
		"longest answer asked of the model, tokens")                                       \
	N(source_tokens, "source-tokens", 2400, 100, 1000000,                                      \
		"budget for sources in a prompt, tokens")                                          \
	N(runs_at_once, "runs-at-once", 32, 1, 10000,                                              \
		"answers being written at the same time; more wait")                               \
	N(session_hours, "session-hours", 336, 1, 8760, "a sign-in lasts this long, hours")        \
	N(access_minutes, "access-minutes", 15, 1, 1440,                                           \
		"an access token lasts this long, minutes")                                        \
	N(login_tries, "login-tries", 10, 3, 1000,                                                 \
		"wrong passwords for one account in 15 minutes before further tries wait")

struct settings {
#define S(field, name, def, help) char *field;
#define N(field, name, def, min, max, help) int64_t field;
	SETTINGS_MAP(S, S, N)
#undef S
#undef N
	/* Where each came from, by the order of the table: 0 default, 1 ini, 2 environment, 3 flag.
	 */
#define S(field, name, def, help) +1
#define N(field, name, def, min, max, help) +1
	unsigned char strength[0 SETTINGS_MAP(S, S, N)];
#undef S
#undef N
};

void settings_init(struct settings *s); /* the defaults */
void settings_finish(struct settings *s);
/* As strong as a flag. `source` names where the value came from in the error text. ERR_INVALID. */
MUST_CHECK int settings_set(
	struct settings *s, const char *name, const char *value, const char *source, struct err *e);
/* DATA/carrel.ini if it is there, then CARREL_* of the environment. */
MUST_CHECK int settings_load(struct settings *s, struct err *e);
bool settings_known(const char *name);
const char *settings_text(const struct settings *s, const char *name); /* of a text's name */

/* ── changing them while the program runs: on a copy, which others may read without a lock ── */

void settings_copy(struct settings *to, const struct settings *from); /* to: uninitialised */
/* As strong as DATA/carrel.ini; value NULL: back to the default. ERR_INVALID: unknown, out of
 * range; data, which no file in that folder can name; external-command, which runs a
 * program. ERR_CONFLICT "fixed_setting": a flag or a variable has set it. */
MUST_CHECK int settings_put(struct settings *s, const char *name, const char *value, struct err *e);
/* Takes over the live ones that `from` has. */
void settings_take_live(struct settings *s, const struct settings *from);
bool settings_same(const struct settings *a, const struct settings *b, const char *name);
/* The text of carrel.ini with those lines changed, added or (value NULL) gone; all else stays as it
 * is. ERR_INVALID: the file could not hold a value (a line break, " ;", more than a line takes). */
MUST_CHECK int settings_rewrite_ini(const struct buf *old, const char *const *names,
	const char *const *values, int n, struct buf *out, struct err *e);
/* What the file is called in errors: path. */
MUST_CHECK int settings_parse_ini(
	struct settings *s, const struct buf *text, const char *path, struct err *e);
#define SETTINGS_INI_BYTES_MAX ((size_t)1024 * 1024)

void settings_help(struct buf *out); /* one aligned line a setting, for --help */

struct setting_view {
	const char *name, *def, *help;
	const char *value;   /* of a secret: "set" or "" */
	const char *source;  /* "default", "file", "environment", "flag" */
	const char *type;    /* "text", "number", "choice" */
	const char *choices; /* "builtin, openai"; NULL but for a choice */
	int64_t min, max;    /* of a number */
	bool secret, live;
};
void settings_view(
	const struct settings *s, void (*fn)(void *arg, const struct setting_view *v), void *arg);
/* Calls fn for each row, secrets as "set" or "". */
void settings_each(const struct settings *s,
	void (*fn)(
		void *arg, const char *name, const char *value, const char *def, const char *help),
	void *arg);

#endif
