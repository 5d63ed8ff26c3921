/* run_win32.c - sys_run for Windows 95 and later.
 *
 * The child writes into a pipe that we poll. We never block on reading: a 16-bit child runs inside
 * a helper process that keeps the pipe open for ever, so the end of the process is what counts, not
 * the end of the pipe. For the same reason it does no harm that the child inherits our end, too. */
#include "kernel32.h"

#define PIPE_SIZE 16384u
#define PAUSE_MS 20u

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

/* Copies until the process has ended and three looks more: what a child wrote last may trail behind
 * its end, but a grandchild that keeps writing must not hold us. */
static void copy_until_end(handle process, handle pipe, sys_output *output, void *context)
{
    int ended = 0;

    do {
        ended += WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
        if (!drain(pipe, output, context))
            Sleep(PAUSE_MS);
    } while (ended < 3);
}

int sys_run(char *command, sys_output *output, void *context, u32 *exit_code)
{
    struct inherit inherit = {sizeof inherit, 0, 1};
    struct process child;
    handle ours, childs;
    int status;

    if (!CreatePipe(&ours, &childs, &inherit, PIPE_SIZE))
        return SYS_ERROR;
    status = start_child(command, childs, &child);
    CloseHandle(childs);
    if (status == SYS_OK) {
        copy_until_end(child.process, ours, output, context);
        GetExitCodeProcess(child.process, exit_code);
        CloseHandle(child.thread);
        CloseHandle(child.process);
    }
    CloseHandle(ours);
    return status;
}
