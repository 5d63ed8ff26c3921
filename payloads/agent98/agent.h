/* agent.h - what the agent knows, and how its parts work together.
 *
 * There is one thread. Whatever waits, waits in agent_wait, which meanwhile looks after the window and the
 * line to the host. So while an order is in work the agent goes on asking for orders, and a short one is done
 * beside it: `depth` says how many are. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "journal.h"
#include "work.h"

#define MOST_WORK 2u

enum after { AFTER_NOTHING, AFTER_REBOOT, AFTER_POWEROFF, AFTER_REMOVE, AFTER_HANDOVER };

struct agent {
    char worker_length[12], worker_sum[65]; /* which worker the host has for us; both as text */
    char boot[9];       /* of this start of Windows */
    char upgrade[ID_SIZE]; /* the order that brought this program, while it is not installed yet; else empty */
    struct talk line;   /* where orders come from */
    int up;             /* ... and we have said HELLO there */
    int waiting;        /* ... and SITE WAIT is not answered yet */
    int exchange;       /* a reply there is waited for: nobody else may use it */
    int off;            /* the user has disconnected */
    int ended;
    enum wish wish;     /* what the user wants, while a reply is waited for */
    u32 wished;         /* since then; milliseconds as sys_ticks */
    u32 pause, next_call, next_tell, heard; /* milliseconds; the last three as sys_ticks */
    u32 depth;
    struct work work[MOST_WORK];
    struct order incoming;
    int has_incoming;
    int starting; /* the program of a RUN is not started yet: what it is to be fed has to wait */
    enum after after; /* what is to be done when the answer has been told */
    struct journal journal;
    u32 journal_length;
};
extern struct agent agent;

/* ---- agent.c ---- */

/* Puts a line into the log that INFO shows. */
void agent_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern char agent_log_text[2048];

/* What the window says that is done now. */
void agent_show(const char *what);

/* Does orders until the agent ends. */
void agent_live(void);

/* Tells the answers that the host does not have yet. 1 while there are any. */
int agent_tell(void);

/* ---- keep.c: the journal and the settings on the disk ---- */

extern const char journal_name[];

/* Reads the journal; what was TAKEN when the power went is LOST now, except the order `in_work`. */
void keep_load(const char *in_work);

/* Changes an entry (made new when there is none) and writes that down. 1 when it is on the disk. */
int keep_note(const char *id, enum entry_state state, const char *answer);
void keep_told(struct entry *entry);

/* Writes a file whole or not at all under its name. A status. */
int keep_file(const char *name, const void *bytes, u32 count);

/* ---- orders.c, run.c, install.c ---- */

/* Does an order, and says in its answer what came of it. */
void verb_do(struct work *work);

/* The worker is in its place, and the one that the host has: 0, or the error. */
u32 worker_ready(struct work *work);
extern const char worker_program[];

/* An order of its own file each: 0, or the error; an exit code goes into the answer. */
u32 verb_run(struct work *work);
u32 verb_feed(struct work *work);
u32 verb_upgrade(struct work *work);

/* Installs this program, and starts it there. 1: it was, and this process has nothing more to do. */
int install_here(const char *own_path);

/* Windows starts the program that lies in its place from now on, if that was asked for. */
void install_stay(void);

/* The end of an upgrade, by the new program: it takes the old one's place. 1 when it has. */
int install_swap(void);

/* Deletes what earlier upgrades and orders left. */
void install_tidy(void);

/* Removes everything but the program that runs, which goes when it has ended. */
void install_remove(void);

#endif
