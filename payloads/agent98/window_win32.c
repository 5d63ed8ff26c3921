/* window_win32.c - the window of the agent: what it does is seen, and two buttons. */
#include "machine.h"
#include "win98.h"
#include "windows_win32.h"
#include "words.h"

#define BUTTON_DISCONNECT 1u
#define BUTTON_REMOVE 2u

static const char class_name[] = "AGENT98";

static struct {
    handle window, host, state, button;
    enum wish wish;
    int off; /* what the button says */
} shown;

static i32 __attribute__((stdcall, regparm(0), force_align_arg_pointer)) on_message(handle window, u32 message, u32 w,
                                                                                    i32 l)
{
    switch (message) {
    case WM_QUERYENDSESSION:
        return 1;
    case WM_ENDSESSION:
        if (w)
            agent_goodbye((u32)l & ENDSESSION_LOGOFF ? "logoff" : "shutdown");
        return 0;
    case WM_CLOSE:
        shown.wish = WISH_CLOSE;
        return 0;
    case WM_COMMAND:
        if ((u16)w == BUTTON_DISCONNECT)
            shown.wish = WISH_DISCONNECT;
        else if ((u16)w == BUTTON_REMOVE &&
                 MessageBoxA(window, "Remove the agent from this PC? Deployed files stay.", class_name, BOX_YES_NO) ==
                     YES)
            shown.wish = WISH_REMOVE;
        return 0;
    default:
        return DefWindowProcA(window, message, w, l);
    }
}

static handle part(const char *class_, const char *text, i32 x, i32 y, i32 width, u32 number_)
{
    return CreateWindowExA(0, class_, text, WS_CHILD | WS_VISIBLE, x, y, width, 24, shown.window,
                           (handle)(usize)number_, GetModuleHandleA(0), 0);
}

void window_open(const char *title, int small)
{
    struct window_class class_;

    memset(&class_, 0, sizeof class_);
    class_.proc = on_message;
    class_.instance = GetModuleHandleA(0);
    class_.brush = FACE_BRUSH;
    class_.name = class_name;
    RegisterClassA(&class_);
    shown.window = CreateWindowExA(0, class_name, title, WS_SMALL, ANYWHERE, ANYWHERE, 380, 140, 0, 0, class_.instance, 0);
    shown.host = part("STATIC", "", 10, 10, 350, 0);
    shown.state = part("STATIC", "", 10, 36, 350, 0);
    shown.button = part("BUTTON", "Disconnect", 10, 70, 110, BUTTON_DISCONNECT);
    part("BUTTON", "Remove", 130, 70, 110, BUTTON_REMOVE);
    ShowWindow(shown.window, small ? SHOW_SMALL : SHOW_NORMAL);
}

void window_say(const char *host, const char *state)
{
    SetWindowTextA(shown.host, host);
    SetWindowTextA(shown.state, state);
}

enum wish window_wish(int off)
{
    struct message message;
    enum wish wish;

    while (PeekMessageA(&message, 0, 0, 0, 1)) {
        TranslateMessage(&message);
        DispatchMessageA(&message);
    }
    if (off != shown.off) {
        shown.off = off;
        SetWindowTextA(shown.button, off ? "Connect" : "Disconnect");
    }
    wish = shown.wish;
    shown.wish = WISH_NONE;
    return wish;
}

void window_box(const char *text)
{
    MessageBoxA(0, text, class_name, BOX_OK);
}

static i32 __attribute__((stdcall, regparm(0), force_align_arg_pointer)) find_other(handle window, i32 context)
{
    char name[16];

    GetClassNameA(window, name, sizeof name);
    if (window == shown.window || !text_same(name, class_name))
        return 1;
    *(handle *)(usize)(u32)context = window;
    return 0;
}

static handle other(void)
{
    handle found = 0;

    EnumWindows(find_other, (i32)(usize)&found);
    return found;
}

int window_alone(void)
{
    return !other();
}

int window_end_other(void)
{
    u32 began = sys_ticks();
    handle found;

    while ((found = other()) != 0) {
        if (sys_ticks() - began > 10000)
            return 0;
        PostMessageA(found, WM_CLOSE, 0, 0);
        Sleep(100);
    }
    Sleep(100); /* its program goes a moment after its window */
    return 1;
}
