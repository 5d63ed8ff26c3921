/* command_win32.c - see command.h */
#include "command.h"
#include "kernel32.h"

#define LONGEST_COMMAND 500u
#define IS_BAT 0x5441422Eu /* ".BAT" as a word */
#define ANY_CASE 0xDFDFDFFFu

static const char shell[] = "COMMAND.COM /C ";

/* The first word of `command`, without its quotes, at most `size` bytes with the NUL. */
static void first_word(const char *command, char *word, u32 size)
{
    char end = ' ';

    if (*command == '"')
        end = *command++;
    while (*command && *command != end && --size)
        *word++ = *command++;
    *word = '\0';
}

char *command_line(char *command, char path[COMMAND_PATH])
{
    static char line[sizeof shell + LONGEST_COMMAND];
    char word[COMMAND_PATH];
    char *name;
    u32 end;
    u32 length;

    first_word(command, word, sizeof word);
    length = SearchPathA(0, word, ".EXE", COMMAND_PATH, path, &name);
    if (length > 4 && length < COMMAND_PATH) {
        memcpy(&end, path + length - 4, sizeof end);
        if ((end & ANY_CASE) != IS_BAT)
            return command;
    } else if (!SearchPathA(0, word, ".COM", COMMAND_PATH, path, &name) &&
               !SearchPathA(0, word, ".BAT", COMMAND_PATH, path, &name)) {
        return 0;
    }
    memcpy(line, shell, sizeof shell);
    for (length = 0; command[length] && length < LONGEST_COMMAND; length++)
        line[sizeof shell - 1 + length] = command[length];
    return line;
}
