/* manifest.h - the list of what belongs to a deployment. No I/O.
 *
 * Nothing of a manifest is believed before its END record has sealed it, and every number, name and
 * path is checked: a manifest that passed cannot name a file outside the directory that it says in TO (or
 * else the deployment's own), one of our own working files, or one file twice. */
#ifndef HELPER_MANIFEST_H
#define HELPER_MANIFEST_H

#include "sys.h"

#define NAME_SIZE 13 /* 8 + '.' + 3 + NUL */
#define BASE_SIZE 9  /* 8 + NUL */
#define MOST_PARTS 999u /* of one file: .001 to .999 */
#define MOST_RECORDS 32000u
#define LONGEST_LINE 400u /* without CR LF */
#define LONGEST_PLACE 240u

/* Where the bytes of a part were read and found right. More than one is possible; a pack is only right
 * as a file of its own. */
#define RIGHT_PART 1u /* its own file STORI260.002: renamed from a temporary that was right */
#define RIGHT_WORK 2u /* its slice of the work file STORI260.WRK, in which JOIN builds the whole */
#define RIGHT_OLD 4u  /* its slice of what an earlier push left at the final place */

/* PART: one slice of a file; PACK: several whole files, one after the other. Its name is a base, a dot, and
 * its number from 001 on. */
struct part {
    struct file *file;     /* whose slice it is; the first in the pack */
    const char *base;      /* of its name */
    u32 number, offset;    /* from 1; in its file, in bytes (of a pack 0) */
    u32 length, crc;       /* as the manifest has it: 1 .. 2^31 - 1 bytes, CRC-32 */
    u32 there, temp_there; /* its own file and its temporary STORI260.A02 lie in the directory */
    struct sys_stamp own, temp;
    struct part_kept { /* what the state file keeps between two commands */
        u32 right;     /* RIGHT_ bits */
        u32 bad;       /* how often it was bad in this run of GO.BAT */
        struct sys_stamp proved; /* its own file when it was read and right */
    } kept;
};

/* OURS: of another length than what comes, and brought by an earlier push. KEPT: another's, and it stays.
 * SAVE: another's, and it is saved as .BAK before the file takes its place. */
enum verdict { VERDICT_NONE, VERDICT_GOOD, VERDICT_WRONG, VERDICT_OURS, VERDICT_KEPT, VERDICT_SAVE };

/* FILE. */
struct file {
    const char *name;        /* 8.3; what reports call it */
    const char *place;       /* where it goes, relative to manifest.to */
    struct part *part, *end; /* its parts: from part up to, not including, end */
    struct part *pack;       /* in which it travels instead, or NULL */
    u32 offset;              /* in the pack */
    u32 length;              /* bytes of the whole */
    u32 date, attributes;    /* as FAT has them; a date of 0 is none */
    struct past *past;       /* what earlier pushes brought there; see list.h */
    const char *saved;       /* the place that what lies there is given; or NULL */
    u32 final_there, work_there;
    struct sys_stamp final, work; /* what lies at the final place, and the work file */
    struct file_kept {
        u32 verdict; /* enum verdict, of what lies at the final place */
        u32 hashed;  /* `sha` is its SHA-256 */
        struct sys_stamp final, work; /* these files when they were read */
        u8 sha[32];
    } kept;
    u8 sha[32];           /* as the manifest has it */
};

/* The parts, the files and the empty directories, as far as the manifest has them; after the last stands
 * one of zeros. */
extern struct part parts[];
extern struct file files[];
extern const char *dirs[];

#define EACH_PART(part, of) for (part = (of)->part; part < (of)->end; part++)
#define EACH_PACKED(file, of) for (file = (of)->file; file->pack == (of); file++)
#define EACH_FILE(file) for (file = files; file->name; file++)
#define EVERY_PART(part) for (part = parts; part->file; part++)

/* Whether a part is a pack. */
#define IS_PACK(of) ((of)->file->pack == (of))

/* Whether nothing is to be done about a file any more. */
#define IS_SETTLED(of) ((of)->kept.verdict == VERDICT_GOOD || (of)->kept.verdict == VERDICT_KEPT)

struct manifest {
    const char *id;                   /* D7F3A21C */
    const char *host, *login, *token; /* FTP server: dotted quad, user, password */
#define HAS_HOST() (*manifest.host != '0') /* 0.0.0.0: the parts come on disks */
    const char *to;                   /* where the files go: a directory with SYS_SLASH at its end; or "" for here */
    char overwrite;                   /* of RULES: k, c, n or a; see deployer.model.Overwrite */
    char remove;                      /* what an earlier push brought and this one does not goes */
    char *run;                        /* the command line of RUN, or NULL */
    struct part *parts_end;           /* how far parts and files are filled */
    struct file *files_end;
    const char **dirs_end;
    u32 crc;         /* of all bytes before END: tells this manifest from any other */
    u32 line;        /* the last that was read, from 1 */
    const char *why; /* when refused: what is wrong in that line */
};
extern struct manifest manifest; /* the one that this run is about */

/* Reads the manifest; `text` is its `length` bytes, which are cut up in place and must stay. Once
 * in the life of a program. 1, or 0 with manifest.why. */
int manifest_parse(char *text, u32 length);

/* The file whose final place that is, relative to manifest.to; or NULL. */
struct file *manifest_final(const char *place);

/* Whether two places are the same for Windows: small and capital letters are, second bytes of letters are not. */
int place_same(const char *a, const char *b);

/* The part of whose base a file of our own directory is, or NULL: the very part, with `*kind` telling whether
 * it is its own file or its temporary; for a work file the first of that base. */
enum kind { KIND_PART, KIND_TEMP, KIND_WORK_FILE };
struct part *manifest_working(const char *name, enum kind *kind);

/* The path of what has that place; good until the next call. */
const char *path_of(const char *place);

/* The name of a part, its temporary, or the work file of its base; good until the next call for the same kind. */
const char *part_name(const struct part *part);
const char *temp_name(const struct part *part);
const char *work_name(const struct part *part);

/* Puts BASE.EXTENSION into `name`; the extension has three characters. */
void join_name(char name[NAME_SIZE], const char *base, const char *extension);

/* D and seven upper-case hexadecimal digits. */
int id_ok(const char *id);

#endif
