/* ftp_win32.c - how fast FTP.EXE is with our own server, and what kind of address this PC has. */
#include "kernel32.h"
#include "probe.h"
#include "text.h"

K32(handle) LoadLibraryA(const char *name);

#define LARGE (1u << 20)

static void ignored(void *context, const u8 *bytes, u32 count)
{
    (void)context;
    (void)bytes;
    (void)count;
}

/* Runs FTP.EXE with a script, and says the milliseconds and KB in a second. */
static int timed(const char *text)
{
    char command[] = "FTP -n -i -s:S.FTP";
    u32 code = 0, ms, began;

    if (write_text("S.TXT", text) != SYS_OK || make_script("S.TXT", "S.FTP") != SYS_OK) {
        say("host=none\r\n");
        return 0;
    }
    began = sys_ticks();
    say("run=%s\r\n", sys_run(command, "", ignored, 0, &code) == SYS_OK ? "ok" : "missing");
    ms = sys_ticks() - began;
    sys_delete("S.FTP");
    say("ms=%u\r\nkb_s=%u\r\n", ms, (LARGE >> 10) * 1000u / (ms ? ms : 1));
    return 1;
}

void ftp_get(void)
{
    struct sys_stamp stamp;

    if (!timed("open #H\r\nuser #U\r\ncd PLAIN\r\nbinary\r\nget BIG.BIN\r\nbye\r\n"))
        return;
    say("bytes=%u\r\n", sys_stat("BIG.BIN", &stamp) == SYS_OK ? stamp.length : 0);
    sys_delete("BIG.BIN");
}

void ftp_put(void)
{
    static u8 block[32768];
    sys_file file;
    u32 i;

    sys_open(&file, "BIG.BIN", SYS_CREATE);
    for (i = 0; i < LARGE / sizeof block; i++)
        sys_write(file, block, sizeof block);
    sys_close(file);
    timed("open #H\r\nuser #U\r\ncd PLAIN\r\nbinary\r\nput BIG.BIN UP.BIN\r\nbye\r\n");
    sys_delete("BIG.BIN");
}

/* ---- the address ---- */

#define LOCAL_MACHINE ((handle)0x80000002u)
#define MOST_CARDS 10u

/* Windows takes no argument in a register; what is here is built to. */
typedef i32 __attribute__((stdcall, regparm(0))) open_key(handle key, const char *name, u32 reserved, u32 access,
                                                          handle *opened);
typedef i32 __attribute__((stdcall, regparm(0))) query(handle key, const char *name, u32 *reserved, u32 *kind,
                                                       void *bytes, u32 *size);

typedef i32 __attribute__((stdcall, regparm(0))) start_sockets(u32 version, void *record);
typedef i32 __attribute__((stdcall, regparm(0))) own_name(char *name, i32 size);

struct host {
    const char *name;
    char **aliases;
    i16 kind, length;
    const u8 **addresses;
};
typedef const struct host *__attribute__((stdcall, regparm(0))) host_by_name(const char *name);

/* How many addresses this PC has, and how many of them it gave itself: those that begin with 169.254. */
static void own_addresses(void)
{
    static u8 record[400];
    static char name[256];
    const struct host *host = 0;
    handle library = LoadLibraryA("WSOCK32");
    start_sockets *start = library ? (start_sockets *)(usize)GetProcAddress(library, "WSAStartup") : 0;
    own_name *name_of = library ? (own_name *)(usize)GetProcAddress(library, "gethostname") : 0;
    host_by_name *by_name = library ? (host_by_name *)(usize)GetProcAddress(library, "gethostbyname") : 0;
    u32 i, itself = 0;

    if (start && name_of && by_name && !start(0x101, record) && !name_of(name, sizeof name - 1))
        host = by_name(name);
    if (!host)
        return;
    for (i = 0; host->addresses[i]; i++)
        if (host->addresses[i][0] == 169 && host->addresses[i][1] == 254)
            itself++;
    say("addresses=%u\r\nof_itself=%u\r\n", i, itself);
}

void address(void)
{
    char key[] = "System\\CurrentControlSet\\Services\\Class\\NetTrans\\0000", value[64];
    handle library = LoadLibraryA("ADVAPI32"), opened;
    open_key *open = library ? (open_key *)(usize)GetProcAddress(library, "RegOpenKeyExA") : 0;
    query *value_of = library ? (query *)(usize)GetProcAddress(library, "RegQueryValueExA") : 0;
    u32 i, size, given = 0, automatic = 0;

    if (!open || !value_of) {
        say("cards=unknown\r\n");
        return;
    }
    for (i = 0; i < MOST_CARDS; i++) {
        key[sizeof key - 2] = (char)('0' + i);
        size = sizeof value - 1;
        memset(value, 0, sizeof value);
        if (open(LOCAL_MACHINE, key, 0, 0x20019, &opened) || value_of(opened, "IPAddress", 0, 0, value, &size))
            continue;
        if (memcmp(value, "0.0.0.0", 7) && *value)
            given++;
        else
            automatic++;
    }
    say("cards=known\r\nby_hand=%u\r\nautomatic=%u\r\n", given, automatic);
    own_addresses();
}
