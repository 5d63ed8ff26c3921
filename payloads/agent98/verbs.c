/* verbs.c - the short orders, and what all orders have in common. */
#include "agent.h"
#include "keys.h"
#include "picture.h"
#include "sha256.h"

#define TRIES 6u /* of an answer whose line is lost: about half a minute */

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
    u32 (*make)(struct sending *sending);
    u32 error; /* what `make` returned */
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

static u32 make_list(struct sending *sending)
{
    return files_list(sending->work->order.arg[0], send_line, sending);
}

static int send_once(struct work *work, void *context)
{
    struct sending *sending = context;
    char name[12];
    int ended;

    put(name, sizeof name, "A.%s", work->order.id);
    sending->used = sending->lines = 0;
    sending->status = talk_begin(&work->talk, agent.settings.host, "STOR", name, &sending->data);
    if (sending->status != SYS_OK)
        return sending->status;
    sending->error = sending->make(sending);
    flush(sending);
    ended = talk_end(&work->talk, sending->data);
    return sending->error ? SYS_OK : sending->status == SYS_OK ? ended : sending->status;
}

/* Sends what `make` makes; it returns 0, or the error when that cannot be made. The same. */
static u32 send_answer(struct work *work, u32 (*make)(struct sending *))
{
    struct sending sending;
    int status;

    memset(&sending, 0, sizeof sending);
    sending.work = work;
    sending.make = make;
    status = persist(work, send_once, &sending);
    if (status == SYS_MISSING || status == SYS_BIG)
        return work_fail(work, ERROR_NO_ROOM, work->talk.replies.line);
    if (make == make_list)
        work->answer.code = sending.lines;
    return status == SYS_OK ? sending.error : work_status(work, status);
}

static u32 make_bytes(struct sending *sending)
{
    struct work *work = sending->work;
    char **arg = work->order.arg;
    u32 offset, left;
    int got;

    if (!number(arg[1], &offset) || !number(arg[2], &left))
        return ERROR_WORDS;
    while (left && sending->status == SYS_OK) {
        got = growing_read(arg[0], offset, work->talk.piece, left < sizeof work->talk.piece ? left : sizeof work->talk.piece);
        if (got < 0)
            return machine_error();
        if (!got)
            break;
        sending->used = (u32)got;
        flush(sending);
        offset += (u32)got;
        left -= (u32)got;
    }
    return 0;
}

static struct {
    u32 width, height;
} screen;

static u32 make_screen(struct sending *sending)
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
        if (row > sizeof sending->work->talk.piece || !screen_rows(first, some, piece))
            return ERROR_ANY;
        sending->used = some * row;
        flush(sending);
    }
    return 0;
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

static u32 make_info(struct sending *sending)
{
    helper_info(sending);
    send_line(sending, "[agent]\r\nversion=" AGENT_VERSION "\r\n");
    machine_report(send_line, sending);
    send_line(sending, "[log]\r\n");
    send_line(sending, agent_log_text);
    return 0;
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

u32 work_proved(struct work *work, const char *path, const char *length, const char *sum)
{
    if (is_right(work, path, length, sum))
        return 0;
    sys_delete(path);
    return ERROR_CHECK;
}

static u32 verb_put(struct work *work)
{
    char **arg = work->order.arg;
    char path[PATH_SIZE];
    u32 folder = (u32)(last_name(arg[0]) - arg[0]);
    u32 error;

    if (folder > sizeof path - 16)
        return ERROR_PATH;
    memcpy(path, arg[0], folder);
    put(path + folder, sizeof path - folder, "%s.NEW", work->order.id);
    error = work_status(work, work_fetch(work, path));
    if (!error && work->order.count == 3)
        error = work_proved(work, path, arg[1], arg[2]);
    if (error)
        return error;
    sys_delete(arg[0]);
    if (sys_rename(path, arg[0]) != SYS_OK) {
        error = machine_error();
        sys_delete(path);
    }
    return error;
}

/* ---- the others ---- */

static u32 verb_list(struct work *work)
{
    return send_answer(work, make_list);
}

static u32 verb_get(struct work *work)
{
    return send_answer(work, make_bytes);
}

static u32 verb_info(struct work *work)
{
    return send_answer(work, make_info);
}

static u32 verb_screen(struct work *work)
{
    u32 error;

    if (!screen_take(&screen.width, &screen.height))
        return work_fail(work, ERROR_ANY, "the screen cannot be read; perhaps a full-screen DOS program has it");
    error = send_answer(work, make_screen);
    screen_drop();
    return error;
}

static u32 verb_remove(struct work *work)
{
    return files_remove(work->order.arg[0], *work->order.arg[1] == '1');
}

static u32 verb_time(struct work *work)
{
    u32 part[6];
    u32 i, j;
    const char *at = work->order.arg[0];

    for (i = 0; i < 6; i++)
        for (part[i] = j = 0; j < (i ? 2u : 4u); j++, at++) {
            if ((u32)*at - '0' > 9)
                return ERROR_WORDS;
            part[i] = part[i] * 10 + (u32)*at - '0';
        }
    return *at ? ERROR_WORDS : machine_clock(part);
}

static u32 verb_power(struct work *work)
{
    int reboot = text_same(work->order.arg[0], "reboot");

    if (!reboot && !text_same(work->order.arg[0], "off"))
        return ERROR_WORDS;
    agent.after = reboot ? AFTER_REBOOT : AFTER_POWEROFF;
    return 0;
}

static u32 verb_keys(struct work *work)
{
    return keys_type(work->order.arg[0], machine_key) ? 0 : ERROR_WORDS;
}

static u32 verb_forget(struct work *work)
{
    agent.after = AFTER_REMOVE;
    return work_fail(work, 0, "forget");
}

/* KILL: what is in work under that id stops. */
static u32 verb_kill(struct work *work)
{
    u32 i;

    for (i = 0; i + 1 < agent.depth; i++)
        if (text_same(agent.work[i].order.id, work->order.arg[0])) {
            agent.work[i].stop = 1;
            return 0;
        }
    return ERROR_NO_SUCH;
}

static u32 verb_none(struct work *work)
{
    (void)work;
    return ERROR_UNKNOWN;
}

void verb_do(struct work *work)
{
    static u32 (*const does[])(struct work *) = {/* as in enum verb */
        verb_none, verb_go,    verb_run,   verb_kill, verb_list, verb_remove,  verb_get,    verb_put,
        verb_screen, verb_power, verb_time, verb_keys, verb_upgrade, verb_forget, verb_info, verb_none,
        verb_feed};
    struct answer *answer = &work->answer;
    u32 error;

    agent_log("order %s %u", work->order.id, (u32)work->order.verb);
    error = does[work->order.verb](work);
    answer->ok = !error;
    if (error)
        answer->code = error;
    agent_log("order %s ends, %u %u", work->order.id, (u32)answer->ok, answer->code);
}
