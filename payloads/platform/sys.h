/* sys.h - everything a payload may ask of the machine it runs on.
 *
 * A payload includes this file and nothing else of the system. Three back ends keep the promises below:
 *   sys_win32.c    the product: Windows 95 and later, KERNEL32 only, no C library
 *   sys_linux32.c  the same freestanding code as a static i386 ELF by raw system calls, for valgrind
 *   sys_hosted.c   an ordinary POSIX program, for unit tests, sanitizers, fuzzing and injected faults
 * A payload defines `sys_main`; the back end owns the entry point and calls it once.
 *
 * What the layer does not do: no buffering (callers hold their own buffers), no formatting, no
 * errno, no threads, no wide characters, no files beyond 4 GB - 1 byte. Nothing here prints.
 */
#ifndef PLATFORM_SYS_H
#define PLATFORM_SYS_H

/* Sizes that hold on all three back ends. u64 is for amounts only: add, shift and compare it,
 * and divide it by sys_divide. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef signed char i8;
typedef short i16;
typedef int i32;
__extension__ typedef unsigned long long u64;
__extension__ typedef long long i64;
typedef __SIZE_TYPE__ usize;

/* ---- status ----------------------------------------------------------------------------------
 * Functions that return `int` and say nothing else return one of these. SYS_OK is 0. */
enum sys_status {
    SYS_OK = 0,
    SYS_MISSING = -1, /* no such file or directory */
    SYS_EXISTS = -2,  /* the new name is taken */
    SYS_FULL = -3,    /* the disk is full */
    SYS_BIG = -4,     /* longer than 4 GB - 1 byte */
    SYS_ERROR = -5    /* anything else */
};

/* ---- start and end ---------------------------------------------------------------------------
 * The payload's own main. argv[0] is the program's name as it was called; argv[argc] is NULL. On
 * Windows the command line is split by the rules of Microsoft's C run time (blanks, "quotes",
 * backslashes before a quote); see args.h. The value returned becomes the exit code. */
int sys_main(int argc, char **argv);

/* Ends the program at once with the exit code 0-255. Does not return. */
void sys_exit(int code) __attribute__((noreturn));

/* ---- console ---------------------------------------------------------------------------------
 * Write bytes to standard output or standard error, unchanged and unbuffered. A closed or full
 * output is ignored: a payload never fails because nobody reads what it says. */
void sys_out(const void *bytes, usize count);
void sys_err(const void *bytes, usize count);

/* ---- keyboard --------------------------------------------------------------------------------
 * `sys_in` waits for standard input and reads up to `count` bytes of it: a line of a console, or what there is of a pipe.
 * `*got` is 0 at its end. `sys_escape` never waits: 1 when the next byte there is Esc, which it takes away. */
int sys_in(void *bytes, u32 count, u32 *got);
int sys_escape(void);

/* ---- memory ----------------------------------------------------------------------------------
 * `sys_alloc` returns `bytes` zeroed bytes aligned to 16 or more, or NULL. It takes whole pages
 * from the system: call it few times, with large amounts. `sys_free` gives back exactly one such
 * block; NULL is allowed. */
void *sys_alloc(usize bytes);
void sys_free(void *block, usize bytes);

/* Physical memory in bytes: all of it, and what is free now (both cut to 4 GB - 1). */
void sys_memory(u32 *total, u32 *available);

/* The four that a C compiler may call on its own. The freestanding back ends supply them. */
void *memcpy(void *to, const void *from, usize count);
void *memmove(void *to, const void *from, usize count);
void *memset(void *to, int byte, usize count);
int memcmp(const void *a, const void *b, usize count);

/* dividend / divisor for a quotient below 2^32; the rest goes into `*rest`. (A 64-bit division by the
 * compiler would call a library.) */
u32 sys_divide(u64 dividend, u32 divisor, u32 *rest);

/* ---- files -----------------------------------------------------------------------------------
 * Paths are bytes ending in NUL, relative to the current directory or absolute, with SYS_SLASH
 * between directories. A `sys_file` is one open file; SYS_NO_FILE is none. */
typedef long sys_file;
#define SYS_NO_FILE (-1L)
#ifdef _WIN32
#define SYS_SLASH '\\'
#define SYS_DRIVE "C:\\" /* the root of a drive; the letter is replaced */
#else
#define SYS_SLASH '/'
#define SYS_DRIVE "../" /* what is above the directory of a test stands for any drive */
#endif

enum sys_mode {
    SYS_READ,   /* the file must exist; read only */
    SYS_CREATE, /* made new, or emptied; write only */
    SYS_UPDATE  /* the file must exist; read and write */
};

/* Opens `path` and puts the file into `*file` (SYS_NO_FILE on failure). Directories are refused. A
 * file that another program has open for writing can be read. */
int sys_open(sys_file *file, const char *path, enum sys_mode mode);

/* Reads up to `count` bytes at the current position, which moves on. Fewer than `count` only at
 * the end of the file. The number read goes into `*got`, also on failure. */
int sys_read(sys_file file, void *bytes, u32 count, u32 *got);

/* Writes all of `count` bytes at the current position, which moves on. After a failure (SYS_FULL,
 * SYS_ERROR) any beginning of them may have been written. */
int sys_write(sys_file file, const void *bytes, u32 count);

/* Moves the position to `offset` from the start. */
int sys_seek(sys_file file, u32 offset);

/* Puts the length in bytes into `*length`; SYS_BIG when it is 4 GB or more. */
int sys_length(sys_file file, u32 *length);

/* Ends the file at the current position. */
int sys_cut(sys_file file);

/* Returns only when what was written so far is on the disk itself, as far as the system knows. */
int sys_flush(sys_file file);

/* Closes the file. The handle is dead afterwards whatever is returned. SYS_NO_FILE is allowed. */
int sys_close(sys_file file);

/* Deletes a file, a read-only one too. SYS_MISSING when there was none. */
int sys_delete(const char *path);

/* Renames a file within its drive, into another directory if so told. Never replaces: SYS_EXISTS
 * when the new name is taken, and then nothing has changed. */
int sys_rename(const char *from, const char *to);

/* Makes one directory. SYS_EXISTS when the name is taken (perhaps by a file). */
int sys_mkdir(const char *path);

/* Removes a directory in which nothing is; else it stays, and it is no SYS_OK. */
int sys_rmdir(const char *path);

/* What the directory says of one file, without opening it. The time is an opaque stamp: equal
 * stamps mean "not written since", as far as the file system can tell (FAT: in steps of 2 s). */
struct sys_stamp {
    u32 length;
    u32 time_low, time_high;
    u32 attributes; /* SYS_READ_ONLY, SYS_HIDDEN, SYS_SYSTEM; the archive bit is nobody's business */
};
#define SYS_READ_ONLY 1u
#define SYS_HIDDEN 2u
#define SYS_SYSTEM 4u
#define SYS_ATTRIBUTES 7u

/* Puts a date as FAT keeps it (local time in steps of 2 s; day, month and year in the upper half) into a
 * stamp. */
void sys_date(u32 date, struct sys_stamp *stamp);

/* Gives an open file that date, unless it is 0; a system may leave that to sys_set. */
void sys_touch(sys_file file, u32 date);

/* Gives a file that date, unless it is 0, and these attributes. */
int sys_set(const char *path, u32 date, u32 attributes);

/* SYS_OK with `*stamp` filled when `path` is a file; SYS_MISSING; SYS_BIG; SYS_ERROR for anything
 * that is not a file. */
int sys_stat(const char *path, struct sys_stamp *stamp);

/* Calls `each` once for every file (not directory) of `directory`, which is "" for the current one or has
 * SYS_SLASH at its end, with its name as the directory spells it. Files of 4 GB and more are left out. A
 * directory that is missing is empty. It must not be changed from within `each`. */
typedef void sys_each(void *context, const char *name, const struct sys_stamp *stamp);
int sys_list(const char *directory, sys_each *each, void *context);

/* Bytes free for us on the current directory's drive, and of one cluster, which is what a file takes at
 * least. Old calls cannot count beyond 2 GB: then `*at_least` is 1 and the true figure may be larger. */
int sys_disk_free(u64 *bytes, u32 *cluster, int *at_least);

/* The path of this program's own file, in at most `size` bytes with the NUL. */
int sys_own_path(char *path, u32 size);

/* ---- time ------------------------------------------------------------------------------------
 * Milliseconds since some moment; wraps after 49.7 days, so subtract and compare unsigned. The
 * step may be 55 ms on old systems. */
u32 sys_ticks(void);

/* A number that differs from run to run, drawn from the clock. Not for secrets. */
u32 sys_clock_seed(void);

/* ---- the machine -----------------------------------------------------------------------------
 * What CPUID tells, read so that a 386 or 486 without it is safe. */
struct sys_cpu {
    char vendor[13]; /* "GenuineIntel"; "unknown" without CPUID */
    u32 family, model, stepping;
    u32 features; /* SYS_CPU_* bits, those of CPUID leaf 1 EDX */
};
#define SYS_CPU_FPU 0x00000001u
#define SYS_CPU_TSC 0x00000010u
#define SYS_CPU_CX8 0x00000100u
#define SYS_CPU_CMOV 0x00008000u
#define SYS_CPU_MMX 0x00800000u
#define SYS_CPU_SSE 0x02000000u
void sys_cpu(struct sys_cpu *cpu);

/* The clock rate in MHz, measured against sys_ticks for about a quarter of a second; 0 when there
 * is no time-stamp counter or it cannot be told. */
u32 sys_cpu_mhz(void);

/* Puts the x87 FPU into its reset state: all exceptions masked, round to nearest, 64-bit mantissa.
 * Call it before the first float, and only when SYS_CPU_FPU is set. */
void sys_fpu_reset(void);

/* "Windows 98", 4, 10, 1998 and the like. */
struct sys_system {
    const char *name;
    u32 major, minor, build;
};
void sys_system(struct sys_system *system);

/* The ANSI code page, that of long names, and the OEM one, that of DOS. */
void sys_code_pages(u32 *ansi, u32 *oem);

/* Whether a letter of two bytes begins with this one: the second may be a backslash or a small letter. */
int sys_is_lead(char c);

/* ---- children --------------------------------------------------------------------------------
 * Runs `command` (a whole command line of at most 500 bytes, the program first, which the system may
 * write into) in `directory`, "" for the current one, and waits for its end. What it writes to standard output and standard error is handed to
 * `output` as it comes. Its standard input is ours; that of a 16-bit program on Windows is empty. A
 * child that never closes its output cannot hold us: the end of the process is the end. On Windows a
 * batch file is run too, by COMMAND.COM, whose exit code is always 0, and the output of a 16-bit program
 * goes through the file OUTPUT.TMP of the current directory.
 * SYS_MISSING when the program could not be started; then `*exit_code` is untouched. */
extern const char *sys_input; /* a file that the child reads instead; NULL: as said above */
typedef void sys_output(void *context, const u8 *bytes, u32 count);
int sys_run(char *command, const char *directory, sys_output *output, void *context, u32 *exit_code);

#endif
