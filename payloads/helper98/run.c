/* run.c - RUN: starts the program of the RUN record, and writes down all it says and how it ended. */
#include "examine.h"
#include "job.h"

#define OUTPUT_MOST 1048576u /* bytes of OUTPUT.TXT; the console gets everything */
#define FLUSH_MS 1000u

static const char output_txt[] = "OUTPUT.TXT";

static struct {
    sys_file file;
    u32 flushed; /* ticks */
} output;

/* What the program says: to the console as it is, and to OUTPUT.TXT as far as there is room. The
 * file is flushed now and then, so that a program that hangs the machine leaves what it said. */
static void record(void *context, const u8 *bytes, u32 count)
{
    (void)context;
    sys_out(bytes, count);
    if (job.output_cut)
        return;
    if (count > OUTPUT_MOST - job.output_bytes) {
        count = OUTPUT_MOST - job.output_bytes;
        job.output_cut = 1;
    }
    if (sys_write(output.file, bytes, count) != SYS_OK)
        job.output_cut = 1;
    job.output_bytes += count;
    if (sys_ticks() - output.flushed >= FLUSH_MS) {
        sys_flush(output.file);
        output.flushed = sys_ticks();
    }
}

static int start(char *command)
{
    struct sys_stamp written;
    u32 began = sys_ticks();
    int status;

    must(sys_open(&output.file, output_txt, SYS_CREATE), output_txt);
    job.output_there = 1;
    say("RUN %s: %s\r\n", job.id, command);
    status = sys_run(command, manifest.to, record, 0, &job.run_exit);
    job.run_ms = sys_ticks() - began;
    if (sys_flush(output.file) != SYS_OK)
        job.output_cut = 1;
    sys_close(output.file);
    if (sys_stat(output_txt, &written) == SYS_OK)
        job.output_bytes = written.length; /* a full disk cuts a write anywhere */
    if (status != SYS_OK) {
        complain("could not be started: %s", command);
        return CODE_PROGRAM;
    }
    job.ran = 1;
    if (!job.run_exit)
        return CODE_DONE;
    complain("the program ended with code %u", job.run_exit);
    return CODE_PROGRAM;
}

/* Whether the command line begins with a file. */
static int is_run(const struct file *file)
{
    const char *command = manifest.run;
    const char *place = file->place;

    if (!command)
        return 0;
    command += *command == '"';
    while (*place && fold(*place) == fold(*command)) {
        place++;
        command++;
    }
    return !*place && (*command == ' ' || *command == '"' || !*command);
}

/* Only verified bytes are started: what STA knows of this run of GO.BAT counts, all else is read. */
int run(void)
{
    struct file *file;
    u64 room;
    u32 cluster;
    int at_least;

    examine_directory();
    EACH_FILE(file)
        examine_final(file);
    EACH_FILE(file)
        if (!IS_SETTLED(file))
            fail(CODE_WRONG, "%s is not verified: nothing is started", file->name);
        else if (file->kept.verdict == VERDICT_KEPT && is_run(file))
            fail(CODE_WRONG, "%s was changed here: it is not started", file->name);
    if (!manifest.run)
        return CODE_DONE;
    if (sys_disk_free(&room, &cluster, &at_least) == SYS_OK && room < DISK_SLACK)
        must(SYS_FULL, output_txt);
    return start(manifest.run);
}
