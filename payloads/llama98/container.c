/* container.c - opens a container (.L98, docs/formats.md) and judges its head before anything is allocated for it.
 *
 * Every number is bounded, every size is computed and compared, every section has a check. After this no other part of the
 * program doubts a size. */
#include "container.h"

#define HEAD 256u
#define ENTRY 32u
#define MOST_HEAD 65536u
#define PART_HEAD 4096u
#define MOST_VOLUME (512u << 20)

static const u8 magic[8] = {'L', 'L', 'A', 'M', 'A', '9', '8', 0x1A};
static const u8 part_magic[8] = {'L', '9', '8', 'P', 'A', 'R', 'T', 0x1A};

static u32 get(const u8 *p)
{
    return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static float get_float(const u8 *p)
{
    float value;

    memcpy(&value, p, 4);
    return value;
}

int container_is(const u8 *first, u32 got)
{
    return got >= 8 && memcmp(first, magic, 8) == 0;
}

static int bad(const char *path, const char *what)
{
    return complain(EXIT_BAD_MODEL, path, " is damaged: ", what, (const char *)0);
}

static int bad_number(const char *path, const char *name, u32 value)
{
    char number[16];

    return complain(EXIT_BAD_MODEL, path, " is damaged: its ", name, " is ", text_number(number, (i32)value),
                    (const char *)0);
}

/* ---- the numbers ----------------------------------------------------------------------------- */
static const struct bound {
    const char *name;
    u32 least, most;
} bounds[] = {{"dim", 16, 16384},       {"hidden", 16, 65536},  {"layers", 1, 1024},
              {"heads", 1, 256},        {"kv_heads", 1, 256},   {"head_size", 2, 512},
              {"vocab", 16, 1u << 19},  {"context", 2, 1u << 20}, {"flags", 0, 31}};

static int good_float(float value, float most)
{
    return value > 0.0f && value <= most; /* false for a NaN */
}

static int judge_numbers(struct model *m, const char *path, const u8 *head)
{
    struct config *c = &m->config;
    u32 value[9];
    u32 i;

    for (i = 0; i < 9; i++) {
        value[i] = get(head + 44 + 4 * i);
        if (value[i] < bounds[i].least || value[i] > bounds[i].most)
            return bad_number(path, bounds[i].name, value[i]);
    }
    c->dim = (i32)value[0];
    c->hidden_dim = (i32)value[1];
    c->n_layers = (i32)value[2];
    c->n_heads = (i32)value[3];
    c->n_kv_heads = (i32)value[4];
    c->head_size = (i32)value[5];
    c->vocab_size = (i32)value[6];
    c->seq_len = (i32)value[7];
    c->flags = value[8];
    if (c->dim % 2 || c->head_size % 2)
        return bad_number(path, c->dim % 2 ? "dim" : "head_size", value[c->dim % 2 ? 0 : 5]);
    if (c->n_heads % c->n_kv_heads)
        return bad_number(path, "kv_heads", value[4]);
    c->q_dim = c->head_size * c->n_heads;
    c->kv_dim = c->head_size * c->n_kv_heads;
    if (c->q_dim > 32768)
        return bad_number(path, "heads", value[3]);
    c->eps = get_float(head + 80);
    c->attention_scale = get_float(head + 84);
    c->rope_factor = get_float(head + 88);
    c->prefix = (i32)get(head + 92);
    if (!good_float(c->eps, 1.0f) || !good_float(c->attention_scale, 16.0f) || !good_float(c->rope_factor, 16.0f))
        return bad(path, "one of its fractions is out of bounds");
    if (c->prefix < 0 || c->prefix > 4096 || c->prefix >= c->seq_len)
        return bad_number(path, "prefix", (u32)c->prefix);
    return EXIT_DONE;
}

/* ---- the sections ---------------------------------------------------------------------------- */
static u64 prefix_bytes(const struct config *c)
{
    u64 record = 4 + (((u64)(u32)c->head_size + 3) & ~(u64)3);

    return ((u64)(u32)c->prefix * 4 + record * 2 * (u64)(u32)c->prefix * (u64)(u32)c->n_kv_heads * (u64)(u32)c->n_layers +
            15) & ~(u64)15;
}

static u64 matrix_section(struct matrix *w, const struct config *c, unsigned encoding)
{
    return matrix_shape(w, c->vocab_size, c->dim, encoding) ? matrix_bytes(w) : 0;
}

/* What a section's bytes must be; 0 when its encodings are none; 1 when the section itself knows. */
static u64 expected_bytes(struct model *m, const struct section *s)
{
    const struct config *c = &m->config;
    struct layer layer;
    struct layer_parts parts;

    switch (s->kind) {
    case SECTION_ROPE:
        return ((u64)(u32)c->head_size * 2 + 15) & ~(u64)15;
    case SECTION_PREFIX:
        return prefix_bytes(c);
    case SECTION_FINAL:
        return ((u64)(u32)c->dim * 4 + 15) & ~(u64)15;
    case SECTION_TABLE:
        return s->encodings[0] == ENC_INT8 || s->encodings[0] == ENC_GROUPS ? matrix_section(&m->table, c, s->encodings[0]) : 0;
    case SECTION_CLASSIFIER:
        return matrix_section(&m->wcls, c, s->encodings[0]);
    case SECTION_LAYER:
        memset(&parts, 0, sizeof parts);
        return layer_point(c, &layer, s->encodings, &parts) ? layer_bytes(&parts) : 0;
    default:
        return 1;
    }
}

/* The kind and index that must come after the section `before`, given what this one says of itself; 0 for none. */
static int follows(const struct config *c, const struct section *before, const struct section *s)
{
    static const u8 order[] = {SECTION_TOKENIZER, SECTION_CHAT, SECTION_ROPE, SECTION_PREFIX,
                               SECTION_FINAL, SECTION_TABLE, SECTION_CLASSIFIER, SECTION_LAYER};
    u32 kind = before ? before->kind : 0;
    u32 i = 0;

    if (kind == SECTION_LAYER)
        return s->kind == SECTION_LAYER && s->index == before->index + 1;
    while (kind && order[i++] != kind)
        ;
    for (; i < sizeof order; i++) {
        int wanted = order[i] == SECTION_CHAT ? s->kind == SECTION_CHAT
                     : order[i] == SECTION_PREFIX ? c->prefix > 0
                     : order[i] == SECTION_CLASSIFIER ? !(c->flags & FLAG_TIED) : 1;
        if (wanted)
            return s->kind == order[i] && s->index == 0;
    }
    return 0;
}

static u64 up_to_page(u64 n)
{
    return (n + 4095) & ~(u64)4095;
}

static int judge_sections(struct model *m, const char *path, const u8 *entries, u32 head_bytes)
{
    struct container *k = &m->container;
    u64 end = head_bytes;
    u32 volume = 1, i;

    for (i = 0; i < k->count; i++, entries += ENTRY) {
        struct section *s = k->sections + i;
        u64 expected;
        s->kind = entries[0] | (u32)entries[1] << 8;
        s->index = entries[2] | (u32)entries[3] << 8;
        s->volume = get(entries + 4);
        s->offset = get(entries + 8);
        s->bytes = get(entries + 12);
        s->check = get(entries + 16);
        memcpy(s->encodings, entries + 20, 8);
        if (!follows(&m->config, i ? s - 1 : 0, s))
            return bad(path, "its sections are not those of such a model");
        if (s->volume == volume + 1 && i) {
            volume++;
            end = PART_HEAD;
        }
        if (s->volume != volume || s->offset != end)
            return bad(path, "a section is not where it must be");
        expected = expected_bytes(m, s);
        if (expected == 0)
            return bad(path, "an encoding of weights is not known, or not for such a matrix");
        if (s->bytes == 0 || s->bytes > MOST_VOLUME || (expected > 1 && s->bytes != expected))
            return bad(path, "a section has not the size of its weights");
        end = up_to_page(end + s->bytes);
        if (end > MOST_VOLUME)
            return bad(path, "a volume is too large");
    }
    if (k->sections[k->count - 1].kind != SECTION_LAYER ||
        (i32)k->sections[k->count - 1].index + 1 != m->config.n_layers || volume != k->volumes)
        return bad(path, "its sections are not those of such a model");
    if (m->config.flags & FLAG_TIED)
        m->wcls = m->table;
    return EXIT_DONE;
}

/* ---- volumes --------------------------------------------------------------------------------- */
/* The path of a volume: the first one's with other digits at its end. */
static const char *volume_path(struct container *k, u32 volume)
{
    usize n = text_length(k->path);

    if (k->volumes > 1) {
        k->path[n - 2] = (char)('0' + volume / 10);
        k->path[n - 1] = (char)('0' + volume % 10);
    }
    return k->path;
}

static u32 volume_length(const struct container *k, u32 volume)
{
    u32 i = k->count;

    while (i > 1 && k->sections[i - 1].volume != volume)
        i--;
    return (u32)up_to_page((u64)k->sections[i - 1].offset + k->sections[i - 1].bytes);
}

static int judge_volume(struct model *m, u32 volume, const char *path)
{
    static u8 head[PART_HEAD];
    struct container *k = &m->container;
    char is[16], should[16];
    u32 got, length, expected = volume_length(k, volume);

    if (sys_length(m->file, &length) != SYS_OK)
        return complain(EXIT_VOLUME, "cannot read the model ", path, (const char *)0);
    if (volume > 1) {
        if (sys_read(m->file, head, PART_HEAD, &got) != SYS_OK || got < PART_HEAD || memcmp(head, part_magic, 8) ||
            get(head + 12) != crc32_of(head + 16, PART_HEAD - 16))
            return complain(EXIT_OTHER_VOLUME, path, " is damaged, or no part of a model", (const char *)0);
        if (get(head + 8) != 1 || get(head + 16) != volume || get(head + 20) != k->volumes ||
            memcmp(head + 24, k->id, sizeof k->id))
            return complain(EXIT_OTHER_VOLUME, path, " is a part of another model, or another part of this one",
                            (const char *)0);
    }
    if (length != expected)
        return complain(EXIT_BAD_MODEL, path, length < expected ? " is cut short: " : " is damaged: ",
                        text_number(is, (i32)length), " bytes, its head asks for ",
                        text_number(should, (i32)expected), (const char *)0);
    return EXIT_DONE;
}

static int open_volume(struct model *m, u32 volume)
{
    struct container *k = &m->container;
    const char *path = volume_path(k, volume);
    int status;

    sys_close(m->file);
    m->file = SYS_NO_FILE;
    k->open = 0;
    status = sys_open(&m->file, path, SYS_READ);
    if (status != SYS_OK) {
        m->file = SYS_NO_FILE;
        return complain(EXIT_VOLUME, "cannot read the model's part ", path,
                        status == SYS_MISSING ? ": there is no such file" : "", (const char *)0);
    }
    k->open = volume;
    return EXIT_DONE;
}

static int judge_volumes(struct model *m)
{
    struct container *k = &m->container;
    int code = judge_volume(m, 1, volume_path(k, 1));
    u32 volume;

    for (volume = 2; !code && volume <= k->volumes; volume++) {
        code = open_volume(m, volume);
        if (!code)
            code = judge_volume(m, volume, volume_path(k, volume));
    }
    return code;
}

int container_seek(struct model *m, const struct section *s, u32 offset)
{
    struct container *k = &m->container;
    int code = k->open == s->volume ? EXIT_DONE : open_volume(m, s->volume);

    if (!code && sys_seek(m->file, s->offset + offset) != SYS_OK)
        code = container_stopped(m);
    return code;
}

int container_stopped(struct model *m)
{
    return complain(EXIT_DISK, "cannot read on in the model ", volume_path(&m->container, m->container.open),
                    (const char *)0);
}

int container_differs(struct model *m, const struct section *s)
{
    return complain(EXIT_CHECK, volume_path(&m->container, s->volume),
                    " is damaged: what it holds differs from its check; copy it again", (const char *)0);
}

/* ---- opening --------------------------------------------------------------------------------- */
static int judge_head(struct model *m, const char *path, const u8 *head, u32 got)
{
    struct container *k = &m->container;
    u32 head_bytes = get(head + 16);
    int code;

    if (get(head + 8) != 1)
        return complain(EXIT_BAD_MODEL, path, " is of a later version than this program", (const char *)0);
    k->count = get(head + 20);
    k->volumes = get(head + 24);
    if (k->count < 4 || k->count > 1040 || head_bytes != (u32)up_to_page(HEAD + ENTRY * (u64)k->count) || got < head_bytes)
        return bad(path, "its head is cut short");
    if (get(head + 12) != crc32_of(head + 16, head_bytes - 16))
        return complain(EXIT_CHECK, path, " is damaged: its head differs from its check; copy it again", (const char *)0);
    if (k->volumes < 1 || k->volumes > 99 || (k->volumes > 1 && text_length(path) < 3))
        return bad_number(path, "volumes", k->volumes);
    memcpy(k->id, head + 28, sizeof k->id);
    k->memory_bytes = k->count * (u32)sizeof *k->sections;
    k->sections = (struct section *)sys_alloc(k->memory_bytes);
    if (!k->sections)
        return complain(EXIT_MEMORY, "not enough memory for the model's list of sections", (const char *)0);
    code = judge_numbers(m, path, head);
    return code ? code : judge_sections(m, path, head + HEAD, head_bytes);
}

int container_open(struct model *m, const char *path)
{
    struct container *k = &m->container;
    usize n = text_length(path);
    u8 *head;
    u32 got = 0;
    int code;

    if (n >= sizeof k->path)
        return complain(EXIT_USAGE, "the model's path is too long", (const char *)0);
    memcpy(k->path, path, n + 1);
    k->open = 1;
    head = (u8 *)sys_alloc(MOST_HEAD);
    if (!head)
        return complain(EXIT_MEMORY, "not enough memory for the model's head", (const char *)0);
    if (sys_seek(m->file, 0) != SYS_OK || sys_read(m->file, head, MOST_HEAD, &got) != SYS_OK || got < HEAD)
        code = bad(path, "its head is cut short");
    else
        code = judge_head(m, path, head, got);
    sys_free(head, MOST_HEAD);
    return code ? code : judge_volumes(m);
}

void container_close(struct model *m)
{
    struct container *k = &m->container;

    sys_free(k->sections, k->memory_bytes);
    k->sections = 0;
}

const struct section *container_find(const struct model *m, u32 kind, u32 index)
{
    const struct container *k = &m->container;
    u32 i;

    for (i = 0; i < k->count; i++)
        if (k->sections[i].kind == kind && k->sections[i].index == index)
            return k->sections + i;
    return 0;
}
