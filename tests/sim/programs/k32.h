/* Just enough of KERNEL32 for the small programs that the emulator is tested with. */
#define API __declspec(dllimport) __stdcall
typedef unsigned int u32;
typedef void *H;
typedef struct { u32 size; H sd; u32 inherit; } SA;
typedef struct { u32 cb, r[10], flags; unsigned short show, r2; u32 r3; H in, out, err; } SI;
typedef struct { H process, thread; u32 pid, tid; } PI;
typedef struct { u32 attr, t[6], high, size, r0, r1; char name[260], alias[14], pad[2]; } FD;

void API ExitProcess(u32);
H API GetStdHandle(int);
int API WriteFile(H, const void *, u32, u32 *, void *);
int API ReadFile(H, void *, u32, u32 *, void *);
H API CreateFileA(const char *, u32, u32, SA *, u32, u32, H);
int API CloseHandle(H);
u32 API SetFilePointer(H, int, int *, u32);
int API SetEndOfFile(H);
u32 API GetFileSize(H, u32 *);
int API DeleteFileA(const char *);
int API MoveFileA(const char *, const char *);
int API CreateDirectoryA(const char *, void *);
u32 API GetFileAttributesA(const char *);
H API FindFirstFileA(const char *, FD *);
int API FindNextFileA(H, FD *);
int API FindClose(H);
u32 API GetLastError(void);
char *API GetCommandLineA(void);
u32 API GetModuleFileNameA(H, char *, u32);
H API GetModuleHandleA(const char *);
void *API GetProcAddress(H, const char *);
u32 API GetTickCount(void);
void API Sleep(u32);
int API CreatePipe(H *, H *, SA *, u32);
int API PeekNamedPipe(H, void *, u32, u32 *, u32 *, u32 *);
int API CreateProcessA(const char *, char *, SA *, SA *, int, u32, void *, const char *, SI *, PI *);
u32 API WaitForSingleObject(H, u32);
int API GetExitCodeProcess(H, u32 *);
void *API VirtualAlloc(void *, u32, u32, u32);
int API VirtualFree(void *, u32, u32);
H API GetProcessHeap(void);
void *API HeapAlloc(H, u32, u32);
int API HeapFree(H, u32, void *);
u32 API GetEnvironmentVariableA(const char *, char *, u32);
u32 API GetCurrentDirectoryA(u32, char *);
int API GetVersionExA(void *);
void API GlobalMemoryStatus(void *);
int API GetDiskFreeSpaceA(const char *, u32 *, u32 *, u32 *, u32 *);
H API CreateFileW(const void *, u32, u32, SA *, u32, u32, H);
int API SetStdHandle(int, H);
int API DuplicateHandle(H, H, H, H *, u32, int, u32);

#define GENERIC_READ 0x80000000u
#define GENERIC_WRITE 0x40000000u
#define BAD ((H)-1)

static u32 slen(const char *s) { u32 n = 0; while (s[n]) n++; return n; }
static void say(const char *s) { u32 n; WriteFile(GetStdHandle(-11), s, slen(s), &n, 0); }
static void num(u32 v)
{
    char b[12];
    int i = 11;
    b[i] = 0;
    do b[--i] = (char)('0' + v % 10); while (v /= 10);
    say(b + i);
}
static void show(const char *name, u32 v) { say(name); say("="); num(v); say("\r\n"); }
/* The text behind the program's name on the command line. */
static char *tail(void)
{
    char *p = GetCommandLineA();
    while (*p && *p != ' ') p++;
    while (*p == ' ') p++;
    return p;
}
void start(void);
