/* slices.h - reading and copying stretches of files with their sums; the only reader of payload bytes.
 * What takes longer than a second shows its progress on the console. */
#ifndef HELPER_SLICES_H
#define HELPER_SLICES_H

#include "manifest.h"

/* Whether the file `name`, of `length` bytes, is just the part: its length and its CRC-32. An unreadable
 * file is not. */
int slice_is_file(const struct part *part, const char *name, u32 length);

/* Puts the SHA-256 of the first `length` bytes of the file at `path`, called `name` on the console, into
 * `sha`. 1 when they could be read. */
int slice_sum(const char *path, const char *name, u32 length, u8 *sha);

/* Copies a file out of its pack into the new file `to`, dates and flushes that. The pack stays open until
 * slices_close, or until another is. 1 when it is on the disk; 0 when
 * the pack could not be read. When it cannot be written it is deleted, and that is the end. */
int slice_unpack(const struct file *file, const char *to);
void slices_close(void);

/* Reads the file at `path` once. Every part of `file` whose slice of it is right gets the bit `where`,
 * every other loses it. When `sha` is not NULL the SHA-256 of the bytes of all parts comes there. 1
 * when all of them could be read. */
u32 slices_read(struct file *file, const char *path, u32 where, u8 *sha);

/* Copies a part from `source` (at `offset` there) to its place in the work file, and flushes that. 1
 * when it was right and is on the disk; 0 when the source could not be read or its CRC-32 is wrong. When
 * the work file cannot be written it is cut to what it was, and that is the end. */
int slice_copy(const struct part *part, const char *source, u32 offset);

#endif
