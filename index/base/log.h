/*
 * Structured logs: one JSON object a line on stderr, or short text when stderr is a terminal:
 * {"ts":"…","level":"info","event":"job.done","job":"job_01…","ms":12}
 * Never document text, questions, passwords or tokens. Thread: any (a line is one write).
 */
#ifndef INDEX_BASE_LOG_H
#define INDEX_BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *key;
	const char *text; /* NULL: the number counts */
	int64_t number;
};

void log_level_set(enum log_level least); /* default LOG_INFO */
int log_level_parse(const char *name);	  /* -1: not a level */
void log_fields(enum log_level level, const char *event, const struct log_field *fields, int n);

/* log_info("job.done", LT("job", id.s), LN("ms", ms)); at least one field; each argument is
 * evaluated once */
static inline struct log_field log_text(const char *key, const char *text)
{
	return (struct log_field){key, text ? text : "", 0};
}
#define LT(k, v) log_text((k), (v))
#define LN(k, v) ((struct log_field){(k), NULL, (int64_t)(v)})
#define LOG_(level, event, ...)                                                                    \
	log_fields((level), (event), (struct log_field[]){__VA_ARGS__},                            \
		(int)(sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)))
#define log_debug(event, ...) LOG_(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_(LOG_ERROR, event, __VA_ARGS__)

#endif
