/* Threads of our own: signals are the business of the one that runs the loop or the command, so all
 * others start with every signal blocked. Thread: any. */
#ifndef INDEX_BASE_THREAD_H
#define INDEX_BASE_THREAD_H

#include <pthread.h>

int thread_start(pthread_t *out, void *(*run)(void *arg), void *arg); /* 0, or an errno */

#endif
