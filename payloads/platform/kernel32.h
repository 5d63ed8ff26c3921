/* kernel32.h - the functions of KERNEL32.DLL that the payloads import, and nothing else.
 *
 * Our own prototypes instead of windows.h: that one is not C89, defaults to a newer Windows and
 * makes it too easy to use what Windows 98 lacks. Everything here is in Windows 95; the list for
 * people and tests is payloads/kernel32-allowed.txt. No *W function works on Windows 98. */
#ifndef PLATFORM_KERNEL32_H
#define PLATFORM_KERNEL32_H

#include "sys.h"

#define K32(type) __attribute__((dllimport)) type __attribute__((stdcall, regparm(0)))
typedef void *handle;
#define BAD_HANDLE ((handle)-1)

/* CreateFileA */
#define GENERIC_READ 0x80000000u
#define GENERIC_WRITE 0x40000000u
#define FILE_SHARE_READ 1u
#define FILE_SHARE_WRITE 2u
#define CREATE_ALWAYS 2u
#define OPEN_EXISTING 3u
#define FILE_ATTRIBUTE_DIRECTORY 0x10u
#define FILE_ATTRIBUTE_NORMAL 0x80u

/* GetLastError */
#define ERROR_FILE_NOT_FOUND 2u
#define ERROR_PATH_NOT_FOUND 3u
#define ERROR_NO_MORE_FILES 18u
#define ERROR_HANDLE_DISK_FULL 39u
#define ERROR_FILE_EXISTS 80u
#define ERROR_DISK_FULL 112u
#define ERROR_ALREADY_EXISTS 183u

#define NO_ERROR_SET 0xFFFFFFFFu /* SetFilePointer, GetFileSize: error, or a length of 4 GB - 1 */

/* GetStdHandle */
#define STD_INPUT_HANDLE 0xFFFFFFF6u
#define STD_OUTPUT_HANDLE 0xFFFFFFF5u
#define STD_ERROR_HANDLE 0xFFFFFFF4u

/* VirtualAlloc */
#define MEM_COMMIT 0x1000u
#define MEM_RESERVE 0x2000u
#define MEM_RELEASE 0x8000u
#define PAGE_READWRITE 4u

struct find_data { /* WIN32_FIND_DATAA */
    u32 attributes;
    u32 created[2], accessed[2], written[2];
    u32 length_high, length_low;
    u32 reserved[2];
    char name[260];
    char short_name[14];
};

struct memory_status { /* MEMORYSTATUS */
    u32 size, load, total_physical, free_physical, total_page, free_page, total_virtual, free_virtual;
};

struct version_info { /* OSVERSIONINFOA */
    u32 size, major, minor, build, platform;
    char service_pack[128];
};

struct inherit { /* SECURITY_ATTRIBUTES */
    u32 size;
    void *descriptor;
    i32 inherit;
};

struct startup { /* STARTUPINFOA */
    u32 size;
    char *reserved, *desktop, *title;
    u32 x, y, width, height, columns, rows, fill, flags;
    u16 show, reserved2_size;
    u8 *reserved2;
    handle input, output, error;
};
#define STARTF_USESTDHANDLES 0x100u

struct process { /* PROCESS_INFORMATION */
    handle process, thread;
    u32 process_id, thread_id;
};

struct input_record { /* INPUT_RECORD with a KEY_EVENT_RECORD */
    u16 type, unused;
    i32 down;
    u16 repeat, key, scan;
    u16 character; /* its lower byte */
    u32 state;
};

#define SEM_FAILCRITICALERRORS 1u
#define WAIT_OBJECT_0 0u

K32(void) ExitProcess(u32 code);
K32(u32) GetLastError(void);
K32(char *) GetCommandLineA(void);
K32(u32) GetModuleFileNameA(handle module, char *path, u32 size);
K32(handle) GetModuleHandleA(const char *name);
K32(void *) GetProcAddress(handle module, const char *name);
K32(handle) GetStdHandle(u32 which);
K32(u32) SetErrorMode(u32 mode);
K32(u32) GetTickCount(void);
K32(u32) GetACP(void);
K32(u32) GetOEMCP(void);
K32(i32) IsDBCSLeadByte(char byte);
K32(void) GetSystemTimeAsFileTime(u32 time[2]);
K32(i32) GetVersionExA(struct version_info *info);
K32(void) GlobalMemoryStatus(struct memory_status *status);
K32(void *) VirtualAlloc(void *where, u32 bytes, u32 type, u32 protect);
K32(i32) VirtualFree(void *block, u32 bytes, u32 type);

K32(handle) CreateFileA(const char *path, u32 access, u32 share, void *security, u32 how, u32 attributes,
                        handle pattern);
K32(i32) ReadFile(handle file, void *bytes, u32 count, u32 *got, void *overlapped);
K32(i32) WriteFile(handle file, const void *bytes, u32 count, u32 *put, void *overlapped);
K32(u32) SetFilePointer(handle file, i32 low, i32 *high, u32 from);
K32(i32) FileTimeToDosDateTime(const u32 filetime[2], u16 *date, u16 *time);
K32(i32) FileTimeToLocalFileTime(const u32 filetime[2], u32 local[2]);
K32(u32) GetFileSize(handle file, u32 *high);
K32(i32) SetEndOfFile(handle file);
K32(i32) FlushFileBuffers(handle file);
K32(i32) CloseHandle(handle object);
K32(i32) DeleteFileA(const char *path);
K32(i32) MoveFileA(const char *from, const char *to);
K32(i32) CreateDirectoryA(const char *path, void *security);
K32(i32) RemoveDirectoryA(const char *path);
K32(u32) GetCurrentDirectoryA(u32 size, char *path);
K32(i32) SetCurrentDirectoryA(const char *path);
K32(i32) DosDateTimeToFileTime(u32 date, u32 time, u32 filetime[2]);
K32(i32) LocalFileTimeToFileTime(const u32 local[2], u32 filetime[2]);
K32(i32) SetFileTime(handle file, const void *created, const void *accessed, const void *written);
K32(i32) SetFileAttributesA(const char *path, u32 attributes);
K32(handle) FindFirstFileA(const char *pattern, struct find_data *found);
K32(i32) FindNextFileA(handle search, struct find_data *found);
K32(i32) FindClose(handle search);
K32(u32) SearchPathA(const char *folders, const char *name, const char *extension, u32 size, char *path,
                     char **part);
K32(i32) GetDiskFreeSpaceA(const char *root, u32 *sectors, u32 *bytes, u32 *free, u32 *all);

K32(i32) PeekConsoleInputA(handle input, struct input_record *events, u32 count, u32 *got);
K32(i32) ReadConsoleInputA(handle input, struct input_record *events, u32 count, u32 *got);

K32(i32) CreatePipe(handle *reader, handle *writer, struct inherit *security, u32 size);
K32(i32) PeekNamedPipe(handle pipe, void *bytes, u32 count, u32 *got, u32 *ready, u32 *left);
K32(i32) CreateProcessA(const char *program, char *command, void *process, void *thread, i32 inherit,
                        u32 flags, void *environment, const char *directory, struct startup *startup,
                        struct process *started);
K32(u32) WaitForSingleObject(handle object, u32 milliseconds);
K32(void) Sleep(u32 milliseconds);
K32(i32) GetExitCodeProcess(handle process, u32 *code);

#endif
