/* What `search` and `explain` have in common. Thread: main. */
#ifndef CHAT_CLI_CMD_SEARCH_H
#define CHAT_CLI_CMD_SEARCH_H

#include "chat/cli/cli.h"

/* The command's words, --limit and --collection to POST /v1/search. *out: a new reference. */
MUST_CHECK int search_ask(struct cli *cli, bool explain, json_t **out, struct err *e);
/* On stderr, why only words were searched. */
void search_warn_of_servers(const struct cli *cli, const json_t *found);

#endif
