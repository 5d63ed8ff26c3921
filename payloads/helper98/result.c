/* result.c - RESULT.TXT: what the helper found and did, for the host. Written whole by each command. */
#include "examine.h"
#include "info.h"
#include "job.h"
#include "list.h"
#include "writer.h"

/* have=STORI260.BIN 1-16,18  for the parts of a file that is not whole, of which some are here; packs have
 * their base for its name. Returns where the next run of parts begins. */
static const struct part *write_have(const struct part *part)
{
    const struct part *run = part;
    const struct part *first;
    const char *name = IS_PACK(run) ? run->base : run->file->name;
    const char *before = "have=%s ";

    for (; part->file && part->base == run->base; part++) {
        if (!part->kept.right || !is_wanted(part))
            continue;
        for (first = part; part[1].base == run->base && part[1].kept.right && is_wanted(part + 1); part++)
            ;
        writer_text(before, name);
        writer_text("%u", first->number);
        if (part > first)
            writer_text("-%u", part->number);
        before = ",";
    }
    if (*before == ',')
        writer_text("\r\n");
    return part;
}

/* file=STORI260.BIN 1056540 <sha256> good */
static void write_file(const struct file *file)
{
    const char *verdict = file->kept.verdict == VERDICT_GOOD   ? "good"
                          : file->kept.verdict == VERDICT_KEPT ? "kept"
                                                               : "wrong";
    u32 length = file->final.length;

    if (!file->final_there) {
        verdict = "missing";
        length = 0;
    }
    writer_text("file=%s %u ", file->name, length);
    if (file->final_there && file->kept.hashed)
        writer_sha(file->kept.sha);
    else
        writer_text("-");
    writer_text(" %s\r\n", verdict);
}

static void write_files(int code)
{
    const struct file *file;
    const struct part *part;
    u32 i;

    for (part = parts; part->file;)
        part = write_have(part);
    for (i = 0; i < job.kept.round_count; i++)
        writer_text("round=%u %u %u\r\n", i + 1, job.rounds[i].accepted, job.rounds[i].bad);
    EVERY_PART(part)
        if (part->kept.bad)
            writer_text("bad=%s %u\r\n", part_name(part), part->kept.bad);
    EACH_FILE(file) /* what is not here yet goes without saying while more is to come */
        if (file->final_there || code != CODE_FETCH)
            write_file(file);
    if (code != CODE_FETCH)
        list_report();
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
        write_files(code);
    if (job.output_there) { /* RUN came so far */
        writer_text("run=%s\r\n", manifest.run);
        if (job.ran)
            writer_text("run_exit=%u\r\nrun_seconds=%u.%03u\r\n", job.run_exit, job.run_ms / 1000, job.run_ms % 1000);
        writer_text("output_bytes=%u\r\noutput=%s\r\n", job.output_bytes, job.output_cut ? "cut" : "whole");
    }
    return writer_seal();
}
