/* stream.c - a container's weights: as many in memory as fit, the others read from the disk when they are needed.
 *
 * What is read most for its bytes comes into memory first: the classifier, then layers, the first ones first; a classifier for
 * which there is no room comes last, as many of its rows as fit. Of a layer that is not there the vectors and
 * matrices are read in the order of the file, into one buffer: what a kernel takes next comes when it asks for it, is
 * multiplied while it is still in a cache, and is then forgotten; so it is with the classifier. Whatever is read is compared with its check, also the hundredth time: a disk may fail in between. What is computed is
 * the same, whatever is where. */
#include "container.h"

struct stream {
    u8 *buffer;
    u32 size;
    i32 table_rows, classifier_rows; /* that are here, the first ones */
    u8 **layers;                     /* (n_layers) where a layer is, or NULL */
    const struct section *table, *classifier, *first_layer;
    u8 *vectors_end, *free;  /* in the buffer: after a part's vectors; where a kernel's rows come */
    struct sums sums;        /* of the layer that is being read */
    struct sums *summing;    /* what is being read is added to these */
    int code;                /* the first failure of a kernel's reading */
    struct sums here_sums;   /* of the scales and rows of the classifier that are here */
};

/* ---- the plan -------------------------------------------------------------------------------- */
/* How much memory what takes; a plan is made before any is taken. */
struct plan {
    i32 table_rows, classifier_rows;
    i32 layers_here;
    u32 buffer;
    u32 upper; /* of a shortlist: the last to come in */
    u64 need;
};

/* How many bytes four of its rows have; and all that are before a row, a multiple of 16. */
static u32 four_bytes(const struct matrix *w)
{
    return w->encoding == ENC_INT4 ? (u32)w->padded / 32 * 80 : (u32)w->padded * 4;
}

static u64 bytes_before(const struct matrix *w, i32 row)
{
    return row == w->rows ? matrix_bytes(w) : matrix_scales(w) + (u64)(u32)(row / 4) * four_bytes(w);
}

/* What a matrix needs of the buffer: its scales, and what its kernel asks for at once. */
static u64 bytes_for(const struct matrix *w)
{
    return matrix_scales(w) + matrix_block(w);
}

static u64 larger(u64 a, u64 b)
{
    return a > b ? a : b;
}

/* The buffer for all layers from `layer` on, and for the classifier. */
static u32 buffer_for(const struct model *m, i32 layer, int classifier_here)
{
    const struct section *s = container_find(m, SECTION_LAYER, 0);
    u64 most = larger((u64)(u32)m->table.padded * 2, classifier_here ? 0 : matrix_block(&m->wcls)); /* a pair of embeddings */

    for (s += layer; layer < m->config.n_layers; layer++, s++) {
        const struct matrix *w;
        struct layer_parts parts;
        struct layer l;
        u64 vectors = 0;
        int p;
        memset(&parts, 0, sizeof parts);
        layer_point(&m->config, &l, s->encodings, &parts);
        for (p = 0; p < PARTS_OF_LAYER; p++)
            vectors = larger(vectors, parts.vectors[p]);
        for (w = &l.wk; w <= &l.w2; w++)
            most = larger(most, vectors + bytes_for(w));
    }
    return (u32)most;
}

static void lay_out(struct model *m, struct arena *a, const struct plan *plan);

static u64 need_of(struct model *m, struct plan *plan)
{
    struct arena a;

    plan->buffer = buffer_for(m, plan->layers_here, plan->classifier_rows == m->wcls.rows);
    a.base = 0;
    a.used = 0;
    lay_out(m, &a, plan);
    return a.used;
}

/* The classifier's rows, which are the table's when it is tied. */
static void take_rows(struct model *m, struct plan *plan, i32 rows)
{
    plan->classifier_rows = rows;
    if (m->config.flags & FLAG_TIED)
        plan->table_rows = rows;
    plan->need = need_of(m, plan);
}

/* As much as `room` holds, at least what must be. */
static void make_plan(struct model *m, struct plan *plan, u32 room)
{
    i32 all = m->config.n_layers, rows;

    memset(plan, 0, sizeof *plan);
    plan->table_rows = m->config.vocab_size;
    plan->layers_here = all;
    plan->upper = (u32)shortlist_bytes(m);
    take_rows(m, plan, m->config.vocab_size);
    if (plan->need > room && plan->upper) {
        plan->upper = 0;
        plan->need = need_of(m, plan);
    }
    if (plan->need > room && !(m->config.flags & FLAG_TIED)) {
        plan->table_rows = 0;
        plan->need = need_of(m, plan);
    }
    while (plan->need > room && plan->layers_here > 0) {
        plan->layers_here--;
        plan->need = need_of(m, plan);
    }
    if (plan->need <= room)
        return;
    take_rows(m, plan, 0);
    while (plan->need <= room && plan->layers_here < all) {
        plan->layers_here++;
        plan->need = need_of(m, plan);
    }
    if (plan->need > room && plan->layers_here > 0) {
        plan->layers_here--;
        plan->need = need_of(m, plan);
    }
    if (plan->need > room || !matrix_by_rows(&m->wcls))
        return;
    room -= (u32)plan->need;
    rows = room > 64 ? (i32)((room - 64) / four_bytes(&m->wcls)) / (ROWS_AT_ONCE / 4) * ROWS_AT_ONCE : 0; /* 64: what rounding may add */
    take_rows(m, plan, rows < m->config.vocab_size ? rows : (m->config.vocab_size - 1) / ROWS_AT_ONCE * ROWS_AT_ONCE);
}

/* ---- memory ---------------------------------------------------------------------------------- */
static void place_table(struct model *m, struct arena *a, const struct plan *plan)
{
    u8 *at;

    at = (u8 *)arena_carve(a, bytes_before(&m->table, plan->table_rows), 1);
    if (at)
        matrix_point(&m->table, at);
    if (m->config.flags & FLAG_TIED) {
        m->wcls = m->table;
        return;
    }
    at = (u8 *)arena_carve(a, bytes_before(&m->wcls, plan->classifier_rows), 1);
    if (at)
        matrix_point(&m->wcls, at);
}

static void lay_out(struct model *m, struct arena *a, const struct plan *plan)
{
    const struct section *layers = container_find(m, SECTION_LAYER, 0);
    u64 n = (u64)(u32)m->config.n_layers;
    struct stream *stream;
    i32 l;

    m->upper_bytes = plan->upper;
    layout_state(m, a);
    m->rms_final = (float *)arena_carve(a, container_find(m, SECTION_FINAL, 0)->bytes, 1);
    stream = (struct stream *)arena_carve(a, 1, sizeof *stream);
    m->layers = (struct layer *)arena_carve(a, n, sizeof *m->layers);
    place_table(m, a, plan);
    if (stream)
        stream->layers = (u8 **)arena_carve(a, n, sizeof *stream->layers);
    else
        arena_carve(a, n, sizeof *stream->layers);
    for (l = 0; l < plan->layers_here; l++) {
        u8 *at = (u8 *)arena_carve(a, layers[l].bytes, 1);
        if (stream)
            stream->layers[l] = at;
    }
    if (stream) {
        stream->size = plan->buffer;
        stream->buffer = (u8 *)arena_carve(a, plan->buffer, 1);
        stream->table_rows = plan->table_rows;
        stream->classifier_rows = plan->classifier_rows;
        m->stream = stream;
    } else {
        arena_carve(a, plan->buffer, 1);
    }
}

/* ---- loading --------------------------------------------------------------------------------- */
static void point_at_all(const struct model *m, i32 layer, u8 *at)
{
    const struct section *s = m->stream->first_layer + layer;
    struct layer_parts parts;
    int p;

    memset(&parts, 0, sizeof parts);
    layer_point(&m->config, m->layers + layer, s->encodings, &parts);
    for (p = 0; p < PARTS_OF_LAYER; p++) {
        parts.at[p] = at;
        at += parts.bytes[p];
    }
    layer_point(&m->config, m->layers + layer, s->encodings, &parts);
}

/* A matrix of the vocabulary: all of it, or its scales and some rows. */
static int load_matrix(struct model *m, const struct section *s, const struct matrix *w, i32 rows, struct sums *sums)
{
    int code;

    if (rows == w->rows)
        return section_load(m, s, (u8 *)w->scale);
    code = container_seek(m, s, 0);
    memset(sums, 0, sizeof *sums);
    return code ? code : section_read(m, (u8 *)w->scale, (u32)bytes_before(w, rows), sums);
}

static int load_rope(struct model *m)
{
    const struct section *s = container_find(m, SECTION_ROPE, 0);
    i32 half = m->config.head_size / 2;
    u8 *bytes = 0;
    float *frequencies;
    int code = section_take(m, s, &bytes);
    i32 i;

    if (code)
        return code;
    frequencies = (float *)(void *)bytes;
    for (i = 0; i < half && !code; i++)
        if (!(frequencies[i] >= 0.0f && frequencies[i] <= 16.0f))
            code = complain(EXIT_BAD_MODEL, m->container.path, " is damaged: a frequency is out of bounds", (const char *)0);
    if (!code)
        rope_tables(m->cosine, m->sine, frequencies, m->steps, half, m->config.rope_factor);
    sys_free(bytes, s->bytes);
    return code;
}

static int load_all(struct model *m)
{
    struct stream *stream = m->stream;
    struct sums sums;
    i32 l;
    int code;

    stream->table = container_find(m, SECTION_TABLE, 0);
    stream->classifier = m->config.flags & FLAG_TIED ? stream->table : container_find(m, SECTION_CLASSIFIER, 0);
    stream->first_layer = container_find(m, SECTION_LAYER, 0);
    code = load_rope(m);
    if (!code)
        code = section_load(m, container_find(m, SECTION_FINAL, 0), (u8 *)m->rms_final);
    if (!code)
        code = load_matrix(m, stream->table, &m->table, stream->table_rows, &sums);
    if (m->config.flags & FLAG_TIED)
        stream->here_sums = sums;
    else if (!code)
        code = load_matrix(m, stream->classifier, &m->wcls, stream->classifier_rows, &stream->here_sums);
    for (l = 0; l < m->config.n_layers && !code; l++)
        if (stream->layers[l]) {
            code = section_load(m, stream->first_layer + l, stream->layers[l]);
            point_at_all(m, l, stream->layers[l]);
        }
    if (!code)
        shortlist_make(m);
    m->container.loaded = m->container.read;
    m->container.read = 0;
    return code;
}

/* Tokens at once: no more than the prompt has, where it is known. */
static i32 most_of(const struct model *m, i32 most)
{
    if (m->sweep && m->sweep < most)
        most = m->sweep;
    return m->steps < most ? m->steps : most;
}

int container_load(struct model *m, const char *path)
{
    u32 room = m->room;
    struct plan plan;
    struct arena a;
    int code;

    m->bits = 8;
    m->most = most_of(m, 24);
    make_plan(m, &plan, room);
    if (plan.layers_here < m->config.n_layers) {
        m->most = most_of(m, 64);
        make_plan(m, &plan, room);
    }
    if (plan.need > room) {
        char needed[24], there[24];
        return complain(EXIT_MEMORY, "not enough memory: ", path, " needs ", text_megabytes(needed, plan.need),
                        " MB even when it is read from the disk for every word, and ", text_megabytes(there, room),
                        " MB are free", (const char *)0);
    }
    code = layout_take(m, path, plan.need, "");
    if (code)
        return code;
    a.base = (u8 *)m->memory;
    a.used = 0;
    lay_out(m, &a, &plan);
    return load_all(m);
}

/* ---- in the pass ----------------------------------------------------------------------------- */
int stream_part(struct model *m, i32 layer, enum part part)
{
    struct stream *stream = m->stream;
    const struct section *s;
    struct layer_parts parts;
    u32 before = 0;
    int code = EXIT_DONE, p;

    if (!stream || stream->layers[layer])
        return EXIT_DONE;
    s = stream->first_layer + layer;
    memset(&parts, 0, sizeof parts);
    layer_point(&m->config, m->layers + layer, s->encodings, &parts);
    for (p = 0; p < (int)part; p++)
        before += (u32)parts.bytes[p];
    if (part == PART_QKV)
        memset(&stream->sums, 0, sizeof stream->sums);
    code = container_seek(m, s, before);
    if (!code)
        code = section_read(m, stream->buffer, (u32)parts.vectors[part], &stream->sums);
    stream->vectors_end = stream->buffer + parts.vectors[part];
    parts.at[part] = stream->buffer;
    layer_point(&m->config, m->layers + layer, s->encodings, &parts);
    return code;
}

/* What a kernel asks for. It gets something after a failure, too. */
static const u8 *read_more(const struct matrix *w, u32 bytes)
{
    struct model *m = w->owner;
    struct stream *stream = m->stream;

    if (!stream->code)
        stream->code = section_read(m, stream->free, bytes, stream->summing);
    return stream->free;
}

static void read_from_disk(struct model *m, struct matrix *w, u8 *at, struct sums *sums)
{
    m->stream->free = at;
    m->stream->summing = sums;
    m->stream->code = EXIT_DONE;
    w->owner = m;
    w->more = read_more;
}

int stream_multiply(struct model *m, i32 layer, const struct product *p, int count, i32 n_inputs)
{
    struct stream *stream = m->stream;
    int code = EXIT_DONE;

    if (!stream || stream->layers[layer]) {
        multiply(p, count, m->inputs, n_inputs, m->kernel);
        return EXIT_DONE;
    }
    for (; count && !code; count--, p++) {
        struct matrix w = *p->w;
        struct product q = *p;
        u8 *at = stream->vectors_end;
        u32 scales = (u32)matrix_scales(&w);
        q.w = &w;
        matrix_point(&w, at);
        code = section_read(m, at, scales, &stream->sums);
        read_from_disk(m, &w, at + scales, &stream->sums);
        if (!code) {
            multiply(&q, 1, m->inputs, n_inputs, m->kernel);
            code = stream->code;
        }
    }
    return code;
}

int stream_end(struct model *m, i32 layer)
{
    struct stream *stream = m->stream;
    const struct section *s;

    if (!stream || stream->layers[layer])
        return EXIT_DONE;
    s = stream->first_layer + layer;
    return sums_check(&stream->sums) == s->check ? EXIT_DONE : container_differs(m, s);
}

int stream_embed(struct model *m, i32 token, float *x)
{
    struct stream *stream = m->stream;
    struct matrix pair = m->table;
    u32 bytes = (u32)m->table.padded * 2;
    int code;

    if (!stream || token < stream->table_rows) {
        int8_load_row(&m->table, token, x);
        return EXIT_DONE;
    }
    code = container_seek(m, stream->table, (u32)matrix_scales(&m->table) + (u32)(token >> 1) * bytes);
    if (!code)
        code = section_read(m, stream->buffer, bytes, 0);
    matrix_from(&pair, &m->table, token & ~1);
    pair.pairs = (i16 *)(void *)stream->buffer;
    int8_load_row(&pair, token & 1, x);
    return code;
}

/* The classifier: the rows that are here, then the others. */
static int classify_from_disk(struct model *m)
{
    struct stream *stream = m->stream;
    const struct section *s = stream->classifier;
    struct sums sums = stream->here_sums;
    struct matrix w = m->wcls;
    i32 here = stream->classifier_rows;
    int code = container_seek(m, s, (u32)bytes_before(&w, here));

    if (code)
        return code;
    w.rows = here;
    if (here)
        classify_rows(m, &w, 0);
    w.rows = m->wcls.rows - here;
    matrix_from(&w, &m->wcls, here);
    read_from_disk(m, &w, stream->buffer, &sums);
    classify_rows(m, &w, here);
    if (!stream->code && sums_check(&sums) != s->check)
        return container_differs(m, s);
    return stream->code;
}

int stream_classify(struct model *m)
{
    if (shortlist_best(m))
        return EXIT_DONE;
    if (m->stream && m->stream->classifier_rows < m->wcls.rows)
        return classify_from_disk(m);
    classify_rows(m, &m->wcls, 0);
    return EXIT_DONE;
}
