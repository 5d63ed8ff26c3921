/* classify.c - the logits of all tokens; or of the likeliest one only, which is often cheaper to find.
 *
 * An 8-bit classifier is most of what a small model reads for a token. Where only the likeliest token is wanted and memory allows
 * it, the upper four bits of its weights are kept once more, four rows in a word as in kernels_int4.c. They are half the bytes. A
 * row's sum by them leaves out sum(l x), with l in 0..15 the lower bits: about 7.5 sum(x), with a standard deviation of 4.6 |x|.
 * A row that cannot reach the best one within SPREAD of |x|, more than eight of these, is no candidate; the others' sums are
 * then computed from all their bits, as they would be without this. Of a row in groups, these are the upper bits of what it would be
 * with the largest step that there can be for all of it. */
#include "llama98.h"

#define SOME 512       /* logits at once */
#define CANDIDATES 1024
#define SPREAD 40
#define LEAST_ROWS 2048 /* fewer are in a cache anyway */
#define FOURS 16       /* times four rows at a time */

typedef i32 __attribute__((may_alias)) float_bits; /* positive floats compare like their bits */

i32 likeliest(const float *x, i32 n)
{
    const float_bits *bits = (const float_bits *)(const void *)x;
    i32 top = bits[0];
    i32 best = 0;
    i32 i;

    for (i = 1; i < n; i++)
        if (bits[i] > top) {
            top = bits[i];
            best = i;
        }
    if (top < 0)
        for (best = 0, i = 1; i < n; i++)
            if (x[i] > x[best])
                best = i;
    return best;
}

/* ---- some rows after the other --------------------------------------------------------------- */
static void take_best(struct model *m, const float *x, i32 n, i32 first)
{
    i32 best = likeliest(x, n);

    if (first == 0 || x[best] > m->best_logit) {
        m->best = first + best;
        m->best_logit = x[best];
    }
}

i32 classify_logits(const struct model *m)
{
    return m->greedy && matrix_by_rows(&m->wcls) ? SOME : m->config.vocab_size;
}

void classify_rows(struct model *m, const struct matrix *w, i32 first)
{
    struct matrix some = *w;
    struct product p;
    i32 row;

    p.w = &some;
    p.stride = 0;
    p.out = m->logits;
    if (!m->greedy || !matrix_by_rows(w)) {
        p.out += first;
        multiply(&p, 1, m->inputs, 1, m->kernel);
        if (m->greedy)
            take_best(m, p.out, w->rows, first);
        return;
    }
    for (row = 0; row < w->rows; row += SOME) {
        some.rows = w->rows - row < SOME ? w->rows - row : SOME;
        matrix_from(&some, w, row);
        multiply(&p, 1, m->inputs, 1, m->kernel);
        take_best(m, m->logits, some.rows, first + row);
    }
}

/* ---- the shortlist --------------------------------------------------------------------------- */
u64 shortlist_bytes(const struct model *m)
{
    const struct matrix *w = &m->wcls;

    if (!m->greedy || m->kernel != KERNEL_MMX || (w->encoding != ENC_INT8 && w->encoding != ENC_GROUPS) ||
        w->rows < LEAST_ROWS || (w->rows & 3 && !m->container.sections))
        return 0; /* only a container's rows are padded to four */
    return ((u64)(u32)w->rows + 3) / 4 * (u64)(u32)w->padded * sizeof(i16);
}

void shortlist_make(struct model *m)
{
    struct matrix some = m->wcls;
    i16 *to = m->upper;
    i32 row;

    if (!to)
        return;
    for (row = 0; row < m->wcls.rows; row += 4, to += some.padded) {
        matrix_from(&some, &m->wcls, row);
        if (some.steps)
            upper_groups_mmx(to, some.pairs, some.steps, (u32)some.padded);
        else
            upper_bits_mmx(to, some.pairs, (u32)some.padded);
    }
}

struct list {
    float most[CANDIDATES]; /* what the logit may be at most, in units of its own */
    i32 row[CANDIDATES];
    i32 count;
    float least; /* what the best one is at least */
};

static void drop_hopeless(struct list *list)
{
    i32 i, kept = 0;

    for (i = 0; i < list->count; i++)
        if (list->most[i] >= list->least) {
            list->most[kept] = list->most[i];
            list->row[kept++] = list->row[i];
        }
    list->count = kept;
}

/* Adds those of a block that may be the best; 0 when there are too many. */
static UNROLLED int add_block(struct list *list, const i32 *sums, const float *scale, i32 first, i32 rows, float spread)
{
    float most[4 * FOURS];
    const float_bits *bits = (const float_bits *)(const void *)most;
    const float_bits *least = (const float_bits *)(const void *)&list->least;
    i32 i;

    for (i = 0; i < rows; i++)
        most[i] = SINGLE((double)sums[i] * (double)scale[i]);
    for (i = 0; i < rows; i++)
        if (bits[i] >= *least) {
            float at_least = most[i] - spread * scale[i];
            if (list->count == CANDIDATES) {
                drop_hopeless(list);
                if (list->count > CANDIDATES / 2)
                    return 0;
            }
            list->most[list->count] = most[i];
            list->row[list->count++] = first + i;
            if (at_least > list->least)
                list->least = at_least;
        }
    return 1;
}

static int find_candidates(struct model *m, struct list *list)
{
    const struct matrix *w = &m->wcls;
    struct input *input = m->inputs;
    i32 sums[4 * FOURS];
    float length = 0.0f, spread;
    i32 total, above, row, i;

    total = int8_input(input, w->padded);
    for (i = 0; i < input->n; i++)
        length += (float)input->q[i] * (float)input->q[i];
    spread = square_root(length) * (SPREAD / 16.0f);
    above = (total >> 1) - (w->steps ? 0 : total >> 5) + (i32)spread + 2; /* 7.5 / 16 of the total, or 8, and the spread: in units of 16 */
    list->count = 0;
    list->least = 0.0f;
    for (row = 0; row < w->rows; row += 4 * FOURS) {
        i32 left = w->rows - row < 4 * FOURS ? w->rows - row : 4 * FOURS;
        upper_fours_mmx(sums, m->upper + (usize)(row / 4) * (usize)w->padded, input->q, ((u32)left + 3) / 4,
                        (u32)w->padded, (u32)(8 * total - above), (u32)-above);
        if (!add_block(list, sums, w->scale + row, row, left, 2.0f * spread + 4.0f))
            return 0;
    }
    drop_hopeless(list);
    return list->count > 0;
}

int shortlist_best(struct model *m)
{
    static struct list list;
    const struct matrix *w = &m->wcls;
    struct matrix pair = *w;
    struct product p;
    i32 i;

    if (!m->upper || !find_candidates(m, &list))
        return 0;
    p.w = &pair;
    p.stride = 0;
    p.out = m->logits;
    m->listed = list.count;
    for (i = 0; i < list.count; i++) {
        i32 row = list.row[i];
        pair.rows = row + 1 < w->rows && !(row & 1) ? 2 : 1 + (row & 1);
        matrix_from(&pair, w, row & ~1);
        multiply(&p, 1, m->inputs, 1, m->kernel);
        if (i == 0 || m->logits[row & 1] > m->best_logit) {
            m->best = row;
            m->best_logit = m->logits[row & 1];
        }
    }
    return 1;
}
