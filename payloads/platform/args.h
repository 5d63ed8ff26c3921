/* args.h - a command line cut into arguments, as Microsoft's C run time cuts it.
 *
 * Blanks and tabs separate; a "quoted" stretch keeps its blanks; 2n backslashes before a quote are
 * n backslashes and the quote counts, 2n+1 are n backslashes and a plain quote; other backslashes
 * are themselves. No wildcards, no escapes of other kinds. */
#ifndef PLATFORM_ARGS_H
#define PLATFORM_ARGS_H

/* Splits `line` into `argv` (room for `most` pointers, the closing NULL among them), the texts
 * going into `text`, which must have room for strlen(line) + 1 + `most` bytes. Arguments beyond the room
 * are dropped. Returns argc. */
int args_split(const char *line, char *text, char **argv, int most);

#endif
