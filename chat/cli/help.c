#include "chat/cli/help.h"

#include <string.h>
#include <unistd.h>

#include "chat/cli/term.h"
#include "chat/cli/text.h"

#define NAMES_MAX 96
#define NAME_MAX_BYTES 48
#define LEFT_COLUMNS 33
#define OPTION_COLUMNS 24
#define COLUMNS_MAX 100

static bool in_group(const struct command *c, const char *group)
{
	size_t n = strlen(group);

	return strncmp(c->name, group, n) == 0 && (c->name[n] == ' ' || c->name[n] == '\0');
}

/* "  left    text", the text going on below itself where the terminal ends. */
static void add_entry(struct buf *out, const char *left, int left_columns, const char *text)
{
	int width = text_width(left, strlen(left));
	int indent = 2 + (width > left_columns ? width : left_columns) + 2;
	int columns = term_columns(STDOUT_FILENO);
	struct buf wrapped = BUF_INIT;

	text_wrap(&wrapped, text, columns > COLUMNS_MAX ? COLUMNS_MAX : columns, indent);
	buf_str(out, "  ");
	text_cell(out, left, indent - 4, false);
	buf_printf(out, "  %s", wrapped.len > (size_t)indent ? wrapped.data + indent : "\n");
	buf_finish(&wrapped);
}

static void add_options(struct buf *out, const struct option *o)
{
	for (; o && o->name; o++) {
		char left[NAME_MAX_BYTES];

		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
			o->value ? o->value : "");
		add_entry(out, left, OPTION_COLUMNS, o->help);
	}
}

static void add_commands(struct buf *out, const char *group)
{
	for (int i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		char left[NAME_MAX_BYTES];

		if (!group || in_group(c, group)) {
			snprintf(left, sizeof(left), "%s%s%s", c->name, *c->words ? " " : "",
				c->words);
			add_entry(out, left, LEFT_COLUMNS, c->summary);
		}
	}
}

/* Wraps the lines of settings_help: "  --name     text". */
static void add_settings(struct buf *out)
{
	struct buf all = BUF_INIT;
	char *rest, *line;

	settings_help(&all);
	for (line = strtok_r(all.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		size_t left = strspn(line, " ");
		size_t name = strcspn(line + left, " ");
		size_t gap = strspn(line + left + name, " ");

		line[left + name] = '\0';
		add_entry(out, line + left, (int)(name + gap) - 2, line + left + name + gap);
	}
	buf_finish(&all);
}

static void add_head(struct buf *out)
{
	buf_str(out, "Carrel answers questions from your own documents.\n\n"
		     "usage: carrel COMMAND [options]      carrel COMMAND --help\n\n");
	add_commands(out, NULL);
}

void help_short(FILE *to)
{
	struct buf out = BUF_INIT;

	add_head(&out);
	buf_str(&out, "\n`carrel --help` lists the settings too\n");
	fputs(out.data, to);
	buf_finish(&out);
}

/* The commands and the settings. */
static void print_all(FILE *to)
{
	struct buf out = BUF_INIT;

	add_head(&out);
	buf_str(&out, "\nfor every command:\n");
	add_options(&out, everybodys_options);
	buf_str(&out, "\nsettings (also CARREL_NAME in the environment, or a line in "
		      "DATA/carrel.ini):\n");
	add_settings(&out);
	buf_str(&out,
		"\nexit status: 0 ok, 2 usage, 3 not configured, 4 not allowed, 5 unreachable,\n"
		"  6 limited, 7 timeout, 8 failed, 9 not found, 130 interrupted\n");
	fputs(out.data, to);
	buf_finish(&out);
}

static void help_command(const struct command *c)
{
	struct buf out = BUF_INIT;

	buf_printf(&out, "usage: carrel %s%s%s%s\n\n", c->name, *c->words ? " " : "", c->words,
		c->options ? " [options]" : "");
	buf_printf(&out, "%s.\n", c->summary);
	if (c->details) {
		buf_char(&out, '\n');
		text_wrap(&out, c->details, 80, 0);
	}
	if (c->options) {
		buf_str(&out, "\noptions:\n");
		add_options(&out, c->options);
	}
	buf_str(&out, "\nfor every command:\n");
	add_options(&out, everybodys_options);
	buf_str(&out, "  and every setting that `carrel --help` lists\n");
	fputs(out.data, stdout);
	buf_finish(&out);
}

int help_print(const struct command *command, const char *group, struct err *e)
{
	struct buf out = BUF_INIT;
	int rc = 0;

	if (command && strchr(command->name, ' ')) {
		help_command(command);
		return 0;
	}
	if (!group) {
		print_all(stdout);
		return 0;
	}
	for (int i = 0; i < n_commands; i++) {
		if (in_group(&commands[i], group) && strchr(commands[i].name, ' ')) {
			add_commands(&out, group);
			break;
		}
	}
	if (out.len > 0) {
		printf("usage: carrel %s …\n\n%s\n", group, out.data);
		printf("`carrel %s … --help` tells more of each.\n", group);
	} else if (command) {
		help_command(command);
	} else {
		rc = help_unknown(1, &group, e);
	}
	buf_finish(&out);
	return rc;
}

/* First words, each once; or the second words of a group. */
static int names_of(
	const char *group, char names[NAMES_MAX][NAME_MAX_BYTES], const char *list[NAMES_MAX])
{
	int n = 0;

	for (int i = 0; i < n_commands && n < NAMES_MAX; i++) {
		const char *name = commands[i].name;
		const char *from = group ? name + strlen(group) + 1 : name;

		if (group && (!in_group(&commands[i], group) || !strchr(name, ' '))) {
			continue;
		}
		snprintf(names[n], NAME_MAX_BYTES, "%.*s", (int)strcspn(from, " "), from);
		if (n == 0 || strcmp(names[n], names[n - 1]) != 0) {
			list[n] = names[n];
			n++;
		}
	}
	return n;
}

int help_unknown(int n, const char *const *words, struct err *e)
{
	char names[NAMES_MAX][NAME_MAX_BYTES];
	const char *list[NAMES_MAX];
	struct buf all = BUF_INIT;
	const char *meant;
	int n_names;
	int rc;

	if (n == 0) {
		return err_set(
			e, ERR_INVALID, "usage", "name a command; `carrel --help` lists them");
	}
	n_names = names_of(words[0], names, list);
	if (n_names == 0) {
		meant = nearest_name(words[0], list, names_of(NULL, names, list));
		return err_set(e, ERR_INVALID, "unknown_command",
			"there is no command \"%s\"%s%s%s", words[0],
			meant ? "; is it \"" : "; `carrel --help` lists them", meant ? meant : "",
			meant ? "\"?" : "");
	}
	for (int i = 0; i < n_names; i++) {
		buf_printf(&all, "%s%s", i ? ", " : "", list[i]);
	}
	meant = n > 1 ? nearest_name(words[1], list, n_names) : NULL;
	if (meant) {
		rc = err_set(e, ERR_INVALID, "unknown_command",
			"there is no command \"%s %s\"; is it \"%s %s\"?", words[0], words[1],
			words[0], meant);
	} else {
		rc = err_set(e, ERR_INVALID, "unknown_command", "carrel %s wants one of: %s",
			words[0], all.data);
	}
	buf_finish(&all);
	return rc;
}
