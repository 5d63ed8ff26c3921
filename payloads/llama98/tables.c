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

static i32 look_up(const u8 *codes, u32 bytes)
{
    i32 sum = 0;
    u32 k;

    for (k = 0; k < bytes; k++)
        sum += tables98[k][codes[k]];
    return sum;
}

#if defined(__i386__)

#define LOOK_UP(operation, byte, table)                                \
    "movzbl " byte ", %%ecx\n\t"                                       \
    operation " %c[tables]+" table "(,%%ecx,4), %%ebx\n\t"
#define FOUR_BYTES(operation, at, first, second, third, fourth)        \
    "movl " at ", %%eax\n\t"                                           \
    LOOK_UP(operation, "%%al", first) LOOK_UP("addl", "%%ah", second)  \
    "shrl $16, %%eax\n\t"                                              \
    LOOK_UP("addl", "%%al", third) LOOK_UP("addl", "%%ah", fourth)
#define EIGHT_BYTES(at, then)                                          \
    FOUR_BYTES("movl", at, "0", "1024", "2048", "3072")                \
    FOUR_BYTES("addl", then, "4096", "5120", "6144", "7168")
#define TO_SUM(operation, sum) operation " %%ebx, " sum "(%[sums],%[at])\n\t"
/* Rows of eight bytes; of four; of two in four. */
#define ROW(at, then, sum, operation)                                  \
    EIGHT_BYTES(at "(%[codes],%[at],2)", then "(%[codes],%[at],2)") TO_SUM(operation, sum)
#define ROW_OF_4(at)                                                   \
    FOUR_BYTES("movl", at "(%[codes],%[at])", "0", "1024", "2048", "3072") TO_SUM("addl", at)
#define ROW_OF_2(at)                                                   \
    "movl " at "(%[codes],%[at]), %%eax\n\t"                           \
    LOOK_UP("movl", "%%al", "0") LOOK_UP("addl", "%%ah", "1024") TO_SUM("addl", at)
/* `at` is the index of sums in bytes, counted up to zero. */
#define FOUR_ROWS(rows)                                                \
    __asm__ __volatile__(                                              \
        "1:\n\t" rows                                                  \
        "addl $16, %[at]\n\t"                                          \
        "jnz 1b"                                                       \
        : [at] "+r"(at)                                                \
        : [sums] "r"(sums), [codes] "r"(codes), [tables] "i"(tables98) \
        : "memory", "cc", "eax", "ebx", "ecx")

/* Rows in whole fours; returns how many it was. */
static i32 add_fours(sum32 *sums, const u8 *codes, i32 rows, u32 bytes, u32 apart)
{
    i32 fours = rows & ~3;
    i32 at = -4 * fours;

    if (!fours)
        return 0;
    sums += fours;
    codes += (usize)fours * apart;
    if (bytes == 8)
        FOUR_ROWS(ROW("0", "4", "0", "addl") ROW("8", "12", "4", "addl") ROW("16", "20", "8", "addl")
                      ROW("24", "28", "12", "addl"));
    else if (bytes == 4)
        FOUR_ROWS(ROW_OF_4("0") ROW_OF_4("4") ROW_OF_4("8") ROW_OF_4("12"));
    else if (bytes == 2)
        FOUR_ROWS(ROW_OF_2("0") ROW_OF_2("4") ROW_OF_2("8") ROW_OF_2("12"));
    else
        return 0;
    return fours;
}

/* The first half's sums are put where the second half finds them. */
static i32 put_fours(sum32 *sums, const u8 *codes, i32 rows)
{
    i32 fours = rows & ~3;
    i32 at = -4 * fours;

    if (!fours)
        return 0;
    sums += fours;
    codes += 8 * (usize)fours;
    FOUR_ROWS(ROW("0", "4", "0", "movl") ROW("8", "12", "4", "movl") ROW("16", "20", "8", "movl")
                  ROW("24", "28", "12", "movl"));
    return fours;
}

#define SCALED_ROW(scale, at, then, sum)                               \
    EIGHT_BYTES(at "(%[codes])", then "(%[codes])")                    \
    "addl " sum "(%[sums]), %%ebx\n\t"                                 \
    "movl %%ebx, " sum "(%[sums])\n\t"                                 \
    "fildl " sum "(%[sums])\n\t"                                       \
    "fmuls " scale "(%[codes])\n\t"                                    \
    "fadds " sum "(%[out])\n\t"                                        \
    "fstps " sum "(%[out])\n\t"

static i32 scale_twos(float *out, sum32 *sums, const u8 *codes, i32 rows)
{
    i32 twos = rows / 2;

    if (!twos)
        return 0;
    __asm__ __volatile__(
        "1:\n\t"
        SCALED_ROW("0", "4", "8", "0")
        SCALED_ROW("12", "16", "20", "4")
        "addl $24, %[codes]\n\t"
        "addl $8, %[sums]\n\t"
        "addl $8, %[out]\n\t"
        "decl %[twos]\n\t"
        "jnz 1b"
        : [out] "+r"(out), [sums] "+r"(sums), [codes] "+r"(codes), [twos] "+m"(twos)
        : [tables] "i"(tables98)
        : "memory", "cc", "eax", "ebx", "ecx", "st");
    return rows & ~1;
}

#else

static i32 add_fours(sum32 *sums, const u8 *codes, i32 rows, u32 bytes, u32 apart)
{
    (void)sums, (void)codes, (void)rows, (void)bytes, (void)apart;
    return 0;
}

static i32 put_fours(sum32 *sums, const u8 *codes, i32 rows)
{
    (void)sums, (void)codes, (void)rows;
    return 0;
}

static i32 scale_twos(float *out, sum32 *sums, const u8 *codes, i32 rows)
{
    (void)out, (void)sums, (void)codes, (void)rows;
    return 0;
}

#endif

void tables_add(sum32 *sums, const u8 *codes, i32 rows, u32 bytes, u32 apart)
{
    i32 row = add_fours(sums, codes, rows, bytes, apart);

    for (codes += (usize)row * apart; row < rows; row++, codes += apart)
        sums[row] += look_up(codes, bytes);
}

void tables_put(sum32 *sums, const u8 *codes, i32 rows)
{
    i32 row = put_fours(sums, codes, rows);

    for (; row < rows; row++)
        sums[row] = look_up(codes + 8 * row, 8);
}

void tables_scale(float *out, sum32 *sums, const u8 *codes, i32 rows)
{
    i32 row = scale_twos(out, sums, codes, rows);

    for (codes += 12 * (usize)row; row < rows; row++, codes += 12)
        out[row] += SINGLE((double)(sums[row] + look_up(codes + 4, 8)) * (double)*(const float *)(const void *)codes);
}
