/* list.h - what earlier pushes brought to the directory of this one, kept beside the manifest.
 *
 * A file that is there and is neither in the list nor what comes now is somebody else's, or was changed
 * here: manifest.overwrite says what becomes of it. The list of a directory is L and seven digits of the
 * CRC-32 of its path, .LST: one line per file, directory that we made, and file that we saved as .BAK,
 * sealed as reports are. It names a file before that is delivered, with the old sum as long as that may
 * stand there, so that a stop at any time leaves nothing of ours that looks like another's. */
#ifndef HELPER_LIST_H
#define HELPER_LIST_H

#include "manifest.h"

struct past { /* one line of the list: what was delivered to a place */
    struct past *next; /* of the same file */
    u32 length;
    const char *place;
    u8 sha[32];
};

/* Reads the list, as far as it can be believed, and hands each file its lines. */
void list_load(void);

/* Whether bytes of that length, with that SHA-256 unless it is NULL, were brought to the file's place. */
int list_has(const struct file *file, u32 length, const u8 *sha);

/* Before JOIN delivers: chooses the name under which each changed file is saved, and writes the list. */
void list_begin(void);

/* Remembers a directory that we made. */
void list_made(const char *path);

/* After JOIN delivered everything: deletes what an earlier push brought and this one has not, if so told,
 * and writes the list. */
void list_end(void);

/* The lines of a report: left=, gone=, bak=. */
void list_report(void);

#endif
