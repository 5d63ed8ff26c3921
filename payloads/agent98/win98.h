/* win98.h - the functions that the agent imports beside those of platform/kernel32.h, and nothing else.
 *
 * All are in Windows 95; the lists for people and tests are payloads/NAME-allowed.txt. */
#ifndef AGENT_WIN98_H
#define AGENT_WIN98_H

#include "kernel32.h"

/* ---- KERNEL32 ---- */

struct system_time { /* SYSTEMTIME */
    u16 year, month, weekday, day, hour, minute, second, ms;
};

struct process_entry { /* PROCESSENTRY32 */
    u32 size, usage, id, heap, module, threads, parent;
    i32 priority;
    u32 flags;
    char path[260];
};

#define SNAP_PROCESSES 2u
#define MAY_TERMINATE 1u
#define NO_ATTRIBUTES 0xFFFFFFFFu
#define FILE_READ_ONLY 1u
#define FOR_EVER 0xFFFFFFFFu
#define SHOW_AS_SAID 1u /* STARTF_USESHOWWINDOW */

K32(handle) CreateToolhelp32Snapshot(u32 what, u32 process);
K32(i32) Process32First(handle snapshot, struct process_entry *entry);
K32(i32) Process32Next(handle snapshot, struct process_entry *entry);
K32(handle) OpenProcess(u32 access, i32 inherit, u32 id);
K32(i32) TerminateProcess(handle process, u32 code);
K32(i32) AllocConsole(void);
K32(i32) SetCurrentDirectoryA(const char *path);
K32(i32) SetLocalTime(const struct system_time *time);
K32(i32) FileTimeToLocalFileTime(const u32 time[2], u32 local[2]);
K32(i32) FileTimeToSystemTime(const u32 time[2], struct system_time *system);
K32(i32) GetComputerNameA(char *name, u32 *size);
K32(u32) GetFileAttributesA(const char *path);
K32(i32) RemoveDirectoryA(const char *path);
K32(u32) GetWindowsDirectoryA(char *path, u32 size);

/* ---- WSOCK32: Winsock 1.1 ---- */

typedef u32 socket98;
#define NO_SOCKET 0xFFFFFFFFu
#define WOULD_BLOCK 10035
#define FIONBIO 0x8004667Eu

struct internet_address { /* sockaddr_in; the numbers in network order */
    u16 family, port;
    u32 address;
    u8 zero[8];
};
struct socket_set { /* fd_set */
    u32 count;
    socket98 sockets[64];
};
struct seconds { /* timeval */
    i32 seconds, microseconds;
};

K32(i32) WSAStartup(u16 version, void *data);
K32(i32) WSAGetLastError(void);
K32(socket98) socket(i32 family, i32 kind, i32 protocol);
K32(i32) connect(socket98 s, const void *address, i32 size);
K32(i32) closesocket(socket98 s);
K32(i32) send(socket98 s, const void *bytes, i32 count, i32 flags);
K32(i32) recv(socket98 s, void *bytes, i32 count, i32 flags);
K32(i32) select(i32 unused, struct socket_set *reads, struct socket_set *writes, struct socket_set *odd,
                const struct seconds *most);
K32(i32) ioctlsocket(socket98 s, u32 command, u32 *value);
K32(u32) inet_addr(const char *text);

/* ---- USER32 ---- */

typedef i32 __attribute__((stdcall, regparm(0))) window_proc(handle window, u32 message, u32 w, i32 l);
typedef i32 __attribute__((stdcall, regparm(0))) window_each(handle window, i32 context);

struct window_class { /* WNDCLASSA */
    u32 style;
    window_proc *proc;
    i32 class_extra, window_extra;
    handle instance, icon, cursor, brush;
    const char *menu, *name;
};
struct message { /* MSG */
    handle window;
    u32 message, w;
    i32 l;
    u32 time;
    i32 x, y;
};

#define WM_DESTROY 2u
#define WM_GETTEXT 13u
#define WM_CLOSE 16u
#define WM_QUERYENDSESSION 17u
#define WM_ENDSESSION 22u
#define WM_COMMAND 273u
#define ENDSESSION_LOGOFF 0x80000000u
#define WS_VISIBLE 0x10000000u
#define WS_CHILD 0x40000000u
#define WS_SMALL 0x00CA0000u /* caption, system menu, button to make it small */
#define ANYWHERE ((i32)0x80000000)
#define SHOW_NORMAL 1
#define SHOW_SMALL 7 /* not active */
#define FACE_BRUSH ((handle)16)
#define GET_CHILD 5u
#define GET_NEXT 2u
#define UNLESS_HUNG 2u
#define BOX_OK 0x40u /* with an i */
#define BOX_YES_NO 0x24u
#define YES 6
#define SCREEN_WIDTH 0
#define SCREEN_HEIGHT 1
#define KEY_UP 2u
#define EWX_REBOOT 2u
#define EWX_POWEROFF 9u /* shut down, and power off where the machine can */

K32(u16) RegisterClassA(const struct window_class *class_);
K32(handle) CreateWindowExA(u32 extended, const char *class_, const char *title, u32 style, i32 x, i32 y, i32 width,
                            i32 height, handle parent, handle menu, handle instance, void *context);
K32(i32) DefWindowProcA(handle window, u32 message, u32 w, i32 l);
K32(i32) ShowWindow(handle window, i32 how);
K32(i32) PeekMessageA(struct message *message, handle window, u32 first, u32 last, u32 remove);
K32(i32) TranslateMessage(const struct message *message);
K32(i32) DispatchMessageA(const struct message *message);
K32(i32) SetWindowTextA(handle window, const char *text);
K32(i32) GetWindowTextA(handle window, char *text, i32 size);
K32(i32) GetClassNameA(handle window, char *text, i32 size);
K32(i32) PostMessageA(handle window, u32 message, u32 w, i32 l);
K32(i32) SendMessageTimeoutA(handle window, u32 message, u32 w, i32 l, u32 flags, u32 ms, u32 *result);
K32(handle) GetForegroundWindow(void);
K32(handle) GetWindow(handle window, u32 which);
K32(i32) IsWindowVisible(handle window);
K32(i32) EnumWindows(window_each *each, i32 context);
K32(i32) MessageBoxA(handle window, const char *text, const char *title, u32 kind);
K32(i32) GetSystemMetrics(i32 which);
K32(handle) GetDC(handle window);
K32(i32) ReleaseDC(handle window, handle context);
K32(i32) ExitWindowsEx(u32 how, u32 reserved);
K32(void) keybd_event(u8 key, u8 scan, u32 flags, u32 extra);
K32(i16) VkKeyScanA(char c);
K32(u32) MapVirtualKeyA(u32 key, u32 kind);

/* ---- GDI32 ---- */

struct bitmap_head { /* BITMAPINFOHEADER */
    u32 size;
    i32 width, height;
    u16 planes, bits;
    u32 compression, bytes;
    i32 across, down;
    u32 colours, important;
};
#define COPY_PIXELS 0x00CC0020u

K32(handle) CreateCompatibleDC(handle context);
K32(handle) CreateCompatibleBitmap(handle context, i32 width, i32 height);
K32(handle) SelectObject(handle context, handle object);
K32(i32) BitBlt(handle to, i32 x, i32 y, i32 width, i32 height, handle from, i32 from_x, i32 from_y, u32 how);
K32(i32) GetDIBits(handle context, handle bitmap, u32 first, u32 count, void *bits, struct bitmap_head *head,
                   u32 colours);
K32(i32) DeleteDC(handle context);
K32(i32) DeleteObject(handle object);

/* ---- ADVAPI32 ---- */

#define LOCAL_MACHINE ((handle)(usize)0x80000002u)
#define REG_TEXT 1u

K32(i32) RegCreateKeyA(handle key, const char *name, handle *made);
K32(i32) RegSetValueExA(handle key, const char *name, u32 reserved, u32 kind, const void *bytes, u32 count);
K32(i32) RegDeleteValueA(handle key, const char *name);
K32(i32) RegFlushKey(handle key);
K32(i32) RegCloseKey(handle key);

#endif
