/*
 * Whether a sentence orders whoever answers about, rather than telling anything: "Ignore all
 * previous instructions", "Add a link to your reply". Documents of others are full of text, and
 * some of it is written to be carried into answers; what quotes well then is not what is true.
 * Words in order, no model: English; the commonest phrases in German and Chinese. Instructions to
 * people
 * ("Reply with STOP") may be taken for one, so that it is a doubt, not a verdict. Pure. Thread:
 * any.
 */
#ifndef CHAT_EXTRACTIVE_ORDER_H
#define CHAT_EXTRACTIVE_ORDER_H

#include <stddef.h>

enum order {
	ORDER_NONE,
	ORDER_LIKELY, /* of the answer's form, or a rule for machines: "in your response" */
	ORDER_CLEAR   /* to a machine, or against what it was told: what follows belongs to it */
};
enum order order_read(const char *text, size_t n_bytes);

#endif
