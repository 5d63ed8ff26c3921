/* slices.c - see slices.h */
#include "slices.h"

#include "crc32.h"
#include "job.h"
#include "sha256.h"

/* One pass over a file, and what is done with its bytes beside their CRC-32. */
struct pass {
    sys_file from;
    sys_file to;        /* they are copied there, unless it is SYS_NO_FILE */
    struct sha256 *sha; /* they are fed to it, unless it is NULL */
    u32 crc_unasked;    /* nobody looks at crc, which costs as much as all the rest of a copy */
    int written;        /* status of the last write */
    int unreadable;     /* something could not be read */
    u32 crc;            /* of what it passed over last */
    const char *name;   /* for the console */
    u32 percent, done;  /* bytes */
    u32 at;             /* where the next are read */
};

#define LOOK_EVERY 32768u /* bytes between two looks at the clock: small files are over before */

static int pass_begin(struct pass *pass, const char *path, const char *name, u32 length)
{
    memset(pass, 0, sizeof *pass);
    pass->to = SYS_NO_FILE;
    pass->name = name;
    pass->percent = length / 100 + 1;
    return sys_open(&pass->from, path, SYS_READ) == SYS_OK;
}

static void show_progress(struct pass *pass, u32 bytes)
{
    static u32 unseen, shown;
    u32 now;

    pass->done += bytes;
    unseen += bytes;
    if (unseen < LOOK_EVERY)
        return;
    unseen = 0;
    now = sys_ticks();
    if (now - shown < 1000)
        return;
    shown = now;
    say("%s %u%s", pass->name, pass->done / pass->percent, "% \r"); /* the next line covers it */
}

/* Passes over `left` bytes at `offset`; pass->crc is their CRC-32. 1 when all were read, and copied if so
 * asked. */
static int pass_over(struct pass *pass, u32 offset, u32 left)
{
    u32 want, got;

    pass->crc = 0;
    if (offset != pass->at && sys_seek(pass->from, offset) != SYS_OK)
        pass->unreadable = 1;
    pass->at = offset + left;
    for (; left; left -= want) {
        want = left < BUFFER_SIZE ? left : BUFFER_SIZE;
        if (sys_read(pass->from, buffer, want, &got) != SYS_OK || got != want) {
            pass->unreadable = 1;
            return 0;
        }
        if (!pass->crc_unasked)
            pass->crc = crc32(pass->crc, buffer, want);
        if (pass->sha)
            sha256_update(pass->sha, buffer, want);
        if (pass->to != SYS_NO_FILE)
            pass->written = sys_write(pass->to, buffer, want);
        if (pass->written != SYS_OK)
            return 0;
        show_progress(pass, want);
    }
    return 1;
}

int slice_is_file(const struct part *part, const char *name, u32 length)
{
    struct pass pass;
    int right;

    if (length != part->length || !pass_begin(&pass, name, name, length))
        return 0;
    right = pass_over(&pass, 0, length) && pass.crc == part->crc;
    sys_close(pass.from);
    return right;
}

int slice_sum(const char *path, const char *name, u32 length, u8 *sha)
{
    struct pass pass;
    struct sha256 whole;
    int read;

    pass_begin(&pass, path, name, length);
    sha256_init(&whole);
    pass.sha = &whole;
    pass.crc_unasked = 1; /* the SHA-256 says more */
    read = pass_over(&pass, 0, length);
    sys_close(pass.from);
    sha256_out(&whole, sha);
    return read;
}

u32 slices_read(struct file *file, const char *path, u32 where, u8 *sha)
{
    struct pass pass;
    struct sha256 whole;
    struct part *part;

    pass_begin(&pass, path, file->name, file->length);
    sha256_init(&whole);
    if (sha)
        pass.sha = &whole;
    EACH_PART(part, file)
    {
        part->kept.right &= ~where;
        if (pass_over(&pass, part->offset, part->length) && pass.crc == part->crc)
            part->kept.right |= where;
    }
    sys_close(pass.from);
    if (sha)
        sha256_out(&whole, sha);
    return !pass.unreadable;
}

int slice_copy(const struct part *part, const char *source, u32 offset)
{
    const char *work = work_name(part);
    struct pass pass;
    struct sys_stamp before;
    int right;

    if (!pass_begin(&pass, source, part->file->name, part->length))
        return 0;
    must(sys_stat(work, &before), work);
    must(sys_open(&pass.to, work, SYS_UPDATE), work);
    must(sys_seek(pass.to, part->offset), work);
    right = pass_over(&pass, offset, part->length) && pass.crc == part->crc;
    if (right)
        pass.written = sys_flush(pass.to);
    if (pass.written != SYS_OK) { /* gives the room back, which the reports need on a full disk */
        sys_seek(pass.to, before.length);
        sys_cut(pass.to);
    }
    sys_close(pass.from);
    sys_close(pass.to);
    must(pass.written, work);
    return right;
}

static struct pass unpacking; /* its file is open from one file of a pack to the next */
static const struct part *unpacked;

void slices_close(void)
{
    if (unpacked)
        sys_close(unpacking.from);
    unpacked = 0;
}

int slice_unpack(const struct file *file, const char *to)
{
    const char *pack = part_name(file->pack);
    struct pass pass;
    int whole;

    if (unpacked != file->pack) {
        slices_close();
        if (!pass_begin(&unpacking, pack, pack, file->pack->length))
            return 0;
        unpacked = file->pack;
    }
    pass = unpacking;
    pass.crc_unasked = 1; /* what was written is read back for its SHA-256 */
    must(sys_open(&pass.to, to, SYS_CREATE), to);
    whole = pass_over(&pass, file->offset, file->length);
    if (whole)
        pass.written = sys_flush(pass.to);
    sys_touch(pass.to, file->date);
    sys_close(pass.to);
    unpacking.at = pass.at;
    unpacking.done = pass.done;
    if (pass.written != SYS_OK)
        sys_delete(to);
    must(pass.written, to);
    return whole;
}
