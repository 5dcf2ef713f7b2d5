#include "index/base/settings.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/base/utf8.h"

enum kind { KIND_STRING, KIND_SECRET, KIND_NUMBER };
enum strength { FROM_DEFAULT, FROM_INI, FROM_ENVIRONMENT, FROM_FLAG };

struct row {
	const char *name;
	const char *def;
	const char *help;
	int64_t min, max;
	size_t offset; /* in struct settings */
	enum kind kind;
};

static const struct row rows[] = {
#define S(field, name, def, help)                                                                  \
	{name, def, help, 0, 0, offsetof(struct settings, field), KIND_STRING},
#define P(field, name, def, help)                                                                  \
	{name, def, help, 0, 0, offsetof(struct settings, field), KIND_SECRET},
#define N(field, name, def, min, max, help)                                                        \
	{name, #def, help, min, max, offsetof(struct settings, field), KIND_NUMBER},
	SETTINGS_MAP(S, P, N)
#undef S
#undef P
#undef N
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))
#define INI_LINE_MAX 198 /* inih's buffer, less line end and NUL */

extern char **environ;

/* ── checks that a range of numbers does not say ── */

static bool ok_log_level(const char *value)
{
	return log_level_parse(value) >= 0;
}

static bool ok_embedder(const char *value)
{
	return strcmp(value, "builtin") == 0 || strcmp(value, "openai") == 0;
}

static bool ok_url(const char *value)
{
	return value[0] == '\0' ||
	       ((strncmp(value, "http://", 7) == 0 && value[7] != '\0') ||
		       (strncmp(value, "https://", 8) == 0 && value[8] != '\0'));
}

static bool ok_filled(const char *value)
{
	return value[0] != '\0';
}

static bool parse_number(const char *value, int64_t *out)
{
	char *end;
	long long v;

	if (!isdigit((unsigned char)value[0]) && value[0] != '-') {
		return false;
	}
	errno = 0;
	v = strtoll(value, &end, 10);
	*out = v;
	return errno == 0 && end != value && *end == '\0';
}

static bool ok_listen(const char *value)
{
	const char *colon = strrchr(value, ':');
	int64_t port;

	return colon && colon > value && parse_number(colon + 1, &port) && port >= 0 &&
	       port <= 65535;
}

static const struct {
	const char *name;
	bool (*ok)(const char *value);
	const char *must;
} checks[] = {
	{"data", ok_filled, "a folder"},
	{"listen", ok_listen, "ADDRESS:PORT with a port of 0 to 65535"},
	{"log-level", ok_log_level, "debug, info, warn or error"},
	{"embedder", ok_embedder, "builtin or openai"},
	{"public-url", ok_url, "empty or an address with http:// or https://"},
	{"embed-url", ok_url, "empty or an address with http:// or https://"},
	{"rerank-url", ok_url, "empty or an address with http:// or https://"},
	{"external-url", ok_url, "empty or an address with http:// or https://"},
	{"model-url", ok_url, "empty or an address with http:// or https://"},
	{"model-name", ok_filled, "a model's name"},
};

/* ── one value ── */

static const struct row *find(const char *name, size_t n_bytes)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (strlen(rows[i].name) == n_bytes && memcmp(rows[i].name, name, n_bytes) == 0) {
			return &rows[i];
		}
	}
	return NULL;
}

static char **string_at(const struct settings *s, const struct row *row)
{
	return (char **)((char *)s + row->offset);
}

static int64_t *number_at(const struct settings *s, const struct row *row)
{
	return (int64_t *)((char *)s + row->offset);
}

static void replace_string(char **at, const char *value)
{
	char *copy = strdup(value);

	ASSERT(copy != NULL);
	free(*at);
	*at = copy;
}

static int check_text(const struct row *row, const char *value, const char *source, struct err *e)
{
	/* Settings are shown as JSON; only a path may be any bytes. */
	if (strcmp(row->name, "data") != 0 && !utf8_valid(value, strlen(value))) {
		return err_set(e, ERR_INVALID, "bad_setting", "%s must be UTF-8 text (from %s)",
			row->name, source);
	}
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (strcmp(checks[i].name, row->name) == 0 && !checks[i].ok(value)) {
			return err_set(e, ERR_INVALID, "bad_setting",
				"%s must be %s, not \"%s\" (from %s)", row->name, checks[i].must,
				value, source);
		}
	}
	return 0;
}

static int set_row(struct settings *s, const struct row *row, const char *value,
	enum strength strength, const char *source, struct err *e)
{
	unsigned char *now = &s->strength[row - rows];
	int64_t number;
	int rc = 0;

	if (row->kind == KIND_NUMBER) {
		if (!parse_number(value, &number) || number < row->min || number > row->max) {
			return err_set(e, ERR_INVALID, "bad_setting",
				"%s must be a whole number from %" PRId64 " to %" PRId64
				", not \"%s\" (from %s)",
				row->name, row->min, row->max, value, source);
		}
		if (strength >= *now) {
			*number_at(s, row) = number;
			*now = (unsigned char)strength;
		}
		return 0;
	}
	rc = check_text(row, value, source, e);
	if (rc == 0 && strength >= *now) {
		replace_string(string_at(s, row), value);
		*now = (unsigned char)strength;
	}
	return rc;
}

void settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < N_ROWS; i++) {
		struct err e = ERR_INIT;
		int rc = set_row(s, &rows[i], rows[i].def, FROM_DEFAULT, "default", &e);

		ASSERT(rc == 0);
	}
}

void settings_finish(struct settings *s)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].kind != KIND_NUMBER) {
			free(*string_at(s, &rows[i]));
			*string_at(s, &rows[i]) = NULL;
		}
	}
}

bool settings_known(const char *name)
{
	return find(name, strlen(name)) != NULL;
}

const char *settings_text(const struct settings *s, const char *name)
{
	const struct row *row = find(name, strlen(name));

	ASSERT(row != NULL && row->kind != KIND_NUMBER);
	return *string_at(s, row);
}

static int unknown(const char *name, const char *source, struct err *e)
{
	return err_set(e, ERR_INVALID, "unknown_setting",
		"%s is no setting (from %s); `carrel --help` lists them", name, source);
}

int settings_set(
	struct settings *s, const char *name, const char *value, const char *source, struct err *e)
{
	const struct row *row = find(name, strlen(name));

	return row ? set_row(s, row, value, FROM_FLAG, source, e) : unknown(name, source, e);
}

/* ── DATA/carrel.ini ── */

struct ini_load {
	struct settings *s;
	const char *path;
	struct err *e;
	int rc;
};

/* inih's handler: 0 is an error, whose line number ini_parse_string then returns. */
static int on_ini_value(void *arg, const char *section, const char *name, const char *value)
{
	struct ini_load *load = arg;
	const struct row *row = find(name, strlen(name));

	if (load->rc != 0) {
		return 0;
	}
	if (section[0] != '\0') {
		load->rc = err_set(load->e, ERR_INVALID, "bad_ini",
			"%s has no sections: take [%s] out", load->path, section);
	} else if (!row) {
		load->rc = unknown(name, load->path, load->e);
	} else if (strcmp(name, "data") == 0) {
		load->rc = err_set(load->e, ERR_INVALID, "bad_ini",
			"%s cannot set data: it lies in that folder; use --data or CARREL_DATA",
			load->path);
	} else {
		load->rc = set_row(load->s, row, value, FROM_INI, load->path, load->e);
	}
	return load->rc == 0;
}

/* Leading blanks go, since inih takes an indented line for more of the value before it; a line that
 * inih would cut is an error. */
static int tidy_ini(const struct buf *raw, const char *path, struct buf *out, struct err *e)
{
	const char *at = raw->data;
	int line_no = 1;

	if (strlen(raw->data) != raw->len) {
		return err_set(e, ERR_INVALID, "bad_ini", "%s is not a text file", path);
	}
	for (; *at; line_no++) {
		size_t n;

		at += strspn(at, " \t");
		n = strcspn(at, "\n");
		if (n > INI_LINE_MAX && *at != '#' && *at != ';') {
			return err_set(e, ERR_INVALID, "bad_ini",
				"%s line %d is longer than %d bytes: give that setting as a "
				"CARREL_ variable",
				path, line_no, INI_LINE_MAX);
		}
		buf_add(out, at, n > INI_LINE_MAX ? 1 : n);
		at += n;
		if (*at == '\n') {
			buf_char(out, *at++);
		}
	}
	return 0;
}

int settings_parse_ini(struct settings *s, const struct buf *text, const char *path, struct err *e)
{
	struct buf tidy = BUF_INIT;
	struct ini_load load = {s, path, e, 0};
	int rc = tidy_ini(text, path, &tidy, e);

	if (rc == 0 && tidy.len > 0) {
		int line = ini_parse_string(tidy.data, on_ini_value, &load);

		rc = load.rc;
		if (rc == 0 && line != 0) {
			rc = err_set(e, ERR_INVALID, "bad_ini",
				"%s line %d is not \"name = value\"", path, line);
		}
	}
	buf_finish(&tidy);
	return rc;
}

static int load_ini(struct settings *s, struct err *e)
{
	char path[PATH_MAX];
	struct buf raw = BUF_INIT;
	int rc;

	snprintf(path, sizeof(path), "%s/carrel.ini", s->data);
	if (!fs_exists(path)) {
		return 0;
	}
	rc = fs_read(path, SETTINGS_INI_BYTES_MAX, &raw, e);
	if (rc == 0 && raw.len > 0) {
		rc = settings_parse_ini(s, &raw, path, e);
	}
	buf_finish(&raw);
	return rc;
}

/* ── environment ── */

/* "model-url" to "CARREL_MODEL_URL" */
static void variable_name(const char *name, char *out, size_t out_size)
{
	snprintf(out, out_size, "CARREL_%s", name);
	for (char *c = out; *c; c++) {
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	}
}

static int load_variable(struct settings *s, const struct row *row, struct err *e)
{
	char name[64];
	const char *value;

	variable_name(row->name, name, sizeof(name));
	value = getenv(name);
	return value ? set_row(s, row, value, FROM_ENVIRONMENT, name, e) : 0;
}

static void warn_of_unknown_variables(void)
{
	for (char **var = environ; var && *var; var++) {
		char name[64];
		size_t n = strcspn(*var, "=");
		bool known = false;

		if (strncmp(*var, "CARREL_", 7) != 0) {
			continue;
		}
		for (size_t i = 0; i < N_ROWS && !known; i++) {
			variable_name(rows[i].name, name, sizeof(name));
			known = strlen(name) == n && memcmp(name, *var, n) == 0;
		}
		if (!known) {
			snprintf(name, sizeof(name), "%.*s", (int)(n < 60 ? n : 60), *var);
			log_warn("settings.unknown_variable", LT("name", name));
		}
	}
}

int settings_load(struct settings *s, struct err *e)
{
	int rc = load_variable(s, find("data", 4), e);

	if (rc == 0) {
		rc = load_ini(s, e);
	}
	for (size_t i = 0; rc == 0 && i < N_ROWS; i++) {
		rc = load_variable(s, &rows[i], e);
	}
	if (rc == 0) {
		warn_of_unknown_variables();
	}
	return rc;
}

/* ── changed while the program runs ── */

/* Read anew at each use, from what app->settings points to (chat/live.h). */
static const char *const live_names[] = {"log-level", "public-url", "rerank-url", "rerank-model",
	"rerank-key", "rerank-timeout-ms", "rerank-candidates", "fusion-weight-builtin",
	"fusion-weight-builtin-cjk", "fusion-weight-openai", "http-body-kb", "http-header-ms",
	"http-idle-ms", "model-url", "model-name", "model-key", "model-context", "model-first-ms",
	"model-stall-ms", "model-retries", "rewrite-ms", "answer-tokens", "source-tokens",
	"runs-at-once", "session-hours", "access-minutes", "login-tries"};

/* Counts at once in a running server; the others after a restart. */
static bool is_live(const char *name)
{
	for (size_t i = 0; i < sizeof(live_names) / sizeof(live_names[0]); i++) {
		if (strcmp(live_names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static void take_row(struct settings *to, const struct settings *from, const struct row *row)
{
	if (row->kind == KIND_NUMBER) {
		*number_at(to, row) = *number_at(from, row);
	} else {
		replace_string(string_at(to, row), *string_at(from, row));
	}
	to->strength[row - rows] = from->strength[row - rows];
}

void settings_copy(struct settings *to, const struct settings *from)
{
	memset(to, 0, sizeof(*to));
	for (size_t i = 0; i < N_ROWS; i++) {
		take_row(to, from, &rows[i]);
	}
}

void settings_take_live(struct settings *s, const struct settings *from)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (is_live(rows[i].name)) {
			take_row(s, from, &rows[i]);
		}
	}
}

bool settings_same(const struct settings *a, const struct settings *b, const char *name)
{
	const struct row *row = find(name, strlen(name));

	ASSERT(row != NULL);
	return row->kind == KIND_NUMBER ? *number_at(a, row) == *number_at(b, row)
					: strcmp(*string_at(a, row), *string_at(b, row)) == 0;
}

int settings_put(struct settings *s, const char *name, const char *value, struct err *e)
{
	const struct row *row = find(name, strlen(name));
	char variable[64];
	int rc;

	if (!row) {
		return unknown(name, "the request", e);
	}
	if (strcmp(name, "data") == 0) {
		return err_set(e, ERR_INVALID, "bad_setting",
			"data is where carrel.ini lies; use --data or CARREL_DATA");
	}
	/* What runs on the machine is its operator's to say, who can write the file. */
	if (strcmp(name, "external-command") == 0) {
		return err_set(e, ERR_INVALID, "bad_setting",
			"external-command is set by a flag, by CARREL_EXTERNAL_COMMAND or in "
			"carrel.ini only");
	}
	if (s->strength[row - rows] > FROM_INI) {
		variable_name(name, variable, sizeof(variable));
		return err_set(e, ERR_CONFLICT, "fixed_setting",
			s->strength[row - rows] == FROM_FLAG
				? "%s is fixed by the flag --%s that Carrel was started with"
				: "%s is fixed by the variable %s that Carrel was started with",
			name, s->strength[row - rows] == FROM_FLAG ? name : variable);
	}
	if (value) {
		return set_row(s, row, value, FROM_INI, "the request", e);
	}
	rc = set_row(s, row, row->def, FROM_INI, "default", e);
	s->strength[row - rows] = FROM_DEFAULT;
	return rc;
}

/* ── shown ── */

void settings_help(struct buf *out)
{
	size_t widest = 0;

	for (size_t i = 0; i < N_ROWS; i++) {
		size_t n = strlen(rows[i].name);

		widest = n > widest ? n : widest;
	}
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];

		buf_printf(out, "  --%-*s  %s", (int)widest, row->name, row->help);
		if (row->kind == KIND_NUMBER) {
			buf_printf(out, " (%s; %" PRId64 " to %" PRId64 ")", row->def, row->min,
				row->max);
		} else if (row->def[0] != '\0') {
			buf_printf(out, " (%s)", row->def);
		}
		buf_char(out, '\n');
	}
}

void settings_each(const struct settings *s,
	void (*fn)(
		void *arg, const char *name, const char *value, const char *def, const char *help),
	void *arg)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];
		char number[24];
		const char *value = number;

		if (row->kind == KIND_NUMBER) {
			snprintf(number, sizeof(number), "%" PRId64, *number_at(s, row));
		} else {
			value = *string_at(s, row);
		}
		if (row->kind == KIND_SECRET) {
			value = value[0] ? "set" : "";
		}
		fn(arg, row->name, value, row->def, row->help);
	}
}

void settings_view(
	const struct settings *s, void (*fn)(void *arg, const struct setting_view *v), void *arg)
{
	static const char *const sources[] = {"default", "file", "environment", "flag"};

	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];
		char number[24];
		struct setting_view v = {.name = row->name,
			.def = row->def,
			.help = row->help,
			.value = number,
			.source = sources[s->strength[i]],
			.type = row->kind == KIND_NUMBER ? "number" : "text",
			.min = row->min,
			.max = row->max,
			.secret = row->kind == KIND_SECRET,
			.live = is_live(row->name)};

		if (row->kind == KIND_NUMBER) {
			snprintf(number, sizeof(number), "%" PRId64, *number_at(s, row));
		} else {
			v.value = *string_at(s, row);
		}
		if (v.secret) {
			v.value = v.value[0] ? "set" : "";
		}
		if (strcmp(row->name, "log-level") == 0) {
			v.choices = "debug, info, warn, error";
		} else if (strcmp(row->name, "embedder") == 0) {
			v.choices = "builtin, openai";
		}
		if (v.choices) {
			v.type = "choice";
		}
		fn(arg, &v);
	}
}
