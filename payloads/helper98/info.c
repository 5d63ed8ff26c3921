/* info.c - see info.h */
#include "info.h"

#include "writer.h"

/* Bits of struct sys_cpu's features. */
static const struct {
    u8 bit;
    char name[5];
} features[] = {{0, "fpu"}, {4, "tsc"}, {8, "cx8"}, {15, "cmov"}, {23, "mmx"}, {25, "sse"}};

#define THOUSAND_MILLION 1000000000u

void info_lines(u32 mhz)
{
    struct sys_cpu cpu;
    struct sys_system system;
    u32 total, available, high, low, i;
    u64 bytes;
    u32 cluster;
    int at_least;
    const char *blank = "";

    sys_system(&system);
    sys_cpu(&cpu);
    sys_code_pages(&total, &available);
    writer_text("codepage=%u %u\r\n", total, available);
    sys_memory(&total, &available);
    writer_text("system=%s %u.%u.%u\r\ncpu=%s family %u model %u stepping %u\r\n", system.name, system.major,
                system.minor, system.build, cpu.vendor, cpu.family, cpu.model, cpu.stepping);
    if (mhz)
        writer_text("cpu_mhz=%u\r\n", mhz);
    writer_text("cpu_features=");
    for (i = 0; i < sizeof features / sizeof *features; i++)
        if (cpu.features >> features[i].bit & 1) {
            writer_text("%s%s", blank, features[i].name);
            blank = " ";
        }
    writer_text("\r\nmemory=%u\r\n", total);
    if (sys_disk_free(&bytes, &cluster, &at_least) != SYS_OK)
        return;
    writer_text("disk_cluster=%u\r\ndisk_free=", cluster);
    high = sys_divide(bytes, THOUSAND_MILLION, &low);
    if (high)
        writer_text("%u", high);
    writer_text(high ? "%09u\r\n" : "%u\r\n", low);
}
