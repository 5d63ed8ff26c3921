/* find.h - what a directory holds, folders and names and dates too, for a program that copies from it.
 *
 * Apart from sys.h, so that a program that looks into no folders carries none of it. */
#ifndef PLATFORM_FIND_H
#define PLATFORM_FIND_H

#include "sys.h"

/* One entry, as the directory has it. The texts are good until the next one. */
struct sys_found {
    const char *name;  /* the long name, in the system's own characters */
    const char *alias; /* the 8.3 name; the same text where there is no other */
    u32 attributes;    /* as FAT has them */
    u32 length;
    u32 large;         /* it is of 4 GB or more; `length` means nothing then */
    u32 date;          /* as FAT has it: local time in steps of 2 s, day, month and year in the upper half */
};
#define SYS_FOLDER 0x10u

/* Calls `each` once for everything that `pattern` names, `.` and `..` left out. The last name of it may
 * have wildcards; without one it is the entry of that file or folder. SYS_OK, also when nothing matched;
 * SYS_ERROR where it could not be looked at. The folder must not be changed from within `each`. */
typedef void sys_each_found(void *context, const struct sys_found *found);
int sys_find(const char *pattern, sys_each_found *each, void *context);

#endif
