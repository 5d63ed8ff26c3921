/* script.c - see script.h */
#include "script.h"

static int take_name(const char *word, char name[SCRIPT_NAME])
{
    u32 i;

    for (i = 0; word[i]; i++)
        if (i == SCRIPT_NAME - 1 || word[i] == '\\' || word[i] == '/' || word[i] == ':' || (u8)word[i] <= ' ')
            return 0;
    put(name, SCRIPT_NAME, "%s", word);
    return i && *word != '.';
}

int script_get(char *line, char remote[SCRIPT_NAME], char local[SCRIPT_NAME])
{
    char *word;

    if (!text_same(next_word(&line), "get"))
        return 0;
    word = next_word(&line);
    if (!take_name(word, remote))
        return 0;
    return take_name(*line ? next_word(&line) : word, local) && !*line;
}

int script_put(char *line, char name[SCRIPT_NAME])
{
    return text_same(next_word(&line), "put") && take_name(next_word(&line), name) && !*line;
}
