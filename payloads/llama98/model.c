/* model.c - the weights of a checkpoint, either as they are or as 8-bit ones, row by row, and the room to work in.
 *
 * After the header come floats: token embedding, rms_att of all layers, wq of all layers, wk, wv, wo,
 * rms_ffn, w1, w2, w3, rms_final, two RoPE tables that nobody uses any more, and the classifier unless
 * it is shared. A weight that is not finite is damage. */
#include "container.h"

#define BUFFER 32768u

static u64 times(u64 a, i32 b)
{
    return a * (u64)(u32)b; /* header.c keeps every product under 2^63 */
}

/* ---- memory ---------------------------------------------------------------------------------- */
static void carve_matrix(struct arena *a, struct matrix *w, i32 rows, i32 cols, int bits)
{
    w->rows = rows;
    w->cols = cols;
    w->padded = (cols + 15) & ~15;
    w->encoding = bits ? ENC_INT8 : ENC_F32;
    if (bits == 0) {
        w->f = arena_floats(a, times((u64)(u32)rows, cols));
    } else {
        w->pairs = (i16 *)arena_carve(a, times((u64)((u32)rows + 1) >> 1, w->padded), sizeof(i16));
        w->scale = arena_floats(a, (u64)(u32)rows);
    }
}

static void carve_weights(struct model *m, struct arena *a)
{
    const struct config *c = &m->config;
    struct layer counted;
    struct layer *layer;
    i32 l;

    carve_matrix(a, &m->table, c->vocab_size, c->dim, m->bits);
    m->layers = (struct layer *)arena_carve(a, (u64)(u32)c->n_layers, sizeof *m->layers);
    for (l = 0; l < c->n_layers; l++) {
        layer = m->layers ? m->layers + l : &counted;
        layer->rms_att = arena_floats(a, (u64)(u32)c->dim);
        layer->rms_ffn = arena_floats(a, (u64)(u32)c->dim);
        carve_matrix(a, &layer->wq, c->dim, c->dim, m->bits);
        carve_matrix(a, &layer->wk, c->kv_dim, c->dim, m->bits);
        carve_matrix(a, &layer->wv, c->kv_dim, c->dim, m->bits);
        carve_matrix(a, &layer->wo, c->dim, c->dim, m->bits);
        carve_matrix(a, &layer->w1, c->hidden_dim, c->dim, m->bits);
        carve_matrix(a, &layer->w2, c->dim, c->hidden_dim, m->bits);
        carve_matrix(a, &layer->w3, c->hidden_dim, c->dim, m->bits);
    }
    m->rms_final = arena_floats(a, (u64)(u32)c->dim);
    if (c->flags & FLAG_TIED)
        m->wcls = m->table;
    else
        carve_matrix(a, &m->wcls, c->vocab_size, c->dim, m->bits);
}

static u64 lay_out(struct model *m, u8 *base)
{
    struct arena a;
    i32 widest = m->config.dim > m->config.hidden_dim ? m->config.dim : m->config.hidden_dim;

    a.base = base;
    a.used = 0;
    carve_weights(m, &a);
    layout_state(m, &a);
    m->row = arena_floats(&a, (u64)(u32)widest);
    m->buffer = (u8 *)arena_carve(&a, BUFFER, 1);
    return a.used;
}

/* A shortlist comes in only where memory is free. */
static int take_memory(struct model *m, const char *path)
{
    u64 need = lay_out(m, 0);
    u32 total, available;
    int code;

    sys_memory(&total, &available);
    if (need + shortlist_bytes(m) <= available / 2) {
        m->upper_bytes = (u32)shortlist_bytes(m);
        need = lay_out(m, 0);
    }
    code = layout_take(m, path, need, m->bits == 0 ? "; without -q 0 it needs about a quarter" : "");
    if (!code)
        lay_out(m, (u8 *)m->memory);
    return code;
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
    if (!(c->flags & FLAG_TIED))
        read_matrix(&r, &m->wcls, m->row);
    return r.code;
}

/* llama2.c's angles. The frequencies stand in the first activations for a moment. */
static void turn(struct model *m)
{
    rope_frequencies(m->x, m->config.head_size);
    rope_tables(m->cosine, m->sine, m->x, m->steps, m->config.head_size / 2, 1.0f);
}

int model_load(struct model *m, const char *path, i32 steps, int bits, enum kernel kernel)
{
    int code;

    m->steps = steps;
    m->kernel = kernel;
    if (m->container.sections)
        return container_load(m, path);
    m->bits = bits;
    m->most = steps < 8 ? steps : 8;
    code = take_memory(m, path);
    if (!code && sys_seek(m->file, MODEL_HEADER) != SYS_OK)
        code = complain(EXIT_NO_MODEL, "cannot read the model ", path, ": a read failed", (const char *)0);
    if (!code)
        code = read_weights(m, path);
    sys_close(m->file);
    m->file = SYS_NO_FILE;
    if (!code) {
        turn(m);
        shortlist_make(m);
    } else {
        model_close(m);
    }
    return code;
}
