/* chat.h - a conversation at the PC's own screen. */
#ifndef LLAMA98_CHAT_H
#define LLAMA98_CHAT_H

#include "vocabulary.h"

/* Answers one line after the other until standard input ends, or, with options->prompt, that one text. The model is
 * loaded. Returns the exit code. */
int chat_run(struct model *m, const struct vocabulary *v, struct sampler *s, const struct options *o);

#endif
