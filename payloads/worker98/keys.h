/* keys.h - what is to be typed: ALT+N ENTER "text". No I/O. */
#ifndef AGENT_KEYS_H
#define AGENT_KEYS_H

#include "words.h"

/* Called for each key: a virtual key code (0: then `c` is a character of a quoted text), pressed or released. */
typedef void keys_each(u32 key, char c, int pressed);

/* Goes through the text. 0 when a word of it is no key; then nothing was called. */
int keys_type(const char *text, keys_each *each);

#endif
