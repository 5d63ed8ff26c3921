/* reply.h - what an FTP server answers, line by line. No I/O.
 *
 * A server may be anything: a line may be cut, endless, or no reply at all. What is not understood is no
 * reply, and an endless line is cut. */
#ifndef AGENT_REPLY_H
#define AGENT_REPLY_H

#include "words.h"

#define REPLY_SIZE 600u

struct replies {
    char line[REPLY_SIZE]; /* the reply at hand, ending in NUL, when reply_take has said so */
    u32 used;
    u32 more; /* the code of a reply of several lines that is not over */
};

/* Takes the bytes of a connection one by one. Returns the code (100-599) when a reply is complete, else 0; its
 * text then stands in `line`, with the code. -1: this is no FTP server. */
int reply_take(struct replies *replies, char byte);

/* The port of "227 ... (h1,h2,h3,h4,p1,p2)", 0 when there is none. */
u32 reply_port(const char *line);

#endif
