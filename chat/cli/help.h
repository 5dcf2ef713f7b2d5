/* --help, out of the table of commands. Thread: main. */
#ifndef CHAT_CLI_HELP_H
#define CHAT_CLI_HELP_H

#include <stdio.h>

#include "chat/cli/cli.h"

void help_short(FILE *to); /* the commands */
/* Of the command; else of all whose first word is `group`; else of everything. ERR_INVALID: no such
 * group. */
MUST_CHECK int help_print(const struct command *command, const char *group, struct err *e);
/* The error for words that name no command, with what was probably meant. */
MUST_CHECK int help_unknown(int n, const char *const *words, struct err *e);

#endif
