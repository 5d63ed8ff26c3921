/* attention.c - keys, values and queries: as llama2.c in fp32, in whole numbers otherwise.
 *
 * In whole numbers a position's keys are a row, and a head's values at all positions are a row, of a matrix, as in
 * kernels_int8.c or of 16-bit words, so both halves of attention are a matrix times a vector. Between them stands exp by a table: a score is a
 * multiple of 1/256, and what is 16 below the best counts nothing. */
#include "llama98.h"

#define ROUND 12582912.0f /* 1.5 * 2^23: adding it leaves the nearest integer in the low bits */
#define PARTS 256         /* steps of a score */

static float powers[ATTENTION_POWERS]; /* exp(-i / PARTS) */

void attention_start(void)
{
    exp_steps(powers, ATTENTION_POWERS, 1.0 / PARTS);
}

void attention_rotate(const struct model *m, float *vector, i32 n, i32 pos)
{
    i32 head_size = m->config.head_size;
    const float *cosine = m->cosine + (usize)pos * (usize)(head_size / 2);
    const float *sine = m->sine + (usize)pos * (usize)(head_size / 2);
    float *head;
    i32 i;

    for (head = vector; head < vector + n; head += head_size)
        for (i = 0; i < head_size / 2; i++) {
            float a = head[2 * i];
            float b = head[2 * i + 1];
            head[2 * i] = a * cosine[i] - b * sine[i];
            head[2 * i + 1] = a * sine[i] + b * cosine[i];
        }
}

/* ---- fp32 ------------------------------------------------------------------------------------ */
/* Where a layer's part of the cache begins for one key/value head; as large for keys as for values. */
static usize float_at(const struct model *m, i32 layer, i32 kv_head)
{
    return ((usize)layer * (usize)m->config.n_kv_heads + (usize)kv_head) * (usize)m->cache.steps *
           (usize)m->config.head_size;
}

/* Keys are kept row by row, values column by column: so both halves of attention are a matrix
 * times a vector with its sums in llama2.c's order. */
static void remember_floats(struct model *m, i32 layer, i32 pos, const float *k, const float *v)
{
    i32 size = m->config.head_size;
    i32 h, i;

    for (h = 0; h < m->config.n_kv_heads; h++) {
        float *keys = m->cache.f_keys + float_at(m, layer, h) + (usize)pos * (usize)size;
        float *values = m->cache.f_values + float_at(m, layer, h) + pos;
        for (i = 0; i < size; i++) {
            keys[i] = k[h * size + i];
            values[(usize)i * (usize)m->cache.steps] = v[h * size + i];
        }
    }
}

/* The division by the root of the head's size, and that of softmax, for each position: as llama2.c. */
static void look_at_floats(struct model *m, i32 layer, i32 kv_head, float *out, const float *q, i32 positions)
{
    i32 size = m->config.head_size;
    float root = square_root((float)size);
    usize at = float_at(m, layer, kv_head);
    i32 t;

    multiply_f32(m->att, q, m->cache.f_keys + at, size, positions, size);
    for (t = 0; t < positions; t++)
        m->att[t] /= root;
    softmax(m->att, positions);
    multiply_f32(out, m->att, m->cache.f_values + at, positions, size, m->cache.steps);
}

/* ---- whole numbers --------------------------------------------------------------------------- */
static i32 most_key(const struct model *m)
{
    return m->cache.wide_keys ? 4095 : 127;
}

static i32 most_value(const struct model *m)
{
    return m->cache.wide_values ? 1023 : 127;
}

static usize head_at(const struct model *m, i32 layer, i32 kv_head)
{
    return (usize)layer * (usize)m->config.n_kv_heads + (usize)kv_head;
}

static i16 *keys_at(const struct model *m, usize head)
{
    return m->cache.keys + (head * (usize)m->cache.steps * (usize)m->cache.width >> !m->cache.wide_keys);
}

static i16 *values_at(const struct model *m, usize head)
{
    i32 size = m->config.head_size;

    return m->cache.values + head * (usize)(m->cache.wide_values ? size : (size + 1) / 2) * (usize)m->cache.steps;
}

/* One of two 8-bit numbers that share a word: the first stands in the upper half, the second in the lower plus 128. */
static void put(i16 *word, i32 second, i32 number)
{
    u32 other = (u16)*word;

    if (second)
        *word = (i16)((other & 0xFF00u) | (((u32)number + 128u) & 0xFFu));
    else
        *word = (i16)((u32)number << 8 | 128u);
}

static void remember_keys(struct model *m, usize head, i32 pos, const i16 *k)
{
    i32 wide = m->cache.wide_keys;
    i16 *keys = keys_at(m, head) + (usize)(wide ? pos : pos >> 1) * (usize)m->cache.width;
    i32 size = m->config.head_size;
    i32 i;

    for (i = 0; i < m->cache.width; i++) {
        i16 number = (i16)(i < size ? k[i] : 0);
        if (wide)
            keys[i] = number;
        else
            put(keys + i, pos & 1, number);
    }
}

static void remember_values(struct model *m, usize head, i32 pos, const i16 *v)
{
    i16 *values = values_at(m, head) + pos;
    i32 size = m->config.head_size;
    i32 i;

    for (i = 0; i < size; i++) {
        if (m->cache.wide_values)
            values[(usize)i * (usize)m->cache.steps] = v[i];
        else
            put(values + (usize)(i >> 1) * (usize)m->cache.steps, i & 1, v[i]);
    }
}

void attention_put(struct model *m, i32 layer, i32 kv_head, i32 pos, const i16 *k, float key_scale, const i16 *v,
                   float value_scale)
{
    usize head = head_at(m, layer, kv_head);
    usize scales = head * (usize)m->cache.steps + (usize)pos;

    m->cache.key_scale[scales] = key_scale;
    m->cache.value_scale[scales] = value_scale;
    if (pos == 0 || value_scale > m->cache.top[head])
        m->cache.top[head] = value_scale;
    remember_keys(m, head, pos, k);
    remember_values(m, head, pos, v);
}

static void remember_numbers(struct model *m, i32 layer, i32 pos, const float *k, const float *v)
{
    i16 *numbers = m->cache.numbers;
    i32 size = m->config.head_size;
    i32 h;

    for (h = 0; h < m->config.n_kv_heads; h++) {
        float key_scale = int8_quantise(numbers, k + h * size, size, size, most_key(m), 0);
        float value_scale = int8_quantise(numbers + size, v + h * size, size, size, most_value(m), 0);
        attention_put(m, layer, h, pos, numbers, key_scale, numbers + size, value_scale);
    }
}

/* The sums of `pairs` pairs of rows: `columns` of `stride` words; `total` is the sum of x. */
static void pairs_of(const struct model *m, const i16 *words, const i16 *x, i32 pairs, i32 columns, i32 stride,
                     i32 total, int wide)
{
    u32 *sums = m->cache.sums;
    int mmx = m->kernel == KERNEL_MMX;

    if (wide) {
        (mmx ? wide_pairs_mmx : wide_pairs_c)(sums, words, x, (u32)pairs, (u32)columns, (u32)stride);
        return;
    }
    (mmx ? int8_short_mmx : int8_short_c)(sums, words, x, (u32)pairs, (u32)columns, (u32)stride, (u32)total << 7);
    for (; pairs > 0; pairs--, sums += 2) {
        u32 second = sums[0];
        sums[0] = sums[1];
        sums[1] = second;
    }
}

/* The most that a vector may hold of which `n` numbers are multiplied by numbers up to `most`, for 32-bit sums. */
static i32 limit_for(i32 most, i32 n)
{
    i32 limit = 0x7FFFFFFF / most / n;

    return limit > 32767 ? 32767 : limit;
}

/* The scores of all positions, in 1/PARTS above ROUND, into `scores`; returns the best. */
static UNROLLED i32 score(const struct model *m, usize head, const float *q, i32 positions, float *scores)
{
    const sum32 *bits = (const sum32 *)(const void *)scores;
    i16 *numbers = m->cache.numbers;
    const float *scale = m->cache.key_scale + head * (usize)m->cache.steps;
    const i32 *sums = (const i32 *)m->cache.sums;
    i32 size = m->config.head_size;
    i32 best = -0x7FFFFFFF;
    i32 total = 0, t;
    float step = int8_quantise(numbers, q, size, m->cache.width, limit_for(most_key(m), size),
                               m->cache.wide_keys ? 0 : &total);

    step *= m->config.attention_scale * (float)PARTS;
    pairs_of(m, keys_at(m, head), numbers, (positions + 1) / 2, m->cache.width, m->cache.width, total,
             m->cache.wide_keys);
    for (t = 0; t < positions; t++) {
        scores[t] = SINGLE((double)sums[t] * (double)scale[t]) * step + ROUND;
        if (bits[t] > best)
            best = bits[t];
    }
    return best;
}

/* Scores become what each position's values are multiplied by, 16-bit numbers that are `unit` times exp(score) times the
 * scale of the values; returns the sum of the exp. */
static UNROLLED float weigh(const struct model *m, usize head, const float *scores, i32 best, i32 positions, float unit)
{
    const float *scale = m->cache.value_scale + head * (usize)m->cache.steps;
    const sum32 *bits = (const sum32 *)(const void *)scores;
    i16 *weights = m->cache.weights;
    float sum = 0.0f;
    i32 t;

    for (t = 0; t < positions; t++) {
        u32 below = (u32)best - (u32)bits[t];
        if (below < ATTENTION_POWERS) {
            float power = powers[below];
            sum += power;
            STORE_ROUNDED(weights + t, power * scale[t] * unit);
        } else {
            weights[t] = 0;
        }
    }
    for (; t & 7; t++)
        weights[t] = 0;
    return sum;
}

static i32 total_of(const i16 *numbers, i32 n)
{
    i32 total = 0;

    for (; n; n--)
        total += *numbers++;
    return total;
}

static void look_at_numbers(struct model *m, i32 layer, i32 kv_head, float *out, const float *q, i32 positions)
{
    usize head = head_at(m, layer, kv_head);
    const i32 *sums = (const i32 *)m->cache.sums;
    i32 size = m->config.head_size;
    float top = m->cache.top[head];
    float unit = top > 0.0f ? (float)limit_for(most_value(m), positions) / top : 0.0f;
    i32 best = score(m, head, q, positions, m->att);
    float sum = weigh(m, head, m->att, best, positions, unit);
    float step = unit > 0.0f ? 1.0f / (unit * sum) : 0.0f;
    i32 i;

    pairs_of(m, values_at(m, head), m->cache.weights, (size + 1) / 2, (positions + 7) & ~7, m->cache.steps,
             m->cache.wide_values ? 0 : total_of(m->cache.weights, positions), m->cache.wide_values);
    for (i = 0; i < size; i++)
        out[i] = (float)((double)sums[i] * (double)step);
}

/* ---- both ------------------------------------------------------------------------------------ */
void attention_remember(struct model *m, i32 layer, i32 pos, const float *k, const float *v)
{
    if (m->bits)
        remember_numbers(m, layer, pos, k, v);
    else
        remember_floats(m, layer, pos, k, v);
}

void attention_look(struct model *m, i32 layer, i32 pos, float *out, const float *q)
{
    i32 size = m->config.head_size;
    i32 sharing = m->config.n_heads / m->config.n_kv_heads;
    i32 h;

    for (h = 0; h < m->config.n_heads; h++)
        if (m->bits)
            look_at_numbers(m, layer, h / sharing, out + h * size, q + h * size, pos + 1);
        else
            look_at_floats(m, layer, h / sharing, out + h * size, q + h * size, pos + 1);
}
