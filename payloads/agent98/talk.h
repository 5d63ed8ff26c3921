/* talk.h - one FTP session with the host: commands, replies, files. */
#ifndef AGENT_TALK_H
#define AGENT_TALK_H

#include "machine.h"
#include "reply.h"

#define CALL_MS 20000u   /* until a connection is there */
#define REPLY_MS 40000u  /* until a command is answered */
#define STALL_MS 120000u /* until bytes move again */

struct talk {
    net line;
    struct replies replies;
    char came[256]; /* bytes that were read ahead */
    u32 first, last;
    u8 piece[8192]; /* of a file on its way; each session has its own, since one may wait within another */
};

/* What a session needs of the program around it. It calls this wherever it waits: for `socket` (to read, or to
 * write where `write` is 1), for at most `ms`. 0: go on; else the wait is to be given up. */
typedef int talk_wait(net socket, int write, u32 ms);
extern talk_wait *const talk_waits;

/* Opens a session and logs in, in binary. 230, or the code that refuses it, or 0 when nobody is there. */
int talk_open(struct talk *talk, const char *host, u32 port, const char *user, const char *pass);
void talk_close(struct talk *talk);

/* Sends a command. 1 when it was sent. */
int talk_say(struct talk *talk, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The code of a reply that is there already, 0 when none is, -1 when the connection is gone. */
int talk_look(struct talk *talk);

/* Waits for a reply: its code, 0 when none comes. Its text stands in talk->replies.line. */
int talk_reply(struct talk *talk, u32 ms);

/* Sends a command and waits for its reply. */
int talk_ask(struct talk *talk, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Begins to send (or to receive) a file: SYS_OK with the data connection in `*data`; SYS_MISSING when the
 * host refuses; SYS_ERROR when the line is lost. */
int talk_begin(struct talk *talk, const char *host, const char *command, const char *name, net *data);

/* Sends bytes. SYS_OK, or SYS_ERROR. */
int talk_put(net data, const void *bytes, u32 count);

/* Ends a file: SYS_OK when the host says that it has it all, SYS_BIG when it is more than the host takes. */
int talk_end(struct talk *talk, net data);

/* Fetches a file, piece by piece. SYS_OK when all came; SYS_MISSING; SYS_ERROR; what `take` returned otherwise. */
typedef int talk_take(void *context, const u8 *bytes, u32 count);
int talk_fetch(struct talk *talk, const char *host, const char *name, talk_take *take, void *context);

/* Fetches a file into another, which is made anew and deleted again when it did not all come. */
int talk_fetch_file(struct talk *talk, const char *host, const char *name, const char *path);

/* Sends a file of the disk. SYS_OK; SYS_MISSING: it is not there, or the host refuses it. */
int talk_put_file(struct talk *talk, const char *host, const char *path, const char *name);

#endif
