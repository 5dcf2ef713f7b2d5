#include "chat/extractive_order.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 96 /* of a longer sentence the rest is not read */

/*
 * Written from the injected instructions of BIPIA's training half (Yi et al. 2023) and from the
 * phrases that its like (HackAPrompt, Greshake et al. 2023) have in common; the other half judged
 * them (tests/quality/21). Lists are "|word|word|".
 */
#define OVERRIDES "|ignore|disregard|forget|override|bypass|overlook|ignoriere|vergiss|"
#define OVERRIDDEN                                                                                 \
	"|instruction|instructions|prompt|prompts|rules|guidelines|directions|directives|orders|"  \
	"commands|document|documents|context|everything|anything|anweisung|anweisungen|alles|"
#define ANSWERS "|response|responses|reply|replies|answer|answers|output|"
#define SAYS "|respond|reply|answer|output|say|print|"
#define SAYS_HOW "|with|only|that|as|exactly|nothing|using|"
#define MACHINES "|ai|ais|llm|llms|chatbot|chatbots|assistant|assistants|bot|bots|model|models|"
#define SURE_MACHINES "|ai|ais|llm|llms|chatbot|chatbots|"
#define OBLIGES "|must|should|shall|please|"
#define CALLS "|note|attention|message|instruction|instructions|notice|reminder|memo|"
#define LEADS_ON "|and|then|please|now|instead|must|should|shall|"

struct word {
	const char *s;
	int len;
	bool leads; /* a command may begin here: behind a mark, "and", "please" */
};

struct words {
	struct word items[WORDS_MAX];
	int n;
};

static bool in(const struct word *w, const char *list)
{
	for (const char *at = list + 1; *at; at = strchr(at, '|') + 1) {
		if (strncasecmp(at, w->s, (size_t)w->len) == 0 && at[w->len] == '|') {
			return true;
		}
	}
	return false;
}

static void read_words(const char *s, size_t n_bytes, struct words *out)
{
	size_t i = 0;
	bool mark = true;

	out->n = 0;
	while (i < n_bytes && out->n < WORDS_MAX) {
		size_t from = i;

		while (i < n_bytes && (isalnum((unsigned char)s[i]) || (s[i] & 0x80))) {
			i++;
		}
		if (i == from) {
			mark = mark || s[i] != ' ';
			i++;
			continue;
		}
		out->items[out->n] = (struct word){s + from, (int)(i - from), mark};
		out->items[out->n].leads |= out->n > 0 && in(&out->items[out->n - 1], LEADS_ON);
		out->n++;
		mark = false;
	}
}

/* One of the list among the next `within` words behind `at`. */
static bool follows(const struct words *w, int at, int within, const char *list)
{
	for (int i = at + 1; i < w->n && i <= at + within; i++) {
		if (in(&w->items[i], list)) {
			return true;
		}
	}
	return false;
}

static bool is_clear(const struct words *w, int i)
{
	const struct word *x = &w->items[i];

	return (x->leads && in(x, OVERRIDES) && follows(w, i, 7, OVERRIDDEN)) ||
	       (in(x, "|you|") && follows(w, i, 1, "|are|") &&
		       follows(w, i, 6, "|ai|llm|chatbot|bot|")) ||
	       (in(x, CALLS) && follows(w, i, 1, "|to|for|") && follows(w, i, 5, MACHINES));
}

static bool is_likely(const struct words *w, int i)
{
	const struct word *x = &w->items[i];

	return (in(x, "|your|") && follows(w, i, 2, ANSWERS)) ||
	       (in(x, "|system|") && follows(w, i, 1, "|prompt|")) ||
	       (in(x, "|language|") && follows(w, i, 1, "|model|models|") &&
		       follows(w, i, 3, OBLIGES)) ||
	       (in(x, SURE_MACHINES) && follows(w, i, 2, OBLIGES)) ||
	       (x->leads && in(x, SAYS) && follows(w, i, 1, SAYS_HOW));
}

/* Languages whose words are not told apart here, and German's set phrases. */
static bool has_phrase(const char *s, size_t n_bytes)
{
	static const char *const phrases[] = {"忽略之前", "忽略以上", "忽略上述", "忽略所有",
		"无视之前", "无视以上", "系统提示", "你的回答", "你的回复", "ignorieren Sie alle",
		"deiner Antwort", "deine Antwort", "Systemprompt", "Sprachmodell"};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (memmem(s, n_bytes, phrases[i], strlen(phrases[i]))) {
			return true;
		}
	}
	return false;
}

enum order order_read(const char *text, size_t n_bytes)
{
	enum order found = has_phrase(text, n_bytes) ? ORDER_LIKELY : ORDER_NONE;
	struct words words;

	read_words(text, n_bytes, &words);
	for (int i = 0; i < words.n && found != ORDER_CLEAR; i++) {
		found = is_clear(&words, i)    ? ORDER_CLEAR
			: is_likely(&words, i) ? ORDER_LIKELY
					       : found;
	}
	return found;
}
