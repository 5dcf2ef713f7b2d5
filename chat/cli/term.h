/* The terminal: is there one, how wide, may it be coloured; a password without echo; SIGINT.
 * Thread: main. */
#ifndef CHAT_CLI_TERM_H
#define CHAT_CLI_TERM_H

#include <signal.h>
#include <stdbool.h>

#include "index/base/arena.h"
#include "index/base/err.h"

bool term_is(int fd);
/* COLUMNS if set, else the terminal's, else 80. At least 40. */
int term_columns(int fd);
bool term_colour(int fd); /* a terminal, not TERM=dumb, and NO_COLOR (no-color.org) is not set */

/* Asks on /dev/tty without echo, twice if `twice`; ERR_INVALID when there is no terminal. */
MUST_CHECK int term_password(
	struct arena *a, const char *prompt, bool twice, char **out, struct err *e);

/* The signal that asked to stop (SIGINT, SIGTERM), 0: none. A second one ends the process at once.
 */
extern volatile sig_atomic_t term_stopped;
void term_catch_signals(void);

#endif
