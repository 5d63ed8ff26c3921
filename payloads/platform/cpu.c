/* cpu.c - what processor this is; shared by all back ends.
 *
 * CPUID exists when bit 21 (ID) of EFLAGS can be changed; a 386 and most 486s fault on it otherwise.
 * A 486 can change bit 18 (AC), a 386 cannot. Where there is no CPUID the FPU is told by CR0.EM,
 * which SMSW reads without privilege: probing the FPU itself would trap on a machine without one. */
#include "sys.h"

#if defined(__i386__)
static u32 flags_that_change(u32 bit)
{
    u32 before, after;

    __asm__ __volatile__("pushfl\n\tpopl %0\n\tmovl %0, %1\n\txorl %2, %1\n\t"
                         "pushl %1\n\tpopfl\n\tpushfl\n\tpopl %1\n\tpushl %0\n\tpopfl"
                         : "=&r"(before), "=&r"(after)
                         : "ri"(bit)
                         : "cc");
    return (before ^ after) & bit;
}

static u32 fpu_without_cpuid(void)
{
    u32 status;

    __asm__ __volatile__("smsw %0" : "=r"(status));
    return (status & 4) ? 0 : SYS_CPU_FPU;
}
#else
static u32 flags_that_change(u32 bit)
{
    return bit;
}

static u32 fpu_without_cpuid(void)
{
    return 0;
}
#endif

#define FLAG_AC 0x00040000u
#define FLAG_ID 0x00200000u

/* The four registers in the order in which CPUID leaf 0 spells the vendor: EBX, EDX, ECX; then EAX. */
static void cpuid(u32 leaf, u32 answer[4])
{
    __asm__ __volatile__("cpuid"
                         : "=a"(answer[3]), "=b"(answer[0]), "=c"(answer[2]), "=d"(answer[1])
                         : "0"(leaf), "2"(0));
}

static void rdtsc(u32 *low, u32 *high)
{
    __asm__ __volatile__("rdtsc" : "=a"(*low), "=d"(*high));
}

static void copy_name(char *to, const char *name)
{
    while ((*to++ = *name++) != '\0')
        ;
}

void sys_cpu(struct sys_cpu *cpu)
{
    u32 r[4];

    memset(cpu, 0, sizeof *cpu);
    copy_name(cpu->vendor, "unknown");
    if (!flags_that_change(FLAG_ID)) {
        cpu->family = flags_that_change(FLAG_AC) ? 4 : 3;
        cpu->features = fpu_without_cpuid();
        return;
    }
    cpuid(0, r);
    memcpy(cpu->vendor, r, 12);
    cpu->vendor[12] = '\0';
    if (r[3] < 1) {
        cpu->family = 4;
        cpu->features = fpu_without_cpuid();
        return;
    }
    cpuid(1, r);
    cpu->family = (u8)((r[3] >> 8) & 15);
    cpu->model = (u8)((r[3] >> 4) & 15);
    cpu->stepping = (u8)(r[3] & 15);
    cpu->features = r[1];
}

/* Waits for the moment at which sys_ticks changes and has reached `from` + `wait`; the counter of
 * that moment goes into `low` and `high`. Gives up (0) when the clock seems to stand still. */
static int edge(u32 from, u32 wait, u32 *tick, u32 *low, u32 *high)
{
    u32 polls, first_high, ignored;
    u32 last = sys_ticks();

    rdtsc(&ignored, &first_high);
    for (polls = 0; polls < 20000000u; polls++) {
        *tick = sys_ticks();
        rdtsc(low, high);
        if (*tick != last && *tick - from >= wait)
            return 1;
        last = *tick;
        if (*high - first_high > 2) /* 8 thousand million cycles: seconds on any machine */
            return 0;
    }
    return 0;
}

u32 sys_cpu_mhz(void)
{
    struct sys_cpu cpu;
    u32 tick0, tick1, low0, low1, high0, high1, milliseconds, mhz;
    u64 cycles, per_mhz;

    sys_cpu(&cpu);
    if (!(cpu.features & SYS_CPU_TSC))
        return 0;
    if (!edge(0, 0, &tick0, &low0, &high0) || !edge(tick0, 220, &tick1, &low1, &high1))
        return 0;
    cycles = (((u64)high1 << 32) | low1) - (((u64)high0 << 32) | low0);
    milliseconds = tick1 - tick0;
    /* No 64-bit division (it would pull in libgcc): binary long division to 16 bits. */
    per_mhz = (u64)milliseconds * 1000u;
    cycles += per_mhz >> 1;
    mhz = 0;
    {
        int bit;
        for (bit = 15; bit >= 0; bit--)
            if (cycles >= per_mhz << bit) {
                cycles -= per_mhz << bit;
                mhz |= 1u << bit;
            }
    }
    return mhz;
}

void sys_fpu_reset(void)
{
    __asm__ __volatile__("fninit");
}
