/* pace.c - how many cycles the engine's kernels take for a weight, by the time-stamp counter.
 *
 * What they work on is small enough for the second-level cache: memory is measured by itself. Each runs in
 * rounds until some time is over; the quickest round counts, in which nobody else wanted the processor. */
#include "pace.h"
#include "probe.h"
#include "text.h"

#define ENOUGH_MS 100u
#define MOST_ROUNDS 200u
#define ROOM (PACE_ROWS * PACE_COLUMNS * 4u)

static u8 *weights, *inputs, *results;

static u32 counter(void)
{
    u32 low, high;

    __asm__ __volatile__("rdtsc" : "=a"(low), "=d"(high));
    (void)high;
    return low;
}

static void measure(const char *name, enum paced kernel)
{
    u32 best = ~0u, rounds, cycles, rest, began = sys_ticks();

    for (rounds = 0; rounds < MOST_ROUNDS && (rounds < 3 || sys_ticks() - began < ENOUGH_MS); rounds++) {
        cycles = counter();
        kernel_round(kernel, weights, inputs, results);
        cycles = counter() - cycles;
        if (cycles < best)
            best = cycles;
    }
    say("%s=%u\r\n", name, sys_divide((u64)best * 1000u, PACE_ROWS * PACE_COLUMNS, &rest));
}

void kernels_pace(void)
{
    struct sys_cpu cpu;

    sys_cpu(&cpu);
    weights = (u8 *)sys_alloc(ROOM);
    inputs = (u8 *)sys_alloc(ROOM);
    results = (u8 *)sys_alloc(ROOM);
    say("counter=%s\r\n", cpu.features & SYS_CPU_TSC ? "yes" : "no");
    if (!(cpu.features & SYS_CPU_TSC) || !weights || !inputs || !results)
        return;
    if (cpu.features & SYS_CPU_FPU) {
        sys_fpu_reset();
        measure("x87", PACED_X87);
    }
    if (!(cpu.features & SYS_CPU_MMX)) {
        measure("int8", PACED_INT8_C);
        return;
    }
    measure("int8", PACED_INT8_MMX);
    measure("int4", PACED_INT4_MMX);
    measure("ternary", PACED_TERNARY_MMX);
    if (cpu.features & SYS_CPU_FPU)
        sys_fpu_reset(); /* what MMX has left there */
}
