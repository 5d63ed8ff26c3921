/* stub_win32.c - AGENT98W /RUN: the console of the program that a RUN has started; see agent98/program_win32.c. */
#include "worker.h"
#include "command.h"
#include "windows_win32.h"

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
    struct child child;
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
    error = create(&child, command, 0, &startup);
    if (!error) {
        WaitForSingleObject((handle)child.process, FOR_EVER);
        GetExitCodeProcess((handle)child.process, code);
    }
    return error;
}

int machine_stub(void)
{
    static char job[JOB_SIZE];
    char path[PATH_SIZE], text[32];
    u32 code = 0;
    u32 error;
    int got;
    handle pipe = GetStdHandle(STD_INPUT_HANDLE); /* before the console's own takes its place */

    home_set();
    keep_path(path, JOB_NAME);
    got = growing_read(path, 0, job, sizeof job - 1);
    if (got <= 0)
        return 4;
    job[got] = '\0';
    AllocConsole();
    error = run_job(job, pipe, &code);
    keep_path(path, END_NAME);
    work_write(path, text, put(text, sizeof text, error ? "ERROR %u" : "EXIT %u", error ? error : code));
    return 0;
}
