/* probe.h - the parts of PROBE98, the program that a survey brings along. */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include "sys.h"

/* Exit codes. */
enum code { CODE_DONE = 0, CODE_USE = 4, CODE_ERROR = 9 };

/* COLLECT: reads what SURVEY.BAT has left in the folder `run` of the current directory, and writes it
 * sealed into <run>.TXT. An exit code. */
int collect(const char *run);

#endif
