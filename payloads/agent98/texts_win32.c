/* texts_win32.c - what other programs' windows say. */
#include "windows_win32.h"
#include "words.h"

/* The text of a window of whatever program; nothing where that one hangs. */
static void text_of(handle window, char *text, u32 size)
{
    u32 result;

    *text = '\0';
    SendMessageTimeoutA(window, WM_GETTEXT, size, (i32)(usize)text, UNLESS_HUNG, 500, &result);
    text[size - 1] = '\0';
    for (; *text; text++)
        if ((u8)*text < ' ')
            *text = ' ';
}

void window_describe(handle window, char *line, u32 size)
{
    char text[80];
    handle child;

    text_of(window, text, sizeof text);
    add(line, size, text);
    for (child = GetWindow(window, GET_CHILD); child; child = GetWindow(child, GET_NEXT)) {
        text_of(child, text, sizeof text);
        if (*text) {
            add(line, size, " | ");
            add(line, size, text);
        }
    }
}

void machine_front(char *text, u32 size)
{
    handle window = GetForegroundWindow();

    *text = '\0';
    if (window)
        window_describe(window, text, size);
}
