/* args.c - see args.h */
#include "args.h"

/* Copies one argument from `*line` to `*text`, both moved on; no NUL is written. */
static void one_argument(const char **line, char **text)
{
    const char *in = *line;
    char *out = *text;
    int quoted = 0;
    int slashes;

    while (*in && (quoted || (*in != ' ' && *in != '\t'))) {
        for (slashes = 0; *in == '\\'; in++)
            slashes++;
        if (*in == '"') {
            int plain = slashes & 1;
            for (slashes /= 2; slashes; slashes--)
                *out++ = '\\';
            if (plain)
                *out++ = '"';
            else
                quoted = !quoted;
            in++;
            continue;
        }
        if (slashes) {
            for (; slashes; slashes--)
                *out++ = '\\';
            continue; /* what follows may be a blank, so ask again whether the argument goes on */
        }
        *out++ = *in++;
    }
    *line = in;
    *text = out;
}

int args_split(const char *line, char *text, char **argv, int most)
{
    int count = 0;

    for (;;) {
        while (*line == ' ' || *line == '\t')
            line++;
        if (!*line || count + 1 >= most)
            break;
        argv[count++] = text;
        one_argument(&line, &text);
        *text++ = '\0';
    }
    argv[count] = 0;
    return count;
}
