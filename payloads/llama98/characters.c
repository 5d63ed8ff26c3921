/* characters.c - UTF-8, as llama.cpp reads it: a byte that begins no character is U+FFFD, overlong forms are read. */
#include "vocabulary.h"

#define NONE 0xFFFDu

static int follows(u8 byte)
{
    return (byte & 0xC0) == 0x80;
}

u32 character_read(const u8 *text, u32 count, u32 *used)
{
    u32 size = text[0] < 0x80 ? 1 : text[0] < 0xC0 ? 0 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : text[0] < 0xF8 ? 4 : 0;
    u32 point, i;

    *used = 1;
    if (size == 1)
        return text[0];
    if (size == 0 || size > count)
        return NONE;
    point = text[0] & (0xFFu >> (size + 1));
    for (i = 1; i < size; i++) {
        if (!follows(text[i]))
            return NONE;
        point = point << 6 | (text[i] & 0x3Fu);
    }
    if (point > 0x10FFFF)
        return NONE;
    *used = size;
    return point;
}

u32 character_write(u8 *to, u32 point)
{
    if (point < 0x80) {
        to[0] = (u8)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (u8)(0xC0 | point >> 6);
        to[1] = (u8)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (u8)(0xE0 | point >> 12);
        to[1] = (u8)(0x80 | (point >> 6 & 0x3F));
        to[2] = (u8)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (u8)(0xF0 | point >> 18);
    to[1] = (u8)(0x80 | (point >> 12 & 0x3F));
    to[2] = (u8)(0x80 | (point >> 6 & 0x3F));
    to[3] = (u8)(0x80 | (point & 0x3F));
    return 4;
}
