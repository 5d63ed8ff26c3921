/* run.c - from the command line to the last line. */
#include "llama98.h"

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
/* Hundredths of a token per second; 0 when no time was seen to pass. */
static u32 rate(i32 tokens, u32 milliseconds)
{
    double result = 0.0;

    fpu_double();
    if (milliseconds)
        result = (double)tokens * 100000.0 / (double)milliseconds + 0.5;
    if (result > 2e9)
        result = 2e9;
    fpu_single();
    return (u32)(i32)result;
}

/* tokens=199 seconds=12.345 tok/s=16.12 (int8 mmx) */
static void last_lines(const struct engine *e, i32 tokens, u32 milliseconds)
{
    char number[16];

    say("\r\ntokens=");
    say(text_number(number, tokens));
    say(" seconds=");
    say(text_fixed(number, milliseconds, 3));
    say(" tok/s=");
    say(text_fixed(number, rate(tokens, milliseconds), 2));
    say(e->options.bits == 0 ? " (" FLOAT_KERNEL ")\r\n"
                             : e->kernel == KERNEL_MMX ? " (int8 mmx)\r\n" : " (int8 c)\r\n");
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
        forward(&e->model, token, pos, !given);
        next = given ? prompt->tokens[pos + 1] : sampler_draw(&e->sampler, e->model.logits);
        pos++;
        if (next == TOKEN_BOS)
            break;
        say(tokenizer_decode(&e->tokenizer, token, next));
        if (pos == 1)
            start = sys_ticks();
    }
    last_lines(e, pos - 1, pos > 1 ? sys_ticks() - start : 0);
}

/* ---- the beginning --------------------------------------------------------------------------- */
/* The FPU ready for use, and the kernel chosen. */
static int meet_machine(struct engine *e, u32 features)
{
    int mmx = (features & SYS_CPU_MMX) != 0;

    e->kernel = mmx ? KERNEL_MMX : KERNEL_C;
    if (e->options.cpu_given) {
        if (e->options.cpu == KERNEL_MMX && !mmx)
            return complain(EXIT_MACHINE, "--cpu mmx: this processor has no MMX", (const char *)0);
        e->kernel = e->options.cpu == KERNEL_MMX ? KERNEL_MMX : KERNEL_C;
    }
    return EXIT_DONE;
}

/* What is quick to judge comes before the weights are read. */
static int prepare(struct engine *e)
{
    const struct config *config = &e->model.config;
    const struct options *o = &e->options;
    char is[16], most[16];
    int code = model_open(&e->model, o->model);

    if (!code)
        code = tokenizer_load(&e->tokenizer, o->tokenizer, config->vocab_size, o->model);
    if (!code)
        code = prompt_encode(&e->prompt, &e->tokenizer, o->prompt);
    if (!code && e->prompt.count > config->seq_len)
        code = complain(EXIT_PROMPT, "the prompt is too long: ", text_number(is, e->prompt.count), " tokens, ",
                        o->model, " holds ", text_number(most, config->seq_len), (const char *)0);
    if (!code)
        code = sampler_start(&e->sampler, config->vocab_size, o);
    if (code)
        return code;
    e->steps = o->steps <= 0 || o->steps > config->seq_len ? config->seq_len : o->steps;
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
    code = options_read(&e.options, argc, argv);
    if (!code)
        code = meet_machine(&e, cpu.features);
    if (!code)
        code = prepare(&e);
    if (!code)
        generate(&e);
    sampler_close(&e.sampler);
    prompt_close(&e.prompt);
    tokenizer_close(&e.tokenizer);
    model_close(&e.model);
    return code;
}
