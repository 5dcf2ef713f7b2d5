#include "ingest/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Later parts of the kernel's interface; Debian 12's header ends before them. */
#define ACCESS_FS_ABI1 ((1ULL << 13) - 1)
#define ACCESS_FS_REFER (1ULL << 13)
#define ACCESS_FS_TRUNCATE (1ULL << 14)
#define ACCESS_FS_IOCTL_DEV (1ULL << 15)
#define ACCESS_NET_TCP 3ULL
#define SCOPE_ALL 3ULL /* abstract sockets, signals */

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

static long abi_version(void)
{
	static long abi; /* a running kernel's does not change */

	if (abi < 1) {
		abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
			LANDLOCK_CREATE_RULESET_VERSION);
	}
	return abi;
}

/* All that this kernel can refuse. */
static uint64_t known_fs(void)
{
	long abi = abi_version();

	return ACCESS_FS_ABI1 | (abi >= 2 ? ACCESS_FS_REFER : 0) |
	       (abi >= 3 ? ACCESS_FS_TRUNCATE : 0) | (abi >= 5 ? ACCESS_FS_IOCTL_DEV : 0);
}

int landlock_open(void)
{
	long abi = abi_version();
	struct ruleset_attr attr = {.fs = known_fs(),
		.net = abi >= 4 ? ACCESS_NET_TCP : 0,
		.scoped = abi >= 6 ? SCOPE_ALL : 0};
	size_t n_fields = abi >= 6 ? 3 : abi >= 4 ? 2 : 1;

	return abi < 1 ? -1
		       : (int)syscall(SYS_landlock_create_ruleset, &attr,
				 n_fields * sizeof(uint64_t), 0U);
}

/* What of these rights means anything for the thing itself. */
static uint64_t rights_on(const struct stat *st, enum landlock_use use)
{
	const uint64_t of_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				  LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_FS_TRUNCATE |
				  ACCESS_FS_IOCTL_DEV;
	uint64_t rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

	if (use == LANDLOCK_RUN) {
		rights |= LANDLOCK_ACCESS_FS_EXECUTE;
	} else if (use == LANDLOCK_OWN) {
		/* Neither devices nor code. */
		rights = known_fs() &
			 ~(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
				 LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_FS_IOCTL_DEV);
	} else if (use == LANDLOCK_NAME_SOCKETS) {
		rights = LANDLOCK_ACCESS_FS_MAKE_SOCK;
	} else if (use == LANDLOCK_PIPE) {
		rights |= LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE;
	}
	rights &= known_fs();
	return S_ISDIR(st->st_mode) ? rights : rights & of_files;
}

int landlock_add(int rules, const char *path, enum landlock_use use)
{
	struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
	struct stat st;
	int rc = -1;

	if (rule.parent_fd < 0) {
		return errno == ENOENT ? 0 : -1;
	}
	if (fstat(rule.parent_fd, &st) == 0) {
		rule.allowed_access = rights_on(&st, use);
		rc = (int)syscall(
			SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
	}
	close(rule.parent_fd);
	return rc;
}

int landlock_enter(int rules)
{
	return (int)syscall(SYS_landlock_restrict_self, rules, 0U);
}
