/* result.c - RESULT.TXT: what the helper found and did, for the host. Written whole by each command. */
#include "info.h"
#include "job.h"
#include "writer.h"

/* have=STORI260.BIN 1-16,18  for a file that is not whole and of which something is here. */
static void write_have(const struct file *file)
{
    const struct part *part, *first;
    const char *before = "have=%s ";

    EACH_PART(part, file)
    {
        if (!part->kept.right)
            continue;
        for (first = part; part[1].file == file && part[1].kept.right; part++)
            ;
        writer_text(before, file->name);
        writer_text("%u", first->number);
        if (part > first)
            writer_text("-%u", part->number);
        before = ",";
    }
    if (*before == ',')
        writer_text("\r\n");
}

/* file=STORI260.BIN 1056540 <sha256> good */
static void write_file(const struct file *file)
{
    const char *verdict = file->kept.verdict == VERDICT_GOOD ? "good" : "wrong";
    u32 length = file->final.length;
    u32 i = 0;

    if (!file->final_there) {
        verdict = "missing";
        length = 0;
    }
    writer_text("file=%s %u ", file->name, length);
    if (file->final_there && file->kept.hashed)
        for (; i < sizeof file->kept.sha; i++)
            writer_text("%02x", (u32)file->kept.sha[i]);
    writer_text("%s %s\r\n", i ? "" : "-", verdict);
}

static void write_files(void)
{
    const struct file *file;
    const struct part *part;
    u32 i;

    EACH_FILE(file)
        if (file->kept.verdict != VERDICT_GOOD)
            write_have(file);
    for (i = 0; i < job.kept.round_count; i++)
        writer_text("round=%u %u %u\r\n", i + 1, job.rounds[i].accepted, job.rounds[i].bad);
    EVERY_PART(part)
        if (part->kept.bad)
            writer_text("bad=%s %u\r\n", part_name(part), part->kept.bad);
    EACH_FILE(file)
        write_file(file);
}

int result_write(int code)
{
    writer_open(result_txt);
    writer_text("deployer-result=1\r\ndeployment=%s\r\nhelper=" HELPER_VERSION "\r\ncommand=%s\r\nexit=%u\r\n", job.id,
                job.command, (u32)code);
    if (job.reason[0])
        writer_text("reason=%s\r\n", job.reason);
    info_lines(job.kept.mhz);
    if (job.believed)
        write_files();
    if (job.output_there) { /* RUN came so far */
        writer_text("run=%s\r\n", manifest.run);
        if (job.ran)
            writer_text("run_exit=%u\r\nrun_seconds=%u.%03u\r\n", job.run_exit, job.run_ms / 1000, job.run_ms % 1000);
        writer_text("output_bytes=%u\r\noutput=%s\r\n", job.output_bytes, job.output_cut ? "cut" : "whole");
    }
    return writer_seal();
}
