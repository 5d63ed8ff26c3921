/* start_win32.c - where a program begins on Windows 95 and later. */
#include "args.h"
#include "kernel32.h"

#define MOST_ARGS 64

/* The entry point: no arguments, the stack as the system left it, and it must not return. The
 * attribute aligns the stack, which Windows 98 gives us on 4 bytes only. No box may pop up on the
 * target when a drive is not ready: nobody may be there to click it away. */
void start(void) __asm__("_start") __attribute__((force_align_arg_pointer, noreturn));
void start(void)
{
    const char *line = GetCommandLineA();
    usize room = 1 + MOST_ARGS;
    char **argv;
    int argc;

    while (line[room - 1 - MOST_ARGS])
        room++;
    argv = (char **)sys_alloc(MOST_ARGS * sizeof *argv + room);
    SetErrorMode(SEM_FAILCRITICALERRORS);
    if (!argv)
        sys_exit(9);
    argc = args_split(line, (char *)(argv + MOST_ARGS), argv, MOST_ARGS);
    sys_exit(sys_main(argc, argv));
}
