/* args_win32.c - the helper's own, smaller args_split in place of the platform's: its arguments are a word and a
 * file name, so blanks are all it knows. */
#include "args.h"

int args_split(const char *line, char *text, char **argv, int most)
{
    int count = 0;

    while (*line && count + 1 < most) {
        argv[count++] = text;
        while (*line && *line != ' ')
            *text++ = *line++;
        *text++ = '\0';
        while (*line == ' ')
            line++;
    }
    argv[count] = 0;
    return count;
}
