/* picture.h - the header of a BMP. No I/O. */
#ifndef AGENT_PICTURE_H
#define AGENT_PICTURE_H

#include "sys.h"

#define PICTURE_HEAD 54u

/* Bytes of one row of `width` pixels of 24 bits. */
u32 picture_row(u32 width);

/* The header of a BMP of 24 bits, whose rows come from below. */
void picture_head(u32 width, u32 height, u8 head[PICTURE_HEAD]);

#endif
