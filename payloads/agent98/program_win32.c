/* program_win32.c - programs for the agent.
 *
 * A program of an order is started by a second AGENT98, called with /RUN: that one takes a console, which its child
 * gets as well, and waits for its end. A DOS program that a window starts by itself
 * would have no redirected output on Windows 95, 98 and Me (Q150956). What is to be run stands in AGENT98.JOB, how
 * it ended in AGENT98.END. */
#include "agent.h"
#include "command.h"
#include "win98.h"
#include "windows_win32.h"

#define JOB_SIZE 1400u
#define MOST_PROCESSES 64u
#define PIPE_SIZE 16384u
#define FED '|' /* stands for the file to read, where there is a pipe instead */

static const char job_name[] = "AGENT98.JOB";
static const char end_name[] = "AGENT98.END";
static const char fed[] = {FED, '\0'};

static struct process child;
static int has_stub;
static handle read_end, write_end; /* of the pipe from which a program that is fed reads; 0: there is none */

u32 create(char *command, const char *folder, struct startup *startup, struct process *started)
{
    startup->size = sizeof *startup;
    if (!CreateProcessA(0, command, 0, 0, startup->flags == STARTF_USESTDHANDLES, 0, 0, folder, startup, started))
        return GetLastError();
    CloseHandle(started->thread);
    return 0;
}

int machine_start(const char *program, const char *arguments)
{
    struct startup startup;
    struct process started;
    char command[PATH_SIZE + 64];

    memset(&startup, 0, sizeof startup);
    put(command, sizeof command, "%s %s", program, arguments);
    if (create(command, home, &startup, &started))
        return 0;
    CloseHandle(started.process);
    return 1;
}

static int read_text(const char *name, char *text, u32 size)
{
    char path[PATH_SIZE];
    int got;

    keep_path(path, name);
    got = growing_read(path, 0, text, size - 1);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* ---- the second AGENT98 ---- */

/* Ends the line at `text` with a NUL, and returns the next one. */
static char *next_line(char *text)
{
    while (*text != '\r')
        text++;
    *text = '\0';
    return text + 2;
}

static handle open_for_child(const char *path, u32 access, u32 how)
{
    struct inherit inherit = {sizeof inherit, 0, 1};

    return CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, how, FILE_ATTRIBUTE_NORMAL, 0);
}

/* Output and input are files for children of 16 and 32 bits alike: the agent reads the one while it grows, and no
 * pipe can block. Only a program that is fed, which has to be of 32 bits, reads from the agent's `pipe`. The job's input
 * is NUL when it has none. 0, or the error. */
static u32 run_job(char *job, handle pipe, u32 *code)
{
    struct startup startup;
    struct process started;
    char path[PATH_SIZE];
    char *input = next_line(job);
    char *output = next_line(input);
    char *command = next_line(output);
    u32 error;

    next_line(command);
    if (!SetCurrentDirectoryA(job))
        return ERROR_PATH;
    command = command_line(command, path);
    if (!command)
        return ERROR_NO_FILE;
    memset(&startup, 0, sizeof startup);
    startup.flags = STARTF_USESTDHANDLES;
    startup.input = *input == FED ? pipe : open_for_child(input, GENERIC_READ, OPEN_EXISTING);
    startup.output = startup.error = open_for_child(output, GENERIC_WRITE, CREATE_ALWAYS);
    error = create(command, 0, &startup, &started);
    if (!error) {
        WaitForSingleObject(started.process, FOR_EVER);
        GetExitCodeProcess(started.process, code);
    }
    return error;
}

int machine_stub(void)
{
    static char job[JOB_SIZE];
    char text[32];
    u32 code, error;
    handle pipe = GetStdHandle(STD_INPUT_HANDLE); /* before the console's own takes its place */

    home_set();
    if (!read_text(job_name, job, sizeof job))
        return 4;
    AllocConsole();
    error = run_job(job, pipe, &code);
    keep_file(end_name, text, put(text, sizeof text, error ? "ERROR %u" : "EXIT %u", error ? error : code));
    return 0;
}

/* ---- for the agent ---- */

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
    char path[PATH_SIZE];
    struct startup startup;
    struct inherit inherit = {sizeof inherit, 0, 1};
    u32 error;

    memset(&startup, 0, sizeof startup);
    has_stub = launch->output != 0;
    put(command, sizeof command, "%s", launch->command);
    if (!has_stub)
        return create(command, launch->folder, &startup, &child);
    keep_path(path, end_name);
    sys_delete(path);
    if (keep_file(job_name, job, put(job, sizeof job, "%s\r\n%s\r\n%s\r\n%s\r\n", launch->folder,
                                     launch->fed     ? fed
                                     : launch->input ? launch->input
                                                     : "NUL",
                                     launch->output, launch->command)) != SYS_OK)
        return ERROR_NO_ROOM;
    sys_own_path(path, sizeof path);
    put(command, sizeof command, "%s /RUN", path);
    if (launch->fed) {
        if (!CreatePipe(&read_end, &write_end, &inherit, PIPE_SIZE))
            return ERROR_NO_ROOM;
        startup.flags = STARTF_USESTDHANDLES;
        startup.input = read_end;
    }
    error = create(command, home, &startup, &child);
    if (error)
        close_pipe();
    return error;
}

int program_ended(u32 *code)
{
    char text[32];

    if (WaitForSingleObject(child.process, 0) != WAIT_OBJECT_0)
        return 0;
    GetExitCodeProcess(child.process, code);
    CloseHandle(child.process);
    child.process = 0;
    close_pipe();
    if (!has_stub)
        return 1;
    *code = ERROR_ENDED;
    read_text(end_name, text, sizeof text);
    if (begins(text, "EXIT "))
        return number(text + 5, code);
    if (*text)
        number(text + 6, code);
    return -1;
}

/* Ends all that the program `parent` has started, the last first, and itself when it is no stub. */
static void end_children(u32 parent, int itself)
{
    static struct process_entry entry;
    u32 ids[MOST_PROCESSES];
    u32 count = 1;
    u32 i;
    handle snapshot;
    int more;

    ids[0] = parent;
    for (i = 0; i < count; i++) {
        snapshot = CreateToolhelp32Snapshot(SNAP_PROCESSES, 0);
        entry.size = sizeof entry;
        for (more = Process32First(snapshot, &entry); more; more = Process32Next(snapshot, &entry))
            if (entry.parent == ids[i] && count < MOST_PROCESSES)
                ids[count++] = entry.id;
        CloseHandle(snapshot);
    }
    while (count > (itself ? 0u : 1u)) {
        handle process = OpenProcess(MAY_TERMINATE, 0, ids[--count]);
        if (process) {
            TerminateProcess(process, 255);
            CloseHandle(process);
        }
    }
}

void program_kill(void)
{
    if (child.process)
        end_children(child.process_id, !has_stub);
}

int growing_read(const char *path, u32 offset, void *bytes, u32 count)
{
    handle file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING,
                              FILE_ATTRIBUTE_NORMAL, 0);
    u32 got = 0;
    int worked;

    if (file == BAD_HANDLE)
        return -1;
    worked = sys_seek((sys_file)file, offset) == SYS_OK && ReadFile(file, bytes, count, &got, 0);
    CloseHandle(file);
    return worked ? (int)got : -1;
}
