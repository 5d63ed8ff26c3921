/* writer.h - small files written whole, so that a stop or a full disk never leaves half of one.
 *
 * Everything goes into BASE.TMP; only when all of it is on the disk the old file is deleted and the
 * new one renamed (Windows 9x cannot replace by renaming). A stop between these two leaves no file,
 * never a wrong one, and the next command writes it again. One file is written at a time; errors are
 * kept until the commit. */
#ifndef HELPER_WRITER_H
#define HELPER_WRITER_H

#include "sys.h"

void writer_open(const char *name);

void writer_bytes(const void *bytes, u32 count);

/* Text by text_format's format, at most 499 bytes. */
void writer_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A SHA-256 in lower-case hex digits, not by text_format: thousands of them are written with each command. */
void writer_sha(const u8 *sha);

/* The CRC-32 of all that was written so far. */
u32 writer_crc(void);

/* The last line of a report, and its end: end=<lines> <CRC-32 of all bytes before it>. A status. */
int writer_seal(void);

/* Puts the file in its place. A status; unless that is SYS_OK the old file is untouched (or, in the
 * worst case, gone) and the temporary deleted. */
int writer_commit(void);

#endif
