/* crc32.h - the CRC-32 of zip, PNG and Ethernet (polynomial EDB88320, reflected). No I/O.
 *
 * The CRC of no bytes is 0; to go on, hand in what the last call returned. */
#ifndef HELPER_CRC32_H
#define HELPER_CRC32_H

#include "sys.h"

/* Builds the tables. Call it once before the first crc32. */
void crc32_start(void);

u32 crc32(u32 crc, const void *bytes, u32 count);

#endif
