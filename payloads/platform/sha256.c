/* sha256.c - small and quick: the eight working words lie in a window that slides down an array by
 * one word a round, so that none of them is ever moved. */
#include "sha256.h"

static const u32 constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const u32 start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* Rotation to the right. Sums of rotations are written nested, which is the same and takes one
 * register: TURN(x, 6) ^ TURN(x, 11) ^ TURN(x, 25) = TURN(TURN(TURN(x, 14) ^ x, 5) ^ x, 6). */
#define TURN(x, n) ((x) >> (n) | (x) << (32 - (n)))

/* The 64 words of the schedule of one block. */
static void schedule(u32 words[64], const u8 *block)
{
    u32 *w;

    for (w = words; w < words + 16; w++, block += 4)
        *w = (u32)block[0] << 24 | (u32)block[1] << 16 | (u32)block[2] << 8 | block[3];
    for (; w < words + 64; w++) {
        u32 a = w[-15];
        u32 b = w[-2];
        *w = w[-16] + (TURN(TURN(a, 11) ^ a, 7) ^ a >> 3) + w[-7] + (TURN(TURN(b, 2) ^ b, 17) ^ b >> 10);
    }
}

static void one_block(u32 hash[8], const u8 *block)
{
    u32 words[64];
    u32 window[72];
    u32 *v = window + 64; /* v[0] .. v[7] are the words a .. h of FIPS 180-4 */
    const u32 *w = words;
    const u32 *k = constants;
    int i;

    schedule(words, block);
    for (i = 0; i < 8; i++)
        v[i] = hash[i];
    for (; v > window; v--) {
        u32 a = v[0];
        u32 e = v[4];
        u32 sum = v[7] + *w++ + *k++ + TURN(TURN(TURN(e, 14) ^ e, 5) ^ e, 6) + (v[6] ^ (e & (v[5] ^ v[6])));
        v[3] += sum;
        v[-1] = sum + TURN(TURN(TURN(a, 9) ^ a, 11) ^ a, 2) + ((a & v[1]) | (v[2] & (a | v[1])));
    }
    for (i = 0; i < 8; i++)
        hash[i] += v[i];
}

void sha256_init(struct sha256 *sha)
{
    memcpy(sha->hash, start, sizeof start);
    sha->count = 0;
}

void sha256_update(struct sha256 *sha, const void *bytes, u32 count)
{
    const u8 *in = (const u8 *)bytes;
    u32 some;

    for (; count; count -= some, in += some) {
        u32 fill = sha->count & 63;
        if (!fill && count >= 64) { /* whole blocks straight from the caller's memory */
            some = 64;
            one_block(sha->hash, in);
        } else {
            some = 64 - fill < count ? 64 - fill : count;
            memcpy(sha->block + fill, in, some);
            if (fill + some == 64)
                one_block(sha->hash, sha->block);
        }
        sha->count += some;
    }
}

void sha256_out(struct sha256 *sha, u8 digest[32])
{
    u32 bits[2], i, word;

    bits[0] = __builtin_bswap32(sha->count >> 29);
    bits[1] = __builtin_bswap32(sha->count << 3);
    sha256_update(sha, "\x80", 1);
    while ((sha->count & 63) != 56)
        sha256_update(sha, "", 1);
    sha256_update(sha, bits, sizeof bits);
    for (i = 0; i < 8; i++) {
        word = __builtin_bswap32(sha->hash[i]);
        __builtin_memcpy(digest + 4 * i, &word, sizeof word);
    }
}
