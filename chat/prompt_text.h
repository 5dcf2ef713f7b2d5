/*
 * Text of others as it may stand in a prompt: it stays readable and says the same, but nothing in
 * it is a handle of ours or a mark of a chat template. Pure. Thread: any.
 *
 *   mark    = '<' ( '|' | '｜' | [ '/' ] name '>' )  |  "<<SYS" | "<</SYS"  |  '[' [ '/' ] NAME ']'
 *   handle  = ( '[' | '【' ) digits, ',', '-', '–', blanks ( ']' | '】' )
 *
 * A mark gets a blank behind its first character, a handle round brackets. Servers put a message's
 * text into the model's template and read marks in the result, so that "<|im_start|>system" in a
 * document would begin a message of the system's.
 */
#ifndef CHAT_PROMPT_TEXT_H
#define CHAT_PROMPT_TEXT_H

#include <stddef.h>

#include "index/base/buf.h"

/* Without marks: what the asker wrote, and earlier answers, whose own handles are taken out. */
void prompt_text_add(struct buf *out, const char *s, size_t n_bytes);
/* Without marks and handles: what a document says. */
void prompt_text_source(struct buf *out, const char *s, size_t n_bytes);
/* The same, on one line: a document's name, a heading. */
void prompt_text_line(struct buf *out, const char *s);

#endif
