/* One call after the other; each answer on a line. */
#include "k32.h"
u32 API GetShortPathNameA(const char *, char *, u32);
u32 API GetLongPathNameA(const char *, char *, u32);
u32 API GetFullPathNameA(const char *, u32, char *, char **);
u32 API GetTempPathA(u32, char *);
u32 API GetTempFileNameA(const char *, const char *, u32, char *);
u32 API SearchPathA(const char *, const char *, const char *, u32, char *, char **);
u32 API GetWindowsDirectoryA(char *, u32);
u32 API GetSystemDirectoryA(char *, u32);
int API SetCurrentDirectoryA(const char *);
int API RemoveDirectoryA(const char *);
int API CopyFileA(const char *, const char *, int);
int API SetFileAttributesA(const char *, u32);
int API GetDiskFreeSpaceExA(const char *, u32 *, u32 *, u32 *);
u32 API GetDriveTypeA(const char *);
int API GetVolumeInformationA(const char *, char *, u32, u32 *, u32 *, u32 *, char *, u32);
int API GetFileTime(H, u32 *, u32 *, u32 *);
int API SetFileTime(H, const u32 *, const u32 *, const u32 *);
int API FileTimeToSystemTime(const u32 *, unsigned short *);
int API SystemTimeToFileTime(const unsigned short *, u32 *);
int API FileTimeToDosDateTime(const u32 *, unsigned short *, unsigned short *);
int API CompareFileTime(const u32 *, const u32 *);
void API GetSystemTime(unsigned short *);
int API QueryPerformanceFrequency(u32 *);
int API VirtualProtect(void *, u32, u32, u32 *);
u32 API VirtualQuery(const void *, u32 *, u32);
H API HeapCreate(u32, u32, u32);
int API HeapDestroy(H);
void *API HeapReAlloc(H, u32, void *, u32);
u32 API HeapSize(H, u32, const void *);
H API GlobalAlloc(u32, u32);
H API GlobalFree(H);
u32 API GlobalSize(H);
void *API GlobalLock(H);
int API lstrcmpiA(const char *, const char *);
char *API lstrcpyA(char *, const char *);
char *API lstrcatA(char *, const char *);
int API lstrlenA(const char *);
int API lstrlenW(const unsigned short *);
int API MultiByteToWideChar(u32, u32, const char *, int, unsigned short *, int);
int API WideCharToMultiByte(u32, u32, const unsigned short *, int, char *, int, const char *, int *);
int API MulDiv(int, int, int);
u32 API TlsAlloc(void);
int API TlsSetValue(u32, void *);
void *API TlsGetValue(u32);
int API TlsFree(u32);
int API SetEnvironmentVariableA(const char *, const char *);
u32 API ExpandEnvironmentStringsA(const char *, char *, u32);
int API InterlockedIncrement(int *);
int API InterlockedExchange(int *, int);
u32 API GetVersion(void);
u32 API GetFileType(H);
int API GetConsoleMode(H, u32 *);
int API WriteConsoleA(H, const void *, u32, u32 *, void *);
int API IsBadReadPtr(const void *, u32);
H API LoadLibraryA(const char *);
u32 API FormatMessageA(u32, const void *, u32, u32, char *, u32, void *);
H API CreateEventA(void *, int, int, const char *);
int API SetEvent(H);
u32 API WaitForMultipleObjects(u32, const H *, int, u32);
void API GetStartupInfoA(void *);

int API GetFileInformationByHandle(H, u32 *);
int API SetHandleInformation(H, u32, u32);
int API FlushFileBuffers(H);
int API LockFile(H, u32, u32, u32, u32);
int API ReadConsoleA(H, void *, u32, u32 *, void *);
int API SetConsoleMode(H, u32);
int API GetConsoleScreenBufferInfo(H, unsigned short *);
int API SetConsoleCursorPosition(H, u32);
u32 API GetConsoleOutputCP(void);
int API GetNumberOfConsoleInputEvents(H, u32 *);
int API FlushConsoleInputBuffer(H);
int API SetConsoleTitleA(const char *);
u32 API GetCurrentProcessId(void);
char *API GetEnvironmentStrings(void);
int API FreeEnvironmentStringsA(char *);
u32 API WinExec(const char *, u32);
int API TerminateProcess(H, u32);
void API InitializeCriticalSection(void *);
void API EnterCriticalSection(void *);
void API GetSystemInfo(void *);
int API IsProcessorFeaturePresent(u32);
int API GetComputerNameA(char *, u32 *);
int API SetStdHandle(int, H);
u32 API GetACP(void);
int API GetCPInfo(u32, u32 *);

static void text(const char *name, const char *value) { say(name); say("="); say(value); say("\r\n"); }

static void paths(void)
{
    char b[300], *part;
    u32 v[4], a, c, d, e;
    CreateDirectoryA("Long Directory", 0);
    CloseHandle(CreateFileA("Long Directory\\file.txt", GENERIC_WRITE, 0, 0, 1, 0, 0));
    GetShortPathNameA("long directory\\FILE.TXT", b, 300); text("short", b);
    GetLongPathNameA("LONGDI~1\\FILE.TXT", b, 300); text("long", b);
    GetFullPathNameA("..\\x\\y.z", 300, b, &part); text("full", b); text("part", part);
    show("small", GetFullPathNameA("abc", 2, b, 0));
    GetTempPathA(300, b); text("temp", b);
    show("unique", GetTempFileNameA(".", "abcdef", 0, b)); text("temp_file", b);
    show("made", GetFileAttributesA(b));
    show("search", SearchPathA(0, "FTP", ".EXE", 300, b, &part) != 0); text("found", b);
    GetWindowsDirectoryA(b, 300); text("windows", b);
    GetSystemDirectoryA(b, 300); text("system", b);
    show("chdir", (u32)SetCurrentDirectoryA("long directory")); GetCurrentDirectoryA(300, b); text("cwd", b);
    show("rmdir_full", (u32)RemoveDirectoryA("\\LONGDI~1")); show("error", GetLastError());
    show("copy", (u32)CopyFileA("file.txt", "copy.txt", 1));
    show("copy_again", (u32)CopyFileA("file.txt", "copy.txt", 1)); show("error", GetLastError());
    show("attributes", (u32)SetFileAttributesA("copy.txt", 1)); show("are", GetFileAttributesA("copy.txt"));
    show("delete", (u32)DeleteFileA("copy.txt")); show("error", GetLastError());
    SetCurrentDirectoryA("..");
    GetDiskFreeSpaceExA("C:\\", v, v + 2, 0); show("free", v[0]); show("total", v[2]);
    show("drive", GetDriveTypeA("C:\\")); show("no_drive", GetDriveTypeA("D:\\"));
    GetVolumeInformationA("C:\\", 0, 0, &a, &c, &d, b, 300); show("longest", c); text("system", b);
}

static void times(void)
{
    u32 t[2], u[2];
    unsigned short s[8], date, hour;
    H h = CreateFileA("time.bin", GENERIC_WRITE, 0, 0, 1, 0, 0);
    s[0] = 1999; s[1] = 12; s[2] = 0; s[3] = 31; s[4] = 23; s[5] = 59; s[6] = 59; s[7] = 0;
    show("to_file", (u32)SystemTimeToFileTime(s, t));
    SetFileTime(h, 0, 0, t); CloseHandle(h);
    h = CreateFileA("time.bin", GENERIC_READ, 0, 0, 3, 0, 0);
    GetFileTime(h, 0, 0, u); show("older", (u32)(CompareFileTime(u, t) == -1));
    FileTimeToSystemTime(u, s); show("year", s[0]); show("weekday", s[2]); show("second", s[6]);
    FileTimeToDosDateTime(u, &date, &hour); show("date", date); show("hour", hour);
    GetSystemTime(s); show("now", s[0]);
    QueryPerformanceFrequency(t); show("frequency", t[0]);
    CloseHandle(h);
}

static void memory(void)
{
    u32 q[7], old, i, sum = 0;
    unsigned char *p = VirtualAlloc(0, 0x20000, 0x2000, 4);
    H h;
    show("reserved", (u32)p % 0x10000);
    show("commit", VirtualAlloc(p + 0x1000, 0x1000, 0x1000, 4) == p + 0x1000);
    VirtualQuery(p + 0x1234, q, 28); show("state", q[4]); show("size", q[3]);
    VirtualQuery(p, q, 28); show("state", q[4]);
    show("protect", (u32)VirtualProtect(p + 0x1000, 0x1000, 2, &old));
    show("bad_read", (u32)IsBadReadPtr(p, 4)); show("good_read", (u32)IsBadReadPtr(p + 0x1000, 4));
    show("release_part", (u32)VirtualFree(p + 0x1000, 0, 0x8000)); show("error", GetLastError());
    show("release", (u32)VirtualFree(p, 0, 0x8000));
    h = HeapCreate(0, 0, 0);
    p = VirtualAlloc(0, 5000, 0x3000, 4);
    for (i = 0; i < 5000; i++) sum += p[i];
    show("zeroed", sum);
    p = HeapAlloc(h, 0, 10); lstrcpyA((char *)p, "stays");
    p = HeapReAlloc(h, 8, p, 700000); text("moved", (char *)p); show("heap_size", HeapSize(h, 0, p));
    show("destroy", (u32)HeapDestroy(h)); show("gone", (u32)IsBadReadPtr(p, 1));
    h = GlobalAlloc(0x40, 33); show("global", GlobalSize(h)); show("locked", ((char *)GlobalLock(h))[32] == 0);
    show("freed", GlobalFree(h) == 0);
}

static void strings(void)
{
    char b[100];
    unsigned short w[20];
    int used;
    lstrcpyA(b, "one"); lstrcatA(b, " two"); text("cat", b); show("length", (u32)lstrlenA(b));
    show("equal", (u32)lstrcmpiA("ABC", "abc") == 0);
    show("wide", (u32)MultiByteToWideChar(0, 0, "\x80x", -1, w, 20)); show("euro", w[0]); show("wide_length", (u32)lstrlenW(w));
    w[1] = 0x263a;
    show("narrow", (u32)WideCharToMultiByte(0, 0, w, -1, b, 100, 0, &used)); show("lost", (u32)used); show("char", (unsigned char)b[1]);
    show("short", (u32)MultiByteToWideChar(0, 0, "abc", -1, w, 2)); show("error", GetLastError());
    show("muldiv", (u32)MulDiv(1000000, 3000000, 2000000)); show("muldiv0", (u32)MulDiv(1, 1, 0) == 0xffffffffu);
    SetEnvironmentVariableA("Mine", "value"); ExpandEnvironmentStringsA("<%mine%> %none% 100%", b, 100); text("expanded", b);
    show("message", FormatMessageA(0x1000, 0, 5, 0, b, 100, 0)); say(b);
}

static void rest(void)
{
    u32 slot = TlsAlloc(), mode, si[17];
    int n = 5;
    H e[2];
    show("slot", slot); TlsSetValue(slot, (void *)77); show("tls", (u32)TlsGetValue(slot));
    TlsFree(slot); show("no_slot", (u32)TlsSetValue(slot, 0));
    show("increment", (u32)InterlockedIncrement(&n)); show("exchange", (u32)InterlockedExchange(&n, 9)); show("n", (u32)n);
    show("version", GetVersion() & 0xffff);
    show("kind", GetFileType(GetStdHandle(-11))); show("mode", (u32)GetConsoleMode(GetStdHandle(-11), &mode));
    WriteConsoleA(GetStdHandle(-11), "console\r\n", 9, &mode, 0);
    show("library", LoadLibraryA("USER32.DLL") != 0); show("error", GetLastError());
    show("kernel", LoadLibraryA("KERNEL32") == GetModuleHandleA("kernel32.dll"));
    show("ordinal", GetProcAddress(GetModuleHandleA("kernel32"), (char *)1) != 0);
    e[0] = CreateEventA(0, 0, 0, 0); e[1] = CreateEventA(0, 1, 1, 0);
    show("second", WaitForMultipleObjects(2, e, 0, 0)); show("all", WaitForMultipleObjects(2, e, 1, 10));
    SetEvent(e[0]); show("first", WaitForSingleObject(e[0], 0)); show("auto", WaitForSingleObject(e[0], 0));
    show("no_handle", (u32)CloseHandle((H)0x1234)); show("error", GetLastError());
    GetStartupInfoA(si); show("startup", si[0]); show("same_out", (H)si[15] == GetStdHandle(-11));
}

static void handles(void)
{
    u32 n, info[13];
    char b[20];
    H r, w, d, h = CreateFileA("x.bin", GENERIC_WRITE, 0, 0, 2, 0, 0);
    show("fresh", GetLastError());
    show("read", (u32)ReadFile(h, b, 1, &n, 0)); show("error", GetLastError());
    show("overlapped", (u32)WriteFile(h, b, 1, &n, b)); show("error", GetLastError());
    show("lock", (u32)LockFile(h, 0, 0, 1, 0)); show("flush", (u32)FlushFileBuffers(h));
    WriteFile(h, "12345", 5, &n, 0); WriteFile(h, b, 0, &n, 0); show("none", n);
    show("info", (u32)GetFileInformationByHandle(h, info)); show("size", info[9]); show("links", info[10]);
    CloseHandle(h);
    h = CreateFileA("x.bin", GENERIC_READ, 3, 0, 3, 0, 0);
    show("write", (u32)WriteFile(h, b, 1, &n, 0)); show("error", GetLastError());
    CloseHandle(h);
    h = CreateFileA("x.bin", GENERIC_WRITE, 0, 0, 2, 0x04000000, 0); show("existed", GetLastError());
    CloseHandle(h); show("deleted", GetFileAttributesA("x.bin") == 0xffffffffu);
    show("share_delete", CreateFileA("x.bin", GENERIC_WRITE, 7, 0, 2, 0, 0) != BAD); show("error", GetLastError());
    show("directory", CreateFileA(".", GENERIC_READ, 3, 0, 3, 0, 0) != BAD); show("error", GetLastError());
    show("printer", CreateFileA("LPT1", GENERIC_WRITE, 3, 0, 3, 0, 0) != BAD);
    CreatePipe(&r, &w, 0, 16);
    show("inherit", (u32)SetHandleInformation(r, 1, 1));
    WriteFile(w, "abcdef", 6, &n, 0);
    show("peek", (u32)PeekNamedPipe(r, b, 2, &n, info, 0)); show("got", n); show("there", info[0]);
    show("wrong_end", (u32)ReadFile(w, b, 1, &n, 0)); show("error", GetLastError());
    show("kind", GetFileType(r));
    CloseHandle(w);
    show("rest", (u32)ReadFile(r, b, 20, &n, 0)); show("bytes", n);
    show("broken", (u32)ReadFile(r, b, 20, &n, 0)); show("error", GetLastError());
    CreatePipe(&r, &w, 0, 0); CloseHandle(r);
    show("no_reader", (u32)WriteFile(w, "x", 1, &n, 0)); show("error", GetLastError());
    show("not_a_file", GetFileSize(w, 0)); show("error", GetLastError());
    show("duplicate", (u32)DuplicateHandle((H)-1, w, (H)-1, &d, 0, 0, 1)); show("source", (u32)CloseHandle(w));
    show("no_pipe", (u32)PeekNamedPipe(GetStdHandle(-11), 0, 0, 0, 0, 0));
}

static void console(void)
{
    u32 n, mode;
    unsigned short s[11];
    char b[20];
    H in = GetStdHandle(-10), out = GetStdHandle(-11), con = CreateFileA("CON", GENERIC_WRITE, 3, 0, 3, 0, 0);
    ReadConsoleA(in, b, 3, &n, 0); show("part", n);
    ReadFile(in, b, 20, &n, 0); show("line", n);
    ReadFile(in, b, 20, &n, 0); show("end", n);
    show("in_mode", (u32)GetConsoleMode(in, &mode)); show("is", mode);
    SetConsoleMode(in, 0); GetConsoleMode(in, &mode); show("now", mode);
    GetConsoleScreenBufferInfo(out, s); show("columns", s[0]);
    show("cursor", (u32)SetConsoleCursorPosition(out, 0)); show("page", GetConsoleOutputCP());
    GetNumberOfConsoleInputEvents(in, &n); show("events", n); show("flush", (u32)FlushConsoleInputBuffer(in));
    show("title", (u32)SetConsoleTitleA("x"));
    WriteFile(con, "direct\r\n", 8, &n, 0);
    SetStdHandle(-11, con); say("by name\r\n");
    con = CreateFileA("CONIN$", GENERIC_READ, 3, 0, 3, 0, 0); show("keys", GetFileType(con));
    show("no_mode", (u32)GetConsoleMode((H)0x7777, &mode));
}

static void more(void)
{
    u32 n = 20, v[10];
    char b[20], *e = GetEnvironmentStrings();
    show("variables", e[0] != 0); show("free", (u32)FreeEnvironmentStringsA(e));
    show("no_program", WinExec("NOTHING.EXE", 0));
    InitializeCriticalSection(v); EnterCriticalSection(v); show("entered", 1);
    GetSystemInfo(v); show("page", v[1]); show("cpu", v[6]); show("level", v[8] & 0xffff);
    show("mmx", (u32)IsProcessorFeaturePresent(3)); show("sse", (u32)IsProcessorFeaturePresent(6));
    GetComputerNameA(b, &n); text("name", b); show("length", n);
    show("ansi", GetACP()); GetCPInfo(1252, v); show("bytes", v[0]);
    show("id", GetCurrentProcessId() != 0);
    TerminateProcess((H)-1, 99);
}

void start(void)
{
    switch (tail()[0]) {
    case 'p': paths(); break;
    case 't': times(); break;
    case 'm': memory(); break;
    case 's': strings(); break;
    case 'h': handles(); break;
    case 'c': console(); break;
    case 'x': more(); break;
    default: rest();
    }
    ExitProcess(0);
}
