/* run.c - RUN: a program, and what it says while it runs.
 *
 * What it says goes into a file, and the file's bytes to the host as it grows: a lost line costs nothing, since
 * the host says how much of it it has. */
#include "agent.h"

#define LONGEST_COMMAND 500u
#define OUTPUT_MOST 67108864u /* bytes of the file; a program that says more is ended */
#define LAST_TRIES 20u        /* to bring the end of the output to the host */

struct stream {
    char path[PATH_SIZE]; /* the file that grows */
    net data;
    u32 sent;
    int cut;              /* the host takes no more */
    u32 pause, next;
    u32 tries;            /* that failed, in a row */
};

static void drop(struct work *work, struct stream *stream)
{
    net_close(stream->data);
    stream->data = NET_NONE;
    work_close(work);
    stream->pause = agent_backoff(stream->pause);
    stream->next = sys_ticks() + stream->pause;
    stream->tries++;
}

/* Opens O.id where the host's copy of it ends. */
static void open_stream(struct work *work, struct stream *stream)
{
    char name[12];
    int status;

    put(name, sizeof name, "O.%s", work->order.id);
    if (!work_session(work)) {
        drop(work, stream);
        return;
    }
    status = talk_ask(&work->talk, "SIZE %s", name);
    if (status != 213 || !number(work->talk.replies.line + 4, &stream->sent))
        stream->sent = 0;
    if (stream->sent && talk_ask(&work->talk, "REST %u", stream->sent) != 350)
        stream->sent = 0;
    status = talk_begin(&work->talk, owner.host, "STOR", name, &stream->data);
    if (status == SYS_MISSING && begins(work->talk.replies.line, "55"))
        stream->cut = 1;
    if (status != SYS_OK)
        drop(work, stream);
}

/* Sends what the file has more by now. 1 when there was something. */
static int pass_on(struct work *work, struct stream *stream)
{
    int got, status;

    if (stream->cut)
        return 0;
    if (stream->data == NET_NONE) {
        if ((i32)(sys_ticks() - stream->next) < 0)
            return 0;
        open_stream(work, stream);
        if (stream->data == NET_NONE)
            return 0;
    }
    got = growing_read(stream->path, stream->sent, work->talk.piece, sizeof work->talk.piece);
    if (got <= 0)
        return 0;
    if (talk_put(stream->data, work->talk.piece, (u32)got) == SYS_OK) {
        stream->sent += (u32)got;
        stream->tries = stream->pause = 0;
        return 1;
    }
    status = work->stop ? SYS_ERROR : talk_look(&work->talk);
    stream->cut = status == 552;
    drop(work, stream);
    return 0;
}

/* All that is left, and the host's word that it has it. 1 when it has. */
static int finish(struct work *work, struct stream *stream)
{
    int status;

    for (;;) {
        while (pass_on(work, stream))
            ;
        if (stream->cut || stream->tries > LAST_TRIES)
            return 0;
        if (stream->data != NET_NONE) {
            status = talk_end(&work->talk, stream->data);
            stream->data = NET_NONE;
            if (status == SYS_OK)
                return 1;
            stream->cut = status == SYS_BIG;
            drop(work, stream);
        } else if (agent_sleep(500)) {
            return 0;
        }
    }
}

/* ---- what the order carries ---- */

/* The command line out of the first line of `from`, the rest of it into `input`. */
static int split(struct work *work, const char *from, const char *input, char *command)
{
    u32 used = 0;
    u32 offset = 0;
    int got;
    sys_file file;
    char c;

    while ((got = growing_read(from, offset, &c, 1)) == 1 && c != '\n') {
        offset++;
        if (c != '\r' && used < LONGEST_COMMAND)
            command[used++] = c;
    }
    offset += got == 1;
    command[used] = '\0';
    got = sys_open(&file, input, SYS_CREATE);
    if (got != SYS_OK)
        return got;
    while ((used = (u32)growing_read(from, offset, work->talk.piece, sizeof work->talk.piece)) - 1 < 8192u) {
        got = sys_write(file, work->talk.piece, used);
        if (got != SYS_OK)
            break;
        offset += used;
    }
    sys_close(file);
    return got;
}

static u32 too_long(struct work *work)
{
    char *text = work->answer.text;

    put(text, sizeof work->answer.text, "%s", "timeout; in front: ");
    machine_front(text + 19, sizeof work->answer.text - 19);
    return ERROR_TOO_LONG;
}

/* Runs it, and sends what it says. */
static u32 watch(struct work *work, struct stream *stream, u32 seconds)
{
    u32 began = sys_ticks();
    u32 killed = 0;
    u32 asked = 0;
    u32 code = 0;
    int ended;

    while ((ended = program_ended(&code)) == 0) {
        if (killed) {
            if (sys_ticks() - asked > 10000)
                break;
        } else {
            if (work->stop)
                killed = ERROR_STOPPED;
            else if (seconds && sys_ticks() - began >= seconds * 1000)
                killed = too_long(work);
            else if (stream->sent > OUTPUT_MOST)
                killed = work_fail(work, ERROR_NO_ROOM, "it says too much");
            if (killed) {
                work->stop = 0;
                program_kill();
                asked = sys_ticks();
            }
        }
        if (!pass_on(work, stream))
            agent_wait(NET_NONE, 0, 50);
    }
    work->stop = 0;
    if (!finish(work, stream) && !killed && !work->stop)
        work_fail(work, 0, "the host has not all of the output");
    if (!killed && ended < 0)
        return work_fail(work, code, "");
    work->answer.code = code;
    return killed;
}

/* Bytes, in hexadecimal, for the program of an order. */
u32 verb_feed(struct work *work)
{
    char *bytes = work->order.arg[1];
    u32 count = text_length(bytes) / 2;

    return text_same(agent.work[0].order.id, work->order.arg[0]) && text_hex(bytes, 'a', (u8 *)bytes, count) &&
                   program_feed(bytes, count)
               ? 0
               : ERROR_NO_SUCH;
}

u32 verb_run(struct work *work)
{
    static struct stream stream;
    char command[LONGEST_COMMAND + 1], input[PATH_SIZE], carried[PATH_SIZE];
    struct launch launch;
    u32 seconds, error;
    int has_input = *work->order.arg[2] == '1';

    memset(&stream, 0, sizeof stream);
    stream.data = NET_NONE;
    if (!number(work->order.arg[1], &seconds))
        return ERROR_WORDS;
    keep_path(stream.path, "AGENT98.OUT");
    keep_path(input, "AGENT98.STD");
    keep_path(carried, "AGENT98.CAR");
    put(command, sizeof command, "%s", work->order.arg[3]);
    agent.starting = 1;
    error = worker_ready(work);
    if (!error && text_same(command, "@")) {
        error = work_carried(work, carried);
        if (!error)
            error = work_status(work, split(work, carried, input, command));
        sys_delete(carried);
    } else if (!error && has_input) {
        error = work_carried(work, input);
    }
    agent.starting = 0;
    if (error)
        return error;
    launch.command = command;
    launch.folder = work->order.arg[0];
    launch.input = has_input ? input : 0;
    launch.output = stream.path;
    launch.fed = *work->order.arg[2] == '2';
    error = program_start(&launch);
    if (!error)
        error = watch(work, &stream, seconds);
    sys_delete(stream.path);
    sys_delete(input);
    return error;
}
