/* machine_win32.c - what only Windows can be asked. */
#include "kernel32.h"
#include "probe.h"
#include "text.h"

K32(i32) TerminateProcess(handle process, u32 code);

/* Functions that a program for Windows 98 may import, and some that it must not: facts F2. */
static const char there[] =
    "CreateFileMappingA MapViewOfFile VirtualAlloc GlobalMemoryStatus GetDiskFreeSpaceExA GetFileAttributesExA "
    "QueryPerformanceCounter GetTickCount IsDebuggerPresent InitializeCriticalSectionAndSpinCount "
    "TryEnterCriticalSection InterlockedCompareExchange SwitchToThread SetPriorityClass CreateToolhelp32Snapshot "
    "MoveFileA SetFileTime PeekNamedPipe CreatePipe SearchPathA ";
static const char absent[] =
    "SetFilePointerEx GetFileSizeEx GlobalMemoryStatusEx GetTickCount64 InitializeCriticalSectionEx FlsAlloc "
    "HeapSetInformation GetModuleHandleExA EncodePointer GetNativeSystemInfo AddVectoredExceptionHandler "
    "RtlCaptureContext GetLogicalProcessorInformation SetDllDirectoryA AttachConsole GetConsoleWindow "
    "FindFirstVolumeA ";

/* Says those of the names whose being there is not as it should be. */
static void names(const char *answer, const char *list, int wanted)
{
    char name[60];
    u32 length;
    handle kernel = GetModuleHandleA("KERNEL32");

    say("%s=", answer);
    while (*list) {
        for (length = 0; list[length] != ' '; length++)
            name[length] = list[length];
        name[length] = '\0';
        list += length + 1;
        if ((GetProcAddress(kernel, name) != 0) != wanted)
            say("%s ", name);
    }
    say("\r\n");
}

void imports(void)
{
    names("missing", there, 1);
    names("more", absent, 0);
}

static handle started(const char *command)
{
    struct startup startup;
    struct process process;
    static char line[400];
    const char *own = own_command(command);
    u32 length;

    if (!own)
        return 0;
    length = text_length(own);
    memcpy(line, own, length + 1);
    memset(&startup, 0, sizeof startup);
    startup.size = sizeof startup;
    if (!CreateProcessA(0, line, 0, 0, 0, 0, 0, 0, &startup, &process))
        return 0;
    CloseHandle(process.thread);
    return process.process;
}

void kill(void)
{
    u32 code = 999;
    handle child = started("PROBE98 WAIT");

    say("started=%s\r\n", child ? "yes" : "no");
    if (!child)
        return;
    say("running=%s\r\n", WaitForSingleObject(child, 100) == WAIT_OBJECT_0 ? "no" : "yes");
    say("ended=%s\r\n", TerminateProcess(child, 7) ? "yes" : "no");
    say("waited=%s\r\n", WaitForSingleObject(child, 5000) == WAIT_OBJECT_0 ? "yes" : "no");
    GetExitCodeProcess(child, &code);
    say("code=%u\r\n", code);
    CloseHandle(child);
}

void error_mode(void)
{
    u32 code = 999;
    handle child;

    SetErrorMode(SEM_FAILCRITICALERRORS);
    child = started("PROBE98 MODE");
    if (child && WaitForSingleObject(child, 10000) == WAIT_OBJECT_0)
        GetExitCodeProcess(child, &code);
    say("inherited=%s\r\n", code == 1 ? "yes" : code == 0 ? "no" : "unknown");
}

int mode_of_child(void)
{
    return (int)(SetErrorMode(0) & SEM_FAILCRITICALERRORS);
}

void wait_long(void)
{
    Sleep(20000);
}

void delete_open(void)
{
    handle file = CreateFileA("A.TXT", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, 0, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, 0);
    u32 put;

    WriteFile(file, "a", 1, &put, 0);
    say("delete=%s\r\n", DeleteFileA("A.TXT") ? "yes" : "no");
    CloseHandle(file);
}
