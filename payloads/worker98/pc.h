/* pc.h - what orders do to the PC, beyond machine.h: its files, its screen, its keys, its clock.
 *
 * As there, one back end is *_win32.c, the other machine_hosted.c. */
#ifndef WORKER_PC_H
#define WORKER_PC_H

#include "machine.h"

/* ---- files ----------------------------------------------------------------------------------- */

/* Calls `line` with what one entry of a folder is, for each that fits `path` (a file, a folder, a pattern):
 * attributes TAB size TAB YYYY-MM-DD HH:MM:SS TAB 8.3 name TAB long name CR LF. 0, or the error. */
typedef void file_line(void *context, const char *text);
u32 files_list(const char *path, file_line *line, void *context);

/* Deletes a file or an empty folder, a read-only one only with `force`. 0, or the error. */
u32 files_remove(const char *path, int force);

/* ---- the machine ----------------------------------------------------------------------------- */

/* The part of AGENT98W /RUN: the exit code. */
int machine_stub(void);

/* Processes, windows with their texts, traces of crashes: each as one line with CR LF. */
void machine_report(file_line *line, void *context);

/* The screen: 1 when a picture was taken. Rows of it, counted from below, as picture.h has them; 1 when it worked. */
int screen_take(u32 *width, u32 *height);
int screen_rows(u32 first, u32 count, u8 *bytes);
void screen_drop(void);

/* Sets the clock: year, month, day, hour, minute, second. 0, or the error. */
u32 machine_clock(const u32 part[6]);

/* A key is pressed or let go; see keys.h. */
void machine_key(u32 key, char c, int pressed);

#endif
