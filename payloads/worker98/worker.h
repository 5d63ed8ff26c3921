/* worker.h - AGENT98W: one order of the agent, and the end.
 *
 * The agent starts it as AGENT98W /DO TICKET HOST. The ticket is a file of the agent's folder in which the order stands. When
 * it is done, its answer stands there instead. When the file is gone nobody wants the order any more, and the
 * worker stops: so a KILL reaches it, and no worker goes on for an agent that was started again.
 * As AGENT98W /RUN it is the console of a program that a RUN of the agent has started, see stub.c. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "pc.h"
#include "work.h"

extern int worker_is_beside; /* another order is in work as well */

/* Does the order of a ticket, at the address of the host that the agent uses. The exit code; the agent reads the answer, not that. */
int worker_do(const char *name, const char *host);

/* Does an order, and says in its answer what came of it. */
void verb_do(struct work *work);

/* GO: 0, or the error. */
u32 verb_go(struct work *work);

#endif
