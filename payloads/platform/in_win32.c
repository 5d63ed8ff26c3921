/* in_win32.c - sys_in and sys_escape for Windows; apart, for programs that ask nobody. */
#include "kernel32.h"

#define ESC 27
#define KEY_EVENT 1

int sys_in(void *bytes, u32 count, u32 *got)
{
    *got = 0;
    ReadFile(GetStdHandle(STD_INPUT_HANDLE), bytes, count, got, 0); /* a pipe whose writer is gone fails: that is the end */
    return SYS_OK;
}

/* What a pipe holds next. */
static int escape_in_pipe(handle input)
{
    u8 byte = 0;
    u32 got = 0, ready, left;

    if (!PeekNamedPipe(input, &byte, 1, &got, &ready, &left) || !got || byte != ESC)
        return 0;
    ReadFile(input, &byte, 1, &got, 0);
    return 1;
}

/* Of a console's events, those that are no key pressed are taken away; a key that is not Esc stays for the next line. */
int sys_escape(void)
{
    handle input = GetStdHandle(STD_INPUT_HANDLE);
    struct input_record event;
    u32 count = 0;

    if (!PeekConsoleInputA(input, &event, 1, &count))
        return escape_in_pipe(input);
    while (count) {
        int key = event.type == KEY_EVENT && event.down;
        if (key && (event.character & 0xFF) != ESC)
            return 0;
        ReadConsoleInputA(input, &event, 1, &count);
        if (key)
            return 1;
        if (!PeekConsoleInputA(input, &event, 1, &count))
            return 0;
    }
    return 0;
}
