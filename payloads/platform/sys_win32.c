/* sys_win32.c - the back end for Windows 95 and later: files, console, memory, time.
 * Children are in run_win32.c, so that a program that starts none does not import CreateProcess. */
#include "kernel32.h"

/* ---- status ---- */

static int status_of(u32 error)
{
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_NO_MORE_FILES:
        return SYS_MISSING;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
        return SYS_EXISTS;
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_DISK_FULL:
        return SYS_FULL;
    default:
        return SYS_ERROR;
    }
}

static int done(i32 worked)
{
    return worked ? SYS_OK : status_of(GetLastError());
}

/* ---- the end ---- */

void sys_exit(int code)
{
    ExitProcess((u32)code & 0xFF);
    for (;;)
        ;
}

/* ---- console ---- */

void sys_out(const void *bytes, usize count)
{
    u32 put;

    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes, (u32)count, &put, 0);
}

/* ---- memory ---- */

void *sys_alloc(usize bytes)
{
    return VirtualAlloc(0, (u32)bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void sys_memory(u32 *total, u32 *available)
{
    struct memory_status status;

    status.size = sizeof status;
    GlobalMemoryStatus(&status);
    *total = status.total_physical;
    *available = status.free_physical;
}

/* ---- files ---- */

int sys_open(sys_file *file, const char *path, enum sys_mode mode)
{
    u32 access = mode == SYS_READ     ? GENERIC_READ
                 : mode == SYS_CREATE ? GENERIC_WRITE
                                      : GENERIC_READ | GENERIC_WRITE;
    handle h = CreateFileA(path, access, mode == SYS_READ ? FILE_SHARE_READ | FILE_SHARE_WRITE : FILE_SHARE_READ, 0, mode == SYS_CREATE ? CREATE_ALWAYS : OPEN_EXISTING,
                           FILE_ATTRIBUTE_NORMAL, 0);

    *file = SYS_NO_FILE;
    if (h == BAD_HANDLE)
        return status_of(GetLastError());
    *file = (sys_file)h;
    return SYS_OK;
}

int sys_read(sys_file file, void *bytes, u32 count, u32 *got)
{
    *got = 0;
    return done(ReadFile((handle)file, bytes, count, got, 0));
}

int sys_write(sys_file file, const void *bytes, u32 count)
{
    u32 put = 0;

    if (count == 0) /* to Windows 98 a write of no bytes means "cut the file here" */
        return SYS_OK;
    if (!WriteFile((handle)file, bytes, count, &put, 0))
        return status_of(GetLastError());
    return put == count ? SYS_OK : SYS_FULL; /* a full FAT disk takes fewer bytes and reports success */
}

int sys_seek(sys_file file, u32 offset)
{
    i32 high = 0;

    if (SetFilePointer((handle)file, (i32)offset, &high, 0) == NO_ERROR_SET && offset != NO_ERROR_SET)
        return SYS_ERROR;
    return SYS_OK;
}

int sys_cut(sys_file file)
{
    return done(SetEndOfFile((handle)file));
}

int sys_flush(sys_file file)
{
    return done(FlushFileBuffers((handle)file));
}

int sys_close(sys_file file)
{
    return file == SYS_NO_FILE ? SYS_OK : done(CloseHandle((handle)file));
}

int sys_delete(const char *path)
{
    int status = done(DeleteFileA(path));

    if (status == SYS_ERROR && SetFileAttributesA(path, FILE_ATTRIBUTE_NORMAL)) /* it was read-only */
        status = done(DeleteFileA(path));
    return status;
}

int sys_rename(const char *from, const char *to)
{
    return done(MoveFileA(from, to));
}

int sys_mkdir(const char *path)
{
    return done(CreateDirectoryA(path, 0));
}

static usize text_length(const char *text)
{
    const char *end = text;

    while (*end)
        end++;
    return (usize)(end - text);
}

static __attribute__((noinline)) int stamp_of(const struct find_data *found, struct sys_stamp *stamp)
{
    if (found->attributes & FILE_ATTRIBUTE_DIRECTORY)
        return SYS_ERROR;
    if (found->length_high)
        return SYS_BIG;
    stamp->length = found->length_low;
    stamp->time_low = found->written[0];
    stamp->time_high = found->written[1];
    stamp->attributes = found->attributes & SYS_ATTRIBUTES;
    return SYS_OK;
}

int sys_stat(const char *path, struct sys_stamp *stamp)
{
    struct find_data found;
    handle search = FindFirstFileA(path, &found);

    if (search == BAD_HANDLE)
        return status_of(GetLastError());
    FindClose(search);
    return stamp_of(&found, stamp);
}

int sys_list(const char *directory, sys_each *each, void *context)
{
    static char pattern[600];
    struct find_data found;
    struct sys_stamp stamp;
    usize length = text_length(directory);
    handle search;

    memcpy(pattern, directory, length);
    memcpy(pattern + length, "*.*", 4);
    search = FindFirstFileA(pattern, &found);

    if (search == BAD_HANDLE)
        return status_of(GetLastError()) == SYS_MISSING ? SYS_OK : SYS_ERROR;
    do {
        if (stamp_of(&found, &stamp) == SYS_OK)
            each(context, found.name, &stamp);
    } while (FindNextFileA(search, &found));
    FindClose(search);
    return SYS_OK;
}

/* GetDiskFreeSpaceExA came with OSR2, so the first Windows 95 lacks it: asked for by name. The old
 * call lies on FAT32: it never tells of more than 2 GB less a cluster (facts B34). */
typedef i32 __attribute__((stdcall, regparm(0))) free_space_ex(const char *directory, u64 *ours, u64 *all, u64 *every);

int sys_disk_free(u64 *bytes, u32 *cluster, int *at_least)
{
    union {
        void *address;
        free_space_ex *call;
    } ex;
    u64 all, every;
    u32 sectors, sector, left, total;

    *at_least = 0;
    ex.address = GetProcAddress(GetModuleHandleA("KERNEL32"), "GetDiskFreeSpaceExA");
    if (!GetDiskFreeSpaceA(0, &sectors, &sector, &left, &total))
        return SYS_ERROR;
    *cluster = sectors * sector;
    if (ex.address && ex.call(0, bytes, &all, &every)) {
        total = (u32)(all >> 30);
        if (total >= 2) /* FAT32, as FORMAT makes it: to 8 GB 4 KB, to 16 GB 8 KB, to 32 GB 16 KB */
            *cluster = total < 8 ? 4096 : total < 16 ? 8192 : total < 32 ? 16384 : 32768;
        return SYS_OK;
    }
    *bytes = (u64)*cluster * left;
    *at_least = *bytes >= 0x7FF00000u;
    return SYS_OK;
}

int sys_own_path(char *path, u32 size)
{
    u32 length = GetModuleFileNameA(0, path, size);

    return length && length < size ? SYS_OK : SYS_ERROR;
}

/* ---- time ---- */

u32 sys_ticks(void)
{
    return GetTickCount();
}

/* ---- the machine ---- */

void sys_system(struct sys_system *system)
{
    struct version_info info;

    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    GetVersionExA(&info);
    system->major = info.major;
    system->minor = info.minor;
    system->build = info.build & 0xFFFF; /* on 95, 98 and Me the upper half repeats the version */
    system->name = info.platform != 1 ? "Windows NT"
                   : info.minor >= 90 ? "Windows Me"
                   : info.minor >= 10 ? "Windows 98"
                                      : "Windows 95";
}
