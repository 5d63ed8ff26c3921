/* process_win32.c - programs that are started and waited for, and files that somebody is writing. */
#include "windows_win32.h"
#include "words.h"

#define MOST_PROCESSES 64u

u32 create(struct child *child, const char *command, const char *folder, struct startup *startup)
{
    struct process started;
    char line[COMMAND_SIZE]; /* Windows writes into it */

    put(line, sizeof line, "%s", command);
    startup->size = sizeof *startup;
    if (!CreateProcessA(0, line, 0, 0, startup->flags == STARTF_USESTDHANDLES, 0, 0, folder, startup, &started))
        return GetLastError();
    CloseHandle(started.thread);
    child->process = (usize)started.process;
    child->id = started.process_id;
    return 0;
}

u32 child_start(struct child *child, const char *command, const char *folder)
{
    struct startup startup;

    memset(&startup, 0, sizeof startup);
    return create(child, command, folder, &startup);
}

int machine_start(const char *program, const char *arguments)
{
    struct child child;
    char command[COMMAND_SIZE];

    put(command, sizeof command, "%s %s", program, arguments);
    if (child_start(&child, command, home))
        return 0;
    CloseHandle((handle)child.process);
    return 1;
}

int child_ended(struct child *child, u32 *code)
{
    if (WaitForSingleObject((handle)child->process, 0) != WAIT_OBJECT_0)
        return 0;
    GetExitCodeProcess((handle)child->process, code);
    CloseHandle((handle)child->process);
    child->process = 0;
    return 1;
}

void child_kill(const struct child *child, int itself)
{
    static struct process_entry entry;
    u32 ids[MOST_PROCESSES];
    u32 count = 1;
    u32 i;
    handle snapshot;
    int more;

    ids[0] = child->id;
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
