/* The commands' run functions, for the table in commands.c. */
#ifndef CHAT_CLI_CMD_H
#define CHAT_CLI_CMD_H

#include "chat/cli/cli.h"

typedef int command_run(struct cli *cli, struct err *e);

command_run cmd_serve, cmd_routes, cmd_settings;
command_run cmd_ingest;
command_run cmd_search, cmd_explain, cmd_prompt, cmd_ask;
command_run cmd_doc_warnings;
command_run cmd_doc_list, cmd_doc_show, cmd_doc_download, cmd_doc_text, cmd_doc_versions;
command_run cmd_doc_rename, cmd_doc_delete, cmd_acl_show, cmd_acl_set;
command_run cmd_collection_list, cmd_collection_create, cmd_collection_rename;
command_run cmd_collection_delete;
command_run cmd_user_list, cmd_user_create, cmd_user_disable, cmd_user_enable, cmd_user_password;
command_run cmd_user_role;
command_run cmd_group_list, cmd_group_create, cmd_group_delete, cmd_group_members, cmd_group_add;
command_run cmd_group_remove, cmd_workspace_list, cmd_workspace_create;
command_run cmd_token_list, cmd_token_create, cmd_token_revoke;
command_run cmd_jobs_list, cmd_jobs_show, cmd_jobs_watch, cmd_jobs_retry, cmd_jobs_cancel;
command_run cmd_reindex, cmd_check, cmd_backup, cmd_restore;
command_run cmd_extract, cmd_chunk, cmd_embed;
command_run cmd_eval;

#endif
