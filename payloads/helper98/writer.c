/* writer.c - see writer.h */
#include "writer.h"

#include "crc32.h"
#include "job.h"

static struct {
    sys_file file;
    const char *name;
    int status;     /* the first thing that went wrong */
    u32 crc, lines; /* of all bytes so far; how many LF are among them */
    u32 fill;
    char temp[NAME_SIZE];
    u8 buffer[4096];
} out;

void writer_open(const char *name)
{
    u32 i;

    out.name = name;
    for (i = 0; name[i] != '.'; i++)
        out.temp[i] = name[i];
    memcpy(out.temp + i, ".TMP", 5);
    out.fill = out.crc = out.lines = 0;
    out.status = sys_open(&out.file, out.temp, SYS_CREATE);
}

static void flush(void)
{
    out.crc = crc32(out.crc, out.buffer, out.fill);
    if (out.status == SYS_OK)
        out.status = sys_write(out.file, out.buffer, out.fill);
    out.fill = 0;
}

void writer_bytes(const void *bytes, u32 count)
{
    const u8 *in = (const u8 *)bytes;

    while (count--) {
        out.lines += *in == '\n';
        out.buffer[out.fill++] = *in++;
        if (out.fill == sizeof out.buffer)
            flush();
    }
}

void writer_sha(const u8 *sha)
{
    u32 i;

    for (i = 0; i < 64; i++)
        writer_bytes(&"0123456789abcdef"[sha[i / 2] >> (~i & 1) * 4 & 15], 1);
}

void writer_text(const char *format, ...)
{
    char text[500];
    va_list list;

    va_start(list, format);
    writer_bytes(text, text_format(text, sizeof text, format, list));
    va_end(list);
}

u32 writer_crc(void)
{
    flush();
    return out.crc;
}

int writer_seal(void)
{
    writer_text("end=%u %08X\r\n", out.lines, writer_crc());
    return writer_commit();
}

int writer_commit(void)
{
    int closed;

    flush();
    if (out.status == SYS_OK)
        out.status = sys_flush(out.file);
    closed = sys_close(out.file);
    if (out.status == SYS_OK)
        out.status = closed;
    if (out.status == SYS_OK) {
        out.status = sys_delete(out.name);
        if (out.status == SYS_OK || out.status == SYS_MISSING)
            out.status = sys_rename(out.temp, out.name);
    }
    if (out.status != SYS_OK)
        sys_delete(out.temp);
    return out.status;
}
