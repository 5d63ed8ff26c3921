/* model.c - reads a llama2.c checkpoint, either as it is or into 8-bit weights row by row.
 *
 * The file: seven 32-bit integers (a negative vocabulary size says that the classifier is a matrix of
 * its own), then floats: token embedding, rms_att of all layers, wq of all layers, wk, wv, wo,
 * rms_ffn, w1, w2, w3, rms_final, two RoPE tables that nobody uses any more, and the classifier unless
 * it is shared. Little-endian, as are all machines this runs on.
 *
 * The length must be exactly what the header asks for: so a cut file, a wrong file and most wrong numbers
 * are noticed before anything is allocated. Weights that are not finite are damage, too. */
#include "llama98.h"

#define HEADER 28u
#define BUFFER 32768u

/* ---- the header ------------------------------------------------------------------------------ */
static i32 get_i32(const u8 *p)
{
    return (i32)((u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24);
}

static u64 times(u64 a, i32 b)
{
    return a * (u64)(u32)b; /* the limits below keep every product under 2^63 */
}

/* The floats after the header. */
static u64 float_count(const struct config *c)
{
    u64 dim = (u64)(u32)c->dim;
    u64 table = times(dim, c->vocab_size);
    u64 layer = 2 * dim + 2 * times(dim, c->dim) + 2 * times(dim, c->kv_dim) +
                3 * times(dim, c->hidden_dim);
    u64 rope = 2 * (times((u64)(u32)c->seq_len, c->head_size) >> 1);

    return table + times(layer, c->n_layers) + dim + rope + (c->shared ? 0 : table);
}

static const struct field {
    const char *name;
    i32 most;
} fields[7] = {{"dim", 1 << 16},     {"hidden_dim", 1 << 18}, {"n_layers", 1 << 12}, {"n_heads", 1 << 16},
               {"n_kv_heads", 1 << 16}, {"vocab_size", 1 << 20}, {"seq_len", 1 << 20}};

static int bad_header(const char *path, const char *name, i32 value)
{
    char number[16];

    return complain(EXIT_BAD_MODEL, path, " is damaged or no llama2.c checkpoint: its ", name, " is ",
                    text_number(number, value), (const char *)0);
}

/* Other formats that people try, told by their first four bytes. */
static int other_format(const char *path, u32 magic)
{
    if (magic == 0x616B3432u)
        return complain(EXIT_BAD_MODEL, path,
                        " is a llama2.c checkpoint of a later version: export it with --version 0", (const char *)0);
    if (magic == 0x46554747u)
        return complain(EXIT_BAD_MODEL, path, " is a GGUF file: a llama2.c .bin checkpoint is needed", (const char *)0);
    return EXIT_DONE;
}

static int judge_numbers(struct config *c, const char *path, const u8 *header)
{
    i32 value[7];
    int i;

    for (i = 0; i < 7; i++)
        value[i] = get_i32(header + 4 * i);
    c->shared = value[5] > 0;
    if (value[5] < 0 && value[5] >= -fields[5].most)
        value[5] = -value[5];
    for (i = 0; i < 7; i++)
        if (value[i] <= 0 || value[i] > fields[i].most)
            return bad_header(path, fields[i].name, value[i]);
    c->dim = value[0];
    c->hidden_dim = value[1];
    c->n_layers = value[2];
    c->n_heads = value[3];
    c->n_kv_heads = value[4];
    c->vocab_size = value[5];
    c->seq_len = value[6];
    if (c->dim % c->n_heads || c->dim / c->n_heads % 2)
        return bad_header(path, "n_heads", c->n_heads);
    if (c->n_heads % c->n_kv_heads)
        return bad_header(path, "n_kv_heads", c->n_kv_heads);
    if (c->vocab_size <= TOKEN_BOS)
        return bad_header(path, "vocab_size", c->vocab_size);
    c->head_size = c->dim / c->n_heads;
    c->kv_dim = c->head_size * c->n_kv_heads;
    return EXIT_DONE;
}

static int judge_length(const struct config *c, const char *path, u32 length)
{
    char is[16], should[16];
    u64 expected = HEADER + 4 * float_count(c);

    if (expected == length)
        return EXIT_DONE;
    text_megabytes(is, length);
    text_megabytes(should, expected);
    if (expected < (1u << 31) && length < (1u << 31)) {
        text_number(is, (i32)length);
        text_number(should, (i32)expected);
    }
    return complain(EXIT_BAD_MODEL, path, length < expected ? " is cut short: " : " is damaged: ", is,
                    expected < (1u << 31) ? " bytes, its header asks for " : " MB, its header asks for ",
                    should, (const char *)0);
}

static int judge_header(struct model *m, const char *path)
{
    u8 header[HEADER];
    u32 got, length;
    int code;

    if (sys_length(m->file, &length) != SYS_OK || sys_read(m->file, header, HEADER, &got) != SYS_OK)
        return complain(EXIT_NO_MODEL, "cannot read the model ", path, (const char *)0);
    if (length == 0)
        return complain(EXIT_BAD_MODEL, path, " is empty", (const char *)0);
    if (got >= 4) {
        code = other_format(path, (u32)get_i32(header));
        if (code)
            return code;
    }
    if (got < HEADER)
        return complain(EXIT_BAD_MODEL, path, " is cut short: it ends within its header", (const char *)0);
    code = judge_numbers(&m->config, path, header);
    return code ? code : judge_length(&m->config, path, length);
}

int model_open(struct model *m, const char *path)
{
    int status, code;

    memset(m, 0, sizeof *m);
    status = sys_open(&m->file, path, SYS_READ);
    if (status != SYS_OK) {
        m->file = SYS_NO_FILE;
        return complain(EXIT_NO_MODEL, "cannot read the model ", path,
                        status == SYS_MISSING ? ": there is no such file" : "", (const char *)0);
    }
    code = judge_header(m, path);
    if (code)
        model_close(m);
    return code;
}

void model_close(struct model *m)
{
    sys_close(m->file);
    m->file = SYS_NO_FILE;
    sys_free(m->memory, m->memory_bytes);
    m->memory = 0;
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
    if (!code && sys_seek(m->file, HEADER) != SYS_OK)
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
