/* kernels_tables_mmx.c - the tables of tables.c with MMX; see kernels_mmx.c for what such a file must be.
 *
 * A table is made in steps: from the sums of some weights those of two or three weights more. A sum is loaded once and stored
 * as often as it is needed, with one addition each. */
#include "llama98.h"

#if defined(__i386__) || defined(__x86_64__)

/* Twice the number in a register. */
#define TWICE(x, m) __asm__ __volatile__("movd %0, %%" m "\n\tpunpckldq %%" m ", %%" m : : "rm"((i32)(x)) : m)
#define LOAD(m, back) "movq -" back "(%[table],%[at]), %%" m "\n\t"
#define STEP(operation, by, m, to, back)                    \
    operation " %%" by ", %%" m "\n\t"                      \
    "movq %%" m ", " to "-" back "(%[table],%[at])\n\t"

/* Two of 27 sums become two of each 27 above: all nine of the fourth and fifth weight, but for the first, which is there. */
#define NINE(m, k)                                                                                                   \
    LOAD(m, k) STEP("paddd", "mm6", m, "108", k) STEP("paddd", "mm6", m, "216", k)                                   \
    STEP("paddd", "mm7", m, "540", k) STEP("psubd", "mm6", m, "432", k) STEP("psubd", "mm6", m, "324", k)            \
    STEP("paddd", "mm7", m, "648", k) STEP("paddd", "mm6", m, "756", k) STEP("paddd", "mm6", m, "864", k)
#define THREE(m, k) LOAD(m, k) STEP("paddd", "mm6", m, "36", k) STEP("paddd", "mm6", m, "72", k)
/* Two of 8 sums become those of two bits more; of 32, those of three more. */
#define FOUR(m, k)                                                                                                   \
    LOAD(m, k) STEP("paddd", "mm6", m, "32", k) STEP("paddd", "mm7", m, "96", k) STEP("psubd", "mm6", m, "64", k)
#define EIGHT(m, k)                                                                                                  \
    LOAD(m, k) STEP("paddd", "mm5", m, "128", k) STEP("paddd", "mm6", m, "384", k) STEP("psubd", "mm5", m, "256", k) \
    STEP("paddd", "mm7", m, "768", k) STEP("paddd", "mm5", m, "896", k) STEP("psubd", "mm6", m, "640", k)            \
    STEP("psubd", "mm5", m, "512", k)
/* Downwards, since the last two of an odd number reach into the next ones, which are then put right. `last` is where the
 * last two are; two times two at a time when there is an even number of them. */
#define DOWN(last, bytes, steps)                    \
    do {                                            \
        long at = last;                             \
        __asm__ __volatile__(                       \
            "1:\n\t" steps                          \
            "sub $" bytes ", %[at]\n\t"             \
            "jns 1b"                                \
            : [at] "+r"(at)                         \
            : [table] "r"(table)                    \
            : "memory", "cc", "mm0", "mm1");        \
    } while (0)

__attribute__((noinline)) void ternary_tables_mmx(i32 *table, const i16 *x, u32 tables)
{
    for (; tables; tables--, table += 256, x += 5) {
        i32 a = x[0], b = x[1];
        i32 first = -(a + b + x[2] + x[3] + x[4]);
        table[0] = first;
        table[1] = first += a;
        table[2] = first + a;
        table[4] = first += b;
        table[3] = first - a;
        table[5] = first + a;
        table[7] = first += b;
        table[6] = first - a;
        table[8] = first + a;
        TWICE(x[2], "mm6");
        DOWN(32, "8", THREE("mm0", "0"));
        TWICE(x[3], "mm6");
        TWICE(x[4], "mm7");
        DOWN(104, "16", NINE("mm0", "0") NINE("mm1", "8"));
        table[243] = 0;
    }
    __asm__ __volatile__("emms");
}

__attribute__((noinline)) void bit_tables_mmx(i32 *table, const i16 *x, u32 tables)
{
    for (; tables; tables--, table += 256, x += 8) {
        i32 a = 2 * x[0], b = 2 * x[1], c = 2 * x[2];
        i32 first = -(x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + x[6] + x[7]);
        table[0] = first;
        table[1] = first + a;
        table[2] = first += b;
        table[3] = first + a;
        table[6] = first += c;
        table[7] = first + a;
        table[4] = first -= b;
        table[5] = first + a;
        TWICE(2 * x[3], "mm6");
        TWICE(2 * x[4], "mm7");
        DOWN(24, "8", FOUR("mm0", "0"));
        TWICE(2 * x[5], "mm5");
        TWICE(2 * x[6], "mm6");
        TWICE(2 * x[7], "mm7");
        DOWN(120, "8", EIGHT("mm0", "0"));
    }
    __asm__ __volatile__("emms");
}

#else

void ternary_tables_mmx(i32 *table, const i16 *x, u32 tables)
{
    ternary_tables_c(table, x, tables);
}

void bit_tables_mmx(i32 *table, const i16 *x, u32 tables)
{
    bit_tables_c(table, x, tables);
}

#endif
