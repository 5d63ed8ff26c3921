/* talk.c - see talk.h */
#include "talk.h"

void talk_close(struct talk *talk)
{
    net_close(talk->line);
    talk->line = NET_NONE;
}

int talk_look(struct talk *talk)
{
    int code, got;

    for (;;) {
        while (talk->first < talk->last) {
            code = reply_take(&talk->replies, talk->came[talk->first++]);
            if (code)
                return code;
        }
        if (talk->line == NET_NONE)
            return -1;
        got = net_receive(talk->line, talk->came, sizeof talk->came);
        if (got <= 0)
            return got ? -1 : 0;
        talk->first = 0;
        talk->last = (u32)got;
    }
}

int talk_reply(struct talk *talk, u32 ms)
{
    u32 began = sys_ticks();
    int code;

    while ((code = talk_look(talk)) == 0) {
        u32 passed = sys_ticks() - began;
        if (passed >= ms || talk_waits(talk->line, 0, ms - passed))
            return 0;
    }
    return code < 0 ? 0 : code;
}

static int send_all(net line, const void *bytes, u32 count)
{
    const u8 *at = bytes;
    u32 began = sys_ticks();
    int sent;

    while (count) {
        sent = net_send(line, at, count);
        if (sent < 0)
            return SYS_ERROR;
        at += sent;
        count -= (u32)sent;
        if (sent)
            began = sys_ticks();
        else if (sys_ticks() - began >= STALL_MS || talk_waits(line, 1, 1000))
            return SYS_ERROR;
    }
    return SYS_OK;
}

static int say_list(struct talk *talk, const char *format, va_list list)
{
    char line[640];
    u32 length = text_format(line, sizeof line - 2, format, list);

    memcpy(line + length, "\r\n", 2);
    return send_all(talk->line, line, length + 2) == SYS_OK;
}

int talk_say(struct talk *talk, const char *format, ...)
{
    va_list list;
    int sent;

    va_start(list, format);
    sent = say_list(talk, format, list);
    va_end(list);
    return sent;
}

int talk_ask(struct talk *talk, const char *format, ...)
{
    va_list list;
    int sent;

    va_start(list, format);
    sent = say_list(talk, format, list);
    va_end(list);
    return sent ? talk_reply(talk, REPLY_MS) : 0;
}

/* Waits until a call is answered: 1 when it was (or has failed, which the next use of it tells). */
static int called(net line)
{
    u32 began = sys_ticks();

    while (line != NET_NONE && sys_ticks() - began < CALL_MS) {
        if (net_wait(&line, 1, 1, 0))
            return 1;
        if (talk_waits(line, 1, 1000))
            break;
    }
    return 0;
}

int talk_open(struct talk *talk, const char *host, u32 port, const char *user, const char *pass)
{
    int code;

    memset(talk, 0, sizeof *talk);
    talk->line = net_call(host, port);
    if (!called(talk->line))
        return 0;
    code = talk_reply(talk, REPLY_MS);
    if (code == 220)
        code = talk_ask(talk, "USER %s", user);
    if (code == 331)
        code = talk_ask(talk, "PASS %s", pass);
    if (code == 230)
        return talk_ask(talk, "TYPE I") == 200 ? 230 : 0;
    return code;
}

/* ---- files ---- */

int talk_begin(struct talk *talk, const char *host, const char *command, const char *name, net *data)
{
    u32 port;
    int code = talk_ask(talk, "PASV");

    *data = NET_NONE;
    port = code == 227 ? reply_port(talk->replies.line) : 0;
    if (!port)
        return code ? SYS_MISSING : SYS_ERROR;
    *data = net_call(host, port);
    if (!called(*data)) {
        net_close(*data);
        *data = NET_NONE;
        return SYS_ERROR;
    }
    code = talk_ask(talk, "%s %s", command, name);
    if (code == 150 || code == 125)
        return SYS_OK;
    net_close(*data);
    *data = NET_NONE;
    return code ? SYS_MISSING : SYS_ERROR;
}

int talk_put(net data, const void *bytes, u32 count)
{
    return send_all(data, bytes, count);
}

int talk_end(struct talk *talk, net data)
{
    int code;

    net_close(data);
    code = talk_reply(talk, REPLY_MS);
    return code == 226 || code == 250 ? SYS_OK : code == 552 ? SYS_BIG : code ? SYS_MISSING : SYS_ERROR;
}

int talk_fetch(struct talk *talk, const char *host, const char *name, talk_take *take, void *context)
{
    u32 began = sys_ticks();
    net data;
    int got;
    int status = talk_begin(talk, host, "RETR", name, &data);

    if (status != SYS_OK)
        return status;
    while ((got = net_receive(data, talk->piece, sizeof talk->piece)) >= 0 && status == SYS_OK) {
        if (got) {
            status = take(context, talk->piece, (u32)got);
            began = sys_ticks();
        } else if (sys_ticks() - began >= STALL_MS || talk_waits(data, 0, 1000)) {
            status = SYS_ERROR;
        }
    }
    if (status == SYS_OK && got == -1)
        return talk_end(talk, data);
    net_close(data);
    talk_close(talk); /* what the host still says of this file is nothing to us */
    return status == SYS_OK ? SYS_ERROR : status;
}

static int take_to_file(void *context, const u8 *bytes, u32 count)
{
    return sys_write(*(sys_file *)context, bytes, count);
}

int talk_fetch_file(struct talk *talk, const char *host, const char *name, const char *path)
{
    sys_file file;
    int status = sys_open(&file, path, SYS_CREATE);

    if (status != SYS_OK)
        return status;
    status = talk_fetch(talk, host, name, take_to_file, &file);
    if (status == SYS_OK)
        status = sys_flush(file);
    if (sys_close(file) != SYS_OK && status == SYS_OK)
        status = SYS_FULL;
    if (status != SYS_OK)
        sys_delete(path);
    return status;
}

int talk_put_file(struct talk *talk, const char *host, const char *path, const char *name)
{
    sys_file file;
    net data;
    u32 got;
    int ended;
    int status = sys_open(&file, path, SYS_READ);

    if (status != SYS_OK)
        return SYS_MISSING;
    status = talk_begin(talk, host, "STOR", name, &data);
    if (status == SYS_OK) {
        while ((status = sys_read(file, talk->piece, sizeof talk->piece, &got)) == SYS_OK && got)
            if ((status = talk_put(data, talk->piece, got)) != SYS_OK)
                break;
        ended = talk_end(talk, data);
        if (status == SYS_OK)
            status = ended;
    }
    sys_close(file);
    return status;
}
