/* Only in `make tsan`.
 *
 * A test that forks and goes on with threads in the child is sound where the parent's have nothing
 * in hand: test_pipeline's is the zygote's keeper, asleep. Other children run another program.
 *
 * libuv closes its descriptors with syscall(SYS_close), which the sanitizer
 * does not see: it would take the next file of that number for the same one, read and closed by two
 * threads. Here it becomes a close() that it sees. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

long syscall(long number, ...)
{
	static long (*_Atomic libc)(long number, ...);
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++) {
		a[i] = va_arg(ap, long);
	}
	va_end(ap);
	if (number == SYS_close) {
		return close((int)a[0]);
	}
	if (!libc) {
		libc = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	}
	return libc(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}
