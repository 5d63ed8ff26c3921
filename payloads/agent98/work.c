/* work.c - see work.h */
#include "work.h"
#include "sha256.h"

#define TRIES 6u /* of what fails because the line is lost: about half a minute */
#define LONGEST_PAUSE 30000u

struct settings owner;
talk_wait *const talk_waits = agent_wait;

u32 agent_backoff(u32 before)
{
    return !before ? 1000 : before >= LONGEST_PAUSE / 2 ? LONGEST_PAUSE : before * 2;
}

int agent_sleep(u32 ms)
{
    u32 began = sys_ticks();
    u32 passed;

    while ((passed = sys_ticks() - began) < ms)
        if (agent_wait(NET_NONE, 0, ms - passed))
            return 1;
    return 0;
}

void keep_path(char path[PATH_SIZE], const char *name)
{
    join_path(path, PATH_SIZE, home, name);
}

int work_write(const char *path, const char *text, u32 count)
{
    sys_file file;
    int status = sys_open(&file, path, SYS_CREATE);

    if (status == SYS_OK) {
        status = sys_write(file, text, count);
        sys_close(file);
    }
    return status == SYS_OK;
}

void answer_say(const struct answer *answer, char said[ANSWER_SIZE])
{
    char coded[ANSWER_SIZE];

    percent_encode(answer->text, coded, ANSWER_SIZE - 20);
    put(said, ANSWER_SIZE, "%s %u%s%s", answer->ok ? "OK" : "NO", answer->code, *coded ? " " : "", coded);
}

u32 work_fail(struct work *work, u32 error, const char *text)
{
    put(work->answer.text, sizeof work->answer.text, "%s", text);
    return error;
}

u32 work_status(struct work *work, int status)
{
    return status == SYS_OK        ? 0
           : work->stop            ? ERROR_STOPPED
           : status == SYS_FULL    ? ERROR_NO_ROOM
           : status == SYS_MISSING ? ERROR_NO_FILE
                                   : ERROR_LINE;
}

void work_close(struct work *work)
{
    if (work->talk.line != NET_NONE)
        talk_close(&work->talk);
}

int work_session(struct work *work)
{
    if (work->talk.line != NET_NONE || talk_open(&work->talk, owner.host, owner.port, owner.id, owner.token) == 230)
        return 1;
    work_close(work);
    work_unreached();
    return 0;
}

int work_persist(struct work *work, work_step *step, void *context)
{
    u32 pause = 0;
    u32 tries;
    int status = SYS_ERROR;

    for (tries = 0; tries < TRIES && status == SYS_ERROR && !work->stop; tries++) {
        if (tries && agent_sleep(pause = agent_backoff(pause)))
            break;
        status = work_session(work) ? step(work, context) : SYS_ERROR;
        if (status == SYS_ERROR)
            work_close(work);
    }
    return status;
}

/* ---- files that come ---- */

struct coming {
    const char *name, *path;
};

static int fetch_once(struct work *work, void *context)
{
    const struct coming *coming = context;
    u32 length;
    struct sys_stamp stamp;
    int status;

    status = talk_ask(&work->talk, "SIZE %s", coming->name);
    if (status != 213)
        return status ? SYS_MISSING : SYS_ERROR;
    if (!number(work->talk.replies.line + 4, &length))
        return SYS_MISSING;
    status = talk_fetch_file(&work->talk, owner.host, coming->name, coming->path);
    if (status == SYS_OK && (sys_stat(coming->path, &stamp) != SYS_OK || stamp.length != length)) {
        sys_delete(coming->path);
        status = SYS_ERROR; /* cut, and nobody said so */
    }
    return status;
}

u32 work_fetch(struct work *work, const char *name, const char *path)
{
    struct coming coming;

    coming.name = name;
    coming.path = path;
    return work_status(work, work_persist(work, fetch_once, &coming));
}

u32 work_carried(struct work *work, const char *path)
{
    char name[12];

    put(name, sizeof name, "F.%s", work->order.id);
    return work_fetch(work, name, path);
}

/* Whether a file has this length and this SHA-256, written in hexadecimal. */
static int is_right(struct work *work, const char *path, const char *length, const char *sum)
{
    u8 digest[32], wanted[32];
    struct sha256 sha;
    u32 size, done;
    int got;

    if (!number(length, &size) || !text_hex(sum, 'a', wanted, 32))
        return 0;
    sha256_init(&sha);
    for (done = 0; (got = growing_read(path, done, work->talk.piece, sizeof work->talk.piece)) > 0; done += (u32)got)
        sha256_update(&sha, work->talk.piece, (u32)got);
    sha256_out(&sha, digest);
    return done == size && memcmp(digest, wanted, 32) == 0;
}

u32 work_proved(struct work *work, const char *path, const char *length, const char *sum)
{
    if (is_right(work, path, length, sum))
        return 0;
    sys_delete(path);
    return ERROR_CHECK;
}
