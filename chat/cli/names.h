/*
 * Names to ids: people write "hr" or "hr/travel.pdf", the API wants col_… and doc_…. An id is taken
 * as it is. Asks the API as the asker, so that what may not be seen is not found (ERR_NOT_FOUND).
 * Ids are in the command's arena.
 */
#ifndef CHAT_CLI_NAMES_H
#define CHAT_CLI_NAMES_H

#include "chat/cli/cli.h"

MUST_CHECK int collection_named(struct cli *cli, const char *name, const char **id, struct err *e);
/* doc_…, or COLLECTION/NAME (the name may have slashes of its own). */
MUST_CHECK int document_named(struct cli *cli, const char *name, const char **id, struct err *e);
MUST_CHECK int user_named(struct cli *cli, const char *name, const char **id, struct err *e);
MUST_CHECK int group_named(struct cli *cli, const char *name, const char **id, struct err *e);

/* "workspace:read,group:hr:write" (or one entry a word) to [{"principal", "right"}]; "none" is the
 * empty list. */
MUST_CHECK int acl_parse(const char *const *words, int n, json_t **out, struct err *e);
/* A list of one option's value, split at commas. */
MUST_CHECK int acl_parse_list(struct cli *cli, const char *list, json_t **out, struct err *e);

#endif
