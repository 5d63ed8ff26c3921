/* reply.c - see reply.h */
#include "reply.h"

/* The code at the beginning of a line, 0 when there is none. */
static u32 code_of(const char *line)
{
    u32 code = 0;
    u32 i;

    for (i = 0; i < 3; i++) {
        if ((u32)line[i] - '0' > 9)
            return 0;
        code = code * 10 + (u32)line[i] - '0';
    }
    return code >= 100 && code < 600 ? code : 0;
}

int reply_take(struct replies *replies, char byte)
{
    u32 code;

    if (byte == '\r')
        return 0;
    if (byte != '\n') {
        if (replies->used < REPLY_SIZE - 1)
            replies->line[replies->used++] = byte ? byte : ' ';
        return 0;
    }
    replies->line[replies->used] = '\0';
    code = replies->used >= 3 ? code_of(replies->line) : 0;
    replies->used = 0;
    if (replies->more) { /* everything is text until the same code comes with a blank */
        if (code != replies->more || replies->line[3] == '-')
            return 0;
        replies->more = 0;
        return (int)code;
    }
    if (!code)
        return -1;
    if (replies->line[3] == '-') {
        replies->more = code;
        return 0;
    }
    return (int)code;
}

u32 reply_port(const char *line)
{
    u32 part[MOST_NUMBERS];

    while (*line && *line != '(')
        line++;
    if (!*line)
        return 0;
    line++;
    return small_numbers(&line, ',', part) == 6 && *line == ')' ? part[4] << 8 | part[5] : 0;
}
