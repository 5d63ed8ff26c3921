/* install.c - where the agent's program lies, how a new one takes its place, and how it goes.
 *
 *   AGENT98.EXE   the agent
 *   AGENT98.NEW   a new one on its way here
 *   AGENT98N.EXE  a new one, proved, that has not taken its place yet
 *   AGENT98.OLD   the one before, for as long as the two names change
 *   AGENT98.UP    the new one has said HELLO
 *   AGENT98W.EXE  the worker; it is fetched and proved when an order needs it
 * At every moment the program that Windows would start is whole. */
#include "agent.h"

#define HELLO_MS 60000u

static const char program[] = "AGENT98.EXE";
static const char next_program[] = "AGENT98N.EXE";

static void forget(const char *name)
{
    char path[PATH_SIZE];

    keep_path(path, name);
    sys_delete(path);
}

static void stay_as(const char *name)
{
    char path[PATH_SIZE];

    keep_path(path, name);
    add(path, sizeof path, " /MIN");
    if (owner.stay)
        machine_stay(path);
}

void install_stay(void)
{
    stay_as(program);
}

/* Copies a program to a name in `home`, whole or not at all. 1 when it is there. */
static int copy(const char *from, const char *name)
{
    char temporary[PATH_SIZE], path[PATH_SIZE], old[PATH_SIZE];
    u8 *bytes = agent.work[0].talk.piece;
    sys_file file;
    u32 done;
    int got;
    int status;

    keep_path(temporary, "AGENT98.TMP");
    keep_path(path, name);
    keep_path(old, "AGENT98.OLD");
    if (sys_open(&file, temporary, SYS_CREATE) != SYS_OK)
        return 0;
    status = SYS_OK;
    for (done = 0; status == SYS_OK && (got = growing_read(from, done, bytes, 8192)) != 0; done += (u32)got)
        status = got < 0 ? SYS_ERROR : sys_write(file, bytes, (u32)got);
    if (status == SYS_OK)
        status = sys_flush(file);
    sys_close(file);
    if (status == SYS_OK) {
        sys_delete(old);
        status = sys_rename(path, old);
        if (status == SYS_OK || status == SYS_MISSING)
            status = sys_rename(temporary, path);
        if (status != SYS_OK)
            sys_rename(old, path);
    }
    sys_delete(status == SYS_OK ? old : temporary);
    return status == SYS_OK;
}

int install_here(const char *own_path)
{
    char text[SETTINGS_MOST], path[PATH_SIZE];

    if (!files_make(home) || !window_end_other()) {
        window_box("C:\\DEPLOY cannot be made, or another agent does not end.");
        return 0;
    }
    if (!copy(own_path, program) ||
        keep_file("AGENT98.INI", text, settings_write(&owner, text)) != SYS_OK) {
        window_box("The agent cannot be installed. Is the disk full?");
        return 0;
    }
    if (owner.stay)
        stay_as(program);
    else
        machine_stay(0);
    keep_path(path, program);
    return machine_start(path, "");
}

u32 verb_upgrade(struct work *work)
{
    char fresh[PATH_SIZE], next[PATH_SIZE], up[PATH_SIZE];
    char arguments[40];
    struct sys_stamp stamp;
    u32 began, error;

    keep_path(fresh, "AGENT98.NEW");
    keep_path(next, next_program);
    keep_path(up, "AGENT98.UP");
    error = work_carried(work, fresh);
    if (!error)
        error = work_proved(work, fresh, work->order.arg[0], work->order.arg[1]);
    if (error)
        return error;
    sys_delete(up);
    sys_delete(next);
    put(arguments, sizeof arguments, "/UP %s %s", work->order.id, agent.boot);
    if (sys_rename(fresh, next) != SYS_OK || !machine_start(next, arguments))
        return machine_error();
    agent_goodbye("disconnect");
    for (began = sys_ticks(); sys_ticks() - began < HELLO_MS;) {
        if (sys_stat(up, &stamp) == SYS_OK) { /* it tells the answer */
            agent.after = AFTER_HANDOVER;
            return 0;
        }
        agent_sleep(100);
    }
    agent.off = 0;
    agent.next_call = sys_ticks();
    sys_delete(next);
    return work_fail(work, ERROR_TOO_LONG, "the new agent did not reach the host");
}

int install_swap(void)
{
    char next[PATH_SIZE];

    keep_path(next, next_program);
    if (keep_file("AGENT98.UP", "UP\r\n", 4) != SYS_OK || !window_end_other())
        return 0;
    stay_as(next_program); /* whole, whatever happens while the names change */
    if (!copy(next, program))
        return 0;
    stay_as(program);
    return 1;
}

void install_tidy(void)
{
    static const char left[] = "AGENT98N.EXE AGENT98.NEW AGENT98.TMP AGENT98.UP AGENT98.OUT AGENT98.STD "
                               "AGENT98.CAR AGENT98.JOB AGENT98.END AGENT98.LOG AGENT98.W1 AGENT98.W2 ";
    char names[sizeof left];
    char *rest = names;

    put(names, sizeof names, "%s", left);
    while (*rest)
        forget(next_word(&rest));
}

void install_remove(void)
{
    machine_stay(0);
    install_tidy();
    forget(worker_program);
    forget("AGENT98.INI");
    forget("AGENT98.OLD");
    forget(journal_name);
    machine_vanish();
}
