/* machine.h - what the agent asks of the machine beyond sys.h.
 *
 * Two back ends keep these promises: *_win32.c, the product, and machine_hosted.c, an ordinary POSIX program
 * for tests and fuzzing. Nothing here blocks, except net_wait for as long as it is told. */
#ifndef AGENT_MACHINE_H
#define AGENT_MACHINE_H

#include "sys.h"

#define PATH_SIZE 260u

/* Errors as Windows numbers them. */
#define ERROR_ANY 1u
#define ERROR_NO_FILE 2u
#define ERROR_PATH 3u
#define ERROR_CHECK 23u /* data error: a sum is wrong */
#define ERROR_UNKNOWN 50u
#define ERROR_WORDS 87u
#define ERROR_NO_ROOM 112u
#define ERROR_IN_WORK 170u
#define ERROR_ENDED 1067u /* a process was ended by somebody */
#define ERROR_NO_SUCH 1168u
#define ERROR_STOPPED 1223u
#define ERROR_LINE 1236u /* the connection was lost */
#define ERROR_TOO_LONG 1460u

/* ---- the start ------------------------------------------------------------------------------- */

extern char home[PATH_SIZE]; /* the folder that the agent is installed in; machine_begin fills it */

/* Gets everything ready. 1; 0 when the network cannot be had. */
int machine_begin(void);

/* A number that nobody can foresee is not needed, only one that differs from start to start. */
u32 machine_chance(void);

/* The last error of a call that failed, as Windows numbers it. */
u32 machine_error(void);

/* Starts another copy of the agent with these arguments. 1 when it runs. */
int machine_start(const char *program, const char *arguments);

/* ---- network --------------------------------------------------------------------------------- */

typedef long net;
#define NET_NONE (-1L)

/* Begins to connect to a host by its number; NET_NONE when that fails at once. */
net net_call(const char *host, u32 port);
void net_close(net socket);

/* How many bytes were taken: 0 when none can be taken now, -1 when the connection is gone. */
int net_send(net socket, const void *bytes, u32 count);

/* How many bytes came: 0 when there are none now, -1 when the other side has closed, -2 when the connection is
 * gone. */
int net_receive(net socket, void *bytes, u32 count);

/* Waits until one of `count` (at most 2) sockets has something to read, or to take where `writes` has its bit,
 * or is gone; at most `ms`. The bits of those that have; NET_NONE among them is passed over. */
u32 net_wait(const net *sockets, u32 count, u32 writes, u32 ms);

/* ---- the window ------------------------------------------------------------------------------ */

enum wish { WISH_NONE, WISH_DISCONNECT, WISH_REMOVE, WISH_CLOSE };

/* Shows the window, small or as a button on the task bar. `title` is its title. */
void window_open(const char *title, int small);
void window_say(const char *host, const char *state);

/* Deals with what has happened to the window; what the user wants. Called often. `off` says whether the first
 * button is to connect. */
enum wish window_wish(int off);

/* The agent's: the back end calls it when Windows ends, and says why: "shutdown" or "logoff". Windows goes on
 * as soon as it returns. */
void agent_goodbye(const char *reason);

/* Shows a box with a text, and waits. */
void window_box(const char *text);

/* Whether no other agent runs. */
int window_alone(void);

/* Asks the agents that are running already to end; 1 when none is (any more). */
int window_end_other(void);

/* ---- programs -------------------------------------------------------------------------------- */

struct child { /* a program that was started, and is waited for */
    usize process;
    u32 id;
};

/* Starts a program; nothing of ours is inherited. 0, or the error. */
u32 child_start(struct child *child, const char *command, const char *folder);

/* 0 while it runs; 1 when it has ended, with its exit code in `*code`: then it is forgotten. */
int child_ended(struct child *child, u32 *code);

/* Ends what it has started, the last first, and with `itself` it too. */
void child_kill(const struct child *child, int itself);

/* ---- the program of a RUN: one at a time ---- */

struct launch {
    const char *command;
    const char *folder; /* it runs in */
    const char *input;  /* a file, or NULL: none */
    const char *output; /* a file that is made anew */
    int fed;            /* it reads what program_feed gives it, instead of `input` */
};

/* Starts a program. 0, or the error. */
u32 program_start(const struct launch *launch);

/* Gives a program that is fed bytes to read. 1; 0 when it has ended, is not fed, or has too much to read already. */
int program_feed(const void *bytes, u32 count);

/* 0 while it runs; 1 when it has ended, with its exit code in `*code`; -1: it could not be started, with the error. */
int program_ended(u32 *code);

/* Ends it, and what it has started. */
void program_kill(void);

/* Bytes of a file that somebody may be writing, from `offset`. How many; -1 when it cannot be read. */
int growing_read(const char *path, u32 offset, void *bytes, u32 count);

/* ---- files ----------------------------------------------------------------------------------- */

/* Makes all folders of a path. 1 when the last is there. */
int files_make(const char *folder);

/* ---- the machine ----------------------------------------------------------------------------- */

/* The computer's name, its processor in one word, memory and free disk in KB. */
struct facts {
    char name[33], cpu[40], system[24];
    u32 memory, free;
};
void machine_facts(struct facts *facts);

/* What the window in front says, its title first, within one line. */
void machine_front(char *text, u32 size);

/* Ends Windows; `hard` by the second way, for when the first did nothing. */
void machine_end(int reboot, int hard);

/* Has the agent started with Windows, by this command line; NULL: no more. 1 when it worked. */
int machine_stay(const char *command);

/* Deletes the agent's own programs as soon as they have ended. */
void machine_vanish(void);

/* Where the image of this program ends in its file; what stands there after it was added by the host. */
u32 machine_image_end(void);

#endif
