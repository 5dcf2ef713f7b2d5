/* The entry of the one program: chat/cli/commands.c says what it can do. */
#include "chat/cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, (const char *const *)argv);
}
