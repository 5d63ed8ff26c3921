/* picture.c - see picture.h */
#include "picture.h"

u32 picture_row(u32 width)
{
    return (width * 3 + 3) & ~3u;
}

void picture_head(u32 width, u32 height, u8 head[PICTURE_HEAD])
{
    u32 words[(PICTURE_HEAD - 2) / 4];

    memset(words, 0, sizeof words);
    words[8] = picture_row(width) * height;
    words[0] = PICTURE_HEAD + words[8];
    words[2] = PICTURE_HEAD;
    words[3] = 40;
    words[4] = width;
    words[5] = height;
    words[6] = 24u << 16 | 1; /* bits of a pixel, planes */
    memcpy(head, "BM", 2);
    memcpy(head + 2, words, sizeof words);
}
