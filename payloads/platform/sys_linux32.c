/* sys_linux32.c - the back end for Linux on i386 by raw system calls, without a C library.
 *
 * It exists so that the very code of the payloads runs under valgrind and cachegrind, with
 * instruction counts that are the same to the last digit. Numbers and structures are those of the
 * kernel's i386 interface, which never changes. */
#include "args.h"
#include "sys.h"

enum call {
    C_EXIT = 1, C_FORK = 2, C_READ = 3, C_WRITE = 4, C_OPEN = 5, C_CLOSE = 6, C_UNLINK = 10,
    C_EXECVE = 11, C_CHDIR = 12, C_CHMOD = 15, C_RMDIR = 40, C_UTIMENSAT = 320, C_LSEEK = 19, C_RENAME = 38, C_MKDIR = 39, C_PIPE = 42, C_DUP2 = 63, C_MUNMAP = 91,
    C_WAIT4 = 114, C_SYSINFO = 116, C_FSYNC = 118, C_UNAME = 122, C_POLL = 168, C_MMAP2 = 192,
    C_FTRUNCATE64 = 194, C_STAT64 = 195, C_FSTAT64 = 197, C_GETDENTS64 = 220, C_CLOCK = 265,
    C_STATFS64 = 268, C_READLINK = 85, C_LINK = 9, C_LLSEEK = 140
};

#define E_NOENT 2
#define E_NOTDIR 20
#define E_EXIST 17
#define E_FBIG 27
#define E_NOSPC 28
#define O_RDWR 2
#define O_WRONLY 1
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_DIRECTORY 0200000
#define O_LARGEFILE 0100000

/* One system call; the answer is negative on failure (minus the error number). */
static i32 call5(enum call number, u32 a, u32 b, u32 c, u32 d, u32 e)
{
    i32 answer;

    __asm__ __volatile__("int $0x80"
                         : "=a"(answer)
                         : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                         : "memory", "cc");
    return answer;
}

#define P(pointer) ((u32)(pointer))
#define call3(number, a, b, c) call5(number, a, b, c, 0, 0)

static int status_of(i32 answer)
{
    if (answer >= 0)
        return SYS_OK;
    switch (-answer) {
    case E_NOENT:
    case E_NOTDIR:
        return SYS_MISSING;
    case E_EXIST:
        return SYS_EXISTS;
    case E_NOSPC:
        return SYS_FULL;
    case E_FBIG:
        return SYS_BIG;
    default:
        return SYS_ERROR;
    }
}

/* ---- start and end ---- */

static char **environment;

/* The kernel puts argc, argv and the environment on the stack and jumps here. */
__asm__(".text\n.globl _start\n_start:\n\txorl %ebp, %ebp\n\tmovl %esp, %eax\n\tandl $-16, %esp\n\t"
        "subl $12, %esp\n\tpushl %eax\n\tcall linux32_start\n\thlt\n");
void linux32_start(u32 *stack) __attribute__((used, noreturn));
void linux32_start(u32 *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);

    environment = argv + argc + 1;
    sys_exit(sys_main(argc, argv));
}

void sys_exit(int code)
{
    for (;;)
        call3(C_EXIT, (u32)code & 0xFF, 0, 0);
}

/* ---- console ---- */

static int write_all(u32 fd, const u8 *bytes, usize count)
{
    while (count) {
        i32 put = call3(C_WRITE, fd, P(bytes), count);
        if (put <= 0)
            return put < 0 ? status_of(put) : SYS_FULL;
        bytes += put;
        count -= (usize)put;
    }
    return SYS_OK;
}

void sys_out(const void *bytes, usize count)
{
    write_all(1, (const u8 *)bytes, count);
}

void sys_err(const void *bytes, usize count)
{
    write_all(2, (const u8 *)bytes, count);
}

/* ---- keyboard ---- */

struct poll_entry {
    i32 fd;
    i16 wanted, seen;
};

static u8 held; /* a byte that sys_escape has read and that is no Esc */
static int holds;

int sys_in(void *bytes, u32 count, u32 *got)
{
    i32 answer;

    *got = 0;
    if (holds && count) {
        holds = 0;
        *(u8 *)bytes = held;
        *got = 1;
        return SYS_OK;
    }
    answer = call3(C_READ, 0, P(bytes), count);
    if (answer < 0)
        return status_of(answer);
    *got = (u32)answer;
    return SYS_OK;
}

int sys_escape(void)
{
    struct poll_entry input;

    input.fd = 0;
    input.wanted = 1; /* POLLIN */
    input.seen = 0;
    if (holds || call3(C_POLL, P(&input), 1, 0) <= 0 || !(input.seen & 1))
        return 0;
    holds = call3(C_READ, 0, P(&held), 1) == 1;
    if (!holds || held != 27)
        return 0;
    holds = 0;
    return 1;
}

/* ---- memory ---- */

void *sys_alloc(usize bytes)
{
    /* read and write, private and anonymous; the sixth argument, an offset of 0, stands in ebp */
    i32 at;

    __asm__ __volatile__("pushl %%ebp\n\txorl %%ebp, %%ebp\n\tint $0x80\n\tpopl %%ebp"
                         : "=a"(at)
                         : "0"(C_MMAP2), "b"(0), "c"(bytes), "d"(3), "S"(0x22), "D"(-1)
                         : "memory", "cc");
    return (u32)at > 0xFFFFF000u ? 0 : (void *)at;
}

void sys_free(void *block, usize bytes)
{
    if (block)
        call3(C_MUNMAP, P(block), bytes, 0);
}

void sys_memory(u32 *total, u32 *available)
{
    u32 info[16]; /* struct sysinfo: uptime, loads[3], totalram, freeram, sharedram, bufferram, ... */
    u64 all, left;
    u32 unit;

    *total = *available = 0;
    if (call3(C_SYSINFO, P(info), 0, 0) < 0)
        return;
    unit = info[13] ? info[13] : 1;
    all = (u64)info[4] * unit;
    left = (u64)info[5] * unit;
    *total = all >> 32 ? 0xFFFFFFFFu : (u32)all;
    *available = left >> 32 ? 0xFFFFFFFFu : (u32)left;
}

/* ---- files ---- */

struct stat64 {
    u64 device;
    u8 pad0[4];
    u32 inode0, mode, links, user, group;
    u64 device_kind;
    u8 pad3[4];
    u32 length_low, length_high, block;
    u32 blocks[2], accessed[2], written[2], changed[2], inode[2];
};

static int stamp_of(const struct stat64 *s, struct sys_stamp *stamp)
{
    if ((s->mode & 0170000) != 0100000)
        return SYS_ERROR;
    if (s->length_high)
        return SYS_BIG;
    stamp->length = s->length_low;
    stamp->time_low = s->written[1];
    stamp->time_high = s->written[0];
    stamp->attributes = s->mode & 0200 ? 0 : SYS_READ_ONLY;
    return SYS_OK;
}

int sys_stat(const char *path, struct sys_stamp *stamp)
{
    struct stat64 s;
    i32 answer = call3(C_STAT64, P(path), P(&s), 0);

    return answer < 0 ? status_of(answer) : stamp_of(&s, stamp);
}

int sys_open(sys_file *file, const char *path, enum sys_mode mode)
{
    u32 flags = mode == SYS_READ ? 0 : mode == SYS_CREATE ? O_WRONLY | O_CREAT | O_TRUNC : O_RDWR;
    struct sys_stamp stamp;
    i32 fd;
    int status = SYS_OK;

    *file = SYS_NO_FILE;
    if (mode == SYS_READ)
        status = sys_stat(path, &stamp);
    if (status != SYS_OK)
        return status;
    fd = call3(C_OPEN, P(path), flags | O_LARGEFILE, 0644);
    if (fd < 0)
        return status_of(fd);
    *file = fd;
    return SYS_OK;
}

int sys_read(sys_file file, void *bytes, u32 count, u32 *got)
{
    i32 n = 1;

    for (*got = 0; *got < count && n > 0;) {
        n = call3(C_READ, (u32)file, P((u8 *)bytes + *got), count - *got);
        if (n > 0)
            *got += (u32)n;
    }
    return n < 0 ? status_of(n) : SYS_OK;
}

int sys_write(sys_file file, const void *bytes, u32 count)
{
    return write_all((u32)file, (const u8 *)bytes, count);
}

int sys_seek(sys_file file, u32 offset)
{
    u64 at;

    return status_of(call5(C_LLSEEK, (u32)file, 0, offset, P(&at), 0));
}

int sys_length(sys_file file, u32 *length)
{
    struct stat64 s;
    i32 answer = call3(C_FSTAT64, (u32)file, P(&s), 0);

    if (answer < 0)
        return status_of(answer);
    *length = s.length_low;
    return s.length_high ? SYS_BIG : SYS_OK;
}

int sys_cut(sys_file file)
{
    u64 at = 0;
    i32 answer = call5(C_LLSEEK, (u32)file, 0, 0, P(&at), 1); /* 1: from the current position */

    if (answer < 0)
        return status_of(answer);
    return status_of(call3(C_FTRUNCATE64, (u32)file, (u32)at, (u32)(at >> 32)));
}

int sys_flush(sys_file file)
{
    return status_of(call3(C_FSYNC, (u32)file, 0, 0));
}

int sys_close(sys_file file)
{
    return file == SYS_NO_FILE ? SYS_OK : status_of(call3(C_CLOSE, (u32)file, 0, 0));
}

int sys_delete(const char *path)
{
    return status_of(call3(C_UNLINK, P(path), 0, 0));
}

/* A link and an unlink rather than rename, which would replace. */
int sys_rename(const char *from, const char *to)
{
    i32 answer = call3(C_LINK, P(from), P(to), 0);

    return answer < 0 ? status_of(answer) : status_of(call3(C_UNLINK, P(from), 0, 0));
}

int sys_mkdir(const char *path)
{
    return status_of(call3(C_MKDIR, P(path), 0755, 0));
}

struct entry { /* linux_dirent64 */
    u64 inode, offset;
    u16 size;
    u8 kind;
    char name[1];
} __attribute__((packed));

int sys_rmdir(const char *path)
{
    return status_of(call3(C_RMDIR, P(path), 0, 0));
}

/* Local time is UTC here. */
void sys_date(u32 date, struct sys_stamp *stamp)
{
    u32 year = (date >> 25) + 1980;
    u32 month = date >> 21 & 15;
    u32 days;

    if (month < 3) { /* counted from March on, leap days come last */
        month += 12;
        year--;
    }
    days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 - 457) / 5 + (date >> 16 & 31) - 719469u;
    stamp->time_high = ((days * 24 + (date >> 11 & 31)) * 60 + (date >> 5 & 63)) * 60 + (date & 31) * 2;
    stamp->time_low = 0;
}

void sys_touch(sys_file file, u32 date)
{
    (void)file;
    (void)date;
}

int sys_set(const char *path, u32 date, u32 attributes)
{
    struct sys_stamp stamp;
    u32 times[4]; /* two of seconds and nanoseconds */
    i32 answer = 0;

    if (date) {
        sys_date(date, &stamp);
        times[0] = times[2] = stamp.time_high;
        times[1] = times[3] = 0;
        answer = call5(C_UTIMENSAT, (u32)-100, P(path), P(times), 0, 0);
    }
    if (answer >= 0)
        answer = call3(C_CHMOD, P(path), attributes & SYS_READ_ONLY ? 0444 : 0644, 0);
    return status_of(answer);
}

int sys_list(const char *directory, sys_each *each, void *context)
{
    u8 buffer[1024];
    char whole[800];
    struct sys_stamp stamp;
    i32 at, got, fd;
    u32 length, i;

    for (length = 0; directory[length]; length++)
        whole[length] = directory[length];
    whole[length] = '\0';
    fd = call3(C_OPEN, P(length ? whole : "."), O_DIRECTORY, 0);
    if (fd < 0)
        return status_of(fd) == SYS_MISSING ? SYS_OK : status_of(fd);
    while ((got = call3(C_GETDENTS64, (u32)fd, P(buffer), sizeof buffer)) > 0)
        for (at = 0; at < got;) {
            const struct entry *entry = (const struct entry *)(buffer + at);
            for (i = 0; (whole[length + i] = entry->name[i]) != '\0'; i++)
                ;
            if (sys_stat(whole, &stamp) == SYS_OK)
                each(context, entry->name, &stamp);
            at += entry->size;
        }
    call3(C_CLOSE, (u32)fd, 0, 0);
    return status_of(got);
}

int sys_disk_free(u64 *bytes, u32 *cluster, int *at_least)
{
    u32 s[21]; /* struct statfs64: type, bsize, blocks[2], bfree[2], bavail[2], ... (84 bytes) */
    i32 answer = call3(C_STATFS64, P("."), sizeof s, P(s));

    *at_least = 0;
    *cluster = 1;
    if (answer < 0)
        return SYS_ERROR;
    *bytes = (((u64)s[7] << 32) | s[6]) * s[1];
    return SYS_OK;
}

int sys_own_path(char *path, u32 size)
{
    i32 length = call3(C_READLINK, P("/proc/self/exe"), P(path), size);

    if (length < 0 || (u32)length >= size)
        return SYS_ERROR;
    path[length] = '\0';
    return SYS_OK;
}

/* ---- time and the machine ---- */

u32 sys_ticks(void)
{
    u32 now[2];

    call3(C_CLOCK, 1, P(now), 0); /* 1: monotonic */
    return now[0] * 1000u + now[1] / 1000000u;
}

u32 sys_clock_seed(void)
{
    u32 now[2];

    call3(C_CLOCK, 0, P(now), 0);
    return now[0] ^ now[1] << 2;
}

void sys_system(struct sys_system *system)
{
    memset(system, 0, sizeof *system);
    system->name = "Linux i386";
}

/* ---- children ---- */

/* In the child: becomes the program named in the command line, looked for in this directory. */
static void become(const char *command, const char *directory, i32 out)
{
    char text[600];
    char path[600];
    char *argv[64];
    u32 i;

    if (args_split(command, text, argv, 64) < 1)
        sys_exit(127);
    path[0] = '.';
    path[1] = '/';
    for (i = 0; (path[i + 2] = argv[0][i]) != '\0'; i++)
        ;
    if (*directory && call3(C_CHDIR, P(directory), 0, 0) < 0)
        sys_exit(127);
    call3(C_DUP2, (u32)out, 1, 0);
    call3(C_DUP2, (u32)out, 2, 0);
    call3(C_CLOSE, (u32)out, 0, 0);
    call3(C_EXECVE, P(argv[0][0] == '/' ? argv[0] : path), P(argv), P(environment));
    sys_exit(127);
}

int sys_run(char *command, const char *directory, sys_output *output, void *context, u32 *exit_code)
{
    u8 bytes[1024];
    i32 pipe[2];
    i32 state = 0;
    i32 child, got, ended;
    struct poll_entry watch;

    if (call3(C_PIPE, P(pipe), 0, 0) < 0)
        return SYS_ERROR;
    child = call3(C_FORK, 0, 0, 0);
    if (child == 0)
        become(command, directory, pipe[1]);
    call3(C_CLOSE, (u32)pipe[1], 0, 0);
    watch.fd = pipe[0];
    watch.wanted = 1;
    do {
        ended = child < 0 || call5(C_WAIT4, (u32)child, P(&state), 1, 0, 0) != 0; /* 1: do not hang */
        while (call3(C_POLL, P(&watch), 1, ended ? 0 : 20) > 0) {
            got = call3(C_READ, (u32)pipe[0], P(bytes), sizeof bytes);
            if (got <= 0) {
                watch.fd = -1; /* the other end is closed; wait for the process only */
                break;
            }
            output(context, bytes, (u32)got);
        }
    } while (!ended);
    call3(C_CLOSE, (u32)pipe[0], 0, 0);
    if (child < 0 || state == 127 << 8)
        return SYS_MISSING;
    *exit_code = state & 0x7F ? 128u + (u32)(state & 0x7F) : (u32)(state >> 8) & 0xFF;
    return SYS_OK;
}
