/* run.c - from the command line to the last line. */
#include "chat.h"

#if defined(__i386__)
#define FLOAT_KERNEL "fp32 x87"
#else
#define FLOAT_KERNEL "fp32 c"
#endif

/* What one run holds. */
struct engine {
    struct options options;
    struct model model;
    struct tokenizer tokenizer;
    struct prompt prompt;
    struct vocabulary vocabulary; /* of a container, with the prompt's tokens */
    struct tokens tokens;
    struct sampler sampler;
    enum kernel kernel; /* for int8 */
    i32 steps;
};

static void say(const char *text)
{
    usize length = text_length(text);

    if (length)
        sys_out(text, length);
}

/* ---- the end --------------------------------------------------------------------------------- */
/* tokens=199 seconds=12.345 tok/s=16.12 (int8 mmx) */
static void last_lines(const struct engine *e, i32 tokens, u32 milliseconds)
{
    char number[16];

    say("\r\ntokens=");
    say(text_number(number, tokens));
    say(" seconds=");
    say(text_fixed(number, milliseconds, 3));
    say(" tok/s=");
    say(text_fixed(number, text_rate(tokens, milliseconds), 2));
    if (e->options.bits == 0 && !e->model.container.sections) {
        say(" (" FLOAT_KERNEL ")\r\n");
        return;
    }
    say(e->model.container.sections ? " (l98" : " (int8");
    say(e->kernel == KERNEL_MMX ? " mmx)\r\n" : " c)\r\n");
}

/* ---- the text -------------------------------------------------------------------------------- */
/* As llama2.c counts: a step is one pass through the model, and the clock starts after the first. */
static void generate(struct engine *e)
{
    const struct prompt *prompt = &e->prompt;
    i32 token = prompt->tokens[0];
    i32 next, pos;
    u32 start = 0;

    for (pos = 0; pos < e->steps; token = next) {
        int given = pos + 1 < prompt->count;
        forward(&e->model, &token, 1, pos, !given); /* all of it is in memory: it cannot fail */
        next = given ? prompt->tokens[pos + 1] : sampler_draw(&e->sampler, &e->model);
        pos++;
        if (next == TOKEN_BOS)
            break;
        say(tokenizer_decode(&e->tokenizer, token, next));
        if (pos == 1)
            start = sys_ticks();
    }
    last_lines(e, pos - 1, pos > 1 ? sys_ticks() - start : 0);
}

/* A container's text: the prompt's tokens in sweeps, then one after the other. */
static int generate_from_container(struct engine *e)
{
    const struct vocabulary *v = &e->vocabulary;
    i32 count = (i32)e->tokens.count < e->steps ? (i32)e->tokens.count : e->steps;
    struct shower shower;
    i32 pos, some, next;
    u32 start = sys_ticks();
    int code = EXIT_DONE;

    shower_start(&shower, v, e->options.utf8);
    for (pos = 0; pos < count && !code; pos += some) {
        some = count - pos < e->model.most ? count - pos : e->model.most;
        code = forward(&e->model, e->tokens.at + pos, some, pos, pos + some == count);
        for (next = pos; next < pos + some; next++)
            shower_show(&shower, e->tokens.at[next]);
    }
    while (pos < e->steps && !code) {
        next = sampler_draw(&e->sampler, &e->model);
        if (next == v->eos || next == v->bos)
            break;
        shower_show(&shower, next);
        code = forward(&e->model, &next, 1, pos++, 1);
    }
    shower_end(&shower);
    if (!code)
        last_lines(e, pos - 1, sys_ticks() - start);
    return code;
}

/* ---- the beginning --------------------------------------------------------------------------- */
static int too_long(const struct engine *e, i32 count)
{
    char is[16], most[16];

    return complain(EXIT_PROMPT, "the prompt is too long: ", text_number(is, count), " tokens, ", e->options.model,
                    " holds ", text_number(most, e->model.config.seq_len), (const char *)0);
}

/* The tokens of the prompt, which is not yet judged by its length. */
static int read_prompt(struct engine *e)
{
    const struct options *o = &e->options;
    u32 count = (u32)text_length(o->prompt);
    u8 *text;
    int code;

    if (!e->model.container.sections) {
        if (o->chat)
            return complain(EXIT_USAGE, "--chat needs a .L98 model: deployer model convert makes one", (const char *)0);
        code = tokenizer_load(&e->tokenizer, o->tokenizer, e->model.config.vocab_size, o->model);
        return code ? code : prompt_encode(&e->prompt, &e->tokenizer, o->prompt);
    }
    code = vocabulary_load(&e->vocabulary, &e->model);
    if (code || o->chat)
        return code;
    text = (u8 *)sys_alloc(4 * (usize)count + 1);
    if (!text)
        return complain(EXIT_MEMORY, "not enough memory for the prompt", (const char *)0);
    code = vocabulary_encode(&e->vocabulary, &e->tokens, text,
                             text_typed(&e->vocabulary, (const u8 *)o->prompt, count, text, o->utf8), 0, 0,
                             ENCODE_FIRST | ENCODE_BOS);
    sys_free(text, 4 * (usize)count + 1);
    if (!code && !e->tokens.count)
        code = complain(EXIT_PROMPT, "this model needs a beginning: give it with -i", (const char *)0);
    return code;
}

/* The memory that a container may take. Windows 98 counts what its disk cache holds as taken, and gives it back
 * when it is asked for: so a PC that has just copied a model has more than it says. */
#define FOR_WINDOWS (40u << 20)
#define MARGIN (4u << 20)

static u32 free_memory(void)
{
    u32 total, available, room;

    sys_memory(&total, &available);
    room = available > MARGIN ? available - MARGIN : 0;
    if (total > FOR_WINDOWS && total - FOR_WINDOWS > room)
        room = total - FOR_WINDOWS;
    return room;
}

/* What is quick to judge comes before the weights are read. */
static int prepare(struct engine *e)
{
    const struct config *config = &e->model.config;
    const struct options *o = &e->options;
    i32 count;
    int code = model_open(&e->model, o->model);

    if (!code)
        code = read_prompt(e);
    if (code)
        return code;
    count = e->prompt.count + (i32)e->tokens.count;
    if (count > config->seq_len)
        return too_long(e, count);
    code = sampler_start(&e->sampler, config->vocab_size, o);
    if (code)
        return code;
    e->steps = o->steps <= 0 || o->steps > config->seq_len ? config->seq_len : o->steps;
    e->model.sweep = o->chat ? 0 : count;
    e->model.greedy = o->temperature == 0.0f;
    e->model.room = o->memory ? o->memory : free_memory();
    return model_load(&e->model, o->model, e->steps, o->bits, e->kernel);
}

int llama98_run(int argc, char **argv)
{
    struct engine e;
    struct sys_cpu cpu;
    int code;

    memset(&e, 0, sizeof e);
    e.model.file = SYS_NO_FILE;
    sys_cpu(&cpu);
    if (!(cpu.features & SYS_CPU_FPU))
        return complain(EXIT_MACHINE, "this processor has no FPU", (const char *)0);
    sys_fpu_reset();
    math_start();
    attention_start();
    code = options_read(&e.options, argc, argv);
    if (!code)
        code = processor_choose(&cpu, &e.options, &e.kernel);
    if (!code)
        code = prepare(&e);
    if (!code && e.options.chat)
        code = chat_run(&e.model, &e.vocabulary, &e.sampler, &e.options);
    else if (!code && e.model.container.sections)
        code = generate_from_container(&e);
    else if (!code)
        generate(&e);
    sampler_close(&e.sampler);
    tokens_close(&e.tokens);
    vocabulary_close(&e.vocabulary);
    prompt_close(&e.prompt);
    tokenizer_close(&e.tokenizer);
    model_close(&e.model);
    return code;
}
