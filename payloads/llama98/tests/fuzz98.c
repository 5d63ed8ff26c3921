/* fuzz98.c - mutated containers: `fuzz98 COUNT DIRECTORY SEED CONTAINER...`, under sanitizers.
 *
 * Sound containers are damaged in one to four places, most of them get checks that are right again, so that the damage comes
 * past them, and are given to the whole program: a text, or a conversation, in memory or streamed. What must hold: no
 * finding of a sanitizer, and an exit code of the table. */
#include "../container.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST (1u << 20)
#define MOST_BASES 16

static u32 state = 98;

static u32 chance(u32 below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

struct bytes {
    u8 at[MOST + 64];
    u32 length;
};

static struct bytes bases[MOST_BASES], now;

static u32 get(u32 at)
{
    u32 value = 0;

    if (at + 4 <= now.length)
        memcpy(&value, now.at + at, 4);
    return value;
}

static void put(u32 at, u32 value)
{
    if (at + 4 <= now.length)
        memcpy(now.at + at, &value, 4);
}

/* ---- damage ---------------------------------------------------------------------------------- */
static u32 odd_number(u32 before)
{
    static const u32 odd[] = {0, 1, 2, 3, 16, 31, 255, 256, 65535, 65536, 0x7FFFFFFF, 0x80000000u, 0xFFFFFFFFu, 0x7FC00000u};

    switch (chance(4)) {
    case 0:
        return before + 1;
    case 1:
        return before - 1;
    case 2:
        return odd[chance(14)];
    default:
        return chance(600);
    }
}

/* A place in the head, in the table of sections, or in a section; the small sections as often as the large ones. */
static u32 somewhere(void)
{
    u32 sections = get(20), entry, offset, size;

    switch (chance(4)) {
    case 0:
        return 44 + 4 * chance(13);
    case 1:
        return 256 + 4 * chance(8 * (sections && sections < 40 ? sections : 8));
    default:
        entry = 256 + 32 * chance(sections && sections < 40 ? sections : 8);
        offset = get(entry + 8);
        size = get(entry + 12);
        if (!size || offset >= now.length || size > now.length - offset)
            return chance(now.length);
        return offset + (chance(2) ? chance(size < 96 ? size : 96) : chance(size));
    }
}

static void damage(void)
{
    u32 at = somewhere();

    if (at >= now.length)
        return;
    switch (chance(8)) {
    case 0:
        now.at[at] ^= (u8)(1u << chance(8));
        break;
    case 1:
        now.at[at] = (u8)chance(256);
        break;
    case 2:
        now.length = chance(8) ? now.length : at;
        break;
    case 3:
        memmove(now.at + at, now.at + chance(now.length), chance(now.length - at) % 64);
        break;
    default:
        put(at & ~3u, odd_number(get(at & ~3u)));
    }
}

/* Makes the checks right, as far as there is something to check. */
static void repair(void)
{
    u32 head = get(16), sections = get(20), i;

    for (i = 0; i < sections && i < 1040; i++) {
        u32 entry = 256 + 32 * i, offset = get(entry + 8), size = get(entry + 12);
        struct sums sums;
        if (offset >= now.length || size > now.length - offset || offset % 4)
            continue;
        memset(&sums, 0, sizeof sums);
        if (now.at[entry] >= SECTION_FINAL)
            sums_add_c(sums.sums, now.at + offset, size & ~7u);
        put(entry + 16, now.at[entry] >= SECTION_FINAL ? sums_check(&sums) : crc32_of(now.at + offset, size));
    }
    if (head > 16 && head <= now.length)
        put(12, crc32_of(now.at + 16, head - 16));
}

/* ---- one run --------------------------------------------------------------------------------- */
static void store(const char *path)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(now.at, 1, now.length, file) != now.length || fclose(file))
        exit(2);
}

static int one_run(char *path, u32 n_bases)
{
    static const char *const steps[] = {"1", "4", "9", "30"};
    static const char *const prompts[] = {"", "hello", "<s> abc </s> w1 w2", "\xC3\xA9\xFF\x81 9 99,'s"};
    static const char *const memories[] = {"1", "2", "64", "64"};
    char *argv[16];
    u32 i, n = chance(5);
    int argc = 0;

    now = bases[chance(n_bases)];
    for (i = 0; i < n; i++)
        damage();
    if (chance(8))
        repair();
    store(path);
    argv[argc++] = (char *)"LLAMA98";
    argv[argc++] = path;
    argv[argc++] = (char *)"-n";
    argv[argc++] = (char *)steps[chance(4)];
    argv[argc++] = (char *)"-t";
    argv[argc++] = (char *)(chance(2) ? "0" : "1");
    argv[argc++] = (char *)"-i";
    argv[argc++] = (char *)prompts[chance(4)];
    argv[argc++] = (char *)"--memory";
    argv[argc++] = (char *)memories[chance(4)];
    if (chance(2))
        argv[argc++] = (char *)"--utf8";
    if (chance(2) && *argv[7])
        argv[argc++] = (char *)"--chat";
    argv[argc++] = (char *)"--cpu";
    argv[argc++] = (char *)(chance(2) ? "c" : "mmx");
    argv[argc] = 0;
    return llama98_run(argc, argv);
}

int sys_main(int argc, char **argv)
{
    static char path[600];
    u32 counts[14];
    u32 n_bases = 0;
    long count = argc > 4 ? atol(argv[1]) : 0;
    long i;

    if (count < 1 || text_length(argv[2]) > 500 || argc - 4 > MOST_BASES)
        return complain(EXIT_USAGE, "use: fuzz98 COUNT DIRECTORY SEED CONTAINER...", (const char *)0);
    state = (u32)strtoul(argv[3], 0, 10) * 2654435761u | 1u;
    for (i = 4; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            return complain(EXIT_USAGE, "cannot read ", argv[i], (const char *)0);
        bases[n_bases].length = (u32)fread(bases[n_bases].at, 1, MOST, file);
        n_bases++;
        fclose(file);
    }
    sprintf(path, "%s/FUZZ.L98", argv[2]);
    memset(counts, 0, sizeof counts);
    for (i = 0; i < count; i++) {
        int code = one_run(path, n_bases);
        if (code < 0 || code >= (int)(sizeof counts / sizeof *counts) || code == EXIT_INTERNAL)
            return complain(EXIT_INTERNAL, "an exit code that no table has", (const char *)0);
        counts[code]++;
    }
    fprintf(stderr, "\n%ld runs; exit codes", count);
    for (i = 0; i < (long)(sizeof counts / sizeof *counts); i++)
        fprintf(stderr, " %ld:%u", i, counts[i]);
    fprintf(stderr, "\n");
    return EXIT_DONE;
}
