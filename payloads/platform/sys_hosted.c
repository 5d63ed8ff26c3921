/* sys_hosted.c - the back end as an ordinary POSIX program: tests, sanitizers, fuzzing, faults.
 *
 * Faults on demand, by environment variables, so that a test can pull the plug at every single
 * point. A "change" is a call that alters the disk: open for writing anew, write, cut, delete,
 * rename, mkdir.
 *   SYS_STOP_AFTER=N   the power goes off (exit code 99) right after the N-th change
 *   SYS_STOP_TORN=1    ... and when that change is a write, only half of its bytes were taken
 *   SYS_STOP_LOSE=1    ... and bytes written but not flushed are rubbish on the disk afterwards
 *   SYS_STOP_FILE=FILE the number in FILE, while there is one, counts down with every change of all programs
 *                      of the session; at 0 it is deleted, and the power of all of them goes off
 *   SYS_FULL_AT=N      from the N-th write on, each takes half of its bytes and says "disk full"
 *   SYS_FREE=BYTES     so much disk is free; growing files use it up, deleted ones give it back
 *   SYS_CLUSTER=BYTES is that of a cluster; else 1, so that every byte counts
 *   SYS_COUNT=FILE     at the end the number of changes and of writes is put there
 *   SYS_HASTE=N        sys_ticks goes N times as fast as time does
 *   SYS_MHZ=N          what sys_cpu_mhz says; it measures nothing here, a quarter second is long
 */
#define _POSIX_C_SOURCE 200809L
#include "sys.h"

#include "args.h"
#include "sys_hosted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return SYS_MISSING;
    case EEXIST:
        return SYS_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return SYS_FULL;
    case EFBIG:
        return SYS_BIG;
    default:
        return SYS_ERROR;
    }
}

static int done(int answer)
{
    return answer < 0 ? status_of(errno) : SYS_OK;
}

/* ---- faults ---- */

struct loose { /* bytes written and not yet flushed */
    int fd;    /* our own duplicate, so that it outlives the close */
    ino_t inode;
    off_t at;
    usize count;
};

static struct {
    int ready;
    long stop_after, full_at, changes, writes;
    int torn, lose, limited;
    i64 left; /* bytes free, when limited */
    struct loose loose[1024];
    int loose_count;
} fault;

static long number_from(const char *name)
{
    const char *text = getenv(name);

    return text ? atol(text) : 0;
}

static void faults_ready(void)
{
    if (fault.ready)
        return;
    fault.ready = 1;
    fault.stop_after = number_from("SYS_STOP_AFTER");
    fault.torn = number_from("SYS_STOP_TORN") != 0;
    fault.lose = number_from("SYS_STOP_LOSE") != 0;
    fault.full_at = number_from("SYS_FULL_AT");
    fault.limited = getenv("SYS_FREE") != 0;
    fault.left = number_from("SYS_FREE");
}

static void power_off(void)
{
    int i;
    usize n;
    char rubbish = '\xDD';

    for (i = 0; fault.lose && i < fault.loose_count; i++)
        for (n = 0; n < fault.loose[i].count; n++)
            if (pwrite(fault.loose[i].fd, &rubbish, 1, fault.loose[i].at + (off_t)n) < 0)
                break;
    if (getenv("SYS_STOP_FILE")) { /* whoever made the session has put its leader's programs into one group */
        kill(-getsid(0), SIGKILL);
        kill(0, SIGKILL);
    }
    _exit(99);
}

/* How many changes are left until the power goes off, as SYS_STOP_FILE says; 0: nobody knows. */
static long changes_left(long less)
{
    const char *path = getenv("SYS_STOP_FILE");
    char text[16];
    int fd = path ? open(path, O_RDWR) : -1;
    long left = 0;
    ssize_t got;

    if (fd < 0)
        return 0;
    got = pread(fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    left = atol(text);
    if (left == 1 && less)
        unlink(path);
    else if (less)
        got = pwrite(fd, text, (usize)snprintf(text, sizeof text, "%8ld\n", left - less), 0);
    close(fd);
    return left;
}

static int is_last_change(void)
{
    return fault.changes + 1 == fault.stop_after || changes_left(0) == 1;
}

/* Every change is followed by this. */
static void changed(void)
{
    int last = changes_left(1) == 1;

    if (++fault.changes == fault.stop_after || last)
        power_off();
}

static ino_t inode_of(int fd)
{
    struct stat s;

    return fstat(fd, &s) < 0 ? 0 : s.st_ino;
}

static void remember_loose(int fd, usize count)
{
    struct loose *loose = &fault.loose[fault.loose_count];

    if (!fault.lose || !count || fault.loose_count == 1024)
        return;
    loose->fd = dup(fd);
    loose->inode = inode_of(fd);
    loose->count = count;
    loose->at = lseek(fd, 0, SEEK_CUR) - (off_t)count;
    fault.loose_count++;
}

static void forget_loose(int fd)
{
    ino_t inode = fault.loose_count ? inode_of(fd) : 0;
    int i, kept;

    for (i = kept = 0; i < fault.loose_count; i++)
        if (fault.loose[i].inode == inode)
            close(fault.loose[i].fd);
        else
            fault.loose[kept++] = fault.loose[i];
    fault.loose_count = kept;
}

/* How many of `count` bytes the disk takes now. */
static usize taken(int fd, usize count)
{
    struct stat s;
    i64 growth;

    fault.writes++;
    if (fault.full_at && fault.writes >= fault.full_at)
        return count / 2;
    if (fault.torn && is_last_change())
        return count / 2;
    if (!fault.limited || fstat(fd, &s) < 0)
        return count;
    growth = (i64)lseek(fd, 0, SEEK_CUR) + (i64)count - (i64)s.st_size;
    if (growth > fault.left) {
        count -= (usize)(growth - fault.left) > count ? count : (usize)(growth - fault.left);
        growth = fault.left;
    }
    if (growth > 0)
        fault.left -= growth;
    return count;
}

static void gives_back(const char *path)
{
    struct stat s;

    if (fault.limited && stat(path, &s) == 0)
        fault.left += (i64)s.st_size;
}

/* ---- console, memory ---- */

void sys_hosted_counts(long *changes, long *writes)
{
    *changes = fault.changes;
    *writes = fault.writes;
}

static void say(int fd, const u8 *bytes, usize count)
{
    while (count) {
        ssize_t put = write(fd, bytes, count);
        if (put <= 0)
            return;
        bytes += put;
        count -= (usize)put;
    }
}

void sys_out(const void *bytes, usize count)
{
    say(1, (const u8 *)bytes, count);
}

void sys_err(const void *bytes, usize count)
{
    say(2, (const u8 *)bytes, count);
}

static u8 held; /* a byte that sys_escape has read and that is no Esc */
static int holds;

int sys_in(void *bytes, u32 count, u32 *got)
{
    ssize_t answer;

    *got = 0;
    if (holds && count) {
        holds = 0;
        *(u8 *)bytes = held;
        *got = 1;
        return SYS_OK;
    }
    answer = read(0, bytes, count);
    if (answer < 0)
        return SYS_ERROR;
    *got = (u32)answer;
    return SYS_OK;
}

int sys_escape(void)
{
    struct pollfd input;

    input.fd = 0;
    input.events = POLLIN;
    if (holds || poll(&input, 1, 0) <= 0 || !(input.revents & POLLIN))
        return 0;
    holds = read(0, &held, 1) == 1;
    if (!holds || held != 27)
        return 0;
    holds = 0;
    return 1;
}

void sys_memory(u32 *total, u32 *available)
{
    u64 page = (u64)sysconf(_SC_PAGESIZE);
    u64 all = page * (u64)sysconf(_SC_PHYS_PAGES);

    *total = all >> 32 ? 0xFFFFFFFFu : (u32)all;
    *available = *total;
}

/* ---- files ---- */

static int stamp_of(const struct stat *s, struct sys_stamp *stamp)
{
    if (!S_ISREG(s->st_mode))
        return SYS_ERROR;
    if ((u64)s->st_size >> 32)
        return SYS_BIG;
    stamp->length = (u32)s->st_size;
    stamp->time_low = (u32)s->st_mtim.tv_nsec;
    stamp->time_high = (u32)s->st_mtim.tv_sec;
    stamp->attributes = s->st_mode & 0200 ? 0 : SYS_READ_ONLY;
    return SYS_OK;
}

int sys_stat(const char *path, struct sys_stamp *stamp)
{
    struct stat s;

    return stat(path, &s) < 0 ? status_of(errno) : stamp_of(&s, stamp);
}

int sys_open(sys_file *file, const char *path, enum sys_mode mode)
{
    int flags = mode == SYS_READ ? O_RDONLY : mode == SYS_CREATE ? O_WRONLY | O_CREAT | O_TRUNC : O_RDWR;
    struct sys_stamp stamp;
    int status = mode == SYS_READ ? sys_stat(path, &stamp) : SYS_OK;
    int fd;

    faults_ready();
    *file = SYS_NO_FILE;
    if (status == SYS_ERROR || status == SYS_MISSING)
        return status;
    if (mode == SYS_CREATE)
        gives_back(path);
    fd = open(path, flags, 0644);
    if (fd < 0)
        return status_of(errno);
    *file = fd;
    if (mode == SYS_CREATE)
        changed();
    return SYS_OK;
}

int sys_read(sys_file file, void *bytes, u32 count, u32 *got)
{
    ssize_t n = 1;

    for (*got = 0; *got < count && n > 0;) {
        n = read((int)file, (u8 *)bytes + *got, count - *got);
        if (n > 0)
            *got += (u32)n;
    }
    return n < 0 ? SYS_ERROR : SYS_OK;
}

int sys_write(sys_file file, const void *bytes, u32 count)
{
    usize some = taken((int)file, count);
    usize put = 0;

    while (put < some) {
        ssize_t n = write((int)file, (const u8 *)bytes + put, some - put);
        if (n <= 0)
            return n < 0 ? status_of(errno) : SYS_FULL;
        put += (usize)n;
    }
    remember_loose((int)file, put);
    changed();
    return put == count ? SYS_OK : SYS_FULL;
}

int sys_seek(sys_file file, u32 offset)
{
    return lseek((int)file, (off_t)offset, SEEK_SET) < 0 ? SYS_ERROR : SYS_OK;
}

int sys_length(sys_file file, u32 *length)
{
    struct stat s;

    if (fstat((int)file, &s) < 0)
        return SYS_ERROR;
    *length = (u32)s.st_size;
    return (u64)s.st_size >> 32 ? SYS_BIG : SYS_OK;
}

int sys_cut(sys_file file)
{
    off_t at = lseek((int)file, 0, SEEK_CUR);
    u32 length = 0;

    sys_length(file, &length);
    if (fault.limited)
        fault.left += (i64)length - (i64)at;
    if (ftruncate((int)file, at) < 0)
        return SYS_ERROR;
    changed();
    return SYS_OK;
}

/* No fsync: what a test kills is the program, not the machine, and thousands of them would wait. */
int sys_flush(sys_file file)
{
    forget_loose((int)file);
    return SYS_OK;
}

int sys_close(sys_file file)
{
    return file == SYS_NO_FILE ? SYS_OK : done(close((int)file));
}

int sys_delete(const char *path)
{
    faults_ready();
    gives_back(path);
    if (unlink(path) < 0)
        return status_of(errno);
    changed();
    return SYS_OK;
}

int sys_rename(const char *from, const char *to)
{
    faults_ready();
    if (link(from, to) < 0)
        return status_of(errno);
    if (unlink(from) < 0)
        return status_of(errno);
    changed();
    return SYS_OK;
}

int sys_mkdir(const char *path)
{
    faults_ready();
    if (mkdir(path, 0755) < 0)
        return status_of(errno);
    changed();
    return SYS_OK;
}

int sys_list(const char *path, sys_each *each, void *context)
{
    struct sys_stamp stamp;
    struct dirent *entry;
    char whole[1000];
    DIR *directory = opendir(*path ? path : ".");

    if (!directory)
        return errno == ENOENT || errno == ENOTDIR ? SYS_OK : SYS_ERROR;
    while ((entry = readdir(directory)) != 0) {
        snprintf(whole, sizeof whole, "%s%s", path, entry->d_name);
        if (sys_stat(whole, &stamp) == SYS_OK)
            each(context, entry->d_name, &stamp);
    }
    closedir(directory);
    return SYS_OK;
}

int sys_rmdir(const char *path)
{
    faults_ready();
    if (rmdir(path) < 0)
        return status_of(errno);
    changed();
    return SYS_OK;
}

/* Local time is that of TZ. */
void sys_date(u32 date, struct sys_stamp *stamp)
{
    struct tm tm;

    memset(&tm, 0, sizeof tm);
    tm.tm_year = (int)(date >> 25) + 80;
    tm.tm_mon = (int)(date >> 21 & 15) - 1;
    tm.tm_mday = (int)(date >> 16 & 31);
    tm.tm_hour = (int)(date >> 11 & 31);
    tm.tm_min = (int)(date >> 5 & 63);
    tm.tm_sec = (int)(date & 31) * 2;
    tm.tm_isdst = -1;
    stamp->time_high = (u32)mktime(&tm);
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
    struct timespec times[2];

    faults_ready();
    if (date) {
        sys_date(date, &stamp);
        times[0].tv_sec = times[1].tv_sec = (time_t)stamp.time_high;
        times[0].tv_nsec = times[1].tv_nsec = 0;
        if (utimensat(AT_FDCWD, path, times, 0) < 0)
            return status_of(errno);
    }
    changed();
    return done(chmod(path, attributes & SYS_READ_ONLY ? 0444 : 0644));
}

int sys_disk_free(u64 *bytes, u32 *cluster, int *at_least)
{
    struct statvfs s;

    faults_ready();
    *at_least = 0;
    *cluster = getenv("SYS_CLUSTER") ? (u32)number_from("SYS_CLUSTER") : 1;
    if (fault.limited) {
        *bytes = (u64)fault.left;
        return SYS_OK;
    }
    if (statvfs(".", &s) < 0)
        return SYS_ERROR;
    *bytes = (u64)s.f_bavail * s.f_frsize;
    return SYS_OK;
}

int sys_own_path(char *path, u32 size)
{
    ssize_t length = readlink("/proc/self/exe", path, size);

    if (length < 0 || (u32)length >= size)
        return SYS_ERROR;
    path[length] = '\0';
    return SYS_OK;
}

/* ---- time and the machine ---- */

u32 sys_ticks(void)
{
    static long haste;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    haste = haste ? haste : number_from("SYS_HASTE") + !number_from("SYS_HASTE");
    return ((u32)now.tv_sec * 1000u + (u32)(now.tv_nsec / 1000000)) * (u32)haste;
}

u32 sys_clock_seed(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (u32)now.tv_sec ^ (u32)now.tv_nsec << 2;
}

void sys_system(struct sys_system *system)
{
    memset(system, 0, sizeof *system);
    system->name = "hosted";
}

u32 sys_cpu_mhz(void)
{
    return (u32)number_from("SYS_MHZ");
}

/* ---- children ---- */

static void become(const char *command, const char *directory, int out)
{
    char text[600];
    char path[600];
    char *argv[64];

    if (args_split(command, text, argv, 64) < 1)
        _exit(127);
    snprintf(path, sizeof path, "%s%s", argv[0][0] == '/' ? "" : "./", argv[0]);
    if (*directory && chdir(directory) < 0)
        _exit(127);
    dup2(out, 1);
    dup2(out, 2);
    close(out);
    execv(path, argv);
    _exit(127);
}

/* Copies until the process has ended and its pipe is empty; the wait status goes into `state`. */
static void copy_until_end(pid_t child, int pipe_end, sys_output *output, void *context, int *state)
{
    u8 bytes[1024];
    struct pollfd watch;
    int ended;

    watch.fd = pipe_end;
    watch.events = POLLIN;
    do {
        ended = waitpid(child, state, WNOHANG) != 0;
        while (poll(&watch, 1, ended ? 0 : 20) > 0) {
            ssize_t got = read(pipe_end, bytes, sizeof bytes);
            if (got <= 0) {
                watch.fd = -1;
                break;
            }
            output(context, bytes, (u32)got);
        }
    } while (!ended);
}

int sys_run(char *command, const char *directory, sys_output *output, void *context, u32 *exit_code)
{
    int ends[2];
    int state = 0;
    pid_t child;

    if (pipe(ends) < 0)
        return SYS_ERROR;
    child = fork();
    if (child == 0) {
        close(ends[0]);
        become(command, directory, ends[1]);
    }
    close(ends[1]);
    if (child > 0)
        copy_until_end(child, ends[0], output, context, &state);
    close(ends[0]);
    if (child < 0 || (WIFEXITED(state) && WEXITSTATUS(state) == 127))
        return SYS_MISSING;
    *exit_code = WIFSIGNALED(state) ? 128u + (u32)WTERMSIG(state) : (u32)WEXITSTATUS(state);
    return SYS_OK;
}
