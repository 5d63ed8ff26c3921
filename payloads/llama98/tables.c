/* tables.c - sums by looking up: what kernels_ternary.c and kernels_bit.c share.
 *
 * Eight tables of 256 sums, one for each byte of a row's code, are half of a Pentium II's first-level cache. GCC makes three
 * instructions of a look-up where two do, so the row's loop is written out for the i386. */
#include "llama98.h"

i32 tables98[8][256];

static void extend(i32 *table, u32 n, u32 more, i32 x)
{
    u32 i;

    for (i = 0; i < more; i++)
        table[n + i] = table[i] + x;
}

void ternary_tables_c(i32 *table, const i16 *x, u32 tables)
{
    u32 k, n;

    for (; tables; tables--, table += 256, x += 5) {
        table[0] = -(x[0] + x[1] + x[2] + x[3] + x[4]);
        for (k = 0, n = 1; k < 5; k++, n *= 3)
            extend(table, n, 2 * n, x[k]);
    }
}

void bit_tables_c(i32 *table, const i16 *x, u32 tables)
{
    u32 k, n;

    for (; tables; tables--, table += 256, x += 8) {
        table[0] = -(x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + x[6] + x[7]);
        for (k = 0, n = 1; k < 8; k++, n *= 2)
            extend(table, n, n, 2 * x[k]);
    }
}

static i32 four_bytes(const u8 *codes, u32 first)
{
    return tables98[first][codes[0]] + tables98[first + 1][codes[1]] + tables98[first + 2][codes[2]] +
           tables98[first + 3][codes[3]];
}

#if defined(__i386__)

#define LOOK_UP(operation, byte, table)                                \
    "movzbl " byte ", %%ecx\n\t"                                       \
    operation " %c[tables]+" table "(,%%ecx,4), %%ebx\n\t"
#define FOUR_BYTES(operation, at, first, second, third, fourth)        \
    "movl " at "(%[codes]), %%eax\n\t"                                 \
    LOOK_UP(operation, "%%al", first) LOOK_UP("addl", "%%ah", second)  \
    "shrl $16, %%eax\n\t"                                              \
    LOOK_UP("addl", "%%al", third) LOOK_UP("addl", "%%ah", fourth)
#define ROW(at, then, sum)                                             \
    FOUR_BYTES("movl", at, "0", "1024", "2048", "3072")                \
    FOUR_BYTES("addl", then, "4096", "5120", "6144", "7168")           \
    "addl %%ebx, " sum "(%[sums])\n\t"
#define FOUR_ROWS(rows, apart)                                         \
    __asm__ __volatile__(                                              \
        "1:\n\t" rows                                                  \
        "addl $" apart ", %[codes]\n\t"                                \
        "addl $16, %[sums]\n\t"                                        \
        "decl %[fours]\n\t"                                            \
        "jnz 1b"                                                       \
        : [sums] "+r"(sums), [codes] "+r"(codes), [fours] "+r"(fours)  \
        : [tables] "i"(tables98)                                       \
        : "memory", "cc", "eax", "ebx", "ecx")

/* Rows in whole fours; returns how many it was. */
static i32 add_fours(sum32 *sums, const u8 *codes, i32 rows, u32 apart)
{
    i32 fours = rows / 4;

    if (!fours)
        return 0;
    if (apart == 8)
        FOUR_ROWS(ROW("0", "4", "0") ROW("8", "12", "4") ROW("16", "20", "8") ROW("24", "28", "12"), "32");
    else
        FOUR_ROWS(ROW("0", "4", "0") ROW("12", "16", "4") ROW("24", "28", "8") ROW("36", "40", "12"), "48");
    return rows / 4 * 4;
}

#else

static i32 add_fours(sum32 *sums, const u8 *codes, i32 rows, u32 apart)
{
    (void)sums, (void)codes, (void)rows, (void)apart;
    return 0;
}

#endif

void tables_add(sum32 *sums, const u8 *codes, i32 rows, u32 bytes, u32 apart)
{
    i32 row = bytes == 8 ? add_fours(sums, codes, rows, apart) : 0;

    for (codes += (usize)row * apart; row < rows; row++, codes += apart)
        sums[row] += four_bytes(codes, 0) + (bytes == 8 ? four_bytes(codes + 4, 4) : 0);
}
