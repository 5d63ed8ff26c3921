/* machine_hosted.c - machine.h for an ordinary POSIX program: tests, sanitizers, fuzzing.
 *
 * The folder is AGENT98_HOME, else the current directory. What has no meaning here is written down there instead:
 * RUNKEY (the command line that Windows would start), ENDED.TXT (how Windows ended). Windows ends with the exit code
 * 88 (restart) or 89 (off). Programs of one PC are of one session. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "machine.h"
#include "words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char home[PATH_SIZE];
static volatile sig_atomic_t told_to_end;

static void on_end(int number)
{
    (void)number;
    told_to_end = 1;
}

int machine_begin(void)
{
    const char *named = getenv("AGENT98_HOME");

    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_end);
    if (named)
        put(home, sizeof home, "%s", named);
    else if (!getcwd(home, sizeof home))
        return 0;
    return 1;
}

u32 machine_chance(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (u32)now.tv_nsec * 2654435761u ^ (u32)now.tv_sec ^ (u32)getpid() << 16;
}

u32 machine_error(void)
{
    return errno == ENOENT || errno == ENOTDIR ? 2 : errno == EACCES || errno == EISDIR ? 5 : errno == ENOSPC ? 112 : 1;
}

int machine_start(const char *program, const char *arguments)
{
    char words[64];
    char *argv[6];
    char *rest = words;
    int argc = 1;
    pid_t child;

    put(words, sizeof words, "%s", arguments);
    argv[0] = (char *)program;
    while (*rest && argc < 5)
        argv[argc++] = next_word(&rest);
    argv[argc] = 0;
    chmod(program, 0755);
    child = fork();
    if (child == 0) {
        int i;
        for (i = 3; i < 64; i++)
            close(i);
        execv(program, argv);
        _exit(127);
    }
    return child > 0;
}

/* ---- network ---- */

net net_call(const char *host, u32 port)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return NET_NONE;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        close(fd);
        return NET_NONE;
    }
    return fd;
}

void net_close(net socket_)
{
    if (socket_ != NET_NONE)
        close((int)socket_);
}

int net_send(net socket_, const void *bytes, u32 count)
{
    ssize_t sent = send((int)socket_, bytes, count, 0);

    return sent >= 0 ? (int)sent : errno == EAGAIN ? 0 : -1;
}

int net_receive(net socket_, void *bytes, u32 count)
{
    ssize_t got = recv((int)socket_, bytes, count, 0);

    return got > 0 ? (int)got : got == 0 ? -1 : errno == EAGAIN ? 0 : -2;
}

u32 net_wait(const net *sockets, u32 count, u32 writes, u32 ms)
{
    struct pollfd polled[2];
    u32 ready = 0;
    u32 i;

    for (i = 0; i < count; i++) {
        polled[i].fd = (int)sockets[i];
        polled[i].events = (short)(writes >> i & 1 ? POLLOUT : POLLIN);
        polled[i].revents = 0;
    }
    if (getenv("SYS_HASTE"))
        ms = ms / (u32)atoi(getenv("SYS_HASTE")) + 1;
    poll(polled, count, (int)ms);
    for (i = 0; i < count; i++)
        if (polled[i].revents)
            ready |= 1u << i;
    return ready;
}

/* ---- the window ---- */

static int lock = -1;

static int lock_file(void)
{
    char path[PATH_SIZE];

    join_path(path, sizeof path, home, "AGENT98.LCK");
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
}

static int holds_lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void window_open(const char *title, int small)
{
    char text[16];

    (void)title;
    (void)small;
    lock = lock_file();
    if (holds_lock(lock) && ftruncate(lock, 0) == 0 && write(lock, text, put(text, sizeof text, "%u", (u32)getpid())) < 0)
        lock = -1;
}

void window_say(const char *host, const char *state)
{
    if (getenv("AGENT98_SAYS"))
        fprintf(stderr, "%s: %s\n", host, state);
}

enum wish window_wish(int off)
{
    char path[PATH_SIZE];

    (void)off;
    if (told_to_end) {
        told_to_end = 0;
        return WISH_CLOSE;
    }
    join_path(path, sizeof path, home, "WISH.DSC");
    if (unlink(path) == 0)
        return WISH_DISCONNECT;
    join_path(path, sizeof path, home, "WISH.REM");
    return unlink(path) == 0 ? WISH_REMOVE : WISH_NONE;
}

void window_box(const char *text)
{
    fprintf(stderr, "%s\n", text);
}

int window_alone(void)
{
    int fd = lock_file();
    int alone = fd < 0 || holds_lock(fd);

    close(fd);
    return alone;
}

int window_end_other(void)
{
    char text[16];
    int fd = lock_file();
    int tries;
    ssize_t got;

    for (tries = 0; tries < 100; tries++) {
        if (fd == lock || fd < 0 || holds_lock(fd)) {
            close(fd);
            return 1;
        }
        got = pread(fd, text, sizeof text - 1, 0);
        text[got > 0 ? got : 0] = '\0';
        if (atoi(text) == (int)getpid())
            break;
        if (atoi(text) > 1)
            kill(atoi(text), SIGTERM);
        usleep(100000);
    }
    close(fd);
    return 0;
}

/* ---- programs ---- */

u32 child_start(struct child *child, const char *command, const char *folder)
{
    char line[700];
    int nothing;
    pid_t us = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        int i;
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* as all programs do when the power fails */
        nothing = open("/dev/null", O_RDWR);
        for (i = 0; i < 3; i++)
            dup2(nothing, i);
        for (i = 3; i < 64; i++)
            close(i);
        snprintf(line, sizeof line, "chmod +x AGENT98W.EXE; exec %s", command);
        if (getppid() == us && chdir(folder) == 0)
            execl("/bin/sh", "sh", "-c", line, (char *)0);
        _exit(127);
    }
    child->process = child->id = (u32)pid;
    return pid > 0 ? 0 : 8;
}

int child_ended(struct child *child, u32 *code)
{
    int status;

    if (waitpid((pid_t)child->id, &status, WNOHANG) <= 0)
        return 0;
    *code = WIFEXITED(status) ? (u32)WEXITSTATUS(status) : 255;
    return 1;
}

void child_kill(const struct child *child, int itself)
{
    (void)itself;
    kill(-(pid_t)child->id, SIGKILL);
}

static pid_t running;

static int feeding = -1; /* the end of the pipe that we write into */

static void stop_feeding(void)
{
    if (feeding >= 0)
        close(feeding);
    feeding = -1;
}

int program_feed(const void *bytes, u32 count)
{
    return feeding >= 0 && write(feeding, bytes, count) == (ssize_t)count;
}

u32 program_start(const struct launch *launch)
{
    int ends[2] = {-1, -1};
    int in, out;

    stop_feeding();
    if (launch->fed && pipe(ends) == 0) {
        feeding = ends[1];
        fcntl(feeding, F_SETFL, O_NONBLOCK);
    }
    running = fork();
    if (running == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* as all programs do when the power fails */
        in = launch->fed ? ends[0] : open(launch->input ? launch->input : "/dev/null", O_RDONLY);
        out = open(launch->output ? launch->output : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(in, 0);
        dup2(out, 1);
        dup2(out, 2);
        for (in = 3; in < 64; in++)
            close(in);
        if (chdir(launch->folder) == 0)
            execl("/bin/sh", "sh", "-c", launch->command, (char *)0);
        _exit(127);
    }
    if (launch->fed)
        close(ends[0]);
    return running > 0 ? 0 : 8;
}

int program_ended(u32 *code)
{
    int status;

    if (waitpid(running, &status, WNOHANG) <= 0)
        return 0;
    stop_feeding();
    *code = WIFEXITED(status) ? (u32)WEXITSTATUS(status) : 255;
    if (*code != 127)
        return 1;
    *code = 2;
    return -1;
}

void program_kill(void)
{
    kill(-running, SIGKILL);
}

int growing_read(const char *path, u32 offset, void *bytes, u32 count)
{
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : pread(fd, bytes, count, offset);

    if (fd >= 0)
        close(fd);
    return (int)got;
}

/* ---- files ---- */

int files_make(const char *folder)
{
    char path[PATH_SIZE];
    struct stat found;
    u32 i;

    put(path, sizeof path, "%s", folder);
    for (i = 1; path[i]; i++)
        if (path[i] == '/') {
            path[i] = '\0';
            mkdir(path, 0755);
            path[i] = '/';
        }
    mkdir(path, 0755);
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

/* ---- the machine ---- */

void machine_facts(struct facts *facts)
{
    memset(facts, 0, sizeof *facts);
    strcpy(facts->name, "HOSTED");
    strcpy(facts->cpu, "GenuineIntel-6.5.2");
    strcpy(facts->system, "4.10.2222");
    facts->memory = 65536;
    facts->free = 1000000;
}

void machine_front(char *text, u32 size)
{
    put(text, size, "%s", "Program Manager");
}

static void note(const char *name, const char *text, const char *how)
{
    char path[PATH_SIZE];
    FILE *file;

    join_path(path, sizeof path, home, name);
    file = fopen(path, how);
    if (file) {
        fputs(text, file);
        fclose(file);
    }
}

void machine_end(int reboot, int hard)
{
    (void)hard;
    note("ENDED.TXT", reboot ? "reboot\n" : "off\n", "a");
    exit(reboot ? 88 : 89);
}

int machine_stay(const char *command)
{
    char path[PATH_SIZE];

    if (command) {
        note("RUNKEY", command, "w");
    } else {
        join_path(path, sizeof path, home, "RUNKEY");
        unlink(path);
    }
    return 1;
}

void machine_vanish(void)
{
    static const char *const names[] = {"AGENT98.EXE", "AGENT98N.EXE", "AGENT98W.EXE", "AGENT98.LCK"};
    char path[PATH_SIZE];
    u32 i;

    for (i = 0; i < 4; i++) {
        join_path(path, sizeof path, home, names[i]);
        unlink(path);
    }
}

u32 machine_image_end(void)
{
    return 0;
}
