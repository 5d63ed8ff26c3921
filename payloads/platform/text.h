/* text.h - texts to the console, and numbers and names read from text. */
#ifndef PLATFORM_TEXT_H
#define PLATFORM_TEXT_H

#include "sys.h"

#include <stdarg.h> /* the one header that a compiler without a C library has for us */

/* Puts a text into `buffer`, which holds `size` bytes with the NUL, by a format that knows %s, %u, %x
 * and %X, the last three with a width of up to 9 and zeros in front. What does not fit is dropped. Returns
 * the length. */
u32 text_format(char *buffer, u32 size, const char *format, va_list list);

/* At most 249 bytes to the console. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

u32 text_length(const char *text);

/* A letter in upper case, ASCII and Windows-1252: what the file system takes for the same. */
u32 fold(char c);

/* Whether two names mean the same file: they differ in case only. */
int text_same(const char *a, const char *b);

/* A decimal number without sign or leading zero that fills the whole of `text` and is at most 2^31 - 1.
 * 1 when it is one. */
int text_number(const char *text, u32 *number);

/* `count` bytes from 2 * `count` hexadecimal digits that fill the whole of `text`. The letters must be
 * from `a` on: 'A' for upper-case, 'a' for lower-case. 1 when they are. */
int text_hex(const char *text, char a, u8 *bytes, u32 count);

#endif
