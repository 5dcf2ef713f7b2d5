/*
 * What a model is sent, from stable to volatile, so that a provider's prefix cache works:
 * system (always the same bytes), recent turns, then one message with the sources and the question.
 *
 * Sources are fenced by lines that carry a random mark of this request and are called data; inside
 * the fence stand the document's name, page and heading as well, since they too come from others.
 * The model sees handles [1] … [n], never ids. The estimate (index/tokens.h) of all messages and
 * the answer together never exceeds the window: the question comes first, then sources, then turns
 * from the newest back; what does not fit is left out, a question that is too long is cut. Pure,
 * but for the random mark. Thread: any.
 */
#ifndef CHAT_PROMPT_H
#define CHAT_PROMPT_H

#include <stdint.h>
#include <jansson.h>

#include "index/base/arena.h"
#include "index/base/settings.h"
#include "retrieve/search.h"

#define PROMPT_PASSAGES_MAX 12

struct prompt_turn {
	const char *question;
	const char *answer; /* its markers are of another prompt: they are taken out */
};

struct prompt_order {
	int64_t context_tokens; /* the model's window */
	int64_t answer_tokens;	/* asked for */
	int64_t source_tokens;	/* budget of the sources */
	const char *question;
	const struct prompt_turn *turns; /* [n_turns] oldest first */
	int n_turns;
	const struct passage *passages; /* [n_passages] best first; [1] is the first */
	int n_passages;
};

struct prompt {
	json_t *messages;  /* an array; a reference of the caller's */
	int n_sources;	   /* passages[0 … n_sources) are in it */
	int n_turns;	   /* the newest so many */
	int n_tokens;	   /* estimated, of all messages */
	int answer_tokens; /* what may be asked of the model: at most a third of the window */
};

void prompt_build(const struct prompt_order *o, struct prompt *out);

#endif
