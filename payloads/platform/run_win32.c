/* run_win32.c - sys_run for Windows 95 and later.
 *
 * The child writes into a pipe that we poll. We never block on reading: a 16-bit child runs inside
 * a helper process that keeps the pipe open for ever, so the end of the process is what counts, not
 * the end of the pipe. Windows 9x has no SetHandleInformation: our end of the pipe is made private
 * by duplicating it as not inheritable, else the child would hold it too. */
#include "kernel32.h"

#define PIPE_SIZE 16384u
#define PAUSE_MS 20u

static int make_pipe(handle *ours, handle *childs)
{
    struct inherit inherit;
    handle reader;

    inherit.size = sizeof inherit;
    inherit.descriptor = 0;
    inherit.inherit = 1;
    if (!CreatePipe(&reader, childs, &inherit, PIPE_SIZE))
        return SYS_ERROR;
    if (DuplicateHandle(GetCurrentProcess(), reader, GetCurrentProcess(), ours, 0, 0,
                        DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE))
        return SYS_OK;
    CloseHandle(*childs);
    return SYS_ERROR;
}

static int start_child(char *command, handle childs, struct process *started)
{
    struct startup startup;

    memset(&startup, 0, sizeof startup);
    startup.size = sizeof startup;
    startup.flags = STARTF_USESTDHANDLES;
    startup.input = GetStdHandle(STD_INPUT_HANDLE);
    startup.output = childs;
    startup.error = childs;
    return CreateProcessA(0, command, 0, 0, 1, 0, 0, 0, &startup, started) ? SYS_OK : SYS_MISSING;
}

/* Hands on what waits in the pipe now, at most 64 KB of it, so that a child that writes without
 * end still has its own end noticed; 0 when there was nothing. */
static int drain(handle pipe, sys_output *output, void *context)
{
    u8 bytes[1024];
    u32 ready = 0;
    u32 got = 0;
    int some = 0;

    while (some < 64 && PeekNamedPipe(pipe, 0, 0, 0, &ready, 0) && ready) {
        if (ready > sizeof bytes)
            ready = sizeof bytes;
        if (!ReadFile(pipe, bytes, ready, &got, 0) || !got)
            break;
        output(context, bytes, got);
        some++;
    }
    return some;
}

/* Copies until the process has ended and the pipe has been found empty twice more: what a child
 * wrote last may trail behind its end. A grandchild that keeps writing is left after 16 looks. */
static void copy_until_end(handle process, handle pipe, sys_output *output, void *context)
{
    int looks = 0;
    int empty = 0;

    while (WaitForSingleObject(process, 0) != WAIT_OBJECT_0)
        if (!drain(pipe, output, context))
            WaitForSingleObject(process, PAUSE_MS);
    while (looks++ < 16 && empty < 2)
        if (!drain(pipe, output, context)) {
            empty++;
            Sleep(PAUSE_MS);
        }
}

int sys_run(char *command, sys_output *output, void *context, u32 *exit_code)
{
    handle ours = BAD_HANDLE;
    handle childs = BAD_HANDLE;
    struct process child;
    int status = make_pipe(&ours, &childs);

    if (status != SYS_OK)
        return status;
    status = start_child(command, childs, &child);
    CloseHandle(childs);
    if (status == SYS_OK) {
        CloseHandle(child.thread);
        copy_until_end(child.process, ours, output, context);
        if (!GetExitCodeProcess(child.process, exit_code))
            status = SYS_ERROR;
        CloseHandle(child.process);
    }
    CloseHandle(ours);
    return status;
}
