/* machine_win32.c - the rest of machine.h for Windows 95 and later. */
#include "machine.h"
#include "win98.h"
#include "windows_win32.h"
#include "words.h"

static const char run_key[] = "Software\\Microsoft\\Windows\\CurrentVersion\\Run";
static const char value_name[] = "AGENT98";

char home[PATH_SIZE];

void home_set(void)
{
    put(home, sizeof home, "%s", "C:\\DEPLOY");
}

int machine_begin(void)
{
    static u8 data[512]; /* WSADATA is 400 bytes */

    home_set();
    return WSAStartup(0x0101, data) == 0;
}

u32 machine_chance(void)
{
    u32 time[2];

    GetSystemTimeAsFileTime(time);
    return (time[0] ^ GetTickCount() << 20) * 2654435761u ^ time[1];
}

u32 machine_error(void)
{
    u32 error = GetLastError();

    return error ? error : 1;
}

void machine_facts(struct facts *facts)
{
    struct sys_cpu cpu;
    struct sys_system system;
    u64 bytes = 0;
    u32 size = sizeof facts->name;
    u32 ignored, cluster;
    int at_least;

    memset(facts, 0, sizeof *facts);
    GetComputerNameA(facts->name, &size);
    sys_cpu(&cpu);
    sys_system(&system);
    put(facts->cpu, sizeof facts->cpu, "%s-%u.%u.%u", cpu.vendor, cpu.family, cpu.model, cpu.stepping);
    put(facts->system, sizeof facts->system, "%u.%u.%u", system.major, system.minor, system.build);
    sys_memory(&facts->memory, &ignored);
    facts->memory >>= 10;
    SetCurrentDirectoryA(home);
    if (sys_disk_free(&bytes, &cluster, &at_least) == SYS_OK)
        facts->free = (u32)(bytes >> 10);
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

void machine_end(int reboot, int hard)
{
    char command[64];
    struct process started;
    struct startup startup;

    if (!hard && ExitWindowsEx(reboot ? EWX_REBOOT : EWX_POWEROFF, 0))
        return;
    memset(&startup, 0, sizeof startup);
    startup.size = sizeof startup;
    put(command, sizeof command, "RUNDLL32 SHELL32.DLL,SHExitWindowsEx %u", reboot ? 2u : 1u); /* Q234216 */
    CreateProcessA(0, command, 0, 0, 0, 0, 0, 0, &startup, &started);
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

int machine_stay(const char *command)
{
    handle key;
    i32 error;

    if (RegCreateKeyA(LOCAL_MACHINE, run_key, &key))
        return 0;
    error = command ? RegSetValueExA(key, value_name, 0, REG_TEXT, command, text_length(command) + 1)
                    : RegDeleteValueA(key, value_name);
    RegFlushKey(key); /* else it is written some seconds later */
    RegCloseKey(key);
    return !error;
}

/* A program that runs cannot be deleted: a batch file does it, and goes last. */
void machine_vanish(const char *names)
{
    static const char line_1[] = "@ECHO OFF\r\n:AGAIN\r\n";
    char text[400], all[64], path[PATH_SIZE];
    char *rest = all;
    struct startup startup;
    struct process started;
    sys_file file;

    put(text, sizeof text, "%s", line_1);
    put(all, sizeof all, "%s", names);
    while (*rest) {
        u32 used = text_length(text);
        join_path(path, sizeof path, home, next_word(&rest));
        put(text + used, sizeof text - used, "IF EXIST %s DEL %s\r\nIF EXIST %s GOTO AGAIN\r\n", path, path, path);
    }
    join_path(path, sizeof path, home, "FORGET.BAT");
    add(text, sizeof text, "DEL ");
    add(text, sizeof text, path);
    add(text, sizeof text, "\r\n");
    if (sys_open(&file, path, SYS_CREATE) != SYS_OK)
        return;
    sys_write(file, text, text_length(text));
    sys_close(file);
    memset(&startup, 0, sizeof startup);
    startup.size = sizeof startup;
    startup.flags = 1; /* show: not at all */
    put(text, sizeof text, "COMMAND.COM /C %s", path);
    CreateProcessA(0, text, 0, 0, 0, 0, 0, 0, &startup, &started);
}
