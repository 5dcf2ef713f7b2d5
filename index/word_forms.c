#include "index/word_forms.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"
#include "index/base/hash.h"

/* 256 KiB a thread. Of MedQuAD's words 4.2 % are made anew, 7.1 % with one way, 3.2 % with four,
 * 2.5 % with twice the sets. */
#define SETS 2048
#define WAYS 2
#define CACHE_LINE 64

static _Thread_local struct word_form (*own)[WAYS];
static pthread_key_t own_key;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static void on_thread_end(void *p)
{
	free(p);
	own = NULL;
}

static void on_once(void)
{
	ASSERT(pthread_key_create(&own_key, on_thread_end) == 0);
}

static void open_own(void)
{
	pthread_once(&own_once, on_once);
	_Static_assert(sizeof(struct word_form) == CACHE_LINE, "one line to read");
	own = aligned_alloc(CACHE_LINE, SETS * sizeof(*own));
	ASSERT(own != NULL);
	memset(own, 0, SETS * sizeof(*own));
	ASSERT(pthread_setspecific(own_key, own) == 0);
}

static bool is_of(const struct word_form *f, const char *word, size_t n_bytes, const char *language)
{
	return f->n_word == n_bytes && memcmp(f->language, language, 2) == 0 &&
	       memcmp(f->word, word, n_bytes) == 0;
}

struct word_form *word_form_slot(const char *word, size_t n_bytes, const char language[2])
{
	struct word_form *set, before;

	if (!own) {
		open_own();
	}
	set = own[hash64(word, n_bytes) % SETS];
	if (is_of(&set[0], word, n_bytes, language)) {
		return &set[0];
	}
	before = set[0];
	if (is_of(&set[1], word, n_bytes, language)) {
		set[0] = set[1];
	} else {
		set[0].n_word = 0;
	}
	set[1] = before;
	return &set[0];
}
