/* state.c - see state.h */
#include "state.h"

#include "crc32.h"
#include "job.h"
#include "writer.h"

#define VERSION 0x31733839u /* "98s1" */

#define LARGEST (8u << 20)

/* Believes the bytes, or nothing of them. */
static void decode(const u8 *bytes, u32 length)
{
    struct job_kept kept;
    struct file *file;
    struct part *part;
    u32 crc;

    memcpy(&kept, bytes, sizeof kept);
    memcpy(&crc, bytes + length, sizeof crc);
    if (memcmp(&kept, &job.kept, 4 * sizeof kept.version) != 0 || kept.round_count > MOST_ROUNDS ||
        length != sizeof kept + kept.round_count * sizeof *job.rounds + kept.files * sizeof file->kept +
                      kept.parts * sizeof part->kept ||
        crc != crc32(0, bytes, length))
        return;
    job.kept = kept;
    bytes += sizeof kept;
    memcpy(job.rounds, bytes, kept.round_count * sizeof *job.rounds);
    bytes += kept.round_count * sizeof *job.rounds;
    EACH_FILE(file)
    {
        memcpy(&file->kept, bytes, sizeof file->kept);
        bytes += sizeof file->kept;
    }
    EVERY_PART(part)
    {
        memcpy(&part->kept, bytes, sizeof part->kept);
        part->kept.right &= RIGHT_PART | RIGHT_WORK | RIGHT_OLD;
        bytes += sizeof part->kept;
    }
}

/* Its name; good until the next call. */
static const char *state_name(void)
{
    static char name[NAME_SIZE];

    join_name(name, job.id, "STA");
    return name;
}

void state_load(void)
{
    const u8 *bytes;
    u32 length;

    job.kept.version = VERSION;
    job.kept.crc = manifest.crc;
    job.kept.parts = (u32)(manifest.parts_end - manifest.parts);
    job.kept.files = (u32)(manifest.files_end - manifest.files);
    bytes = read_file(state_name(), LARGEST, &length);
    if (bytes && length >= sizeof job.kept + 4)
        decode(bytes, length - 4);
}

int state_save(void)
{
    const struct file *file;
    const struct part *part;
    u32 crc;

    writer_open(state_name());
    writer_bytes(&job.kept, sizeof job.kept);
    writer_bytes(job.rounds, job.kept.round_count * (u32)sizeof *job.rounds);
    EACH_FILE(file)
        writer_bytes(&file->kept, sizeof file->kept);
    EVERY_PART(part)
        writer_bytes(&part->kept, sizeof part->kept);
    crc = writer_crc();
    writer_bytes(&crc, sizeof crc);
    return writer_commit();
}
