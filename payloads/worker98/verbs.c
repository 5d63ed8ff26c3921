/* verbs.c - the orders of the worker, all but GO. */
#include "worker.h"
#include "keys.h"
#include "picture.h"

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
    sending->status = talk_begin(&work->talk, owner.host, "STOR", name, &sending->data);
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
    status = work_persist(work, send_once, &sending);
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

/* The text of a file of the agent, as it is. */
static void send_file(struct sending *sending, const char *name)
{
    char path[PATH_SIZE];
    char bytes[512];
    u32 offset = 0;
    int got;

    keep_path(path, name);
    while ((got = growing_read(path, offset, bytes, sizeof bytes - 1)) > 0) {
        bytes[got] = '\0';
        send_line(sending, bytes);
        offset += (u32)got;
    }
}

/* What DEPLOY98 INFO says, when the helper is here and no program is in work. */
static void helper_info(struct sending *sending)
{
    char path[PATH_SIZE];
    struct sys_stamp stamp;
    struct child child;
    u32 began = sys_ticks();
    u32 code;

    keep_path(path, "DEPLOY98.EXE");
    if (worker_is_beside || sys_stat(path, &stamp) != SYS_OK || child_start(&child, "DEPLOY98 INFO", home))
        return;
    while (!child_ended(&child, &code))
        if (sys_ticks() - began > 20000 || agent_sleep(50)) {
            child_kill(&child, 1);
            return;
        }
    send_file(sending, "INFO.TXT");
}

static u32 make_info(struct sending *sending)
{
    helper_info(sending);
    send_line(sending, "[agent]\r\nversion=" AGENT_VERSION "\r\n");
    machine_report(send_line, sending);
    send_line(sending, "[log]\r\n");
    send_file(sending, "AGENT98.LOG");
    return 0;
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
    error = work_carried(work, path);
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

static u32 verb_keys(struct work *work)
{
    return keys_type(work->order.arg[0], machine_key) ? 0 : ERROR_WORDS;
}

void verb_do(struct work *work)
{
    static u32 (*const does[])(struct work *) = {/* as in enum verb */
        0, verb_go, 0, 0, verb_list, verb_remove, verb_get, verb_put, verb_screen, 0, verb_time, verb_keys, 0, 0,
        verb_info, 0, 0};
    u32 (*const verb)(struct work *) = does[work->order.verb];
    u32 error = verb ? verb(work) : ERROR_UNKNOWN;

    work->answer.ok = !error;
    if (error)
        work->answer.code = error;
}
