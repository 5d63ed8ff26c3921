/* examine.c - see examine.h */
#include "examine.h"

#include "job.h"
#include "slices.h"

const char was_damaged[] = "was damaged on the disk";

static int same(const struct sys_stamp *a, const struct sys_stamp *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- the directory ---- */

static void note(void *context, const char *name, const struct sys_stamp *stamp)
{
    struct part *part;
    struct file *file = manifest_final(name);
    u32 temporary;

    (void)context;
    if (file) {
        file->final_there = 1;
        file->final = *stamp;
        return;
    }
    file = manifest_working(name, &part, &temporary);
    if (!file)
        return;
    if (!part) {
        file->work_there = 1;
        file->work = *stamp;
    } else if (temporary) {
        part->temp_there = 1;
        part->temp = *stamp;
    } else {
        part->there = 1;
        part->own = *stamp;
    }
}

void examine_directory(void)
{
    struct file *file;

    EACH_FILE(file)
        if (file->place != file->name) /* in another directory, perhaps */
            file->final_there = sys_stat(file->place, &file->final) == SYS_OK;
    must(sys_list(note, 0), "directory");
}

/* ---- the final place ---- */

static void forget(struct file *file, u32 where)
{
    struct part *part;

    EACH_PART(part, file)
        part->kept.right &= ~where;
}

void examine_final(struct file *file)
{
    struct file_kept *kept = &file->kept;

    if (file->final_there && kept->verdict != VERDICT_NONE && same(&file->final, &kept->final))
        return;
    kept->verdict = VERDICT_NONE;
    kept->hashed = 0;
    forget(file, RIGHT_OLD);
    if (!file->final_there || file->final.length != file->length)
        return;
    kept->final = file->final;
    kept->hashed = slices_read(file, file->place, RIGHT_OLD, kept->sha);
    kept->verdict = kept->hashed && memcmp(kept->sha, file->sha, sizeof file->sha) == 0 ? VERDICT_GOOD : VERDICT_WRONG;
}

int is_still_there(struct file *file)
{
    file->final_there = sys_stat(file->place, &file->final) == SYS_OK;
    if (file->final_there && same(&file->final, &file->kept.final))
        return 1;
    file->kept.verdict = VERDICT_NONE;
    file->kept.hashed = 0;
    forget(file, RIGHT_OLD);
    return 0;
}

/* ---- temporaries and parts ---- */

int is_missing(const struct part *part)
{
    return !part->kept.right && part->file->kept.verdict != VERDICT_GOOD;
}

u32 kinds_of_right(const struct file *file)
{
    const struct part *part;
    u32 kinds = 0;

    EACH_PART(part, file)
        kinds |= 1u << (part->kept.right & 7);
    return kinds;
}

void part_is_bad(struct part *part, const char *name, const char *how)
{
    part->kept.right = 0;
    part->kept.bad++;
    job.now.bad++;
    must_delete(name);
    say("%s %s\r\n", part_name(part), how);
}

static void is_proved(struct part *part)
{
    part->kept.proved = part->own;
    part->kept.right |= RIGHT_PART;
}

/* A fetched temporary: to its real name when it is right, else away with it. */
static void accept(struct part *part)
{
    const char *temp = temp_name(part);
    const char *name = part_name(part);

    if (!slice_is_file(part, temp, part->temp.length)) {
        part_is_bad(part, temp, "came damaged");
        return;
    }
    must_delete(name);
    must(sys_rename(temp, name), name);
    must(sys_stat(name, &part->own), name);
    part->there = 1;
    is_proved(part);
    job.now.accepted++;
}

/* A part under its real name: right, as proved before or read now; or deleted. */
static void look_at_part(struct part *part)
{
    const char *name = part_name(part);
    int known = (part->kept.right & RIGHT_PART) && same(&part->kept.proved, &part->own);

    if (part->there && known)
        return;
    part->kept.right &= ~RIGHT_PART;
    if (!part->there)
        return;
    if (slice_is_file(part, name, part->own.length))
        is_proved(part);
    else
        part_is_bad(part, name, was_damaged);
}

/* The slices that are right elsewhere: in the work file, then in an old file of another length. Neither
 * is read when every part is here already. */
static void look_at_slices(struct file *file)
{
    if (!file->work_there || !same(&file->work, &file->kept.work)) {
        forget(file, RIGHT_WORK);
        if (file->work_there && (kinds_of_right(file) & KIND_MISSING)) {
            slices_read(file, work_name(file), RIGHT_WORK, 0);
            file->kept.work = file->work;
        }
    }
    if (file->final_there && file->kept.verdict == VERDICT_NONE && (kinds_of_right(file) & KIND_MISSING)) {
        slices_read(file, file->place, RIGHT_OLD, 0);
        file->kept.final = file->final;
        file->kept.verdict = VERDICT_WRONG;
    }
}

void examine(void)
{
    struct file *file;
    struct part *part;

    examine_directory();
    EACH_FILE(file)
    {
        examine_final(file);
        if (file->kept.verdict == VERDICT_GOOD)
            continue;
        EACH_PART(part, file)
        {
            if (part->temp_there)
                accept(part);
            look_at_part(part);
        }
        look_at_slices(file);
    }
}
