/* date_win32.c - dates and attributes of files on Windows; apart, for a program that keeps none. */
#include "kernel32.h"

void sys_date(u32 date, struct sys_stamp *stamp)
{
    static u32 time[2], known;
    u32 local[2];

    if (date != known) { /* each is asked for twice */
        DosDateTimeToFileTime(date >> 16, date & 0xFFFF, local);
        LocalFileTimeToFileTime(local, time);
        known = date;
    }
    stamp->time_low = time[0];
    stamp->time_high = time[1];
}

void sys_touch(sys_file file, u32 date)
{
    struct sys_stamp stamp;

    if (date) {
        sys_date(date, &stamp);
        SetFileTime((handle)file, 0, 0, &stamp.time_low);
    }
}

int sys_set(const char *path, u32 date, u32 attributes)
{
    struct sys_stamp stamp;
    sys_file file;
    i32 worked = SetFileAttributesA(path, FILE_ATTRIBUTE_NORMAL);

    if (date && worked) {
        worked = sys_open(&file, path, SYS_UPDATE) == SYS_OK;
        sys_date(date, &stamp);
        worked = worked && SetFileTime((handle)file, 0, 0, &stamp.time_low);
        sys_close(file);
    }
    if (attributes && worked)
        worked = SetFileAttributesA(path, attributes);
    return worked ? SYS_OK : SYS_ERROR;
}
