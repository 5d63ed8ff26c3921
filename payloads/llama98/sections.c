/* sections.c - reads parts of a container and compares their checks. */
#include "container.h"

#define CHUNK 65536u /* read and summed at once: a sector is then still in a cache */

int section_read(struct model *m, u8 *to, u32 count, struct sums *sums)
{
    u32 got, some;

    for (; count; count -= some, to += some) {
        some = count < CHUNK ? count : CHUNK;
        if (sys_read(m->file, to, some, &got) != SYS_OK || got != some)
            return container_stopped(m);
        if (sums)
            (m->kernel == KERNEL_MMX ? sums_add_mmx : sums_add_c)(sums->sums, to, some);
        m->container.read += some;
    }
    return EXIT_DONE;
}

int section_load(struct model *m, const struct section *s, u8 *to)
{
    struct sums sums;
    int code = container_seek(m, s, 0);
    u32 check;

    memset(&sums, 0, sizeof sums);
    if (!code)
        code = section_read(m, to, s->bytes, s->kind >= SECTION_FINAL ? &sums : 0);
    if (code)
        return code;
    check = s->kind >= SECTION_FINAL ? sums_check(&sums) : crc32_of(to, s->bytes);
    return check == s->check ? EXIT_DONE : container_differs(m, s);
}

int section_take(struct model *m, const struct section *s, u8 **to)
{
    char needed[24];
    int code;

    *to = (u8 *)sys_alloc(s->bytes);
    if (!*to)
        return complain(EXIT_MEMORY, "not enough memory: a part of the model needs ",
                        text_megabytes(needed, s->bytes), " MB", (const char *)0);
    code = section_load(m, s, *to);
    if (code) {
        sys_free(*to, s->bytes);
        *to = 0;
    }
    return code;
}
