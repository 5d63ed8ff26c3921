/* Code that a program makes, twice in each place: the second is what runs then. */
#include "k32.h"

typedef u32 (*function)(void);
static unsigned char data[16];

static void make(volatile unsigned char *at, u32 answer)
{
    at[0] = 0xB8; at[1] = answer; at[2] = 0; at[3] = 0; at[4] = 0; at[5] = 0xC3;
}

static void twice(char *where, unsigned char *at)
{
    u32 first;
    make(at, 7); first = ((function)at)();
    make(at, 35); show(where, first + ((function)at)());
}

void start(void)
{
    unsigned char stack[16];
    twice("data", data); twice("stack", stack);
    twice("page", VirtualAlloc(0, 4096, 0x3000, 0x40));
    twice("heap", HeapAlloc(GetProcessHeap(), 0, 16));
    ExitProcess(0);
}
