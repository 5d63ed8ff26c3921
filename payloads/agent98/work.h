/* work.h - one order in work: what the agent and its worker have in common.
 *
 * The agent does RUN and what concerns itself. Everything else is done by the worker, AGENT98W.EXE, which the agent
 * starts for one order. Both say what they wait for by calling agent_wait, of which each has its own. */
#ifndef AGENT_WORK_H
#define AGENT_WORK_H

#include "order.h"
#include "settings.h"
#include "talk.h"

#define AGENT_VERSION "1.1"

extern struct settings owner; /* whose agent this is */

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

/* Waits for a socket (or NET_NONE), and looks after everything else. 1: what is in work is to be given up. */
int agent_wait(net socket, int write, u32 ms);

/* The host was not reached for an order. The agent sees to that with its line, the worker turns to the other address. */
void work_unreached(void);

/* ---- work.c ---- */

/* Milliseconds to wait after another failure in a row. */
u32 agent_backoff(u32 before);

/* Lets `ms` go by. 1: what is in work is to be given up. */
int agent_sleep(u32 ms);

/* The path of a file of the agent. */
void keep_path(char path[PATH_SIZE], const char *name);

/* Writes a small file that nobody needs when the power has gone. 1 when it is there. */
int work_write(const char *path, const char *text, u32 count);

/* The answer in the words in which it is kept and told: "OK 0 text", the text encoded. */
void answer_say(const struct answer *answer, char said[ANSWER_SIZE]);

/* Opens the session of an order. 1 when it is open. */
int work_session(struct work *work);
void work_close(struct work *work);

/* Does `step` until it is not the line that fails. A status. */
typedef int work_step(struct work *work, void *context);
int work_persist(struct work *work, work_step *step, void *context);

/* Puts a text into the answer, for what an error's number alone does not say. The error. */
u32 work_fail(struct work *work, u32 error, const char *text);

/* The error that a status of sys.h or talk.h stands for; 0 for SYS_OK. */
u32 work_status(struct work *work, int status);

/* Fetches a file of the host into the file `path`, tries again when the line is lost. 0, or the error. */
u32 work_fetch(struct work *work, const char *name, const char *path);

/* Fetches F.id, the file that the order carries. */
u32 work_carried(struct work *work, const char *path);

/* Whether a file has this length and SHA-256, both as text: 0; else it is deleted, and the error. */
u32 work_proved(struct work *work, const char *path, const char *length, const char *sum);

#endif
