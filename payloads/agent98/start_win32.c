/* start_win32.c - where the agent begins; see platform/start_win32.c. What it is called with begins at the first slash,
 * which no path of Windows has, and needs no quotes. */
#include "win98.h"
#include "words.h"

#define MOST_WORDS 4

void start(void) __asm__("_start") __attribute__((force_align_arg_pointer, noreturn));
void start(void)
{
    static char line[128];
    char *argv[MOST_WORDS];
    char *rest = GetCommandLineA();
    int argc = 1;

    SetErrorMode(SEM_FAILCRITICALERRORS);
    while (*rest && *rest != '/')
        rest++;
    put(line, sizeof line, "%s", rest);
    for (rest = line; *rest && argc < MOST_WORDS;)
        argv[argc++] = next_word(&rest);
    sys_exit(sys_main(argc, argv));
}
