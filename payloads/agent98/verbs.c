/* verbs.c - the short orders, and what all orders have in common. */
#include "agent.h"
#include "keys.h"
#include "picture.h"
#include "sha256.h"

#define TRIES 6u /* of an answer whose line is lost: about half a minute */

void work_fail(struct work *work, u32 code, const char *text)
{
    work->answer.ok = 0;
    work->answer.code = code;
    put(work->answer.text, sizeof work->answer.text, "%s", text);
}

void work_good(struct work *work, u32 code)
{
    work->answer.ok = 1;
    work->answer.code = code;
    work->answer.text[0] = '\0';
}

int work_status(struct work *work, int status)
{
    if (status == SYS_OK)
        return 0;
    if (work->stop)
        work_fail(work, ERROR_STOPPED, "killed");
    else if (status == SYS_FULL)
        work_fail(work, ERROR_NO_ROOM, "the disk is full");
    else if (status == SYS_MISSING)
        work_fail(work, 2, "there is no such file");
    else
        work_fail(work, ERROR_LINE, "the line was lost");
    return 1;
}

int work_session(struct work *work)
{
    if (work->talk.line != NET_NONE)
        return 1;
    if (talk_open(&work->talk, agent.settings.host, agent.settings.port, agent.settings.id, agent.settings.token) == 230)
        return 1;
    if (work->talk.line != NET_NONE)
        talk_close(&work->talk);
    return 0;
}

/* Does `step` until it is not the line that fails. A status. */
typedef int work_step(struct work *work, void *context);

static int persist(struct work *work, work_step *step, void *context)
{
    u32 pause = 0;
    u32 tries;
    int status = SYS_ERROR;

    for (tries = 0; tries < TRIES && status == SYS_ERROR && !work->stop; tries++) {
        if (tries && agent_sleep(pause = agent_backoff(pause)))
            break;
        status = work_session(work) ? step(work, context) : SYS_ERROR;
        if (status == SYS_ERROR && work->talk.line != NET_NONE)
            talk_close(&work->talk);
    }
    return status;
}

/* ---- answers with bytes: A.id ---- */

struct sending {
    net data;
    struct work *work;
    int status;
    u32 used, lines;
    int (*make)(struct sending *sending);
};

static void flush(struct sending *sending)
{
    if (sending->used && sending->status == SYS_OK)
        sending->status = talk_put(sending->data, sending->work->talk.piece, sending->used);
    sending->used = 0;
}

static void send_line(void *context, const char *text)
{
    struct sending *sending = context;
    u32 length = text_length(text);

    if (sending->used + length > sizeof sending->work->talk.piece)
        flush(sending);
    memcpy(sending->work->talk.piece + sending->used, text, length);
    sending->used += length;
    sending->lines++;
}

static int send_once(struct work *work, void *context)
{
    struct sending *sending = context;
    char name[12];
    int ended;

    put(name, sizeof name, "A.%s", work->order.id);
    sending->used = sending->lines = 0;
    sending->work = work;
    sending->status = talk_begin(&work->talk, agent.settings.host, "STOR", name, &sending->data);
    if (sending->status != SYS_OK)
        return sending->status;
    if (!sending->make(sending))
        sending->status = SYS_MISSING;
    flush(sending);
    ended = talk_end(&work->talk, sending->data);
    if (sending->status == SYS_OK)
        sending->status = ended;
    return sending->status;
}

/* Sends what `make` makes; it returns 0 when that cannot be made, with the answer already said. 1 when all
 * went. */
static int send_answer(struct work *work, struct sending *sending, int (*make)(struct sending *))
{
    int status;

    sending->make = make;
    status = persist(work, send_once, sending);
    if (status == SYS_OK)
        return 1;
    if (!work->answer.code) {
        work_status(work, status);
        if (status == SYS_MISSING || status == SYS_BIG)
            work_fail(work, ERROR_NO_ROOM, work->talk.replies.line);
    }
    return 0;
}

static int make_list(struct sending *sending)
{
    u32 error = files_list(sending->work->order.arg[0], send_line, sending);

    if (error)
        work_fail(sending->work, error, "there is no such file or folder");
    return !error;
}

static int make_bytes(struct sending *sending)
{
    char **arg = sending->work->order.arg;
    u32 offset, left, some;
    int got;

    if (!number(arg[1], &offset) || !number(arg[2], &left)) {
        work_fail(sending->work, ERROR_WORDS, "numbers cannot be read");
        return 0;
    }
    while (left && sending->status == SYS_OK) {
        some = left < sizeof sending->work->talk.piece ? left : sizeof sending->work->talk.piece;
        got = growing_read(arg[0], offset, sending->work->talk.piece, some);
        if (got < 0) {
            u32 error = machine_error();
            work_fail(sending->work, error ? error : 2, "the file cannot be read");
            return 0;
        }
        if (!got)
            break;
        sending->used = (u32)got;
        flush(sending);
        offset += (u32)got;
        left -= (u32)got;
    }
    return 1;
}

static struct {
    u32 width, height;
} screen;

static int make_screen(struct sending *sending)
{
    u8 *piece = sending->work->talk.piece;
    u32 row = picture_row(screen.width);
    u32 first = 0;
    u32 some = sizeof sending->work->talk.piece / row;

    if (!some || some > screen.height)
        some = 1;
    picture_head(screen.width, screen.height, piece);
    sending->used = PICTURE_HEAD;
    flush(sending);
    for (; first < screen.height && sending->status == SYS_OK; first += some) {
        if (some > screen.height - first)
            some = screen.height - first;
        if (row > sizeof sending->work->talk.piece || !screen_rows(first, some, piece)) {
            work_fail(sending->work, 1, "the screen cannot be read");
            return 0;
        }
        sending->used = some * row;
        flush(sending);
    }
    return 1;
}

/* What DEPLOY98 INFO says, when the helper is here and no program is in work. */
static void helper_info(struct sending *sending)
{
    struct launch launch;
    char path[PATH_SIZE];
    char bytes[512];
    struct sys_stamp stamp;
    u32 offset = 0;
    u32 began = sys_ticks();
    u32 code;
    int got;

    keep_path(path, "DEPLOY98.EXE");
    if (agent.depth > 1 || sys_stat(path, &stamp) != SYS_OK)
        return;
    memset(&launch, 0, sizeof launch);
    launch.command = "DEPLOY98 INFO";
    launch.folder = home;
    if (program_start(&launch))
        return;
    while (!program_ended(&code))
        if (sys_ticks() - began > 20000 || agent_sleep(50)) {
            program_kill();
            return;
        }
    keep_path(path, "INFO.TXT");
    while ((got = growing_read(path, offset, bytes, sizeof bytes - 1)) > 0) {
        bytes[got] = '\0';
        send_line(sending, bytes);
        offset += (u32)got;
    }
}

static int make_info(struct sending *sending)
{
    helper_info(sending);
    send_line(sending, "[agent]\r\nversion=" AGENT_VERSION "\r\n");
    machine_report(send_line, sending);
    send_line(sending, "[log]\r\n");
    send_line(sending, agent_log_text);
    return 1;
}

/* ---- files that come: F.id ---- */

static int fetch_once(struct work *work, void *context)
{
    char name[12];
    u32 length;
    struct sys_stamp stamp;
    int status;

    put(name, sizeof name, "F.%s", work->order.id);
    status = talk_ask(&work->talk, "SIZE %s", name);
    if (status != 213)
        return status ? SYS_MISSING : SYS_ERROR;
    if (!number(work->talk.replies.line + 4, &length))
        return SYS_MISSING;
    status = talk_fetch_file(&work->talk, agent.settings.host, name, context);
    if (status == SYS_OK && (sys_stat(context, &stamp) != SYS_OK || stamp.length != length)) {
        sys_delete(context);
        status = SYS_ERROR; /* cut, and nobody said so */
    }
    return status;
}

int work_fetch(struct work *work, const char *path)
{
    char kept[PATH_SIZE];

    put(kept, sizeof kept, "%s", path);
    return persist(work, fetch_once, kept);
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

int work_proved(struct work *work, const char *path, const char *length, const char *sum)
{
    if (is_right(work, path, length, sum))
        return 1;
    sys_delete(path);
    work_fail(work, ERROR_CHECK, "the sum is wrong");
    return 0;
}

static void verb_put(struct work *work)
{
    char **arg = work->order.arg;
    char path[PATH_SIZE];
    u32 folder = (u32)(last_name(arg[0]) - arg[0]);

    if (folder > sizeof path - 16) {
        work_fail(work, ERROR_PATH, "the path is too long");
        return;
    }
    memcpy(path, arg[0], folder);
    put(path + folder, sizeof path - folder, "%s.NEW", work->order.id);
    if (work_status(work, work_fetch(work, path)))
        return;
    if (work->order.count == 3 && !work_proved(work, path, arg[1], arg[2]))
        return;
    sys_delete(arg[0]);
    if (sys_rename(path, arg[0]) != SYS_OK) {
        work_fail(work, machine_error(), "the file cannot get its name");
        sys_delete(path);
        return;
    }
    work_good(work, 0);
}

/* ---- the others ---- */

static void verb_time(struct work *work)
{
    u32 part[6];
    u32 i, j, error;
    const char *at = work->order.arg[0];

    if (text_length(at) != 14) {
        work_fail(work, ERROR_WORDS, "a time has 14 digits");
        return;
    }
    for (i = 0; i < 6; i++) {
        u32 digits = i ? 2 : 4;
        for (part[i] = j = 0; j < digits; j++, at++) {
            if ((u32)*at - '0' > 9) {
                work_fail(work, ERROR_WORDS, "a time has 14 digits");
                return;
            }
            part[i] = part[i] * 10 + (u32)*at - '0';
        }
    }
    error = machine_clock(part);
    if (error)
        work_fail(work, error, "the clock was not set");
    else
        work_good(work, 0);
}

static void verb_power(struct work *work)
{
    int reboot = text_same(work->order.arg[0], "reboot");

    if (!reboot && !text_same(work->order.arg[0], "off")) {
        work_fail(work, ERROR_WORDS, "reboot or off");
        return;
    }
    agent.after = reboot ? AFTER_REBOOT : AFTER_POWEROFF;
    work_good(work, 0);
}

void verb_do(struct work *work)
{
    struct sending sending;
    char **arg = work->order.arg;
    u32 error;

    memset(&sending, 0, sizeof sending);
    agent_log("order %s %u", work->order.id, (u32)work->order.verb);
    switch (work->order.verb) {
    case VERB_GO:
        verb_go(work);
        break;
    case VERB_RUN:
        verb_run(work);
        break;
    case VERB_LS:
        if (send_answer(work, &sending, make_list))
            work_good(work, sending.lines);
        break;
    case VERB_RM:
        error = files_remove(arg[0], *arg[1] == '1');
        if (error)
            work_fail(work, error, "it was not deleted");
        else
            work_good(work, 0);
        break;
    case VERB_GET:
        if (send_answer(work, &sending, make_bytes))
            work_good(work, 0);
        break;
    case VERB_PUT:
        verb_put(work);
        break;
    case VERB_SCREEN:
        if (!screen_take(&screen.width, &screen.height)) {
            work_fail(work, 1, "the screen cannot be read; perhaps a full-screen DOS program has it");
            break;
        }
        if (send_answer(work, &sending, make_screen))
            work_good(work, 0);
        screen_drop();
        break;
    case VERB_POWER:
        verb_power(work);
        break;
    case VERB_TIME:
        verb_time(work);
        break;
    case VERB_KEYS:
        if (keys_type(arg[0], machine_key))
            work_good(work, 0);
        else
            work_fail(work, ERROR_WORDS, "a key is not known");
        break;
    case VERB_UPGRADE:
        verb_upgrade(work);
        break;
    case VERB_FORGET:
        agent.after = AFTER_REMOVE;
        work_good(work, 0);
        put(work->answer.text, sizeof work->answer.text, "%s", "forget");
        break;
    case VERB_INFO:
        if (send_answer(work, &sending, make_info))
            work_good(work, 0);
        break;
    default:
        work_fail(work, ERROR_UNKNOWN, "this agent does not know that order");
    }
    agent_log("order %s ends, %s %u", work->order.id, work->answer.ok ? "OK" : "NO", work->answer.code);
}
