/* script.h - the scripts for FTP.EXE that the helper writes. No I/O. */
#ifndef AGENT_SCRIPT_H
#define AGENT_SCRIPT_H

#include "words.h"

#define SCRIPT_NAME 13u /* 8.3 and the NUL */

/* Reads "get NAME [LOCAL]" from a line, which is changed. 1 when both are plain 8.3 names. */
int script_get(char *line, char remote[SCRIPT_NAME], char local[SCRIPT_NAME]);
/* The same for "put NAME". */
int script_put(char *line, char name[SCRIPT_NAME]);

#endif
