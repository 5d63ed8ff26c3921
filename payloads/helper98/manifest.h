/* manifest.h - the list of what belongs to a deployment. No I/O.
 *
 * Nothing of a manifest is believed before its END record has sealed it, and every number, name and
 * path is checked: a manifest that passed cannot name a file outside the deployment's directory,
 * one of our own working files, or one file twice. */
#ifndef HELPER_MANIFEST_H
#define HELPER_MANIFEST_H

#include "sys.h"

#define NAME_SIZE 13 /* 8 + '.' + 3 + NUL */
#define BASE_SIZE 9  /* 8 + NUL */
#define MOST_PARTS 999u /* of one file: .001 to .999 */
#define MOST_RECORDS 20000u
#define LONGEST_LINE 400u /* without CR LF */
#define LONGEST_PLACE 240u

/* Where the bytes of a part were read and found right. More than one is possible. */
#define RIGHT_PART 1u /* its own file STORI260.002: renamed from a temporary that was right */
#define RIGHT_WORK 2u /* its slice of the work file STORI260.WRK, in which JOIN builds the whole */
#define RIGHT_OLD 4u  /* its slice of what an earlier push left at the final place */

/* PART: one slice of a file; its name is the file's base, a dot, and its number from 001 on. */
struct part {
    struct file *file;
    u32 number, offset;    /* in its file: from 1; in bytes */
    u32 length, crc;       /* as the manifest has it: 1 .. 2^31 - 1 bytes, CRC-32 */
    u32 there, temp_there; /* its own file and its temporary STORI260.A02 lie in the directory */
    struct sys_stamp own, temp;
    struct part_kept { /* what the state file keeps between two commands */
        u32 right;     /* RIGHT_ bits */
        u32 bad;       /* how often it was bad in this run of GO.BAT */
        struct sys_stamp proved; /* its own file when it was read and right */
    } kept;
};

enum verdict { VERDICT_NONE, VERDICT_GOOD, VERDICT_WRONG };

/* FILE, and the PLACE behind it if there is one. */
struct file {
    const char *name;        /* 8.3; what reports call it */
    const char *place;       /* the final path: the decoded PLACE, else the name */
    struct part *part, *end; /* its parts: from part up to, not including, end */
    u32 length;              /* bytes of the whole = sum of the parts */
    u32 final_there, work_there;
    struct sys_stamp final, work; /* what lies at the final place, and the work file */
    struct file_kept {
        u32 verdict; /* enum verdict, of what lies at the final place */
        u32 hashed;  /* `sha` is its SHA-256 */
        struct sys_stamp final, work; /* these files when they were read */
        u8 sha[32];
    } kept;
    u8 sha[32];           /* as the manifest has it */
    char base[BASE_SIZE]; /* of its parts, temporaries and work file; empty without parts */
};

/* The parts of all files, one after the other, and the files, as far as the manifest has them; behind
 * the last stands one of zeros. */
extern struct part parts[];
extern struct file files[];

#define EACH_PART(part, of) for (part = (of)->part; part->file == (of); part++)
#define EACH_FILE(file) for (file = files; file->name; file++)
#define EVERY_PART(part) for (part = parts; part->file; part++)

struct manifest {
    const char *id;                   /* D7F3A21C */
    const char *host, *login, *token; /* FTP server: dotted quad, user, password */
    char *run;                        /* the command line of RUN, or NULL */
    struct part *parts_end; /* how far parts and files are filled */
    struct file *files_end;
    u32 crc;         /* of all bytes before END: tells this manifest from any other */
    u32 line;        /* the last that was read, from 1 */
    const char *why; /* when refused: what is wrong in that line */
};
extern struct manifest manifest; /* the one that this run is about */

/* Reads the manifest; `text` is its `length` bytes, which are cut up in place and must stay. Once
 * in the life of a program. 1, or 0 with manifest.why. */
int manifest_parse(char *text, u32 length);

/* What a file of the directory is to a manifest that was believed: the file whose final place this
 * is; or NULL. */
struct file *manifest_final(const char *name);

/* The file of which it is a working file, or NULL. `*part` is the part it is, with `*temporary` 1 for
 * its temporary; NULL for the work file. */
struct file *manifest_working(const char *name, struct part **part, u32 *temporary);

/* The name of a part, its temporary, or the work file; good until the next call for the same kind. */
const char *part_name(const struct part *part);
const char *temp_name(const struct part *part);
const char *work_name(const struct file *file);

/* Puts BASE.EXTENSION into `name`; the extension has three characters. */
void join_name(char name[NAME_SIZE], const char *base, const char *extension);

/* D and seven upper-case hexadecimal digits. */
int id_ok(const char *id);

#endif
