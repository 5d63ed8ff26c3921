/* examine.c - see examine.h */
#include "examine.h"

#include "job.h"
#include "list.h"
#include "slices.h"

const char was_damaged[] = "was damaged on the disk";

static int same(const struct sys_stamp *a, const struct sys_stamp *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- the directory ---- */

/* The place of what is listed now: the directory, and after it the name. */
static char listed[LONGEST_PLACE + 300];
static u32 listed_directory; /* characters of it */

static void note_final(void *context, const char *name, const struct sys_stamp *stamp)
{
    struct file *file;
    u32 i;

    (void)context;
    for (i = 0; (listed[listed_directory + i] = name[i]) != '\0'; i++)
        ;
    file = manifest_final(listed);
    if (file) {
        file->final_there = 1;
        file->final = *stamp;
    }
}

/* The manifest or the state of an earlier deployment. */
static void note_old(const char *name)
{
    char id[NAME_SIZE];

    if (text_length(name) != 12 || job.old_count == MOST_OLD || text_same(name + 8, ".LST"))
        return;
    memcpy(id, name, NAME_SIZE);
    id[8] = '\0';
    id[0] = (char)fold(id[0]);
    if (id_ok(id) && !text_same(id, job.id) && (text_same(name + 8, ".MAN") || text_same(name + 8, ".STA")))
        memcpy(job.old[job.old_count++], name, NAME_SIZE);
}

static void note_working(void *context, const char *name, const struct sys_stamp *stamp)
{
    enum kind kind;
    struct part *part = manifest_working(name, &kind);

    (void)context;
    if (!part) {
        note_old(name);
        return;
    }
    if (kind == KIND_WORK_FILE) {
        part->file->work_there = 1;
        part->file->work = *stamp;
    } else if (kind == KIND_TEMP) {
        part->temp_there = 1;
        part->temp = *stamp;
    } else {
        part->there = 1;
        part->own = *stamp;
    }
}

/* Each directory is listed once, as long as the manifest has its files one after the other. */
void examine_directory(void)
{
    struct file *file;
    const char *c;
    u32 length, new_one = 1;

    must(sys_list("", note_working, 0), "directory");
    EACH_FILE(file)
    {
        length = 0;
        for (c = file->place; *c; c++)
            if (sys_is_lead(*c) && c[1])
                c++;
            else if (*c == SYS_SLASH)
                length = (u32)(c - file->place) + 1;
        if (new_one || length != listed_directory || memcmp(listed, file->place, length) != 0) {
            memcpy(listed, file->place, length);
            listed[length] = '\0';
            listed_directory = length;
            must(sys_list(path_of(listed), note_final, 0), "directory");
        }
        new_one = 0;
    }
}

/* ---- the final place ---- */

static void forget(struct file *file, u32 where)
{
    struct part *part;

    EACH_PART(part, file)
        part->kept.right &= ~where;
}

/* What becomes of a file that is not what comes. */
static u32 judge(int is_ours)
{
    if (manifest.overwrite == 'n')
        return VERDICT_KEPT;
    if (is_ours || manifest.overwrite == 'a' || !manifest.overwrite)
        return VERDICT_WRONG;
    return manifest.overwrite == 'c' ? VERDICT_SAVE : VERDICT_KEPT;
}

/* One of another length is read only when an earlier push may have brought it. */
static void judge_other_length(struct file *file)
{
    struct file_kept *kept = &file->kept;
    u32 length = file->final.length;

    if (!manifest.overwrite || manifest.overwrite == 'a')
        return;
    kept->final = file->final;
    if (manifest.overwrite != 'n' && list_has(file, length, 0))
        kept->hashed = (u32)slice_sum(path_of(file->place), file->name, length, kept->sha);
    kept->verdict = judge(kept->hashed && list_has(file, length, kept->sha));
    if (kept->verdict == VERDICT_WRONG)
        kept->verdict = VERDICT_OURS;
}

void examine_final(struct file *file)
{
    struct file_kept *kept = &file->kept;

    if (file->final_there && kept->verdict != VERDICT_NONE && same(&file->final, &kept->final))
        return;
    kept->verdict = VERDICT_NONE;
    kept->hashed = 0;
    forget(file, RIGHT_OLD);
    if (!file->final_there)
        return;
    if (file->final.length != file->length) {
        judge_other_length(file);
        return;
    }
    kept->final = file->final;
    if (file->part == file->end)
        kept->hashed = (u32)slice_sum(path_of(file->place), file->name, file->length, kept->sha);
    else
        kept->hashed = slices_read(file, path_of(file->place), RIGHT_OLD, kept->sha);
    kept->verdict = VERDICT_GOOD;
    if (!kept->hashed || memcmp(kept->sha, file->sha, sizeof file->sha) != 0)
        kept->verdict = judge(kept->hashed && list_has(file, file->length, kept->sha));
    if (kept->verdict >= VERDICT_KEPT)
        forget(file, RIGHT_OLD); /* it is not ours to be built upon */
}

int is_still_there(struct file *file)
{
    if (file->final_there && same(&file->final, &file->kept.final))
        return 1;
    file->kept.verdict = VERDICT_NONE;
    file->kept.hashed = 0;
    forget(file, RIGHT_OLD);
    return 0;
}

/* ---- temporaries and parts ---- */

int is_wanted(const struct part *part)
{
    const struct file *file = part->file;

    if (!IS_PACK(part))
        return !IS_SETTLED(file);
    EACH_PACKED(file, part)
        if (!IS_SETTLED(file))
            return 1;
    return 0;
}

int is_missing(const struct part *part)
{
    return !part->kept.right && is_wanted(part);
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
            slices_read(file, work_name(file->part), RIGHT_WORK, 0);
            file->kept.work = file->work;
        }
    }
    if (file->final_there && (file->kept.verdict == VERDICT_NONE || file->kept.verdict == VERDICT_OURS) && (kinds_of_right(file) & KIND_MISSING)) {
        slices_read(file, path_of(file->place), RIGHT_OLD, 0);
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
        examine_final(file);
    EVERY_PART(part)
    {
        if (!is_wanted(part))
            continue;
        if (part->temp_there && (part->temp.length || HAS_HOST()))
            accept(part);
        look_at_part(part);
    }
    EACH_FILE(file)
        if (!IS_SETTLED(file) && file->part < file->end)
            look_at_slices(file);
}
