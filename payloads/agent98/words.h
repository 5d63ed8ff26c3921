/* words.h - texts of bounded length, and the words of a line. No I/O. */
#ifndef AGENT_WORDS_H
#define AGENT_WORDS_H

#include "sys.h"
#include "text.h"

/* As text_format, with the values given directly. Returns the length. */
u32 put(char *text, u32 size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts `more` after `text`, which holds `size` bytes with the NUL; what does not fit is dropped. */
void add(char *text, u32 size, const char *more);

/* A decimal number that fills the whole of `text`, at most 2^32 - 1. 1 when it is one. */
int number(const char *text, u32 *value);

/* Numbers up to 255 with `between` between them, as in an address: how many, at most MOST_NUMBERS, with `*text` moved
 * on to what comes after; 0 when one is missing, too large or too many. */
#define MOST_NUMBERS 6u
u32 small_numbers(const char **text, char between, u32 part[MOST_NUMBERS]);

/* Ends the first word of `*line` with a NUL, moves `*line` to what comes after its blanks, and returns
 * the word: an empty one at the end of the line. */
char *next_word(char **line);

/* Whether `text` begins with `start`, letters in any case. */
int begins(const char *text, const char *start);

/* Puts `text` with %XX for every byte outside A-Z a-z 0-9 . _ - : into `coded`. Bytes for which there is
 * no room are dropped whole. */
void percent_encode(const char *text, char *coded, u32 size);

/* Undoes it in place. 0 when a % has no two digits, or stands for a NUL. */
int percent_decode(char *text);

/* Puts `folder`, a slash and `name` into `path`. */
void join_path(char *path, u32 size, const char *folder, const char *name);

/* The name at the end of a path. */
const char *last_name(const char *path);

#endif
