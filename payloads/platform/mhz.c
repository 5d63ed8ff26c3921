/* mhz.c - sys_cpu_mhz: the time-stamp counter measured against the system's clock.
 *
 * The clock of an old system may step by 55 ms, so the measurement runs from one step to another. */
#include "sys.h"

#define SHORTEST_MS 220u
#define MOST_POLLS 3000000u

static u64 rdtsc(void)
{
    u32 low, high;

    __asm__ __volatile__("rdtsc" : "=a"(low), "=d"(high));
    return ((u64)high << 32) | low;
}

/* Some 250 steps of nothing, so that a limit on polls is a limit on time on any processor. */
static void dawdle(void)
{
    int i;

    for (i = 0; i < 250; i++)
        __asm__ __volatile__("");
}

/* Waits for the step of the clock that comes `wait` ms after `from` or later. Its time goes into
 * `*tick` and the counter into `*cycles`. Gives up (0) when the clock seems to stand still. */
static int edge(u32 from, u32 wait, u32 *tick, u64 *cycles)
{
    u32 polls;
    u32 last = sys_ticks();
    u64 first = rdtsc();

    for (polls = 0; polls < MOST_POLLS; polls++) {
        *tick = sys_ticks();
        *cycles = rdtsc();
        if (*tick != last && *tick - from >= wait)
            return 1;
        last = *tick;
        if ((*cycles - first) >> 33) /* 8 thousand million cycles: seconds on any machine */
            return 0;
        dawdle();
    }
    return 0;
}

u32 sys_cpu_mhz(void)
{
    struct sys_cpu cpu;
    u32 tick0, tick1, rest;
    u64 cycles0, cycles1;

    sys_cpu(&cpu);
    if (!(cpu.features & SYS_CPU_TSC))
        return 0;
    if (!edge(sys_ticks(), 0, &tick0, &cycles0) || !edge(tick0, SHORTEST_MS, &tick1, &cycles1))
        return 0;
    return sys_divide(cycles1 - cycles0, (tick1 - tick0) * 1000u, &rest);
}
