/* windows_win32.h - what the parts of the Windows back end share. */
#ifndef AGENT_WINDOWS_WIN32_H
#define AGENT_WINDOWS_WIN32_H

#include "machine.h"

/* Fills `home`. */
void home_set(void);

/* All windows that are seen: title and texts of each as a line. */
void windows_report(file_line *line, void *context);

#endif
