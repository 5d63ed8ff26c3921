/* model.c - the weights of a checkpoint, either as they are or as 8-bit ones, row by row, and the room to work in.
 *
 * After the header come floats: token embedding, rms_att of all layers, wq of all layers, wk, wv, wo,
 * rms_ffn, w1, w2, w3, rms_final, two RoPE tables that nobody uses any more, and the classifier unless
 * it is shared. A weight that is not finite is damage. */
#include "llama98.h"

#define BUFFER 32768u

static u64 times(u64 a, i32 b)
{
    return a * (u64)(u32)b; /* header.c keeps every product under 2^63 */
}

/* ---- memory ---------------------------------------------------------------------------------- */
/* One block for everything. It is laid out twice: first to count (base NULL), then for good. */
struct arena {
    u8 *base;
    u64 used;
};

static void *carve(struct arena *a, u64 count, u32 size)
{
    void *p = a->base ? a->base + (usize)a->used : 0;

    a->used += (count * size + 31u) & ~(u64)31;
    return p;
}

static float *carve_floats(struct arena *a, u64 count)
{
    return (float *)carve(a, count, sizeof(float));
}

static void carve_matrix(struct arena *a, struct matrix *w, i32 rows, i32 cols, int bits)
{
    w->rows = rows;
    w->cols = cols;
    w->padded = (cols + 15) & ~15;
    if (bits == 0) {
        w->f = carve_floats(a, times((u64)(u32)rows, cols));
    } else {
        w->pairs = (i16 *)carve(a, times((u64)((u32)rows + 1) >> 1, w->padded), sizeof(i16));
        w->scale = carve_floats(a, (u64)(u32)rows);
    }
}

static void carve_weights(struct model *m, struct arena *a)
{
    const struct config *c = &m->config;
    struct layer counted;
    struct layer *layer;
    i32 l;

    carve_matrix(a, &m->table, c->vocab_size, c->dim, m->bits);
    m->layers = (struct layer *)carve(a, (u64)(u32)c->n_layers, sizeof *m->layers);
    for (l = 0; l < c->n_layers; l++) {
        layer = m->layers ? m->layers + l : &counted;
        layer->rms_att = carve_floats(a, (u64)(u32)c->dim);
        layer->rms_ffn = carve_floats(a, (u64)(u32)c->dim);
        carve_matrix(a, &layer->wq, c->dim, c->dim, m->bits);
        carve_matrix(a, &layer->wk, c->kv_dim, c->dim, m->bits);
        carve_matrix(a, &layer->wv, c->kv_dim, c->dim, m->bits);
        carve_matrix(a, &layer->wo, c->dim, c->dim, m->bits);
        carve_matrix(a, &layer->w1, c->hidden_dim, c->dim, m->bits);
        carve_matrix(a, &layer->w2, c->dim, c->hidden_dim, m->bits);
        carve_matrix(a, &layer->w3, c->hidden_dim, c->dim, m->bits);
    }
    m->rms_final = carve_floats(a, (u64)(u32)c->dim);
    if (c->shared)
        m->wcls = m->table;
    else
        carve_matrix(a, &m->wcls, c->vocab_size, c->dim, m->bits);
}

static void carve_state(struct model *m, struct arena *a)
{
    const struct config *c = &m->config;
    u64 dim = (u64)(u32)c->dim;
    u64 hidden = (u64)(u32)c->hidden_dim;
    u64 kv = (u64)(u32)c->kv_dim;
    u64 widest = dim > hidden ? dim : hidden;
    u64 cache = times(times(kv, c->n_layers), m->steps);

    m->cosine = carve_floats(a, times((u64)(u32)c->head_size, m->steps) >> 1);
    m->sine = carve_floats(a, times((u64)(u32)c->head_size, m->steps) >> 1);
    m->x = carve_floats(a, dim);
    m->xb = carve_floats(a, dim);
    m->xb2 = carve_floats(a, dim);
    m->hb = carve_floats(a, hidden);
    m->hb2 = carve_floats(a, hidden);
    m->hb3 = carve_floats(a, hidden);
    m->q = carve_floats(a, dim);
    m->k = carve_floats(a, kv);
    m->v = carve_floats(a, kv);
    m->att = carve_floats(a, (u64)(u32)m->steps);
    m->logits = carve_floats(a, (u64)(u32)c->vocab_size);
    m->input.q = (i16 *)carve(a, widest + 16, sizeof(i16));
    m->keys = carve_floats(a, cache);
    m->values = carve_floats(a, cache);
    m->row = carve_floats(a, widest);
    m->buffer = (u8 *)carve(a, BUFFER, 1);
}

static u64 lay_out(struct model *m, u8 *base)
{
    struct arena a;

    a.base = base;
    a.used = 0;
    carve_weights(m, &a);
    carve_state(m, &a);
    return a.used;
}

static int take_memory(struct model *m, const char *path)
{
    u64 need = lay_out(m, 0);
    u32 total, available;
    char needed[24], there[24];
    void *block = 0;

    sys_memory(&total, &available);
    if (need <= total && need < 0x7FFF0000u)
        block = sys_alloc((usize)need);
    if (!block)
        return complain(EXIT_MEMORY, "not enough memory: ", path, " needs ", text_megabytes(needed, need),
                        " MB, this machine has ", text_megabytes(there, total), " MB",
                        m->bits == 0 ? "; without -q 0 it needs about a quarter" : "", (const char *)0);
    m->memory = block;
    m->memory_bytes = (u32)need;
    lay_out(m, (u8 *)block);
    return EXIT_DONE;
}

/* ---- the weights ----------------------------------------------------------------------------- */
/* Where the reading stands. `code` is the first failure; after it reads do nothing. */
struct reader {
    const char *path;
    sys_file file;
    u8 *buffer; /* (BUFFER) */
    u32 have, at;
    int code;
};

static void refill(struct reader *r)
{
    if (sys_read(r->file, r->buffer, BUFFER, &r->have) != SYS_OK)
        r->code = complain(EXIT_NO_MODEL, "cannot read the model ", r->path, ": a read failed", (const char *)0);
    else if (r->have < 4)
        r->code = complain(EXIT_BAD_MODEL, r->path, " is cut short", (const char *)0);
    r->at = 0;
}

/* The next `count` floats of the file into `out`. BUFFER is a multiple of 4, so none is split. */
static void read_floats(struct reader *r, float *out, u64 count)
{
    u8 *to = (u8 *)out;
    u32 some, i;
    u32 word;

    while (count && !r->code) {
        if (r->have - r->at < 4) {
            refill(r);
            continue;
        }
        some = (r->have - r->at) & ~3u;
        if (some / 4 > count)
            some = (u32)count * 4;
        for (i = 0; i < some; i += 4) {
            memcpy(&word, r->buffer + r->at + i, 4);
            if ((word & 0x7F800000u) == 0x7F800000u) {
                r->code = complain(EXIT_BAD_MODEL, r->path, " is damaged: a weight in it is not a number",
                                   (const char *)0);
                return;
            }
        }
        memcpy(to, r->buffer + r->at, some);
        to += some;
        r->at += some;
        count -= some / 4;
    }
}

static void read_matrix(struct reader *r, struct matrix *w, float *row)
{
    i32 i;

    if (w->f) {
        read_floats(r, w->f, times((u64)(u32)w->rows, w->cols));
        return;
    }
    for (i = 0; i < w->rows && !r->code; i++) {
        read_floats(r, row, (u64)(u32)w->cols);
        if (!r->code)
            int8_store_row(w, i, row);
    }
}

/* What the file says of RoPE is not used; it is read, for its damage, through the row. */
static void skip_rope(struct reader *r, const struct config *c, float *row)
{
    u64 left = 2 * (times((u64)(u32)c->seq_len, c->head_size) >> 1);
    u64 some;

    for (; left && !r->code; left -= some) {
        some = left < (u64)(u32)c->dim ? left : (u64)(u32)c->dim;
        read_floats(r, row, some);
    }
}

#define EACH_LAYER(read) \
    for (l = 0; l < n; l++) \
    read

static int read_weights(struct model *m, const char *path)
{
    const struct config *c = &m->config;
    struct layer *layers = m->layers;
    u64 dim = (u64)(u32)c->dim;
    i32 n = c->n_layers;
    i32 l;
    struct reader r;

    memset(&r, 0, sizeof r);
    r.path = path;
    r.file = m->file;
    r.buffer = m->buffer;
    read_matrix(&r, &m->table, m->row);
    EACH_LAYER(read_floats(&r, layers[l].rms_att, dim));
    EACH_LAYER(read_matrix(&r, &layers[l].wq, m->row));
    EACH_LAYER(read_matrix(&r, &layers[l].wk, m->row));
    EACH_LAYER(read_matrix(&r, &layers[l].wv, m->row));
    EACH_LAYER(read_matrix(&r, &layers[l].wo, m->row));
    EACH_LAYER(read_floats(&r, layers[l].rms_ffn, dim));
    EACH_LAYER(read_matrix(&r, &layers[l].w1, m->row));
    EACH_LAYER(read_matrix(&r, &layers[l].w2, m->row));
    EACH_LAYER(read_matrix(&r, &layers[l].w3, m->row));
    read_floats(&r, m->rms_final, dim);
    skip_rope(&r, c, m->row);
    if (!c->shared)
        read_matrix(&r, &m->wcls, m->row);
    return r.code;
}

int model_load(struct model *m, const char *path, i32 steps, int bits, enum kernel kernel)
{
    int code;

    m->steps = steps;
    m->bits = bits;
    m->kernel = kernel;
    code = take_memory(m, path);
    if (!code && sys_seek(m->file, MODEL_HEADER) != SYS_OK)
        code = complain(EXIT_NO_MODEL, "cannot read the model ", path, ": a read failed", (const char *)0);
    if (!code)
        code = read_weights(m, path);
    sys_close(m->file);
    m->file = SYS_NO_FILE;
    if (!code)
        rope_tables(m->cosine, m->sine, steps, m->config.head_size);
    else
        model_close(m);
    return code;
}
