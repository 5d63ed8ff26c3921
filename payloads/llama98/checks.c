/* checks.c - the checks of a container's sections. */
#include "container.h"

/* A byte at a time: for heads and tokenizers, which are a large part of a small model. */
u32 crc32_of(const u8 *bytes, usize count)
{
    static u32 table[256];
    u32 crc, i, k;

    for (i = 0; !table[255] && i < 256; i++) {
        for (crc = i, k = 0; k < 8; k++)
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
        table[i] = crc;
    }
    for (crc = 0xFFFFFFFFu; count; count--)
        crc = crc >> 8 ^ table[(crc ^ *bytes++) & 0xFF];
    return ~crc;
}

void sums_add_c(u32 *sums, const u8 *bytes, u32 count)
{
    const u32 *word = (const u32 *)(const void *)bytes;
    u32 eights = count / 8;

    for (; eights; eights--, word += 2) {
        sums[0] += word[0];
        sums[1] += word[1];
        sums[2] += sums[0];
        sums[3] += sums[1];
    }
}

u32 sums_check(const struct sums *s)
{
    return crc32_of((const u8 *)s->sums, sizeof s->sums);
}
