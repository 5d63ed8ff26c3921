/* fail.c - the way out, and what takes it by itself: see job.h */
#include "job.h"

static void complain_list(const char *format, va_list list)
{
    text_format(job.reason, sizeof job.reason, format, list);
    say("%s %s: %s\r\n", job.command, job.id, job.reason);
}

void complain(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    complain_list(format, list);
    va_end(list);
}

void fail(int code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    complain_list(format, list);
    va_end(list);
    sys_delete(next_ftp);
    if (job.id[0])
        result_write(code);
    sys_exit(code);
}

void must(int status, const char *name)
{
    if (status == SYS_FULL)
        fail(CODE_FULL, "the disk is full (%s)", name);
    if (status != SYS_OK)
        fail(CODE_ERROR, "disk error (%s)", name);
}

void must_delete(const char *name)
{
    int status = sys_delete(name);

    if (status != SYS_MISSING)
        must(status, name);
}

void *must_alloc(u32 bytes)
{
    void *block = sys_alloc(bytes);

    if (!block)
        fail(CODE_ERROR, "out of memory (%u KB)", (bytes >> 10) + 1);
    return block;
}

u8 *read_file(const char *name, u32 most, u32 *length)
{
    struct sys_stamp stamp;
    sys_file file;
    u8 *bytes;

    if (sys_stat(name, &stamp) != SYS_OK || stamp.length > most || sys_open(&file, name, SYS_READ) != SYS_OK)
        return 0;
    bytes = (u8 *)must_alloc(stamp.length + 4);
    must(sys_read(file, bytes, stamp.length, length), name);
    sys_close(file);
    return bytes;
}
