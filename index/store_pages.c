#include "index/store_pages.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "index/base/err.h"

#define PAGE_MAX 65536
#define FILE_HEADER 100 /* of the first page */

/* A page that continues a long row begins with the number of the next: its first byte is a kind of
 * tree page from this many pages on. The last quarter is for what one checkpoint may add. */
#define PAGES_TOLD_APART (0x02000000 / 4 * 3)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const sqlite3_io_methods *theirs; /* of the files of one VFS, all the same */
static sqlite3_io_methods ours;

static int be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* The unused space of a page of a tree (fileformat2.html, 1.6): from the end of the pointers to its
 * cells to the first of these. False: it has none, or is another kind of page. */
static bool unused_space(const uint8_t *page, int n_bytes, bool first, int *from, int *to)
{
	const uint8_t *head = page + (first ? FILE_HEADER : 0);
	bool inner = head[0] == 2 || head[0] == 5;

	if (!inner && head[0] != 10 && head[0] != 13) {
		return false;
	}
	*from = (int)(head - page) + (inner ? 12 : 8) + 2 * be16(head + 3);
	*to = be16(head + 5) ? be16(head + 5) : PAGE_MAX;
	return *from < *to && *to <= n_bytes;
}

static bool all_zero(const uint8_t *p, int n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, (size_t)n - 1) == 0);
}

static int write_clean(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	uint8_t page[PAGE_MAX];
	sqlite3_int64 n_file = 0;
	int from, to;

	if (n < 512 || n > PAGE_MAX || at % n != 0 ||
		!unused_space(bytes, n, at == 0, &from, &to) ||
		all_zero((const uint8_t *)bytes + from, to - from) ||
		theirs->xFileSize(file, &n_file) != SQLITE_OK || n_file / n >= PAGES_TOLD_APART) {
		return theirs->xWrite(file, bytes, n, at);
	}
	memcpy(page, bytes, (size_t)n);
	memset(page + from, 0, (size_t)(to - from));
	return theirs->xWrite(file, page, n, at);
}

int store_pages_clean(sqlite3 *c)
{
	sqlite3_file *file = NULL;
	int rc = sqlite3_file_control(c, "main", SQLITE_FCNTL_FILE_POINTER, &file);

	if (rc != SQLITE_OK || !file || !file->pMethods) {
		return rc == SQLITE_OK ? SQLITE_INTERNAL : rc;
	}
	pthread_mutex_lock(&lock);
	if (!theirs) {
		theirs = file->pMethods;
		ours = *theirs;
		ours.xWrite = write_clean;
	}
	ASSERT(file->pMethods == theirs);
	file->pMethods = &ours;
	pthread_mutex_unlock(&lock);
	return SQLITE_OK;
}
