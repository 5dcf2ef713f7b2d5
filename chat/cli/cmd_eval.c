/* eval: how well search finds, and answers cite, what they should. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chat/cli/cmd.h"
#include "chat/cli/eval_answers.h"
#include "chat/cli/eval_source.h"
#include "chat/cli/eval_tell.h"
#include "chat/cli/eval_tune.h"

#define WEIGHT                                                                                     \
	"fusion-weight-" /* settings that a search reads, and not the building of its index */

struct evaluation {
	struct cli *cli;
	struct eval_source *source;
	bool is_set;
	int64_t seed;
	/* of --with */
	const char *with;
	struct eval_run saved; /* of --against */
	json_t *tried; /* {"fusion-weight-builtin": 0} where that is all there is; NULL: none */
	bool anew;     /* something else too: the set's documents are brought in again */
	struct settings settings; /* the command's, with it */
};

static int is_folder(const char *path, bool *out, struct err *e)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID, errno,
			"cannot read %s", path);
	}
	*out = S_ISDIR(st.st_mode);
	return 0;
}

/* ── --with ── */

static int take_setting(struct evaluation *v, const char *name, const char *value, struct err *e)
{
	int rc = settings_set(&v->settings, name, value, "--with", e);

	if (rc == 0 && strncmp(name, WEIGHT, strlen(WEIGHT)) == 0) {
		json_object_set_new(v->tried, name, json_integer(strtoll(value, NULL, 10)));
	} else if (rc == 0 && v->is_set) {
		v->anew = true;
	} else if (rc == 0) {
		rc = err_set(e, ERR_INVALID, "bad_option",
			"--with %s: of a workspace in use only " WEIGHT "… can be tried; try "
			"others on a test set",
			name);
	}
	return rc;
}

/* "NAME=VALUE,…", or "words": no vectors count. */
static int read_with(struct evaluation *v, struct err *e)
{
	static const char words[] = WEIGHT "builtin=0," WEIGHT "builtin-cjk=0," WEIGHT "openai=0";
	const char *list = strcmp(v->with, "words") == 0 ? words : v->with;
	int rc = 0;

	v->tried = json_object();
	while (rc == 0 && *list) {
		size_t n = strcspn(list, ",");
		char *pair = arena_strn(&v->cli->arena, list, n);
		char *value = strchr(pair, '=');

		if (!value) {
			return err_set(e, ERR_INVALID, "bad_option",
				"--with takes NAME=VALUE of a setting, or \"words\", not \"%s\"",
				pair);
		}
		*value++ = '\0';
		rc = take_setting(v, pair, value, e);
		list += n + (list[n] == ',');
	}
	return rc;
}

/* The second run, of the same questions. */
static int run_with(struct evaluation *v, struct eval_run *out, struct err *e)
{
	struct eval_order order = {.settings = &v->settings, .tried = v->tried};
	struct eval_source *other = NULL;
	int rc = v->anew ? eval_source_set(v->cli, v->source->name, &v->settings, &other, e) : 0;

	rc = rc ? rc : eval_run(v->cli, other ? other : v->source, &order, out, e);
	eval_source_close(other);
	return rc;
}

static int compare(struct evaluation *v, const struct eval_run *now, struct err *e)
{
	struct eval_pair pair = {.seed = (uint64_t)v->seed};
	struct eval_run other;
	int rc = 0;

	if (v->saved.n > 0) {
		pair.before = &v->saved;
		pair.before_name = cli_option(v->cli, "against");
		pair.now = now;
		pair.now_name = "as it is";
		rc = eval_tell_difference(v->cli, &pair, e);
	}
	if (rc == 0 && v->with) {
		rc = run_with(v, &other, e);
		pair.before = now;
		pair.before_name = "as it is";
		pair.now = &other;
		pair.now_name = v->with;
		rc = rc ? rc : eval_tell_difference(v->cli, &pair, e);
	}
	return rc;
}

/* ── the command ── */

static int search_part(struct evaluation *v, struct err *e)
{
	const struct eval_order as_it_is = {0};
	struct eval_run run;
	int rc = eval_run(v->cli, v->source, &as_it_is, &run, e);

	if (rc == 0 && args_has(&v->cli->args, "queries")) {
		eval_tell_questions(v->cli, &run);
	}
	if (rc == 0) {
		eval_tell_summary(v->cli, v->source, &run);
		rc = compare(v, &run, e);
	}
	return rc;
}

static int evaluate(struct evaluation *v, struct err *e)
{
	struct cli *cli = v->cli;
	int rc;

	v->with = cli_option(cli, "with");
	rc = v->with ? read_with(v, e) : 0;
	if (rc == 0 && args_has(&cli->args, "against")) {
		rc = eval_read_run(cli, cli_option(cli, "against"), &v->saved, e);
	}
	rc = rc ? rc : args_number(&cli->args, "seed", 0, INT64_MAX, 1, &v->seed, e);
	if (rc == 0 && args_has(&cli->args, "save") && !args_has(&cli->args, "tune")) {
		rc = err_set(e, ERR_INVALID, "bad_option", "--save saves what --tune finds");
	}
	rc = rc		 ? rc
	     : v->is_set ? eval_source_set(cli, cli_word(cli, 0), &cli->settings, &v->source, e)
			 : eval_source_live(cli, cli_word(cli, 0), &v->source, e);
	if (rc == 0 && v->source->n_relevant > 0) {
		rc = search_part(v, e);
	}
	if (rc == 0 && args_has(&cli->args, "tune")) {
		rc = eval_tune(cli, v->source, (uint64_t)v->seed, e);
	}
	if (rc == 0 && args_has(&cli->args, "answers")) {
		rc = eval_answers(cli, v->source, e);
	}
	eval_source_close(v->source);
	return rc;
}

int cmd_eval(struct cli *cli, struct err *e)
{
	struct evaluation v = {.cli = cli};
	int rc = is_folder(cli_word(cli, 0), &v.is_set, e);

	if (rc) {
		return rc;
	}
	settings_copy(&v.settings, &cli->settings);
	rc = evaluate(&v, e);
	settings_finish(&v.settings);
	json_decref(v.tried);
	return rc;
}
