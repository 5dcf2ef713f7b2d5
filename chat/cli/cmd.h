/* The commands' run functions, for the table in commands.c; each file is named after what it is
 * about. */
#ifndef CHAT_CLI_CMD_H
#define CHAT_CLI_CMD_H

#include "chat/cli/cli.h"

#define COMMAND_RUNS(X)                                                                            \
	X(serve)                                                                                   \
	X(ingest)                                                                                  \
	X(reindex)                                                                                 \
	X(search)                                                                                  \
	X(explain)                                                                                 \
	X(ask)                                                                                     \
	X(doc_list) X(doc_show) X(doc_download) X(doc_delete) X(doc_rename) X(doc_versions)        \
		X(doc_text) X(acl_show) X(acl_set) X(collection_list) X(collection_create) X(      \
			collection_rename) X(collection_delete) X(user_list) X(user_create)        \
			X(user_disable) X(user_enable) X(user_password) X(user_role) X(group_list) \
				X(group_create) X(group_delete) X(group_members) X(group_add) X(   \
					group_remove) X(workspace_list) X(workspace_create)        \
					X(token_list) X(token_create) X(token_revoke) X(jobs_list) \
						X(jobs_show) X(jobs_retry) X(jobs_cancel)          \
							X(jobs_watch) X(check) X(extract) X(chunk) \
								X(embed) X(routes) X(settings)
#define X(name) int cmd_##name(struct cli *cli, struct err *e);
COMMAND_RUNS(X)
#undef X

#endif
