/* processor.c - which kernels this processor runs, by CPUID. */
#include "llama98.h"

const struct streaming streaming98[] = {
    {int8_pairs_mmx, int4_fours_mmx}, {int8_pairs_p3, int4_fours_p3}, {int8_pairs_k6, int4_fours_k6}};

enum prefetch prefetch98;

/* AMD's own flags: 3DNow! is the last. */
static int has_3dnow(const struct sys_cpu *cpu)
{
    u32 most = 0x80000000u, flags = 0x80000001u, b, c, d = 0;

    if (memcmp(cpu->vendor, "AuthenticAMD", 12))
        return 0;
    __asm__ __volatile__("cpuid" : "+a"(most), "=b"(b), "=c"(c), "=d"(d));
    if (most < 0x80000001u)
        return 0;
    __asm__ __volatile__("cpuid" : "+a"(flags), "=b"(b), "=c"(c), "=d"(d));
    return (d >> 31) != 0;
}

int processor_choose(const struct sys_cpu *cpu, const struct options *o, enum kernel *kernel)
{
    int mmx = (cpu->features & SYS_CPU_MMX) != 0;
    enum prefetch prefetch = cpu->features & SYS_CPU_SSE ? PREFETCH_P3 : has_3dnow(cpu) ? PREFETCH_K6 : PREFETCH_NONE;

    *kernel = mmx ? KERNEL_MMX : KERNEL_C;
    if (o->cpu_given) {
        if (o->cpu == KERNEL_MMX && !mmx)
            return complain(EXIT_MACHINE, "--cpu mmx: this processor has no MMX", (const char *)0);
        if (o->prefetch != PREFETCH_NONE && o->prefetch != prefetch)
            return complain(EXIT_MACHINE, "--cpu: this processor is another", (const char *)0);
        *kernel = o->cpu == KERNEL_MMX ? KERNEL_MMX : KERNEL_C;
        prefetch = o->prefetch;
    }
    prefetch98 = prefetch;
    return EXIT_DONE;
}
