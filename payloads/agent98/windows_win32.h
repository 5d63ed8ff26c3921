/* windows_win32.h - what the parts of the Windows back end share. */
#ifndef AGENT_WINDOWS_WIN32_H
#define AGENT_WINDOWS_WIN32_H

#include "machine.h"
#include "win98.h"

#define COMMAND_SIZE 640u /* of a command line: those of orders have up to 500 bytes */

/* Fills `home`. */
void home_set(void);

/* Starts a program; it inherits handles only with STARTF_USESTDHANDLES: our connections are none of its. 0, or the
 * error. */
u32 create(struct child *child, const char *command, const char *folder, struct startup *startup);

/* A window's title, and the texts in it, put after what stands in `line`. */
void window_describe(handle window, char *line, u32 size);

/* What the agent says to its worker of the program of a RUN, and what that says of its end. */
#define JOB_SIZE 1400u
#define JOB_NAME "AGENT98.JOB"
#define END_NAME "AGENT98.END"
#define FED '|' /* stands for the file to read, where there is a pipe instead */

#endif
