/* program_win32.c - programs for the agent.
 *
 * A program of an order is started by a second AGENT98, called with /RUN: that one takes a console, which its child
 * gets as well, and runs it by the rules of platform/run_win32.c. A DOS program that a window starts by itself
 * would have no redirected output on Windows 95, 98 and Me (Q150956). What is to be run stands in AGENT98.JOB, how
 * it ended in AGENT98.END. */
#include "machine.h"
#include "win98.h"
#include "windows_win32.h"
#include "words.h"

#define JOB_SIZE 1400u
#define MOST_PROCESSES 64u

static const char job_name[] = "AGENT98.JOB";
static const char end_name[] = "AGENT98.END";

static struct process child;
static int has_stub;

static u32 create(char *command, const char *folder, struct process *started)
{
    struct startup startup;

    memset(&startup, 0, sizeof startup);
    startup.size = sizeof startup;
    if (!CreateProcessA(0, command, 0, 0, 0, 0, 0, folder, &startup, started))
        return GetLastError();
    CloseHandle(started->thread);
    return 0;
}

int machine_start(const char *program, const char *arguments)
{
    struct process started;
    char command[PATH_SIZE + 64];

    put(command, sizeof command, "%s %s", program, arguments);
    if (create(command, home, &started))
        return 0;
    CloseHandle(started.process);
    return 1;
}

/* ---- the second AGENT98 ---- */

static int write_text(const char *name, const char *text)
{
    char path[PATH_SIZE];
    sys_file file;
    int status;

    join_path(path, sizeof path, home, name);
    if (sys_open(&file, path, SYS_CREATE) != SYS_OK)
        return 0;
    status = sys_write(file, text, text_length(text));
    sys_close(file);
    return status == SYS_OK;
}

static int read_text(const char *name, char *text, u32 size)
{
    char path[PATH_SIZE];
    int got;

    join_path(path, sizeof path, home, name);
    got = growing_read(path, 0, text, size - 1);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* Ends the line at `text` with a NUL, and returns the next one. */
static char *next_line(char *text)
{
    while (*text && *text != '\r')
        text++;
    if (*text)
        *text++ = '\0';
    return *text == '\n' ? text + 1 : text;
}

static sys_file output;

static void record(void *context, const u8 *bytes, u32 count)
{
    (void)context;
    sys_out(bytes, count);
    sys_write(output, bytes, count);
}

int machine_stub(void)
{
    static char job[JOB_SIZE];
    char text[32];
    char *folder = job;
    char *input, *out, *command;
    u32 code = 0;

    home_set();
    if (!read_text(job_name, job, sizeof job))
        return 4;
    input = next_line(folder);
    out = next_line(input);
    command = next_line(out);
    next_line(command);
    AllocConsole();
    if (!SetCurrentDirectoryA(folder) || sys_open(&output, out, SYS_CREATE) != SYS_OK) {
        put(text, sizeof text, "ERROR %u", ERROR_PATH);
    } else {
        if (*input)
            sys_input = input;
        put(text, sizeof text, "ERROR %u", 2u);
        if (sys_run(command, "", record, 0, &code) == SYS_OK)
            put(text, sizeof text, "EXIT %u", code);
        sys_close(output);
    }
    write_text(end_name, text);
    return 0;
}

/* ---- for the agent ---- */

u32 program_start(const struct launch *launch)
{
    static char job[JOB_SIZE];
    char command[PATH_SIZE];
    char path[PATH_SIZE];

    has_stub = launch->output != 0;
    if (!has_stub) {
        put(command, sizeof command, "%s", launch->command);
        return create(command, launch->folder, &child);
    }
    join_path(path, sizeof path, home, end_name);
    sys_delete(path);
    put(job, sizeof job, "%s\r\n%s\r\n%s\r\n%s\r\n", launch->folder, launch->input ? launch->input : "", launch->output,
        launch->command);
    if (!write_text(job_name, job) || sys_own_path(path, sizeof path) != SYS_OK)
        return ERROR_NO_ROOM;
    put(command, sizeof command, "%s /RUN", path);
    return create(command, home, &child);
}

int program_ended(u32 *code)
{
    char text[32];

    if (WaitForSingleObject(child.process, 0) != WAIT_OBJECT_0)
        return 0;
    GetExitCodeProcess(child.process, code);
    CloseHandle(child.process);
    child.process = 0;
    if (!has_stub)
        return 1;
    if (!read_text(end_name, text, sizeof text))
        *code = 1067; /* it was ended */
    else if (begins(text, "EXIT ") && number(text + 5, code))
        return 1;
    else if (!begins(text, "ERROR ") || !number(text + 6, code))
        *code = 1;
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
