/* user, group, workspace, token. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/names.h"
#include "chat/cli/term.h"
#include "index/acl.h"
#include "index/base/fs.h"

#define PASSWORD_FILE_MAX 4096

/* ── users ── */

static const struct column user_columns[] = {
	{"NAME", "name", AS_TEXT, SHRINKS},
	{"SHOWN AS", "displayName", AS_TEXT, SHRINKS},
	{"ROLE", "role", AS_TEXT, STAYS},
	{"DISABLED", "disabled", AS_YES, STAYS},
	{"ID", "id", AS_TEXT, STAYS},
};

int cmd_user_list(struct cli *cli, struct err *e)
{
	json_t *rows = NULL;
	int rc = client_list(cli, "/v1/users", "users", &rows, e);

	if (rc == 0) {
		cli_rows(cli, rows, user_columns, N_COLUMNS(user_columns));
	}
	json_decref(rows);
	return rc;
}

/* Standard input may be a socket, which cannot be opened by its name. */
static int read_stdin(struct buf *out, struct err *e)
{
	char part[256];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0 && out->len < PASSWORD_FILE_MAX) {
		buf_add(out, part, (size_t)n);
	}
	sodium_memzero(part, sizeof(part));
	return n < 0 ? err_sys(e, ERR_IO, errno, "cannot read standard input") : 0;
}

/* The first line of --password-file, else what is typed. */
static int take_password(struct cli *cli, const char *user, char **out, struct err *e)
{
	const char *path = cli_option(cli, "password-file");
	struct buf file = BUF_INIT;
	int rc;

	if (!path) {
		return term_password(&cli->arena,
			arena_printf(&cli->arena, "password for %s", user), true, out, e);
	}
	rc = strcmp(path, "-") == 0 ? read_stdin(&file, e)
				    : fs_read(path, PASSWORD_FILE_MAX, &file, e);
	if (rc == 0) {
		*out = arena_strn(&cli->arena, file.data ? file.data : "",
			file.data ? strcspn(file.data, "\r\n") : 0);
		if (file.data) {
			sodium_memzero(file.data, file.cap);
		}
	}
	buf_finish(&file);
	return rc;
}

static int check_role(const char *role, struct err *e)
{
	return !role || role_parse(role) >= 0
		       ? 0
		       : err_set(e, ERR_INVALID, "bad_role",
				 "a role is member, admin or operator, not \"%s\"", role);
}

int cmd_user_create(struct cli *cli, struct err *e)
{
	const char *role = cli_option(cli, "role");
	const char *shown = cli_option(cli, "display-name");
	char *password = NULL;
	json_t *body;
	json_t *made = NULL;
	int rc = check_role(role, e);

	rc = rc ? rc : take_password(cli, cli_word(cli, 0), &password, e);
	if (rc != 0) {
		return rc;
	}
	body = json_pack("{s:s, s:s, s:s*, s:s*}", "name", cli_word(cli, 0), "password", password,
		"role", role, "displayName", shown);
	sodium_memzero(password, strlen(password));
	if (!body) {
		return err_set(e, ERR_INVALID, "bad_text", "name and password must be UTF-8");
	}
	rc = client_call(cli, "POST", "/v1/users", body, &made, e);
	if (rc == 0) {
		cli_object(cli, made, user_columns, N_COLUMNS(user_columns));
	}
	json_decref(made);
	return rc;
}

/* Steals body. */
static int change_user(struct cli *cli, json_t *body, const char *done, struct err *e)
{
	const char *id = NULL;
	json_t *user = NULL;
	int rc = user_named(cli, cli_word(cli, 0), &id, e);

	if (rc != 0) {
		json_decref(body);
		return rc;
	}
	rc = client_call(cli, "PATCH", client_path(cli, "/v1/users/%s", id), body, &user, e);
	if (rc == 0) {
		cli_said(cli, user, "%s %s", cli_word(cli, 0), done);
	}
	json_decref(user);
	return rc;
}

int cmd_user_disable(struct cli *cli, struct err *e)
{
	return change_user(cli, json_pack("{s:b}", "disabled", true), "is disabled", e);
}

int cmd_user_enable(struct cli *cli, struct err *e)
{
	return change_user(cli, json_pack("{s:b}", "disabled", false), "is enabled", e);
}

int cmd_user_password(struct cli *cli, struct err *e)
{
	char *password = NULL;
	json_t *body;
	int rc = take_password(cli, cli_word(cli, 0), &password, e);

	if (rc != 0) {
		return rc;
	}
	body = json_pack("{s:s}", "password", password);
	sodium_memzero(password, strlen(password));
	return body ? change_user(cli, body, "has a new password", e)
		    : err_set(e, ERR_INVALID, "bad_text", "the password must be UTF-8");
}

int cmd_user_role(struct cli *cli, struct err *e)
{
	const char *role = cli_word(cli, 1);
	int rc = check_role(role, e);

	return rc ? rc
		  : change_user(cli, json_pack("{s:s}", "role", role),
			    arena_printf(&cli->arena, "is %s now", role), e);
}

/* ── groups ── */

static const struct column group_columns[] = {
	{"NAME", "name", AS_TEXT, SHRINKS},
	{"MEMBERS", "members", AS_COUNT, STAYS},
	{"ID", "id", AS_TEXT, STAYS},
};

int cmd_group_list(struct cli *cli, struct err *e)
{
	json_t *rows = NULL;
	int rc = client_list(cli, "/v1/groups", "groups", &rows, e);

	if (rc == 0) {
		cli_rows(cli, rows, group_columns, N_COLUMNS(group_columns));
	}
	json_decref(rows);
	return rc;
}

int cmd_group_create(struct cli *cli, struct err *e)
{
	json_t *made = NULL;
	int rc = client_call(
		cli, "POST", "/v1/groups", json_pack("{s:s}", "name", cli_word(cli, 0)), &made, e);

	if (rc == 0) {
		cli_object(cli, made, group_columns, N_COLUMNS(group_columns));
	}
	json_decref(made);
	return rc;
}

int cmd_group_delete(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_t *said;
	int rc = group_named(cli, cli_word(cli, 0), &id, e);

	rc = rc ? rc
		: client_call(cli, "DELETE", client_path(cli, "/v1/groups/%s", id), NULL, NULL, e);
	if (rc == 0) {
		said = json_pack("{s:s, s:b}", "id", id, "deleted", true);
		cli_said(cli, said, "%s is deleted", cli_word(cli, 0));
		json_decref(said);
	}
	return rc;
}

int cmd_group_members(struct cli *cli, struct err *e)
{
	const char *id = NULL;
	json_t *group = NULL;
	int rc = group_named(cli, cli_word(cli, 0), &id, e);

	rc = rc ? rc : client_read(cli, client_path(cli, "/v1/groups/%s", id), &group, e);
	if (rc == 0) {
		cli_rows(cli, json_object_get(group, "users"), user_columns,
			N_COLUMNS(user_columns));
	}
	json_decref(group);
	return rc;
}

/* PUT or DELETE of each user named after the group. */
static int each_member(struct cli *cli, const char *method, const char *done, struct err *e)
{
	const char *group = NULL;
	int rc = group_named(cli, cli_word(cli, 0), &group, e);

	for (int i = 1; rc == 0 && i < cli->args.n_words; i++) {
		const char *user = NULL;
		json_t *said;

		rc = user_named(cli, cli_word(cli, i), &user, e);
		rc = rc ? rc
			: client_call(cli, method,
				  client_path(cli, "/v1/groups/%s/members/%s", group, user), NULL,
				  NULL, e);
		if (rc == 0) {
			said = json_pack(
				"{s:s, s:s, s:s}", "group", group, "user", user, "did", method);
			cli_said(cli, said, "%s %s %s", cli_word(cli, i), done, cli_word(cli, 0));
			json_decref(said);
		}
	}
	return rc;
}

int cmd_group_add(struct cli *cli, struct err *e)
{
	return each_member(cli, "PUT", "is in", e);
}

int cmd_group_remove(struct cli *cli, struct err *e)
{
	return each_member(cli, "DELETE", "is no longer in", e);
}

/* ── workspaces ── */

static const struct column workspace_columns[] = {
	{"NAME", "name", AS_TEXT, SHRINKS},
	{"MADE", "createdMs", AS_TIME, STAYS},
	{"ID", "id", AS_TEXT, STAYS},
};

int cmd_workspace_list(struct cli *cli, struct err *e)
{
	json_t *rows = NULL;
	int rc = client_list(cli, "/v1/workspaces", "workspaces", &rows, e);

	if (rc == 0) {
		cli_rows(cli, rows, workspace_columns, N_COLUMNS(workspace_columns));
	}
	json_decref(rows);
	return rc;
}

int cmd_workspace_create(struct cli *cli, struct err *e)
{
	json_t *made = NULL;
	int rc = client_call(cli, "POST", "/v1/workspaces",
		json_pack("{s:s}", "name", cli_word(cli, 0)), &made, e);

	if (rc == 0) {
		cli_object(cli, made, workspace_columns, N_COLUMNS(workspace_columns));
	}
	json_decref(made);
	return rc;
}

/* ── tokens ── */

static const struct column token_columns[] = {
	{"NAME", "name", AS_TEXT, SHRINKS},
	{"MADE", "createdMs", AS_TIME, STAYS},
	{"ENDS", "expiresMs", AS_TIME, STAYS},
	{"ID", "id", AS_TEXT, STAYS},
};

int cmd_token_list(struct cli *cli, struct err *e)
{
	json_t *rows = NULL;
	int rc = client_list(cli, "/v1/tokens", "tokens", &rows, e);

	if (rc == 0) {
		cli_rows(cli, rows, token_columns, N_COLUMNS(token_columns));
	}
	json_decref(rows);
	return rc;
}

int cmd_token_create(struct cli *cli, struct err *e)
{
	json_t *body = json_pack("{s:s}", "name", cli_word(cli, 0));
	json_t *made = NULL;
	int64_t days = 0;
	int rc = args_number(&cli->args, "days", 1, 36500, 0, &days, e);

	if (rc != 0) {
		json_decref(body);
		return rc;
	}
	if (days > 0) {
		json_object_set_new(body, "days", json_integer(days));
	}
	rc = client_call(cli, "POST", "/v1/tokens", body, &made, e);
	if (rc == 0) {
		if (!cli->json && !cli->quiet) {
			fputs("this is the token; it is not shown again:\n", stderr);
		}
		cli_said(cli, made, "%s", json_string_value(json_object_get(made, "token")));
	}
	json_decref(made);
	return rc;
}

int cmd_token_revoke(struct cli *cli, struct err *e)
{
	json_t *said = json_pack("{s:s, s:b}", "id", cli_word(cli, 0), "revoked", true);
	int rc = client_call(
		cli, "DELETE", client_path(cli, "/v1/tokens/%s", cli_word(cli, 0)), NULL, NULL, e);

	if (rc == 0) {
		cli_said(cli, said, "%s is revoked", cli_word(cli, 0));
	}
	json_decref(said);
	return rc;
}
