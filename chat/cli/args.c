#include "chat/cli/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 256
#define WORD_MAX 40

static int min3(int a, int b, int c)
{
	int least = a < b ? a : b;

	return least < c ? least : c;
}

/* Edits from a to b: insert, delete, replace, swap two neighbours. */
static int distance(const char *a, const char *b)
{
	int rows[WORD_MAX + 1][WORD_MAX + 1];
	int n = (int)strlen(a), m = (int)strlen(b);

	if (n > WORD_MAX || m > WORD_MAX) {
		return WORD_MAX;
	}
	for (int i = 0; i <= n; i++) {
		rows[i][0] = i;
	}
	for (int j = 0; j <= m; j++) {
		rows[0][j] = j;
	}
	for (int i = 1; i <= n; i++) {
		for (int j = 1; j <= m; j++) {
			int replace = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			rows[i][j] = min3(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replace);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				rows[i - 2][j - 2] + 1 < rows[i][j]) {
				rows[i][j] = rows[i - 2][j - 2] + 1;
			}
		}
	}
	return rows[n][m];
}

const char *nearest_name(const char *word, const char *const *names, int n)
{
	const char *best = NULL;
	int least = WORD_MAX;

	for (int i = 0; i < n; i++) {
		int d = distance(word, names[i]);
		int longest =
			(int)(strlen(names[i]) > strlen(word) ? strlen(names[i]) : strlen(word));

		if (d < least && d * 3 <= longest) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

/* The option of that name and its place among the values; NULL if there is none. */
static const struct option *find(const struct args *args, const char *name, size_t n, int *place)
{
	int at = 0;

	for (int list = 0; list < 2; list++) {
		for (const struct option *o = args->lists[list]; o && o->name; o++, at++) {
			ASSERT(at < OPTIONS_MAX);
			if (strlen(o->name) == n && memcmp(o->name, name, n) == 0) {
				*place = at;
				return o;
			}
		}
	}
	return NULL;
}

struct names {
	const char *list[NAMES_MAX];
	int n;
};

static void add_name(
	void *arg, const char *name, const char *value, const char *def, const char *help)
{
	struct names *names = arg;

	(void)value;
	(void)def;
	(void)help;
	if (names->n < NAMES_MAX) {
		names->list[names->n++] = name;
	}
}

static int unknown(
	const struct args *args, const struct settings *set, const char *name, struct err *e)
{
	struct names names = {{NULL}, 0};
	const char *meant;

	for (int list = 0; list < 2; list++) {
		for (const struct option *o = args->lists[list]; o && o->name; o++) {
			add_name(&names, o->name, NULL, NULL, NULL);
		}
	}
	settings_each(set, add_name, &names);
	meant = nearest_name(name, names.list, names.n);
	if (meant) {
		return err_set(e, ERR_INVALID, "unknown_option",
			"there is no option --%s; is it --%s?", name, meant);
	}
	return err_set(e, ERR_INVALID, "unknown_option",
		"there is no option --%s; --help lists them", name);
}

/* One argument that begins with "--" (or "-h"): takes *at further when its value is the next one.
 */
static int take_option(struct args *args, struct settings *set, struct arena *a, int argc,
	const char *const *argv, int *at, struct err *e)
{
	const char *name = argv[*at] + 2;
	size_t n = strcspn(name, "=");
	const char *value = name[n] == '=' ? name + n + 1 : NULL;
	char *bare = arena_strn(a, name, n);
	int place = 0;
	const struct option *o = find(args, name, n, &place);

	if (!o && !settings_known(bare)) {
		return unknown(args, set, bare, e);
	}
	if (o && !o->value) {
		args->values[place] = "";
		return value ? err_set(e, ERR_INVALID, "bad_option", "--%s takes no value", bare)
			     : 0;
	}
	if (!value && *at + 1 >= argc) {
		return err_set(e, ERR_INVALID, "bad_option", "--%s wants a value%s%s", bare,
			o ? ": " : "", o ? o->value : "");
	}
	value = value ? value : argv[++*at];
	if (o) {
		args->values[place] = value;
		return 0;
	}
	return settings_set(set, bare, value, arena_printf(a, "--%s", bare), e);
}

int args_parse(struct args *args, struct settings *set, struct arena *a, int argc,
	const char *const *argv, struct err *e)
{
	int rc = 0;

	args->words = arena_array(a, const char *, (size_t)argc + 1);
	args->n_words = 0;
	for (int i = 0; rc == 0 && i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc) {
				args->words[args->n_words++] = argv[i];
			}
		} else if (strncmp(argv[i], "--", 2) == 0) {
			rc = take_option(args, set, a, argc, argv, &i, e);
		} else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			rc = err_set(e, ERR_INVALID, "unknown_option",
				"there is no option %s; options are written out: --help lists them",
				argv[i]);
		} else {
			args->words[args->n_words++] = argv[i];
		}
	}
	return rc;
}

const char *args_value(const struct args *args, const char *name)
{
	int place = 0;
	const struct option *o = find(args, name, strlen(name), &place);

	ASSERT(o != NULL);
	return args->values[place];
}

int args_number(const struct args *args, const char *name, int64_t min, int64_t max, int64_t def,
	int64_t *out, struct err *e)
{
	const char *text = args_value(args, name);
	char *end;
	long long v;

	*out = def;
	if (!text) {
		return 0;
	}
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || v < min || v > max) {
		return err_set(e, ERR_INVALID, "bad_option",
			"--%s must be a whole number from %" PRId64 " to %" PRId64 ", not \"%s\"",
			name, min, max, text);
	}
	*out = v;
	return 0;
}
