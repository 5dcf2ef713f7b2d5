#include "index/text_tools.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/utext.h>

#include "index/base/err.h"

static const struct {
	char code[3];
	char algorithm[12];
} stemmers[] = {{"en", "english"}, {"de", "german"}, {"fr", "french"}, {"es", "spanish"},
	{"it", "italian"}, {"nl", "dutch"}, {"pt", "portuguese"}, {"ru", "russian"},
	{"sv", "swedish"}, {"da", "danish"}, {"no", "norwegian"}, {"nb", "norwegian"},
	{"fi", "finnish"}, {"hu", "hungarian"}, {"ro", "romanian"}, {"tr", "turkish"},
	{"ca", "catalan"}, {"id", "indonesian"}, {"ar", "arabic"}, {"el", "greek"},
	{"hi", "hindi"}};
#define N_STEMMERS ((int)(sizeof(stemmers) / sizeof(stemmers[0])))

struct tools {
	UBreakIterator *words;
	UText utext;
	struct sb_stemmer *stemmer[N_STEMMERS];
};

static _Thread_local struct tools *own_tools;
static pthread_key_t tools_key;
static pthread_once_t tools_once = PTHREAD_ONCE_INIT;

static void tools_destroy(void *p)
{
	struct tools *t = p;

	for (int i = 0; i < N_STEMMERS; i++) {
		sb_stemmer_delete(t->stemmer[i]);
	}
	if (t->words) {
		ubrk_close(t->words);
	}
	utext_close(&t->utext);
	free(t);
	own_tools = NULL;
}

static void make_key(void)
{
	ASSERT(pthread_key_create(&tools_key, tools_destroy) == 0);
}

static struct tools *tools(void)
{
	if (!own_tools) {
		static const UText empty = UTEXT_INITIALIZER;

		pthread_once(&tools_once, make_key);
		own_tools = calloc(1, sizeof(*own_tools));
		ASSERT(own_tools);
		own_tools->utext = empty;
		ASSERT(pthread_setspecific(tools_key, own_tools) == 0);
	}
	return own_tools;
}

struct sb_stemmer *stem_tool(const char *language)
{
	struct tools *t = tools();

	for (int i = 0; i < N_STEMMERS; i++) {
		if (strcmp(stemmers[i].code, language) == 0) {
			if (!t->stemmer[i]) {
				t->stemmer[i] = sb_stemmer_new(stemmers[i].algorithm, "UTF_8");
			}
			return t->stemmer[i];
		}
	}
	return NULL;
}

const char *stem_language(int i)
{
	return i >= 0 && i < N_STEMMERS ? stemmers[i].code : NULL;
}

UBreakIterator *words_tool(const char *text, int n_bytes)
{
	UErrorCode status = U_ZERO_ERROR;
	struct tools *t = tools();

	if (!t->words) {
		t->words = ubrk_open(UBRK_WORD, "en", NULL, 0, &status);
	}
	utext_openUTF8(&t->utext, text, n_bytes, &status);
	if (U_SUCCESS(status)) {
		ubrk_setUText(t->words, &t->utext, &status);
	}
	return U_SUCCESS(status) ? t->words : NULL;
}
