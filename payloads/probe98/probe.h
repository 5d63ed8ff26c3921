/* probe.h - the parts of PROBE98, the program that a survey brings along. */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include "sys.h"

/* Exit codes. */
enum code { CODE_DONE = 0, CODE_USE = 4, CODE_ERROR = 9 };

/* COLLECT: reads what SURVEY.BAT has left in the folder `run` of the current directory, and writes it
 * sealed into <run>.TXT. An exit code. */
int collect(const char *run);

/* ASK: answers one question, by its name, in lines name=value. An exit code. */
int ask(const char *name);

/* Makes a file of a text. A status. */
int write_text(const char *name, const char *text);

/* SCRIPT: copies a script for FTP.EXE, with the host's address in the place of #H and the login of this
 * deployment, name and password, in the place of #U. A status; SYS_MISSING where there is no host. */
int make_script(const char *from, const char *to);

/* How many cycles the engine's kernels take for 1,000 weights; nothing without a time-stamp counter. */
void kernels_pace(void);

/* Runs this program, `command` being "PROBE98 WORDS"; what it says is thrown away, or handed on. A status. */
int run_own(const char *command, u32 *code);
int run_counted(const char *command, sys_output *output, void *context, u32 *code);

/* The command line of that; NULL when this program's own path is not known. */
const char *own_command(const char *command);

#ifdef _WIN32
/* Questions to Windows alone, and what its children do. */
void imports(void);
void kill(void);
void error_mode(void);
void delete_open(void);
void no_window(void);
void inherited_file(void);
void held_file(void);
void dos_output(void);
void floppy_full(void);
void ftp_get(void);
void ftp_put(void);
void address(void);
u32 read_uncached(const char *name, u32 block); /* bytes that were read; 0 where that is not possible */
void hold(const char *name);                    /* opens a file that nobody else may open, and waits */
int mode_of_child(void); /* whether it inherited SEM_FAILCRITICALERRORS */
void wait_long(void);
#endif

#endif
