/* run_win32.c - sys_run for Windows 95 and later.
 *
 * A Win32 child writes into a pipe that we poll, and has our standard input. A 16-bit child must have
 * neither: on Windows 95, 98 and Me one that blocks on a pipe never wakes up, and to end it may take
 * the system down. It gets a file, which we read while it grows, and NUL. The program's own header
 * tells which it is; a batch file is COMMAND.COM, which is of 16 bits.
 *
 * We never block on reading: whoever keeps the other end, the end of the process is the end. */
#include "command.h"
#include "kernel32.h"

#define PIPE_SIZE 16384u
#define PAUSE_MS 20u
const char *sys_input;

static const char growing[] = "OUTPUT.TMP";

struct child {
    handle output; /* the end that we read */
    handle childs; /* the one that it writes */
    handle input;
    int is_file;
    struct process started;
};

/* ---- what is started ---- */

/* Whether the file at `path` is a Win32 program: MZ, and PE where the header says. */
static int is_win32(const char *path)
{
    char bytes[64];
    u32 got, start;
    handle file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING,
                              FILE_ATTRIBUTE_NORMAL, 0);
    int found;

    found = ReadFile(file, bytes, sizeof bytes, &got, 0) && got == sizeof bytes && memcmp(bytes, "MZ", 2) == 0;
    if (found) {
        memcpy(&start, bytes + 60, sizeof start);
        SetFilePointer(file, (i32)start, 0, 0);
        found = ReadFile(file, bytes, 4, &got, 0) && got == 4 && memcmp(bytes, "PE\0", 4) == 0;
    }
    CloseHandle(file);
    return found;
}

/* ---- the child ---- */

static int open_output(struct child *child, struct inherit *inherit)
{
    child->input = sys_input || child->is_file
                       ? CreateFileA(sys_input ? sys_input : "NUL", GENERIC_READ, FILE_SHARE_READ, inherit,
                                     OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0)
                       : GetStdHandle(STD_INPUT_HANDLE);
    if (!child->is_file)
        return CreatePipe(&child->output, &child->childs, inherit, PIPE_SIZE) ? SYS_OK : SYS_ERROR;
    child->childs = CreateFileA(growing, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, inherit, CREATE_ALWAYS,
                                FILE_ATTRIBUTE_NORMAL, 0);
    child->output = CreateFileA(growing, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING,
                                FILE_ATTRIBUTE_NORMAL, 0);
    return child->output == BAD_HANDLE ? SYS_ERROR : SYS_OK;
}

static int start_child(char *command, struct child *child)
{
    struct startup startup;

    memset(&startup, 0, sizeof startup);
    startup.size = sizeof startup;
    startup.flags = STARTF_USESTDHANDLES;
    startup.input = child->input;
    startup.output = child->childs;
    startup.error = child->childs;
    return CreateProcessA(0, command, 0, 0, 1, 0, 0, 0, &startup, &child->started) ? SYS_OK : SYS_MISSING;
}

/* Hands on what has come by now, at most 64 KB of it, so that a child that writes without end still has
 * its own end noticed; 0 when there was nothing. */
static int drain(const struct child *child, sys_output *output, void *context)
{
    u8 bytes[1024];
    u32 ready = sizeof bytes;
    u32 got = 0;
    int some = 0;

    while (some < 64 && (child->is_file || (PeekNamedPipe(child->output, 0, 0, 0, &ready, 0) && ready))) {
        if (ready > sizeof bytes)
            ready = sizeof bytes;
        if (!ReadFile(child->output, bytes, ready, &got, 0) || !got)
            break;
        output(context, bytes, got);
        some++;
    }
    return some;
}

/* Copies until the process has ended and three looks at nothing more: what a child wrote last may trail
 * behind its end, but a grandchild that keeps writing must not hold us longer than what was there. */
static void copy_until_end(const struct child *child, sys_output *output, void *context)
{
    int ended = 0;
    u32 left;

    do {
        ended += WaitForSingleObject(child->started.process, 0) == WAIT_OBJECT_0;
        if (!drain(child, output, context))
            Sleep(PAUSE_MS);
    } while (ended < 3);
    if (child->is_file) /* what it wrote faster than we read: all of it stands there */
        for (left = GetFileSize(child->output, 0) >> 16; left + 1 && drain(child, output, context); left--)
            ;
}

int sys_run(char *command, const char *directory, sys_output *output, void *context, u32 *exit_code)
{
    static char here[300];
    char path[COMMAND_PATH];
    struct inherit inherit = {sizeof inherit, 0, 1};
    struct child child;
    char *line;
    int status;

    memset(&child, 0, sizeof child);
    GetCurrentDirectoryA(sizeof here, here);
    if (*directory)
        SetCurrentDirectoryA(directory);
    line = command_line(command, path);
    SetCurrentDirectoryA(here);
    if (!line)
        return SYS_MISSING;
    child.is_file = line != command || !is_win32(path);
    status = open_output(&child, &inherit);
    if (*directory)
        SetCurrentDirectoryA(directory);
    if (status == SYS_OK)
        status = start_child(line, &child);
    SetCurrentDirectoryA(here);
    CloseHandle(child.childs);
    if (status == SYS_OK) {
        copy_until_end(&child, output, context);
        GetExitCodeProcess(child.started.process, exit_code);
        CloseHandle(child.started.thread);
        CloseHandle(child.started.process);
    }
    CloseHandle(child.output);
    if (child.is_file) {
        CloseHandle(child.input);
        sys_delete(growing);
    }
    return status;
}
