/* script.c - see probe.h
 *
 * The manifest of the deployment that brought this program has the host and the login in its second record:
 * HOST <address> <user> <password>. It lies in the helper's own directory, whichever way the files came. */
#include "find.h"
#include "probe.h"
#include "text.h"

#define LONGEST 200u
#define MOST 4096u

static char newest[LONGEST];
static u32 newest_date;

static void look(void *context, const struct sys_found *found)
{
    u32 *at = (u32 *)context, length = text_length(found->alias);

    if (found->date < newest_date || *at + length >= LONGEST)
        return;
    newest_date = found->date;
    memcpy(newest + *at, found->alias, length + 1);
}

static u32 read_all(const char *name, char bytes[MOST])
{
    sys_file file;
    u32 got = 0;

    if (sys_open(&file, name, SYS_READ) == SYS_OK)
        sys_read(file, bytes, MOST - 1, &got);
    sys_close(file);
    bytes[got] = '\0';
    return got;
}

/* The words of the HOST record; 0 where no manifest is. */
static int find_host(char words[LONGEST], u32 *host)
{
    static const char root[] = SYS_DRIVE "DEPLOY";
    static char manifest[MOST];
    char own[LONGEST], pattern[LONGEST];
    u32 at = sizeof root - 1, i, end;

    memcpy(pattern, root, at);
    if (sys_own_path(own, sizeof own) == SYS_OK && root[1] == ':')
        pattern[0] = own[0];
    pattern[at++] = SYS_SLASH;
    memcpy(newest, pattern, at);
    memcpy(pattern + at, "D*.MAN", 7);
    newest[at] = '\0';
    newest_date = 0;
    if (sys_find(pattern, look, &at) != SYS_OK || !newest[at])
        return 0;
    read_all(newest, manifest);
    for (i = 0; manifest[i] && memcmp(manifest + i, "\nHOST ", 6); i++)
        ;
    if (!manifest[i])
        return 0;
    i += 6;
    for (end = 0; manifest[i + end] > ' ' || manifest[i + end] == ' '; end++)
        if (end == LONGEST - 1)
            return 0;
    memcpy(words, manifest + i, end);
    words[end] = '\0';
    for (*host = 0; words[*host] > ' '; ++*host)
        ;
    return words[*host] == ' ';
}

int make_script(const char *from, const char *to)
{
    static char text[MOST];
    char words[LONGEST];
    u32 host, i, start = 0;
    sys_file file;
    int status;

    if (!find_host(words, &host))
        return SYS_MISSING;
    read_all(from, text);
    status = sys_open(&file, to, SYS_CREATE);
    for (i = 0; status == SYS_OK && text[i]; i++) {
        if (text[i] != '#')
            continue;
        status = sys_write(file, text + start, i - start);
        if (status == SYS_OK && text[i + 1] == 'H')
            status = sys_write(file, words, host);
        else if (status == SYS_OK)
            status = sys_write(file, words + host + 1, text_length(words + host + 1));
        start = i + 2;
        i++;
    }
    if (status == SYS_OK)
        status = sys_write(file, text + start, i - start);
    sys_close(file);
    return status;
}
