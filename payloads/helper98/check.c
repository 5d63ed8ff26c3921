/* check.c - CHECK: what is here, what is missing, and the script that fetches it. */
#include "examine.h"
#include "job.h"
#include "state.h"
#include "writer.h"

#define GIVE_UP_BAD 3u  /* times the same part was bad */
#define GIVE_UP_IDLE 3u /* rounds in a row that brought nothing */
#define MOST_GETS 16u   /* per session of FTP.EXE */
#define MOST_NAMED 8u   /* files that are named on the screen */

/* What is still to do, over all files that are not good. Bytes are those of whole clusters, which is what
 * they take on the disk. */
static struct {
    u32 missing;   /* parts whose bytes are nowhere */
    u32 largest;   /* part */
    u64 parts;     /* to be fetched, and to be copied out of an old file into a work file */
    u64 packs;     /* to be fetched */
    u64 unpacked;  /* what the files of packs take more than those that they replace */
    u64 packs_here; /* which is given back when they are unpacked */
} todo;

static u32 cluster = 1;

static u32 clusters(u32 bytes)
{
    return (bytes + cluster - 1) & ~(cluster - 1);
}

static void count_packed(const struct file *file)
{
    u32 size = clusters(file->length);
    u32 old = file->final_there && file->kept.verdict != VERDICT_SAVE ? clusters(file->final.length) : 0;

    if (!IS_SETTLED(file) && size > old)
        todo.unpacked += size - old;
}

/* Gives up when a part that is missing was bad too often. */
static void count(const struct part *part)
{
    const struct file *file = part->file;
    u32 size = clusters(part->length);

    if (size > todo.largest)
        todo.largest = size;
    if (IS_PACK(part)) {
        EACH_PACKED(file, part)
            count_packed(file);
        if (part->kept.right)
            todo.packs_here += size;
        else
            todo.packs += size;
    } else if (!part->kept.right || (part->kept.right == RIGHT_OLD && file->work_there)) {
        todo.parts += size;
    }
    if (part->kept.right)
        return;
    todo.missing++;
    if (part->kept.bad >= GIVE_UP_BAD)
        fail(CODE_GAVE_UP, "%s came damaged %u times: a bad cable or card, or it changed on the host", part_name(part), part->kept.bad);
}

/* Closes the round that the last NEXT.FTP began. A round in which no part arrived whole is idle. */
static void close_round(void)
{
    if (!job.kept.round)
        return;
    job.kept.idle = job.now.accepted ? 0 : job.kept.idle + 1;
    if (job.kept.round_count < MOST_ROUNDS)
        job.rounds[job.kept.round_count++] = job.now;
}

/* Low disk is said before the first byte is fetched. While packs are unpacked each gives back its room, so
 * what they take together is never more than the files and one pack. The old call cannot see more than 2 GB:
 * what it reports is then a lower bound and no reason to refuse. */
static void need_disk(u64 bytes)
{
    u64 need = todo.packs + todo.packs_here;

    if (need < todo.unpacked)
        need = todo.unpacked;
    need += todo.parts + todo.largest + DISK_SLACK + 4 * cluster + (job.kept.files << 8);
    need -= todo.packs_here;
    if (bytes < need)
        fail(CODE_FULL, "%u KB of disk are needed, %u KB are free", (u32)(need >> 10) + 1, (u32)(bytes >> 10));
}

/* The session that fetches what is missing. It also brings the host our reports: INFO.TXT once. Where there is
 * no host, an empty file under its temporary name stands for each part that has to be copied from a disk. */
static void write_script(void)
{
    const struct part *part;
    struct sys_stamp stamp;
    u32 gets = MOST_GETS;
    const char *name;
    sys_file file;

    if (!HAS_HOST()) {
        EVERY_PART(part)
            if (is_missing(part)) {
                name = temp_name(part);
                must(sys_open(&file, name, SYS_CREATE), name);
                sys_close(file);
            }
        return;
    }
    writer_open(next_ftp);
    writer_text("open %s\r\nuser %s %s\r\nbinary\r\n", manifest.host, manifest.login, manifest.token);
    if (job.kept.round == 1 && sys_stat(info_txt, &stamp) == SYS_OK)
        writer_text("put INFO.TXT\r\n");
    writer_text("put RESULT.TXT\r\n");
    EVERY_PART(part)
        if (is_missing(part) && gets) {
            writer_text("get %s %s\r\n", part_name(part), temp_name(part));
            gets--;
        }
    writer_text("bye\r\n");
    must(writer_commit(), next_ftp);
}

/* Names what has to come, for people who copied it here by hand. */
static void name_missing(void)
{
    const struct part *part;
    const struct file *named = 0;
    u32 left = MOST_NAMED;

    EVERY_PART(part)
        if (is_missing(part) && part->file != named && left) {
            named = part->file;
            say("%s is %s\r\n", named->place, named->final_there ? "not what was sent" : "not here yet");
            left--;
        }
}

int check(void)
{
    const struct part *part;
    int code = CODE_DONE;
    u64 bytes;
    int at_least;

    examine();
    close_round();
    if (sys_disk_free(&bytes, &cluster, &at_least) != SYS_OK)
        at_least = 1;
    EVERY_PART(part)
        if (is_wanted(part))
            count(part);
    if (todo.missing) {
        if (job.kept.idle >= GIVE_UP_IDLE)
            fail(CODE_GAVE_UP, "nothing arrived in %u rounds; check the cable and the host", job.kept.idle);
        if (!at_least)
            need_disk(bytes);
        if (!job.kept.round++)
            name_missing();
        write_script();
        code = CODE_FETCH;
    } else {
        must_delete(next_ftp);
    }
    say("CHECK %s: %u of %u parts here, %u to fetch (round %u)\r\n", job.id, job.kept.parts - todo.missing,
        job.kept.parts, todo.missing, job.kept.round);
    must(state_save(), state_name()); /* without it there would be no giving up */
    return code;
}
