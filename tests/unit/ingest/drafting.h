/* A draft written in a process of its own, since a fault of it ends that, and read back. */
#ifndef TESTS_UNIT_INGEST_DRAFTING_H
#define TESTS_UNIT_INGEST_DRAFTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "ingest/draft.h"

/* r: initialised; its limits of children are the draft's. */
static void read_draft(void (*write_it)(struct draft *d), size_t text_max, struct frame_reader *r)
{
	int ends[2], status;
	char chunk[4096];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		struct draft d;

		close(ends[0]);
		draft_init(&d, ends[1], text_max, 10);
		d.children_max = r->children_max;
		d.children_bytes_max = r->children_bytes_max;
		write_it(&d);
		draft_end(&d);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], chunk, sizeof(chunk))) > 0) {
		assert_true(frame_reader_feed(r, chunk, (size_t)n) >= 0);
	}
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#endif
