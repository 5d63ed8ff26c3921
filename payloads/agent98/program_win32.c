/* program_win32.c - the program of a RUN.
 *
 * It is started by the worker, called with /RUN: that one takes a console, which its child gets as well, and waits for
 * its end. A DOS program that a window starts by itself would have no redirected output on Windows 95, 98 and
 * Me (Q150956). What is to be run stands in AGENT98.JOB, how it ended in AGENT98.END. */
#include "agent.h"
#include "windows_win32.h"

#define PIPE_SIZE 16384u

static const char job_name[] = JOB_NAME;
static const char end_name[] = END_NAME;
static const char fed[] = {FED, '\0'};

static struct child child;
static handle read_end, write_end; /* of the pipe from which a program that is fed reads; 0: there is none */

static void close_pipe(void)
{
    if (read_end) {
        CloseHandle(read_end);
        CloseHandle(write_end);
    }
    read_end = write_end = 0;
}

/* The pipe never fills up: then a write would wait, and the agent with it. */
int program_feed(const void *bytes, u32 count)
{
    u32 unread = 0;

    return read_end && PeekNamedPipe(read_end, 0, 0, 0, &unread, 0) && unread + count < PIPE_SIZE &&
           WriteFile(write_end, bytes, count, &unread, 0);
}

u32 program_start(const struct launch *launch)
{
    static char job[JOB_SIZE];
    char command[PATH_SIZE];
    struct startup startup;
    struct inherit inherit = {sizeof inherit, 0, 1};
    u32 error;

    keep_path(command, end_name);
    sys_delete(command);
    if (keep_file(job_name, job, put(job, sizeof job, "%s\r\n%s\r\n%s\r\n%s\r\n", launch->folder,
                                     launch->fed     ? fed
                                     : launch->input ? launch->input
                                                     : "NUL",
                                     launch->output, launch->command)) != SYS_OK)
        return ERROR_NO_ROOM;
    keep_path(command, worker_program);
    add(command, sizeof command, " /RUN");
    memset(&startup, 0, sizeof startup);
    if (launch->fed) {
        if (!CreatePipe(&read_end, &write_end, &inherit, PIPE_SIZE))
            return ERROR_NO_ROOM;
        startup.flags = STARTF_USESTDHANDLES;
        startup.input = read_end;
    }
    error = create(&child, command, home, &startup);
    if (error)
        close_pipe();
    return error;
}

int program_ended(u32 *code)
{
    char path[PATH_SIZE], text[32];
    int got;

    if (!child_ended(&child, code))
        return 0;
    close_pipe();
    *code = ERROR_ENDED;
    keep_path(path, end_name);
    got = growing_read(path, 0, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    if (begins(text, "EXIT "))
        return number(text + 5, code);
    if (*text)
        number(text + 6, code);
    return -1;
}

void program_kill(void)
{
    if (child.process)
        child_kill(&child, 0);
}
