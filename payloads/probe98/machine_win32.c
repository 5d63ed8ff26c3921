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

#define CREATE_NO_WINDOW 0x08000000u
#define FILE_FLAG_NO_BUFFERING 0x20000000u
#define SECTORS 4096u

static int begin(const char *command, u32 flags, handle output, handle *child)
{
    struct startup startup;
    struct process process;
    static char line[400];
    const char *own = own_command(command);

    if (!own)
        return 0;
    memcpy(line, own, text_length(own) + 1);
    memset(&startup, 0, sizeof startup);
    startup.size = sizeof startup;
    if (output) {
        startup.flags = STARTF_USESTDHANDLES;
        startup.input = GetStdHandle(STD_INPUT_HANDLE);
        startup.output = startup.error = output;
    }
    if (!CreateProcessA(0, line, 0, 0, output != 0, flags, 0, 0, &startup, &process))
        return 0;
    CloseHandle(process.thread);
    *child = process.process;
    return 1;
}

static u32 code_of(handle child)
{
    u32 code = 999;

    if (WaitForSingleObject(child, 10000) == WAIT_OBJECT_0)
        GetExitCodeProcess(child, &code);
    CloseHandle(child);
    return code;
}

static handle started(const char *command)
{
    handle child = 0;

    return begin(command, 0, 0, &child) ? child : 0;
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

/* ---- children, and files that they have ---- */

void no_window(void)
{
    handle child = 0;
    int begun = begin("PROBE98 END 5", CREATE_NO_WINDOW, 0, &child);

    say("started=%s\r\n", begun ? "yes" : "no");
    if (begun)
        say("code=%u\r\n", code_of(child));
}

void inherited_file(void)
{
    struct inherit security;
    struct sys_stamp stamp;
    handle child = 0, file;
    int begun;

    security.size = sizeof security;
    security.descriptor = 0;
    security.inherit = 1;
    file = CreateFileA("A.TXT", GENERIC_WRITE, FILE_SHARE_READ, &security, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, 0);
    begun = begin("PROBE98 SAY 1000", 0, file, &child);
    say("started=%s\r\n", begun ? "yes" : "no");
    if (begun)
        say("code=%u\r\n", code_of(child));
    CloseHandle(file);
    say("bytes=%u\r\n", sys_stat("A.TXT", &stamp) == SYS_OK ? stamp.length : 0);
}

void hold(const char *name)
{
    CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, 0);
    Sleep(20000);
}

static const char *can_open(void)
{
    sys_file file;
    int status = sys_open(&file, "A.TXT", SYS_UPDATE);

    sys_close(file);
    return status == SYS_OK ? "yes" : "no";
}

/* A child that has a file for itself is ended from outside: is the file free then? */
void held_file(void)
{
    struct sys_stamp stamp;
    handle child = 0;
    u32 tries;

    say("started=%s\r\n", begin("PROBE98 HOLD A.TXT", 0, 0, &child) ? "yes" : "no");
    if (!child)
        return;
    for (tries = 0; tries < 50 && sys_stat("A.TXT", &stamp) != SYS_OK; tries++)
        Sleep(100);
    Sleep(200);
    say("while_held=%s\r\n", can_open());
    TerminateProcess(child, 7);
    WaitForSingleObject(child, 5000);
    CloseHandle(child);
    say("afterwards=%s\r\n", can_open());
}

static void count_bytes(void *context, const u8 *bytes, u32 count)
{
    (void)bytes;
    *(u32 *)context += count;
}

void dos_output(void)
{
    char command[] = "SAYCOM.COM";
    u32 code = 999, count = 0;

    say("run=%s\r\n", sys_run(command, "", count_bytes, &count, &code) == SYS_OK ? "ok" : "missing");
    say("bytes=%u\r\ncode=%u\r\n", count, code);
}

u32 read_uncached(const char *name, u32 block)
{
    handle file = CreateFileA(name, GENERIC_READ, FILE_SHARE_READ, 0, OPEN_EXISTING, FILE_FLAG_NO_BUFFERING, 0);
    void *bytes = VirtualAlloc(0, block, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    u32 got = 0, all = 0;

    while (file != BAD_HANDLE && bytes && ReadFile(file, bytes, block, &got, 0) && got)
        all += got;
    if (file != BAD_HANDLE)
        CloseHandle(file);
    if (bytes)
        VirtualFree(bytes, 0, MEM_RELEASE);
    return all;
}

/* A diskette is filled until it takes no more: the one disk that a survey may fill. */
void floppy_full(void)
{
    static const char name[] = "A:\\FULL.DAT";
    static u8 bytes[SECTORS];
    u32 sectors, size, free_clusters, clusters, put = 0, all = 0, error = 0, before;
    handle file;

    SetErrorMode(SEM_FAILCRITICALERRORS);
    if (!GetDiskFreeSpaceA("A:\\", &sectors, &size, &free_clusters, &clusters) || clusters * sectors > 6000u) {
        say("diskette=none\r\n");
        return;
    }
    before = free_clusters * sectors * size;
    file = CreateFileA(name, GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, 0);
    say("diskette=there\r\n");
    while (file != BAD_HANDLE && all <= before) {
        put = 0;
        if (!WriteFile(file, bytes, sizeof bytes, &put, 0) || put < sizeof bytes) {
            error = GetLastError();
            break;
        }
        all += put;
    }
    say("error=%u\r\nlast_put=%u\r\nfilled=%s\r\n", error, put, all + put == before ? "all" : "no");
    if (file != BAD_HANDLE)
        CloseHandle(file);
    say("delete=%s\r\n", DeleteFileA(name) ? "yes" : "no");
}
