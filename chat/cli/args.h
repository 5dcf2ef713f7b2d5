/*
 * The words of a command line: options of the command, options of every command, settings flags
 * (index/base/settings.h), and what is left. `--name value` and `--name=value`; options stand
 * before, between or after the words; `--` ends them; a lone `-` is a word. Pure but for the
 * settings it sets.
 */
#ifndef CHAT_CLI_ARGS_H
#define CHAT_CLI_ARGS_H

#include <stdbool.h>

#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/settings.h"

struct option {
	const char *name;  /* without "--"; NULL ends a list */
	const char *value; /* "NAME", or NULL: a switch */
	const char *help;
};
#define OPTIONS_MAX 24

struct args {
	const struct option *lists[2]; /* the command's, everybody's; either may be NULL */
	const char
		*values[OPTIONS_MAX]; /* in the order of the lists; "" for a switch that is given */
	const char **words;
	int n_words;
};

/* A command's option comes before a setting of the same name. ERR_INVALID: an option nobody knows
 * (with the nearest that is known), one without its value, a switch with one, a bad setting. */
MUST_CHECK int args_parse(struct args *args, struct settings *set, struct arena *a, int argc,
	const char *const *argv, struct err *e);
/* The option's value, NULL when it is not given. Asserts that one of the lists has it. */
const char *args_value(const struct args *args, const char *name);
static inline bool args_has(const struct args *args, const char *name)
{
	return args_value(args, name) != NULL;
}
/* A whole number within [min, max], def when it is not given; else ERR_INVALID. */
MUST_CHECK int args_number(const struct args *args, const char *name, int64_t min, int64_t max,
	int64_t def, int64_t *out, struct err *e);

/* The one of names[n] that was probably meant, NULL when none is near (Damerau-Levenshtein, a third
 * of its letters at most). */
const char *nearest_name(const char *word, const char *const *names, int n);

#endif
