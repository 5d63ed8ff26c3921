/* join.c - JOIN: the parts of each file into the whole, under its final name only when right.
 *
 * For one file: choose the work file (what is left of an earlier JOIN, else an old version of the
 * file that has slices in common, else the first part renamed, so that a file of one part is never
 * copied); bring each missing slice to its place and delete its part once the slice is on the disk;
 * cut; read the whole back for its SHA-256; only then delete the old file and rename.
 *
 * A small file that travels in a pack is copied out of it into the work file of that pack, and then the same;
 * the pack goes when all its files are in place.
 *
 * A stop anywhere leaves every right byte in at least one place where CHECK finds it, and nothing
 * wrong under a final name. At no time is more than the files and one part on the disk. */
#include "examine.h"
#include "job.h"
#include "list.h"
#include "sha256.h"
#include "slices.h"
#include "state.h"

/* Sees to it that there is a work file. When no slice lies in one and none is in the old file alone,
 * every part is in its own file, the first too. */
static void begin(struct file *file)
{
    const char *work = work_name(file->part);
    const char *from = part_name(file->part);
    u32 kinds = kinds_of_right(file);
    struct part *part;

    if (kinds & KIND_WORK)
        return;
    must_delete(work);
    if (kinds & KIND_OLD_ONLY) { /* the old version: its right slices are in place already */
        from = path_of(file->place);
        file->final_there = 0;
        file->kept.verdict = VERDICT_NONE;
        EACH_PART(part, file)
            if (part->kept.right & RIGHT_OLD)
                part->kept.right ^= RIGHT_OLD | RIGHT_WORK;
    } else {
        file->part->kept.right = RIGHT_WORK;
    }
    must(sys_rename(from, work), from);
}

/* Brings a part's bytes into the work file, from its own file or from the old one. 0 when they were
 * right when they were looked at and are not any more. */
static int place(struct part *part)
{
    const char *name = part_name(part);
    u32 own = part->kept.right & RIGHT_PART;

    if (!(part->kept.right & RIGHT_WORK)) {
        if (!slice_copy(part, own ? name : path_of(part->file->place), own ? 0 : part->offset)) {
            part_is_bad(part, name, was_damaged);
            return 0;
        }
        part->kept.right |= RIGHT_WORK;
    }
    if (own)
        must_delete(name);
    part->kept.right &= ~RIGHT_PART;
    return 1;
}

/* Cuts what an older, longer version left behind the end. */
static void cut_work(const struct file *file)
{
    const char *work = work_name(file->part);
    sys_file handle;

    must(sys_open(&handle, work, SYS_UPDATE), work);
    must(sys_seek(handle, file->length), work);
    must(sys_cut(handle), work);
    must(sys_flush(handle), work);
    sys_close(handle);
}

static int wrong_as_a_whole(const struct file *file)
{
    complain("%s has a wrong SHA-256, though every part is right", file->name);
    return CODE_WRONG;
}

/* Reads the work file back. When its SHA-256 is wrong either some slice is (it was damaged after it
 * was written: fetch it again), or every slice has its CRC-32 and the sum is still wrong: then
 * nobody can say which, and the work file goes, so that the next run begins anew. */
static int prove(struct file *file)
{
    const char *work = work_name(file->part);
    struct part *part;
    int code = CODE_WRONG;

    file->kept.hashed = 1;
    if (slices_read(file, work, RIGHT_WORK, file->kept.sha) && memcmp(file->kept.sha, file->sha, sizeof file->sha) == 0)
        return CODE_DONE;
    EACH_PART(part, file)
        if (!(part->kept.right & RIGHT_WORK)) {
            part_is_bad(part, part_name(part), was_damaged);
            code = CODE_FETCH;
        }
    if (code == CODE_WRONG) {
        must_delete(work);
        file->work_there = 0;
        EACH_PART(part, file)
            part->kept.right = 0;
        wrong_as_a_whole(file);
    }
    return code;
}

/* Makes the directories on the way to `path`. Only a full disk counts: a directory that is there already is
 * what we want, and where there is none the renaming will say so. Those of the last call are there. */
static void make_directories(const char *path)
{
    static char made[2 * LONGEST_PLACE + 4];
    u32 i, same = 1, trail = 0;

    for (i = 0; path[i]; i++) {
        same &= path[i] == made[i];
        made[i] = '\0';
        if (!trail && path[i] == SYS_SLASH && !same) {
            int status = sys_mkdir(made);
            if (status == SYS_OK)
                list_made(made);
            else if (status == SYS_FULL)
                must(SYS_FULL, path);
        }
        made[i] = path[i];
        trail = !trail && sys_is_lead(path[i]);
    }
    made[i] = '\0';
}

/* The date and the attributes that a delivered file should have. */
static void dress(struct file *file)
{
    const char *path = path_of(file->place);
    struct sys_stamp wanted = file->final;

    wanted.attributes = file->attributes;
    if (file->date)
        sys_date(file->date, &wanted);
    if (memcmp(&wanted, &file->final, sizeof wanted) != 0) {
        must(sys_set(path, file->date, file->attributes), path);
        must(sys_stat(path, &file->final), path);
    }
    file->kept.final = file->final;
}

/* What lies at the final place, and is not ours, takes the name that was chosen for it. */
static void save(const struct file *file)
{
    char from[2 * LONGEST_PLACE + 4];
    const char *path = path_of(file->place);

    memcpy(from, path, sizeof from);
    must(sys_rename(from, path_of(file->saved)), file->saved);
    path_of(file->place);
    say("JOIN %s: %s was changed here and is saved as %s\r\n", job.id, file->place, file->saved);
}

/* The proved work file to the final place. A file of no bytes has none and is made there. */
static void deliver(struct file *file)
{
    const char *path = path_of(file->place);
    struct part *part;
    sys_file handle;

    make_directories(path);
    if (file->saved && file->final_there)
        save(file);
    else if (file->final_there)
        must_delete(path);
    if (file->length) {
        must(sys_rename(work_name(file->pack ? file->pack : file->part), path), path);
    } else {
        must(sys_open(&handle, path, SYS_CREATE), path);
        sys_close(handle);
    }
    must(sys_stat(path, &file->final), path);
    file->final_there = 1;
    file->kept.verdict = VERDICT_GOOD;
    dress(file);
    EACH_PART(part, file)
        part->kept.right = RIGHT_OLD;
    if (!file->pack)
        say("JOIN %s: %s is whole, %u bytes\r\n", job.id, file->name, file->length);
}

static void sweep_part(const struct part *part)
{
    if (part->there)
        must_delete(part_name(part));
    if (part->temp_there)
        must_delete(temp_name(part));
}

/* Deletes what an interrupted run left of a file that is good. */
static void sweep(const struct file *file)
{
    const struct part *part;

    if (file->work_there)
        must_delete(work_name(file->pack ? file->pack : file->part));
    EACH_PART(part, file)
        sweep_part(part);
}

/* Copies a file out of its pack, reads it back, and delivers it when its SHA-256 is right. */
static int unpack(struct file *file)
{
    struct part *pack = file->pack;
    const char *work = work_name(pack);

    file->kept.hashed = 1;
    if (slice_unpack(file, work) && slice_sum(work, file->name, file->length, file->kept.sha) &&
        memcmp(file->kept.sha, file->sha, sizeof file->sha) == 0)
        return CODE_DONE;
    slices_close();
    must_delete(work);
    if (!slice_is_file(pack, part_name(pack), pack->length)) {
        part_is_bad(pack, part_name(pack), was_damaged);
        return CODE_FETCH;
    }
    return wrong_as_a_whole(file);
}

/* Puts the parts of a file together, and proves the whole. */
static int build(struct file *file)
{
    struct part *part;
    int code = CODE_DONE;

    begin(file);
    EACH_PART(part, file)
        if (!place(part))
            code = CODE_FETCH;
    if (code != CODE_DONE)
        return code;
    cut_work(file);
    return prove(file);
}

/* An empty file with a sum that is not that of nothing. */
static int prove_empty(struct file *file)
{
    struct sha256 nothing;

    file->kept.hashed = 1;
    sha256_init(&nothing);
    sha256_out(&nothing, file->kept.sha);
    if (memcmp(file->kept.sha, file->sha, sizeof file->sha) == 0)
        return CODE_DONE;
    return wrong_as_a_whole(file);
}

static int join_file(struct file *file)
{
    int code;

    if (IS_SETTLED(file)) {
        if (file->kept.verdict == VERDICT_GOOD)
            dress(file);
        else
            say("JOIN %s: %s was changed here and is kept\r\n", job.id, file->place);
        sweep(file);
        return CODE_DONE;
    }
    if (file->pack && !file->pack->kept.right)
        return CODE_FETCH; /* it was found damaged at another file of it */
    code = !file->length ? prove_empty(file) : file->pack ? unpack(file) : build(file);
    if (code == CODE_DONE)
        deliver(file);
    return code;
}

/* One file may have taken another's place: a name such as LONGNA~1.TXT may be the short one of a long
 * name, and whatever else is done there meanwhile. */
static int all_are_still_there(void)
{
    struct file *file;
    int code = CODE_DONE;

    EACH_FILE(file)
        file->final_there = 0;
    examine_directory();
    EACH_FILE(file)
        if (!is_still_there(file)) {
            complain("%s is not there any more: something else took its place", file->name);
            code = CODE_WRONG;
        }
    return code;
}

/* A directory that is empty in the payload. */
static void make_empty(const char *place)
{
    const char *path = path_of(place);
    struct sys_stamp stamp;

    make_directories(path);
    sys_mkdir(path);
    if (sys_stat(path, &stamp) != SYS_ERROR)
        fail(CODE_ERROR, "the folder %s cannot be made", path);
}

/* A file that is wrong does not keep the others; the worst of all is the answer. A pack is deleted when its
 * files are all at their places and on the disk. */
int join(void)
{
    struct file *file;
    struct part *part;
    const char **directory;
    int worst = CODE_DONE;

    examine();
    EVERY_PART(part)
        if (is_missing(part))
            worst = CODE_FETCH;
    if (worst == CODE_DONE) {
        list_begin();
        EACH_FILE(file)
        {
            int code = join_file(file);
            if (code > worst)
                worst = code;
            if (file->pack && file[1].pack != file->pack && !is_wanted(file->pack)) {
                slices_close();
                sweep_part(file->pack);
                file->pack->there = file->pack->temp_there = 0;
            }
        }
    }
    if (worst == CODE_DONE)
        worst = all_are_still_there();
    if (worst == CODE_DONE) {
        list_end();
        for (directory = dirs; *directory; directory++)
            make_empty(*directory);
        while (job.old_count)
            must_delete(job.old[--job.old_count]);
    }
    if (worst == CODE_DONE)
        say("JOIN %s: all %u files are whole\r\n", job.id, job.kept.files);
    if (worst == CODE_FETCH)
        complain("parts are missing or damaged: CHECK again");
    must(state_save(), state_name()); /* it knows how often parts were bad */
    return worst;
}
