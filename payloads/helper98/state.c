/* state.c - see state.h */
#include "state.h"

#include "crc32.h"
#include "job.h"
#include "writer.h"

#define VERSION 0x32733839u /* "98s2" */

#define LARGEST (8u << 20)

/* Hands every piece of what is kept to `move`, in the order of the file. */
static void each_piece(void (*move)(const void *piece, u32 size))
{
    const struct file *file;
    const struct part *part;

    move(&job.kept, sizeof job.kept);
    move(job.rounds, job.kept.round_count * sizeof *job.rounds);
    EACH_FILE(file)
        move(&file->kept, sizeof file->kept);
    EVERY_PART(part)
        move(&part->kept, sizeof part->kept);
}

static const u8 *from; /* the next byte to be taken */

static void take(const void *piece, u32 size)
{
    memcpy((void *)piece, from, size);
    from += size;
}

static void skip(const void *piece, u32 size)
{
    (void)piece;
    from += size;
}

/* Believes the bytes, or nothing of them. */
static void decode(const u8 *bytes, u32 length)
{
    struct job_kept kept = job.kept; /* nothing known */
    u32 crc;

    memcpy(&job.kept, bytes, sizeof job.kept);
    memcpy(&crc, bytes + length, sizeof crc);
    from = bytes;
    if (memcmp(&kept, &job.kept, 4 * sizeof crc) == 0 && job.kept.round_count <= MOST_ROUNDS &&
        crc == crc32(0, bytes, length)) {
        each_piece(skip);
        if (from == bytes + length) {
            from = bytes;
            each_piece(take);
            return;
        }
    }
    job.kept = kept;
}

const char *state_name(void)
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
    job.kept.parts = (u32)(manifest.parts_end - parts);
    job.kept.files = (u32)(manifest.files_end - files);
    bytes = read_file(state_name(), LARGEST, &length);
    if (bytes && length >= sizeof job.kept + 4)
        decode(bytes, length - 4);
}

int state_save(void)
{
    u32 crc;

    writer_open(state_name());
    each_piece(writer_bytes);
    crc = writer_crc();
    writer_bytes(&crc, sizeof crc);
    return writer_commit();
}
