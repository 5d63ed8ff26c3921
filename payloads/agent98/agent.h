/* agent.h - what the agent knows, and how its parts work together.
 *
 * There is one thread. Whatever waits, waits in agent_wait, which meanwhile looks after the window and the
 * line to the host. So while an order is in work the agent goes on asking for orders, and a short one is done
 * beside it: `depth` says how many are. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "journal.h"
#include "settings.h"
#include "talk.h"

#define AGENT_VERSION "1.0"
#define MOST_WORK 2u

struct answer {
    int ok;
    u32 code; /* an exit code when ok, else an error as Windows numbers it */
    char text[120];
};

struct work { /* an order that is being done */
    struct order order;
    struct answer answer;
    struct talk talk; /* its own session: what it sends and fetches */
    int stop;         /* a KILL has come */
};

enum after { AFTER_NOTHING, AFTER_REBOOT, AFTER_POWEROFF, AFTER_REMOVE, AFTER_HANDOVER };

struct agent {
    struct settings settings;
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
    enum after after; /* what is to be done when the answer has been told */
    struct journal journal;
    u32 journal_length;
};
extern struct agent agent;

/* ---- agent.c ---- */

/* Waits for a socket (or NET_NONE), and looks after everything else. 1: what is in work is to be given up. */
int agent_wait(net socket, int write, u32 ms);

/* Milliseconds to wait after another failure in a row. */
u32 agent_backoff(u32 before);

/* Lets `ms` go by. 1: what is in work is to be given up. */
int agent_sleep(u32 ms);

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

void keep_path(char path[PATH_SIZE], const char *name);

/* Reads the journal; what was TAKEN when the power went is LOST now, except the order `in_work`. */
void keep_load(const char *in_work);

/* Changes an entry (made new when there is none) and writes that down. 1 when it is on the disk. */
int keep_note(const char *id, enum entry_state state, const char *answer);
void keep_told(struct entry *entry);

/* Writes a file whole or not at all under its name. A status. */
int keep_file(const char *name, const void *bytes, u32 count);

/* ---- verbs.c, run.c, go.c, install.c ---- */

/* Opens the session of an order. 1 when it is open. */
int work_session(struct work *work);

/* Does an order, and says in its answer what came of it. */
void verb_do(struct work *work);

/* An order of its own file each: 0, or the error; an exit code goes into the answer. */
u32 verb_run(struct work *work);
u32 verb_feed(struct work *work);
u32 verb_go(struct work *work);
u32 verb_upgrade(struct work *work);

/* Puts a text into the answer, for what an error's number alone does not say. The error. */
u32 work_fail(struct work *work, u32 error, const char *text);

/* The error that a status of sys.h or talk.h stands for; 0 for SYS_OK. */
u32 work_status(struct work *work, int status);

/* Fetches F.id into the file `path`, tries again when the line is lost. A status. */
int work_fetch(struct work *work, const char *path);

/* Whether a file has this length and SHA-256, both as text: 0; else it is deleted, and the error. */
u32 work_proved(struct work *work, const char *path, const char *length, const char *sum);

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
