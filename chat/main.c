/* The entry of the one program. */
#include <stdio.h>

int main(void)
{
	fputs("carrel\n", stderr);
	return 2;
}
