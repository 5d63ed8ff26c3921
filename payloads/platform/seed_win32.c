/* seed_win32.c - sys_clock_seed for Windows; apart, so that only who needs it imports the clock. */
#include "kernel32.h"

u32 sys_clock_seed(void)
{
    u32 time[2];

    GetSystemTimeAsFileTime(time);
    return time[0] ^ time[1] ^ GetTickCount() << 10;
}
