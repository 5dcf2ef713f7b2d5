/*
 * Landlock, by raw system calls since no library wraps it: which paths a process may use from now
 * on. Nothing is allowed but what was added before landlock_enter. Kernels differ in what they can
 * refuse (the network from 6.7, signals and abstract sockets from 6.12): all that this one can is
 * refused. Thread: single-threaded processes only.
 */
#ifndef INGEST_LANDLOCK_H
#define INGEST_LANDLOCK_H

enum landlock_use {
	LANDLOCK_LOOK,	       /* read files, list folders */
	LANDLOCK_RUN,	       /* and execute them */
	LANDLOCK_OWN,	       /* and write, make and remove what is in it; not the folder itself */
	LANDLOCK_PIPE,	       /* read and write a device */
	LANDLOCK_NAME_SOCKETS, /* make sockets in a folder, and nothing else there */
};

int landlock_open(void);		      /* the rules' fd, or -1 with errno */
int landlock_add(int rules, const char *path, /* a file or all below a folder */
	enum landlock_use use);		      /* 0, also where the path is absent; -1 with errno */
int landlock_enter(int rules);		      /* no_new_privs must be set. 0, or -1 with errno */

#endif
