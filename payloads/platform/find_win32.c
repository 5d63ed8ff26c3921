/* find_win32.c - see find.h */
#include "find.h"

#include "kernel32.h"

static int is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

int sys_find(const char *pattern, sys_each_found *each, void *context)
{
    struct find_data data;
    struct sys_found found;
    u32 local[2];
    u16 day, time;
    handle search = FindFirstFileA(pattern, &data);
    u32 error;

    if (search == BAD_HANDLE) {
        error = GetLastError();
        return error == ERROR_FILE_NOT_FOUND || error == ERROR_NO_MORE_FILES ? SYS_OK : SYS_ERROR;
    }
    do {
        if (is_dots(data.name))
            continue;
        found.name = data.name;
        found.alias = *data.short_name ? data.short_name : data.name;
        found.attributes = data.attributes;
        found.length = data.length_low;
        found.large = data.length_high;
        found.date = 0;
        if (FileTimeToLocalFileTime(data.written, local) && FileTimeToDosDateTime(local, &day, &time))
            found.date = (u32)day << 16 | time;
        each(context, &found);
    } while (FindNextFileA(search, &data));
    FindClose(search);
    return SYS_OK;
}
