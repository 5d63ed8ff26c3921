/* pc_win32.c - processes and windows, the clock, the keyboard. */
#include "pc.h"
#include "windows_win32.h"
#include "words.h"

static file_line *tell_line;

static i32 __attribute__((stdcall, regparm(0), force_align_arg_pointer)) report_one(handle window, i32 context)
{
    char line[240];

    *line = '\0';
    if (IsWindowVisible(window)) {
        window_describe(window, line, sizeof line - 2);
        if (*line) {
            add(line, sizeof line, "\r\n");
            tell_line((void *)(usize)(u32)context, line);
        }
    }
    return 1;
}

static void windows_report(file_line *line, void *context)
{
    tell_line = line;
    EnumWindows(report_one, (i32)(usize)context);
}

void machine_report(file_line *line, void *context)
{
    static struct process_entry entry;
    char text[PATH_SIZE + 24];
    handle snapshot = CreateToolhelp32Snapshot(SNAP_PROCESSES, 0);
    u32 length;
    int more;

    line(context, "[processes]\r\n");
    entry.size = sizeof entry;
    for (more = Process32First(snapshot, &entry); more; more = Process32Next(snapshot, &entry)) {
        put(text, sizeof text, "%8X %s\r\n", entry.id, entry.path);
        line(context, text);
    }
    CloseHandle(snapshot);
    line(context, "[windows]\r\n");
    windows_report(line, context);
    line(context, "[crashes]\r\n");
    length = GetWindowsDirectoryA(text, PATH_SIZE - 20);
    put(text + length, sizeof text - length, "%s", "\\DRWATSON\\*.WLG");
    files_list(text, line, context);
}

u32 machine_clock(const u32 part[6])
{
    struct system_time time;

    memset(&time, 0, sizeof time);
    time.year = (u16)part[0];
    time.month = (u16)part[1];
    time.day = (u16)part[2];
    time.hour = (u16)part[3];
    time.minute = (u16)part[4];
    time.second = (u16)part[5];
    return SetLocalTime(&time) ? 0 : machine_error();
}

static void press(u32 key, int pressed)
{
    keybd_event((u8)key, (u8)MapVirtualKeyA(key, 0), pressed ? 0 : KEY_UP, 0);
}

void machine_key(u32 key, char c, int pressed)
{
    static const u8 shifts[] = {0x10, 0x11, 0x12}; /* shift, control, alt: bits 8 to 10 of VkKeyScan */
    u32 found = key;
    u32 i;

    if (!key) {
        i16 scan = VkKeyScanA(c);
        if (scan == -1)
            return;
        found = (u16)scan;
    }
    for (i = 0; i < 3 && pressed; i++)
        if (found >> (8 + i) & 1)
            press(shifts[i], 1);
    press(found & 255, pressed);
    for (i = 0; i < 3 && !pressed; i++)
        if (found >> (8 + i) & 1)
            press(shifts[i], 0);
}
