/* checks.c - the checks of a container's sections. */
#include "container.h"

/* Bit by bit with a table of 16: for heads and tokenizers, a megabyte at most. */
u32 crc32_of(const u8 *bytes, usize count)
{
    static const u32 table[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
        0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
    u32 crc = 0xFFFFFFFFu;

    for (; count; count--) {
        crc ^= *bytes++;
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

void sums_add(struct sums *s, const u8 *bytes, usize count)
{
    const u32 *word = (const u32 *)(const void *)bytes;
    const u32 *end = word + count / 4;
    u32 a0 = s->a[0], a1 = s->a[1], b0 = s->b[0], b1 = s->b[1];

    for (; word + 4 <= end; word += 4) {
        a0 += word[0];
        b0 += a0;
        a1 += word[1];
        b1 += a1;
        a0 += word[2];
        b0 += a0;
        a1 += word[3];
        b1 += a1;
    }
    if (word < end) {
        a0 += word[0];
        b0 += a0;
        a1 += word[1];
        b1 += a1;
    }
    s->a[0] = a0;
    s->a[1] = a1;
    s->b[0] = b0;
    s->b[1] = b1;
}

u32 sums_check(const struct sums *s)
{
    u8 bytes[16];

    memcpy(bytes, s->a, 8);
    memcpy(bytes + 8, s->b, 8);
    return crc32_of(bytes, sizeof bytes);
}
