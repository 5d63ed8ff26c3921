/* examine.h - finds out which bytes of a deployment are on this disk and right. */
#ifndef HELPER_EXAMINE_H
#define HELPER_EXAMINE_H

#include "manifest.h"

/* Lists our own directory, and each in which files go, once: what lies there of parts, temporaries, work
 * files and final files. (Asking for each name would be slow: FAT searches a directory from its beginning.) */
void examine_directory(void);

/* Settles the verdict on what lies at the file's final place: VERDICT_GOOD only when its length and
 * SHA-256 are right. Reads it unless that was done in this run and it has not changed. */
void examine_final(struct file *file);

/* Whether a file that was good a moment ago still stands at its final place, by the directory as it was
 * listed now; else nothing is known of it. */
int is_still_there(struct file *file);

/* The directory, and all of every file: the final place; and unless that is good, each of its parts.
 * Right temporaries become parts by rename; wrong ones, and wrong parts, are deleted and counted as bad. */
void examine(void);

/* Whether a part, or some file of a pack, is of a file that is not good. */
int is_wanted(const struct part *part);

/* Whether that is so, and its bytes are nowhere. */
int is_missing(const struct part *part);

/* What the parts of a file are right as: the sum of 1 << right over all values of `right`. */
u32 kinds_of_right(const struct file *file);
#define KIND_MISSING 0x01u  /* right nowhere */
#define KIND_OLD_ONLY 0x10u /* only in the old file */
#define KIND_WORK 0xCCu     /* in the work file, and perhaps elsewhere */

extern const char was_damaged[]; /* "was damaged on the disk" */

/* A part is bad once more, and right nowhere: counts it, deletes the file `name` that showed it, says so. */
void part_is_bad(struct part *part, const char *name, const char *how);

#endif
