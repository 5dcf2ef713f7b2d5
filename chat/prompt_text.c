#include "chat/prompt_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define HANDLE_MOST 64 /* bytes; cite and sentence_marker() read no longer ones */

/* Of the templates of Llama 2 and 3, Mistral, Gemma, Qwen, DeepSeek, Phi and Command R, as their
 * publishers' tokenizer files list them: what is not written "<|…|>". */
static const char *const tags[] = {"s", "unk", "pad", "bos", "eos", "mask", "start_of_turn",
	"end_of_turn", "start_of_image", "end_of_image", "think", "tool_call", "tool_response",
	"bos_token", "eop_token", "eos_token"};
static const char *const frames[] = {"inst", "system_prompt", "available_tools", "tool_calls",
	"tool_results", "tool_content", "img", "img_break", "img_end", "prefix", "middle", "suffix",
	"think"};

static bool begins(const char *s, size_t n, const char *with)
{
	size_t len = strlen(with);

	return n >= len && strncasecmp(s, with, len) == 0;
}

/* A name of the list and then the end. */
static bool is_named(const char *s, size_t n, const char *const *names, size_t n_names, char end)
{
	size_t slash = n > 0 && *s == '/' ? 1 : 0;

	s += slash;
	n -= slash;
	for (size_t i = 0; i < n_names; i++) {
		size_t len = strlen(names[i]);

		if (n > len && s[len] == end && begins(s, n, names[i])) {
			return true;
		}
	}
	return false;
}
#define IS_NAMED(s, n, names, end) is_named(s, n, names, sizeof(names) / sizeof((names)[0]), end)

static bool is_mark(const char *s, size_t n)
{
	if (*s == '[') {
		return IS_NAMED(s + 1, n - 1, frames, ']');
	}
	return *s == '<' && (begins(s + 1, n - 1, "|") || begins(s + 1, n - 1, "｜") ||
				    begins(s + 1, n - 1, "<SYS") || begins(s + 1, n - 1, "</SYS") ||
				    IS_NAMED(s + 1, n - 1, tags, '>'));
}

/* Bytes of a handle at s; 0: none. inside, its bytes from *from to *to stand between brackets. */
static size_t handle_at(const char *s, size_t n, size_t *from, size_t *to)
{
	size_t i = *s == '[' ? 1 : begins(s, n, "【") ? strlen("【") : 0;
	bool digit = false;

	*from = i;
	while (i > 0 && i < n && i < HANDLE_MOST) {
		size_t len = begins(s + i, n - i, "–") ? strlen("–") : 1;

		if (len == 1 && !isdigit((unsigned char)s[i]) && !strchr(", -", s[i])) {
			break;
		}
		digit = digit || isdigit((unsigned char)s[i]);
		i += len;
	}
	*to = i;
	return !digit || i >= n		    ? 0
	       : s[i] == ']'		    ? i + 1
	       : begins(s + i, n - i, "】") ? i + strlen("】")
					    : 0;
}

static void add(struct buf *out, const char *s, size_t n, bool handles)
{
	buf_reserve(out, n);
	for (size_t i = 0; i < n;) {
		size_t from, to, len = handles ? handle_at(s + i, n - i, &from, &to) : 0;

		if (len > 0) {
			buf_char(out, '(');
			buf_add(out, s + i + from, to - from);
			buf_char(out, ')');
			i += len;
			continue;
		}
		if (is_mark(s + i, n - i)) {
			buf_char(out, s[i]);
			buf_char(out, ' ');
		} else {
			buf_char(out, s[i]);
		}
		i++;
	}
}

void prompt_text_add(struct buf *out, const char *s, size_t n_bytes)
{
	add(out, s, n_bytes, false);
}

void prompt_text_source(struct buf *out, const char *s, size_t n_bytes)
{
	add(out, s, n_bytes, true);
}

void prompt_text_line(struct buf *out, const char *s)
{
	size_t from = out->len;

	add(out, s, strlen(s), true);
	for (; from < out->len; from++) {
		out->data[from] = (unsigned char)out->data[from] < ' ' ? ' ' : out->data[from];
	}
}
