/* mhz.c - sys_cpu_mhz: the time-stamp counter measured against the system's clock.
 *
 * The clock of an old system may step by 55 ms, so the measurement runs from one step to another. */
#include "sys.h"

#define SHORTEST_MS 220u
#define MOST_POLLS 3000000u /* a clock that stands still must not hold us for ever */

static u64 rdtsc(void)
{
    u64 cycles;
#ifdef __i386__
    __asm__ __volatile__("rdtsc" : "=A"(cycles));
#else
    u32 low, high;

    __asm__ __volatile__("rdtsc" : "=a"(low), "=d"(high));
    cycles = ((u64)high << 32) | low;
#endif
    return cycles;
}

u32 sys_cpu_mhz(void)
{
    struct sys_cpu cpu;
    u32 first = 0; /* the tick from which we count, once there was a step */
    u64 cycles = 0;
    u32 last = sys_ticks();
    u32 polls, rest;
    int pause;

    sys_cpu(&cpu);
    if (!(cpu.features & SYS_CPU_TSC))
        return 0;
    for (polls = 0; polls < MOST_POLLS; polls++) {
        u32 now = sys_ticks();
        u64 counter = rdtsc();
        if (now != last && !first) {
            first = now;
            cycles = counter;
        } else if (now != last && now - first >= SHORTEST_MS) {
            return sys_divide(counter - cycles, (now - first) * 1000u, &rest);
        }
        last = now;
        for (pause = 0; pause < 250; pause++) /* makes the limit on polls one on time */
            __asm__ __volatile__("");
    }
    return 0;
}
