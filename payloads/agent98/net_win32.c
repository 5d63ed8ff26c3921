/* net_win32.c - the network part of machine.h by Winsock 1.1, which Windows 95 has. */
#include "machine.h"
#include "win98.h"

net net_call(const char *host, u32 port)
{
    struct internet_address address;
    u32 yes = 1;
    socket98 s = socket(2, 1, 0);

    if (s == NO_SOCKET)
        return NET_NONE;
    memset(&address, 0, sizeof address);
    address.family = 2;
    address.port = (u16)(port << 8 | port >> 8);
    address.address = inet_addr(host);
    ioctlsocket(s, FIONBIO, &yes);
    if (connect(s, &address, sizeof address) && WSAGetLastError() != WOULD_BLOCK) {
        closesocket(s);
        return NET_NONE;
    }
    return (net)s;
}

void net_close(net line)
{
    if (line != NET_NONE)
        closesocket((socket98)line);
}

int net_send(net line, const void *bytes, u32 count)
{
    int sent = send((socket98)line, bytes, (i32)count, 0);

    return sent >= 0 ? sent : WSAGetLastError() == WOULD_BLOCK ? 0 : -1;
}

int net_receive(net line, void *bytes, u32 count)
{
    int got = recv((socket98)line, bytes, (i32)count, 0);

    return got > 0 ? got : got == 0 ? -1 : WSAGetLastError() == WOULD_BLOCK ? 0 : -2;
}

static int holds(const struct socket_set *set, net line)
{
    u32 i;

    for (i = 0; i < set->count; i++)
        if (set->sockets[i] == (socket98)line)
            return 1;
    return 0;
}

static void put_into(struct socket_set *set, net line)
{
    set->sockets[set->count++] = (socket98)line;
}

/* A call that was not answered is told by the third set. */
u32 net_wait(const net *lines, u32 count, u32 writes, u32 ms)
{
    static struct socket_set to_read, to_write, odd;
    struct seconds most;
    u32 ready = 0;
    u32 i;

    to_read.count = to_write.count = odd.count = 0;
    for (i = 0; i < count; i++)
        if (lines[i] != NET_NONE) {
            put_into(writes >> i & 1 ? &to_write : &to_read, lines[i]);
            put_into(&odd, lines[i]);
        }
    if (!odd.count) { /* Winsock refuses to wait for nothing */
        Sleep(ms);
        return 0;
    }
    most.seconds = 0;
    most.microseconds = (i32)ms * 1000;
    if (select(0, &to_read, &to_write, &odd, &most) <= 0)
        return 0;
    for (i = 0; i < count; i++)
        if (lines[i] != NET_NONE && (holds(&to_read, lines[i]) || holds(&to_write, lines[i]) || holds(&odd, lines[i])))
            ready |= 1u << i;
    return ready;
}
