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
static __attribute__((noinline)) void cpuid(u32 leaf, u32 answer[4])
{
    __asm__ __volatile__("cpuid"
                         : "=a"(answer[3]), "=b"(answer[0]), "=c"(answer[2]), "=d"(answer[1])
                         : "0"(leaf), "2"(0));
}

void sys_cpu(struct sys_cpu *cpu)
{
    u32 r[4];

    memset(cpu, 0, sizeof *cpu);
    memcpy(cpu->vendor, "unknown", 8);
    if (!flags_that_change(FLAG_ID)) {
        cpu->family = flags_that_change(FLAG_AC) ? 4 : 3;
        cpu->features = fpu_without_cpuid();
        return;
    }
    cpuid(0, r);
    memcpy(cpu->vendor, r, 12); /* a NUL stands behind it from the memset */
    if (r[3] < 1) {
        cpu->family = 4;
        cpu->features = fpu_without_cpuid();
        return;
    }
    cpuid(1, r);
    cpu->family = (r[3] >> 8) & 15;
    cpu->model = (r[3] >> 4) & 15;
    cpu->stepping = r[3] & 15;
    cpu->features = r[1];
}
