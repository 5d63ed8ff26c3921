/* picture.c - see picture.h */
#include "picture.h"

u32 picture_row(u32 width)
{
    return (width * 3 + 3) & ~3u;
}

static void word(u8 *at, u32 value)
{
    u32 i;

    for (i = 0; i < 4; i++, value >>= 8)
        at[i] = (u8)value;
}

void picture_head(u32 width, u32 height, u8 head[PICTURE_HEAD])
{
    u32 bytes = picture_row(width) * height;

    memset(head, 0, PICTURE_HEAD);
    head[0] = 'B';
    head[1] = 'M';
    word(head + 2, PICTURE_HEAD + bytes);
    word(head + 10, PICTURE_HEAD);
    word(head + 14, 40);
    word(head + 18, width);
    word(head + 22, height);
    head[26] = 1;
    head[28] = 24;
    word(head + 34, bytes);
}
