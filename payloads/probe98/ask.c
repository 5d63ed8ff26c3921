/* ask.c - ASK: one question about the disk or the machine, answered in lines name=value.
 *
 * All of it works in the current directory, which is empty before, by what sys.h promises: where a
 * machine breaks such a promise, its answer differs. */
#include "find.h"
#include "probe.h"
#include "text.h"

#define BLOCK 65536u
#define BLOCKS 32u /* 2 MB */
#define ROUNDS_MS 400u

static u8 block[BLOCK];

static const char *status_name(int status)
{
    switch (status) {
    case SYS_OK:
        return "ok";
    case SYS_MISSING:
        return "missing";
    case SYS_EXISTS:
        return "exists";
    case SYS_FULL:
        return "full";
    default:
        return "error";
    }
}

static void answer(const char *name, const char *value)
{
    say("%s=%s\r\n", name, value);
}

static void number(const char *name, u32 value)
{
    say("%s=%u\r\n", name, value);
}

int write_text(const char *name, const char *text)
{
    sys_file file;
    int status = sys_open(&file, name, SYS_CREATE);

    if (status == SYS_OK)
        status = sys_write(file, text, text_length(text));
    sys_close(file);
    return status;
}

/* The first byte of a file, as a text; "none" where it cannot be read. */
static const char *first_of(const char *name)
{
    static char text[2];
    sys_file file;
    u32 got = 0;

    if (sys_open(&file, name, SYS_READ) == SYS_OK)
        sys_read(file, text, 1, &got);
    sys_close(file);
    return got ? text : "none";
}

static void rename_over(void)
{
    write_text("A.TXT", "a");
    write_text("B.TXT", "b");
    answer("rename", status_name(sys_rename("A.TXT", "B.TXT")));
    answer("old", first_of("A.TXT"));
    answer("new", first_of("B.TXT"));
}

static void rename_across(void)
{
    static const char there[] = {'S', 'U', 'B', SYS_SLASH, 'B', '.', 'T', 'X', 'T', '\0'};

    write_text("A.TXT", "a");
    answer("folder", status_name(sys_mkdir("SUB")));
    answer("again", status_name(sys_mkdir("SUB")));
    answer("rename", status_name(sys_rename("A.TXT", there)));
    answer("old", first_of("A.TXT"));
    answer("new", first_of(there));
    answer("filled", sys_rmdir("SUB") == SYS_OK ? "removed" : "kept");
}

static void read_while_written(void)
{
    sys_file writer, reader;
    u32 got = 0;

    answer("create", status_name(sys_open(&writer, "A.TXT", SYS_CREATE)));
    answer("write", status_name(sys_write(writer, "abc", 3)));
    answer("read", status_name(sys_open(&reader, "A.TXT", SYS_READ)));
    sys_read(reader, block, sizeof block, &got);
    number("bytes", got);
    sys_close(reader);
    sys_close(writer);
}

static void keep_name(void *context, const struct sys_found *found)
{
    (void)context;
    answer("name", found->name);
    answer("alias", found->alias);
    number("date", found->date);
    number("length", found->length);
}

static void long_name(void)
{
    answer("create", status_name(write_text("A rather long Name.text", "a")));
    answer("by_other_case", first_of("a RATHER long name.TEXT"));
    sys_find("*.*", keep_name, 0);
}

static void dates(void)
{
    write_text("A.TXT", "a");
    answer("set", status_name(sys_set("A.TXT", 0x2A216000u | 0x1Du, SYS_READ_ONLY)));
    sys_find("A.TXT", keep_name, 0);
    answer("write", status_name(write_text("A.TXT", "b")));
    answer("delete", status_name(sys_delete("A.TXT")));
}

static void cut_and_grow(void)
{
    sys_file file;
    u32 length = 0;

    write_text("A.TXT", "abcdef");
    answer("open", status_name(sys_open(&file, "A.TXT", SYS_UPDATE)));
    sys_seek(file, 2);
    answer("cut", status_name(sys_cut(file)));
    sys_length(file, &length);
    number("after_cut", length);
    sys_seek(file, 5000);
    answer("write", status_name(sys_write(file, "x", 1)));
    sys_length(file, &length);
    number("after_growing", length);
    sys_close(file);
}

static void space(void)
{
    u64 bytes = 0;
    u32 cluster = 0;
    int at_least = 0;

    answer("asked", status_name(sys_disk_free(&bytes, &cluster, &at_least)));
    number("cluster", cluster);
    answer("counts", at_least ? "to 2 GB" : "all");
}

/* KB in a second, of so many bytes in so many milliseconds. */
static u32 rate(u32 kilobytes, u32 ms)
{
    return kilobytes * 1000u / (ms ? ms : 1);
}

/* A file is copied as the helper does: read, then written. */
static void copy_speed(void)
{
    sys_file from, to;
    u32 got, began = sys_ticks();

    sys_open(&from, "A.DAT", SYS_READ);
    sys_open(&to, "B.DAT", SYS_CREATE);
    while (sys_read(from, block, BLOCK, &got) == SYS_OK && got)
        sys_write(to, block, got);
    sys_flush(to);
    number("copy_kb_s", rate(BLOCKS * (BLOCK >> 10), sys_ticks() - began));
    sys_close(to);
    sys_close(from);
    sys_delete("B.DAT");
}

static void disk_speed(void)
{
    sys_file file;
    u32 i, got, began = sys_ticks();

    sys_open(&file, "A.DAT", SYS_CREATE);
    for (i = 0; i < BLOCKS; i++)
        sys_write(file, block, BLOCK);
    number("write_kb_s", rate(BLOCKS * (BLOCK >> 10), sys_ticks() - began));
    sys_flush(file);
    number("flushed_kb_s", rate(BLOCKS * (BLOCK >> 10), sys_ticks() - began));
    sys_close(file);
    began = sys_ticks();
    sys_open(&file, "A.DAT", SYS_READ);
    while (sys_read(file, block, BLOCK, &got) == SYS_OK && got)
        ;
    number("read_kb_s", rate(BLOCKS * (BLOCK >> 10), sys_ticks() - began));
    sys_close(file);
    copy_speed();
#ifdef _WIN32
    began = sys_ticks();
    got = read_uncached("A.DAT", BLOCK);
    number("uncached_kb_s", rate(got >> 10, sys_ticks() - began));
#endif
    sys_delete("A.DAT");
}

/* ---- the machine ---- */

static void tick(void)
{
    u32 began = sys_ticks(), last = began, now, step, least = 1000, steps = 0;

    while ((now = sys_ticks()) - began < ROUNDS_MS)
        if (now != last) {
            step = now - last;
            if (step < least)
                least = step;
            last = now;
            steps++;
        }
    number("least_step", least);
    number("usual_step", steps ? (last - began) / steps : 0);
}

static void memory_speed(void)
{
    u32 size = 4u << 20, total = 0, began, rounds = 0, i, ms;
    u32 *words = (u32 *)sys_alloc(size);

    if (!words)
        return;
    began = sys_ticks();
    do {
        for (i = 0; i < size / 4; i += 8)
            total += words[i] + words[i + 1] + words[i + 2] + words[i + 3] + words[i + 4] + words[i + 5] +
                     words[i + 6] + words[i + 7];
        rounds++;
        ms = sys_ticks() - began;
    } while (ms < ROUNDS_MS && rounds < 64);
    answer("sum", total ? "wrong" : "right");
    number("read_kb_s", rate(rounds * (size >> 10) / 16, ms) * 16);
    number("mhz", sys_cpu_mhz());
    began = sys_ticks();
    rounds = 0;
    do {
        memset(words, 0, size);
        rounds++;
        ms = sys_ticks() - began;
    } while (ms < ROUNDS_MS && rounds < 64);
    number("write_kb_s", rate(rounds * (size >> 10) / 16, ms) * 16);
}

static void exit_code(void)
{
    char command[] = "PROBE98 END 200";
    u32 code = 999;

    answer("run", status_name(run_own(command, &code)));
    number("code", code);
}

static void count_output(void *context, const u8 *bytes, u32 count)
{
    (void)bytes;
    *(u32 *)context += count;
}

static void pipe(void)
{
    char command[] = "PROBE98 SAY 30000";
    u32 code = 999, count = 0;

    answer("run", status_name(run_counted(command, count_output, &count, &code)));
    number("bytes", count);
    number("code", code);
}

static void batch_output(void)
{
    u32 code = 999, count = 0;
    char command[] = "A.BAT";

    write_text("A.BAT", "@ECHO OFF\r\nECHO 12345\r\nNOSUCH98 >NUL\r\n");
    answer("run", status_name(sys_run(command, "", count_output, &count, &code)));
    answer("output", count >= 7 ? "there" : "missing");
    number("code", code);
}

static const struct {
    const char *name;
    void (*ask)(void);
} questions[] = {
    {"rename-over", rename_over},
    {"rename-across", rename_across},
    {"read-while-written", read_while_written},
    {"long-name", long_name},
    {"dates", dates},
    {"cut-and-grow", cut_and_grow},
    {"space", space},
    {"disk-speed", disk_speed},
    {"tick", tick},
    {"memory", memory_speed},
    {"kernels", kernels_pace},
    {"exit-code", exit_code},
    {"pipe", pipe},
    {"batch-output", batch_output},
#ifdef _WIN32
    {"imports", imports},
    {"kill", kill},
    {"error-mode", error_mode},
    {"delete-open", delete_open},
    {"no-window", no_window},
    {"inherited-file", inherited_file},
    {"held-file", held_file},
    {"dos-output", dos_output},
    {"full", floppy_full},
    {"get", ftp_get},
    {"put", ftp_put},
    {"address", address},
#endif
    {0, 0}
};

int ask(const char *name)
{
    u32 i;

    for (i = 0; questions[i].name; i++)
        if (text_same(questions[i].name, name)) {
            questions[i].ask();
            return CODE_DONE;
        }
    return CODE_USE;
}
