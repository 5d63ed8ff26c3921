/* header.c - opens a model; judges a llama2.c checkpoint before anything is allocated.
 *
 * The file: seven 32-bit integers (a negative vocabulary size says that the classifier is a matrix of
 * its own), then floats, see model.c. Little-endian, as are all machines this runs on.
 *
 * The length must be exactly what the header asks for: so a cut file, a wrong file and most wrong numbers
 * are noticed here. */
#include "container.h"

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

    return table + times(layer, c->n_layers) + dim + rope + (c->flags & FLAG_TIED ? 0 : table);
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
        return complain(EXIT_BAD_MODEL, path, " is a GGUF file: it must be converted on the host, deployer model convert",
                        (const char *)0);
    if (magic == 0x5038394Cu)
        return complain(EXIT_BAD_MODEL, path, " is a later part of a model: give the first, .L01", (const char *)0);
    return EXIT_DONE;
}

static int judge_numbers(struct config *c, const char *path, const u8 *header)
{
    i32 value[7];
    int i;

    for (i = 0; i < 7; i++)
        value[i] = get_i32(header + 4 * i);
    c->flags = value[5] > 0 ? FLAG_TIED : 0;
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
    c->q_dim = c->dim;
    c->kv_dim = c->head_size * c->n_kv_heads;
    c->eps = 1e-5f;
    c->attention_scale = 1.0f / square_root((float)c->head_size);
    c->rope_factor = 1.0f;
    return EXIT_DONE;
}

static int judge_length(const struct config *c, const char *path, u32 length)
{
    char is[24], should[24];
    const char *unit;
    u64 expected = MODEL_HEADER + 4 * float_count(c);

    if (expected == length)
        return EXIT_DONE;
    if (expected < 0x7FFFFFFFu && length < 0x7FFFFFFFu) {
        text_number(is, (i32)length);
        text_number(should, (i32)expected);
        unit = " bytes, its header asks for ";
    } else {
        text_megabytes(is, length);
        text_megabytes(should, expected);
        unit = " MB, its header asks for ";
    }
    return complain(EXIT_BAD_MODEL, path, length < expected ? " is cut short: " : " is damaged: ", is, unit,
                    should, (const char *)0);
}

static int judge_header(struct model *m, const char *path)
{
    u8 header[MODEL_HEADER];
    u32 got, length;
    int code;

    if (sys_length(m->file, &length) != SYS_OK || sys_read(m->file, header, MODEL_HEADER, &got) != SYS_OK)
        return complain(EXIT_NO_MODEL, "cannot read the model ", path, (const char *)0);
    if (length == 0)
        return complain(EXIT_BAD_MODEL, path, " is empty", (const char *)0);
    if (container_is(header, got))
        return container_open(m, path);
    if (got >= 4) {
        code = other_format(path, (u32)get_i32(header));
        if (code)
            return code;
    }
    if (got < MODEL_HEADER)
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
    container_close(m);
    sys_free(m->memory, m->memory_bytes);
    m->memory = 0;
}
