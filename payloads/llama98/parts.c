/* parts.c - a layer of a container: one stream of vectors and matrices in the order in which they are used. */
#include "container.h"

/* Where the stream stands. */
struct cursor {
    struct layer_parts *parts;
    enum part part;
    int good;
};

static u8 *next(struct cursor *k, u64 bytes)
{
    u64 *used = k->parts->bytes + k->part;
    u8 *at = k->parts->at[k->part];

    if (at)
        at += *used;
    *used += bytes;
    return at;
}

static float *vector(struct cursor *k, i32 n)
{
    u64 bytes = ((u64)(u32)n * sizeof(float) + 15) & ~(u64)15;

    k->parts->vectors[k->part] += bytes;
    return (float *)(void *)next(k, bytes);
}

static void matrix(struct cursor *k, struct matrix *w, i32 rows, i32 cols, unsigned encoding)
{
    u8 *at;

    if (!matrix_shape(w, rows, cols, encoding)) {
        k->good = 0;
        return;
    }
    at = next(k, matrix_bytes(w));
    if (at)
        matrix_point(w, at);
}

int layer_point(const struct config *c, struct layer *w, const u8 *encodings, struct layer_parts *parts)
{
    struct cursor k;

    k.parts = parts;
    k.good = 1;
    memset(w, 0, sizeof *w);
    memset(parts->bytes, 0, sizeof parts->bytes);
    memset(parts->vectors, 0, sizeof parts->vectors);
    k.part = PART_QKV;
    w->rms_att = vector(&k, c->dim);
    if (c->flags & FLAG_BIASES) {
        w->bk = vector(&k, c->kv_dim);
        w->bv = vector(&k, c->kv_dim);
        w->bq = vector(&k, c->q_dim);
    }
    if (c->flags & FLAG_HEAD_NORMS) {
        w->norm_k = vector(&k, c->head_size);
        w->norm_q = vector(&k, c->head_size);
    }
    matrix(&k, &w->wk, c->kv_dim, c->dim, encodings[0]);
    matrix(&k, &w->wv, c->kv_dim, c->dim, encodings[1]);
    matrix(&k, &w->wq, c->q_dim, c->dim, encodings[2]);
    k.part = PART_OUT;
    if (c->flags & FLAG_SUB_NORMS)
        w->sub_att = vector(&k, c->q_dim);
    matrix(&k, &w->wo, c->dim, c->q_dim, encodings[3]);
    k.part = PART_GATE_UP;
    w->rms_ffn = vector(&k, c->dim);
    matrix(&k, &w->w1, c->hidden_dim, c->dim, encodings[4]);
    matrix(&k, &w->w3, c->hidden_dim, c->dim, encodings[5]);
    k.part = PART_DOWN;
    if (c->flags & FLAG_SUB_NORMS)
        w->sub_ffn = vector(&k, c->hidden_dim);
    matrix(&k, &w->w2, c->dim, c->hidden_dim, encodings[6]);
    return k.good;
}

u64 layer_bytes(const struct layer_parts *parts)
{
    return parts->bytes[PART_QKV] + parts->bytes[PART_OUT] + parts->bytes[PART_GATE_UP] + parts->bytes[PART_DOWN];
}
