/* layout.c - memory: one block for a model, laid out twice, and the room to work in. */
#include "llama98.h"

void *arena_carve(struct arena *a, u64 count, u32 size)
{
    void *p = a->base ? a->base + (usize)a->used : 0;

    a->used += (count * size + 31u) & ~(u64)31;
    return p;
}

float *arena_floats(struct arena *a, u64 count)
{
    return (float *)arena_carve(a, count, sizeof(float));
}

#define WIDE_KEYS (128u << 10) /* so many bytes of them may be exact: more would not stay in the second-level cache */
#define WIDE_VALUES (512u << 10)

static u64 times(u64 a, i32 b)
{
    return a * (u64)(u32)b; /* every number of a header is bounded, so that no product reaches 2^63 */
}

static void carve_cache(struct model *m, struct arena *a)
{
    const struct config *c = &m->config;
    struct cache *k = &m->cache;
    u64 heads = times((u64)(u32)c->n_layers, c->n_kv_heads), all;

    k->steps = m->bits ? (m->steps + 15) & ~15 : m->steps;
    k->sums = (u32 *)arena_carve(a, (u64)(u32)(k->steps > c->head_size ? k->steps : c->head_size) + 16, sizeof(u32));
    k->weights = (i16 *)arena_carve(a, (u64)(u32)k->steps + 16, sizeof(i16));
    k->numbers = (i16 *)arena_carve(a, 2 * (u64)(u32)c->head_size + 16, sizeof(i16));
    k->top = arena_floats(a, heads);
    k->width = (c->head_size + 7) & ~7;
    all = 2 * times(times(heads, k->steps), k->width);
    k->wide_keys = all <= WIDE_KEYS;
    k->wide_values = all <= WIDE_VALUES;
    heads = times(heads, k->steps);
    if (m->bits) {
        k->keys = (i16 *)arena_carve(a, times(heads, k->width) >> !k->wide_keys, sizeof(i16));
        k->values = (i16 *)arena_carve(a, times(heads, k->wide_values ? c->head_size : (c->head_size + 1) / 2), sizeof(i16));
        k->key_scale = arena_floats(a, heads);
        k->value_scale = arena_floats(a, heads);
    } else {
        k->f_keys = arena_floats(a, times(heads, c->head_size));
        k->f_values = arena_floats(a, times(heads, c->head_size));
    }
}

void layout_state(struct model *m, struct arena *a)
{
    const struct config *c = &m->config;
    u64 most = (u64)(u32)m->most;
    i32 wide = c->dim > c->q_dim ? c->dim : c->q_dim;
    i32 widest = wide > c->hidden_dim ? wide : c->hidden_dim;
    i32 attention = wide + 2 * c->kv_dim;
    i32 most_rows = m->wcls.encoding == ENC_BIT && c->vocab_size > widest ? c->vocab_size : widest;

    m->wide = wide;
    m->cosine = arena_floats(a, times((u64)(u32)c->head_size, m->steps) >> 1);
    m->sine = arena_floats(a, times((u64)(u32)c->head_size, m->steps) >> 1);
    m->x = arena_floats(a, times(most, wide));
    m->xb = arena_floats(a, times(most, wide));
    m->hb = arena_floats(a, times(most, c->hidden_dim > attention ? c->hidden_dim : attention));
    m->hb2 = arena_floats(a, times(most, c->hidden_dim));
    m->q = m->hb; /* attention is done with when hb is written, and what is in a cache is written over */
    if (m->hb) {
        m->k = m->q + m->most * wide;
        m->v = m->k + m->most * c->kv_dim;
    }
    m->att = arena_floats(a, (u64)((u32)m->steps + 16u));
    m->logits = arena_floats(a, (u64)(u32)classify_logits(m));
    m->upper = m->upper_bytes ? (i16 *)arena_carve(a, m->upper_bytes, 1) : 0;
    m->inputs = (struct input *)arena_carve(a, most, sizeof *m->inputs);
    input_carve(m->inputs, m->most, widest, most_rows, a);
    carve_cache(m, a);
}

int layout_take(struct model *m, const char *path, u64 need, const char *advice)
{
    u32 total, available;
    char needed[24], there[24];
    void *block = 0;

    sys_memory(&total, &available);
    if (need <= total && need < 0x7FFF0000u)
        block = sys_alloc((usize)need);
    if (!block)
        return complain(EXIT_MEMORY, "not enough memory: ", path, " needs ", text_megabytes(needed, need),
                        " MB, this machine has ", text_megabytes(there, total), " MB", advice, (const char *)0);
    m->memory = block;
    m->memory_bytes = (u32)need;
    return EXIT_DONE;
}
