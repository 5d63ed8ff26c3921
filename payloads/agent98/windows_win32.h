/* windows_win32.h - what the parts of the Windows back end share. */
#ifndef AGENT_WINDOWS_WIN32_H
#define AGENT_WINDOWS_WIN32_H

#include "machine.h"
#include "win98.h"

/* Fills `home`. */
void home_set(void);

/* Starts a program; it inherits handles only with STARTF_USESTDHANDLES: our connections are none of its. 0, or the
 * error. */
u32 create(char *command, const char *folder, struct startup *startup, struct process *started);

/* All windows that are seen: title and texts of each as a line. */
void windows_report(file_line *line, void *context);

#endif
