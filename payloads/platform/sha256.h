/* sha256.h - SHA-256 (FIPS 180-4). No I/O, the caller's memory, any number of bytes below 2^32. */
#ifndef PLATFORM_SHA256_H
#define PLATFORM_SHA256_H

#include "sys.h"

struct sha256 {
    u32 hash[8];
    u32 count;    /* bytes so far */
    u8 block[64]; /* the last count % 64 of them */
};

void sha256_init(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *bytes, u32 count);

/* The digest of all bytes so far. The state is used up. */
void sha256_out(struct sha256 *sha, u8 digest[32]);

#endif
