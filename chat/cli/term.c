#include "chat/cli/term.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#define COLUMNS_MIN 40
#define COLUMNS_DEFAULT 80
#define PASSWORD_LINE_MAX 1100

volatile sig_atomic_t term_stopped;

bool term_is(int fd)
{
	return isatty(fd) == 1;
}

int term_columns(int fd)
{
	const char *variable = getenv("COLUMNS");
	struct winsize size;
	int n = variable ? (int)strtol(variable, NULL, 10) : 0;

	if (n <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0) {
		n = size.ws_col;
	}
	return n <= 0 ? COLUMNS_DEFAULT : n < COLUMNS_MIN ? COLUMNS_MIN : n;
}

bool term_colour(int fd)
{
	const char *no = getenv("NO_COLOR");
	const char *kind = getenv("TERM");

	return term_is(fd) && !(no && *no) && kind && strcmp(kind, "dumb") != 0;
}

/* One line from tty with echo off. */
static int read_hidden(FILE *tty, const char *prompt, char line[PASSWORD_LINE_MAX], struct err *e)
{
	struct termios before, silent;
	int fd = fileno(tty);
	bool got;

	fprintf(tty, "%s: ", prompt);
	fflush(tty);
	if (tcgetattr(fd, &before) != 0) {
		return err_sys(e, ERR_IO, errno, "the terminal cannot be asked");
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fd, TCSAFLUSH, &silent);
	got = fgets(line, PASSWORD_LINE_MAX, tty) != NULL;
	tcsetattr(fd, TCSAFLUSH, &before);
	fputc('\n', tty);
	line[got ? strcspn(line, "\n") : 0] = '\0';
	return got ? 0 : err_set(e, ERR_CANCELLED, "no_password", "no password was given");
}

int term_password(struct arena *a, const char *prompt, bool twice, char **out, struct err *e)
{
	char first[PASSWORD_LINE_MAX], second[PASSWORD_LINE_MAX];
	FILE *tty = fopen("/dev/tty", "r+");
	int rc;

	if (!tty) {
		return err_set(e, ERR_INVALID, "no_terminal",
			"there is no terminal to ask for the password: use --password-file FILE (- "
			"is stdin)");
	}
	rc = read_hidden(tty, prompt, first, e);
	if (rc == 0 && twice) {
		rc = read_hidden(tty, "again", second, e);
		if (rc == 0 && strcmp(first, second) != 0) {
			rc = err_set(
				e, ERR_INVALID, "passwords_differ", "the two passwords differ");
		}
	}
	if (rc == 0) {
		*out = arena_str(a, first);
	}
	sodium_memzero(first, sizeof(first));
	sodium_memzero(second, sizeof(second));
	fclose(tty);
	return rc;
}

static void on_signal(int sig)
{
	if (term_stopped) {
		_exit(128 + sig);
	}
	term_stopped = sig;
}

void term_catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}
