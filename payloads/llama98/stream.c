/* stream.c - a container's weights: as many in memory as fit, the others read from the disk when they are needed.
 *
 * What is read most for its bytes comes into memory first: the classifier, then layers, the first ones first. Of a layer that
 * is not there one part is read after the other into one buffer, in the order of the file; of the classifier, some rows at
 * a time. Whatever is read is compared with its check, also the hundredth time: a disk may fail in between. What is computed is
 * the same, whatever is where. */
#include "container.h"

struct stream {
    u8 *buffer;
    u32 size;
    int table_here, classifier_here; /* all rows */
    u8 **layers;                     /* (n_layers) where a layer is, or NULL */
    const struct section *table, *classifier, *first_layer;
    struct sums sums;        /* of the layer that is being read */
    struct sums scale_sums;  /* of the scales of the classifier */
};

/* ---- the plan -------------------------------------------------------------------------------- */
/* How much memory what takes; a plan is made before any is taken. */
struct plan {
    int table_here, classifier_here;
    i32 layers_here;
    u32 buffer;
    u32 upper; /* of a shortlist: the last to come in */
    u64 need;
};

static u64 scales_bytes(const struct matrix *w)
{
    return (((u64)(u32)w->rows + 3) & ~(u64)3) * sizeof(float);
}

/* The buffer for the parts of all layers from `layer` on, and for the classifier. */
static u32 buffer_for(const struct model *m, i32 layer, int classifier_here)
{
    const struct section *s = container_find(m, SECTION_LAYER, 0);
    u64 most = 0;
    u32 p;

    for (s += layer; layer < m->config.n_layers; layer++, s++) {
        struct layer_parts parts;
        struct layer w;
        memset(&parts, 0, sizeof parts);
        layer_point(&m->config, &w, s->encodings, &parts);
        for (p = 0; p < PARTS_OF_LAYER; p++)
            if (parts.bytes[p] > most)
                most = parts.bytes[p];
    }
    if (!classifier_here) {
        u64 least = matrix_by_rows(&m->wcls) ? 1u << 20 : matrix_bytes(&m->wcls);
        if (most < least)
            most = least;
    }
    return (u32)most;
}

static void lay_out(struct model *m, struct arena *a, const struct plan *plan);

static u64 need_of(struct model *m, struct plan *plan)
{
    struct arena a;

    plan->buffer = buffer_for(m, plan->layers_here, plan->classifier_here);
    a.base = 0;
    a.used = 0;
    lay_out(m, &a, plan);
    return a.used;
}

/* As much as `room` holds, at least what must be. */
static void make_plan(struct model *m, struct plan *plan, u64 room)
{
    memset(plan, 0, sizeof *plan);
    plan->table_here = plan->classifier_here = 1;
    plan->layers_here = m->config.n_layers;
    plan->upper = (u32)shortlist_bytes(m);
    plan->need = need_of(m, plan);
    if (plan->need > room && plan->upper) {
        plan->upper = 0;
        plan->need = need_of(m, plan);
    }
    if (plan->need <= room)
        return;
    if (!(m->config.flags & FLAG_TIED)) {
        plan->table_here = 0;
        plan->need = need_of(m, plan);
    }
    while (plan->need > room && plan->layers_here > 0) {
        plan->layers_here--;
        plan->need = need_of(m, plan);
    }
    if (plan->need > room) {
        plan->classifier_here = 0;
        if (m->config.flags & FLAG_TIED)
            plan->table_here = 0;
        plan->need = need_of(m, plan);
        while (plan->need <= room && plan->layers_here < m->config.n_layers) {
            plan->layers_here++;
            plan->need = need_of(m, plan);
        }
        if (plan->need > room && plan->layers_here > 0) {
            plan->layers_here--;
            plan->need = need_of(m, plan);
        }
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */
static void place_table(struct model *m, struct arena *a, const struct plan *plan)
{
    u8 *at;

    at = (u8 *)arena_carve(a, plan->table_here ? matrix_bytes(&m->table) : scales_bytes(&m->table), 1);
    if (at)
        matrix_point(&m->table, at);
    if (m->config.flags & FLAG_TIED) {
        m->wcls = m->table;
        return;
    }
    at = (u8 *)arena_carve(a, plan->classifier_here ? matrix_bytes(&m->wcls) : scales_bytes(&m->wcls), 1);
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
        stream->table_here = plan->table_here;
        stream->classifier_here = plan->classifier_here;
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

/* A matrix of the vocabulary: all of it, or its scales. */
static int load_matrix(struct model *m, const struct section *s, const struct matrix *w, int here, struct sums *sums)
{
    int code;

    if (here)
        return section_load(m, s, (u8 *)w->scale);
    code = container_seek(m, s, 0);
    memset(sums, 0, sizeof *sums);
    return code ? code : section_read(m, (u8 *)w->scale, (u32)scales_bytes(w), sums);
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
        code = load_matrix(m, stream->table, &m->table, stream->table_here, &sums);
    if (m->config.flags & FLAG_TIED)
        stream->scale_sums = sums;
    else if (!code)
        code = load_matrix(m, stream->classifier, &m->wcls, stream->classifier_here, &stream->scale_sums);
    for (l = 0; l < m->config.n_layers && !code; l++)
        if (stream->layers[l]) {
            code = section_load(m, stream->first_layer + l, stream->layers[l]);
            point_at_all(m, l, stream->layers[l]);
        }
    if (!code)
        shortlist_make(m);
    m->container.read = 0;
    return code;
}

int container_load(struct model *m, const char *path)
{
    u32 room = m->room;
    struct plan plan;
    struct arena a;
    int code;

    m->bits = 8;
    m->most = m->steps < 8 ? m->steps : 8;
    make_plan(m, &plan, room);
    if (plan.layers_here < m->config.n_layers) {
        m->most = m->steps < 64 ? m->steps : 64;
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
        code = section_read(m, stream->buffer, (u32)parts.bytes[part], &stream->sums);
    if (!code && part == PART_DOWN && sums_check(&stream->sums) != s->check)
        code = container_differs(m, s);
    parts.at[part] = stream->buffer;
    layer_point(&m->config, m->layers + layer, s->encodings, &parts);
    return code;
}

int stream_embed(struct model *m, i32 token, float *x)
{
    struct stream *stream = m->stream;
    struct matrix pair = m->table;
    u32 bytes = (u32)m->table.padded * 2;
    float scales[2];
    int code;

    if (!stream || stream->table_here) {
        int8_load_row(&m->table, token, x);
        return EXIT_DONE;
    }
    code = container_seek(m, stream->table, (u32)scales_bytes(&m->table) + (u32)(token >> 1) * bytes);
    if (!code)
        code = section_read(m, stream->buffer, bytes, 0);
    scales[0] = m->table.scale[token & ~1];
    scales[1] = m->table.scale[token];
    pair.scale = scales;
    pair.pairs = (i16 *)(void *)stream->buffer;
    int8_load_row(&pair, token & 1, x);
    return code;
}

/* The classifier in pieces of whole fours of rows; the last one ends with the section. */
static int classify_by_rows(struct model *m)
{
    struct stream *stream = m->stream;
    const struct section *s = stream->classifier;
    const struct matrix *all = &m->wcls;
    struct sums sums = stream->scale_sums;
    u32 left = s->bytes - (u32)scales_bytes(all);
    u32 four = all->encoding == ENC_INT8 ? (u32)all->padded * 4 : (u32)all->padded / 32 * 80;
    u32 some = stream->size / four / 4 * 4; /* fours at once; so many that every piece is a multiple of 16 bytes */
    struct matrix rows = *all;
    i32 row;
    int code = container_seek(m, s, (u32)scales_bytes(all));

    rows.pairs = (i16 *)(void *)stream->buffer;
    rows.codes = stream->buffer;
    for (row = 0; row < all->rows && !code; row += rows.rows) {
        u32 bytes;
        rows.rows = all->rows - row < (i32)(4 * some) ? all->rows - row : (i32)(4 * some);
        bytes = row + rows.rows == all->rows ? left : some * four;
        left -= bytes;
        rows.scale = all->scale + row;
        code = section_read(m, stream->buffer, bytes, &sums);
        if (!code)
            classify_rows(m, &rows, row);
    }
    if (!code && sums_check(&sums) != s->check)
        code = container_differs(m, s);
    return code;
}

int stream_classify(struct model *m)
{
    struct stream *stream = m->stream;
    int code = EXIT_DONE;

    if (shortlist_best(m))
        return EXIT_DONE;
    if (stream && !stream->classifier_here) {
        if (matrix_by_rows(&m->wcls))
            return classify_by_rows(m);
        code = section_load(m, stream->classifier, stream->buffer);
        matrix_point(&m->wcls, stream->buffer);
    }
    if (!code)
        classify_rows(m, &m->wcls, 0);
    return code;
}
