/* job.h - what one run of the helper knows and shares among its files.
 *
 * The helper is a program of one purpose that ends at the first thing that stops it, so there is one
 * job and one way out: `fail` says why, writes RESULT.TXT and ends with the exit code. What returns, has
 * worked. */
#ifndef HELPER_JOB_H
#define HELPER_JOB_H

#include "manifest.h"
#include "text.h"

#define HELPER_VERSION "1.0"

/* Exit codes; payloads/README.md has the table by command. */
enum code {
    CODE_DONE = 0,
    CODE_FETCH = 1, /* CHECK: NEXT.FTP is written; JOIN: a part was damaged meanwhile */
    CODE_GAVE_UP = 2,
    CODE_FULL = 3,
    CODE_USE = 4,
    CODE_MANIFEST = 5,
    CODE_PROGRAM = 6, /* RUN: did not start, or ended with another code than 0 */
    CODE_SELF = 7,    /* SELF: this program is whole */
    CODE_WRONG = 8,   /* a SHA-256 is wrong; RUN: a file is not verified; SELF: damaged */
    CODE_ERROR = 9
};

#define BUFFER_SIZE 65536u
#define DISK_SLACK 65536u /* bytes left free for reports and the directory */
#define MOST_OLD 64u      /* files of earlier deployments that are deleted at once */
#define MOST_ROUNDS 2048u /* that are remembered one by one */

struct round {
    u32 accepted, bad; /* parts */
};

struct job {
    const char *command;    /* CHECK, JOIN, RUN */
    u32 believed;           /* the manifest was: parts and files can be reported */
    struct round now;       /* what this command found */
    struct job_kept {       /* what the state file keeps between the commands of one run of GO.BAT */
        u32 version, crc, parts, files; /* of this helper and this manifest, else nothing is known */
        u32 round;          /* the last for which NEXT.FTP was written */
        u32 idle;           /* rounds in a row without progress */
        u32 mhz;            /* of the processor, measured once */
        u32 round_count;    /* finished ones */
    } kept;

    u32 output_there, ran;  /* RUN: OUTPUT.TXT was begun; there is an exit code */
    u32 run_exit, run_ms, output_bytes, output_cut;
    u32 old_count;          /* manifests and states of earlier deployments that lie here */
    char old[MOST_OLD][NAME_SIZE];
    char id[BASE_SIZE];     /* of the deployment, from the manifest's own name */
    char reason[120];       /* for people, when the exit code is not good */
    struct round rounds[MOST_ROUNDS];
};
extern struct job job;
extern u8 buffer[BUFFER_SIZE]; /* for reading and copying */

extern const char next_ftp[], result_txt[], info_txt[]; /* NEXT.FTP and so on */

/* ---- fail.c ---- */

/* Ends the helper: "COMMAND ID: why" to the console, why as the reason in RESULT.TXT. NEXT.FTP goes, so
 * that no stale script is run. */
void fail(int code, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

/* Says and keeps a reason without ending. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `status` of what was done to the file `name`: SYS_OK, or the end. */
void must(int status, const char *name);

/* Deletes a file; that there was none is as good. */
void must_delete(const char *name);

/* Zeroed memory, or the end. */
void *must_alloc(u32 bytes);

/* All bytes of the file `name` of at most `most` bytes; NULL when it is missing or longer. */
u8 *read_file(const char *name, u32 most, u32 *length);

/* ---- the commands: each returns its exit code, or ends by `fail` ---- */

int check(void);
int join(void);
int run(void);
int info(void);
int self(void);

/* Writes RESULT.TXT. A status. */
int result_write(int code);

#endif
