/* unit.c - known answers of the helper's units, and the promises of sys.h that it leans on.
 *
 * Runs hosted, under the sanitizers, and freestanding as a Linux i386 program, in a directory of its
 * own. Exit code 0 when all is right; else each line that was not. */
#include "../crc32.h"
#include "../job.h"
#include "sha256.h"
#include "../writer.h"
#include "args.h"

static u32 failures;

#define IS(condition) is(condition, __LINE__, #condition)

static void is(int condition, u32 line, const char *text)
{
    if (condition)
        return;
    failures++;
    say("unit.c:%u: %s\n", line, text);
}

static int same(const char *a, const char *b)
{
    u32 length = text_length(a);

    return length == text_length(b) && memcmp(a, b, length) == 0;
}

/* ---- sums ---- */

static void test_crc32(void)
{
    u8 zeros[1000];

    memset(zeros, 0, sizeof zeros);
    IS(crc32(0, "", 0) == 0);
    IS(crc32(0, "123456789", 9) == 0xCBF43926u);
    IS(crc32(crc32(0, "1234", 4), "56789", 5) == 0xCBF43926u);
    IS(crc32(0, "The quick brown fox jumps over the lazy dog", 43) == 0x414FA339u);
    IS(crc32(0, zeros, 32) == 0x190A55ADu);
    IS(crc32(0, "\xFF\xFF\xFF\xFF", 4) == 0xFFFFFFFFu);
}

/* SHA-256 of `count` letters a, given to it in pieces of `piece` bytes, as the first 8 digits. */
static int sha_of_letters(u32 count, u32 piece, const char *first)
{
    static u8 letters[64];
    struct sha256 sha;
    u8 digest[32], expected[4];
    u32 some;

    memset(letters, 'a', sizeof letters);
    sha256_init(&sha);
    for (; count; count -= some) {
        some = piece < count ? piece : count;
        sha256_update(&sha, letters, some);
    }
    sha256_out(&sha, digest);
    return text_hex(first, 'a', expected, 4) && memcmp(digest, expected, 4) == 0;
}

static void test_sha256(void)
{
    static const struct {
        u32 count;
        const char *first;
    } known[] = {{0, "e3b0c442"},    {1, "ca978112"},     {3, "9834876d"},      {55, "9f4390f8"},  {56, "b35439a4"},
                 {57, "f13b2d72"},   {63, "7d3e74a0"},    {64, "ffe054fe"},     {65, "635361c4"},  {119, "31eba51c"},
                 {120, "2f3d3354"},  {127, "c57e9278"},   {128, "6836cf13"},    {129, "c12cb024"}, {1000, "41edece4"},
                 {65536, "bf718b6f"}, {1000000, "cdc76e5c"}};
    u32 i, piece;

    for (i = 0; i < sizeof known / sizeof *known; i++) {
        for (piece = 1; piece <= 64; piece += known[i].count > 2000 ? 63 : 1)
            if (!sha_of_letters(known[i].count, piece, known[i].first))
                break;
        IS(piece > 64);
    }
}

/* ---- text ---- */

static char formatted[64];

static u32 format(u32 size, const char *text, ...)
{
    va_list list;
    u32 length;

    va_start(list, text);
    length = text_format(formatted, size, text, list);
    va_end(list);
    return length;
}

static void test_text_format(void)
{
    IS(format(64, "") == 0 && same(formatted, ""));
    IS(format(64, "%s-%s", "a", "") == 2 && same(formatted, "a-"));
    IS(format(64, "%u %u", 0u, 4294967295u) && same(formatted, "0 4294967295"));
    IS(format(64, "%03u %03u %03u", 7u, 42u, 1998u) && same(formatted, "007 042 1998"));
    IS(format(64, "%08X %02x", 0xC0FFEEu, 0xABu) && same(formatted, "00C0FFEE ab"));
    IS(format(64, "%09u", 5u) && same(formatted, "000000005"));
    IS(format(5, "%s", "abcdefgh") == 4 && same(formatted, "abcd"));
    IS(format(5, "ab%u", 12345u) == 4 && same(formatted, "ab12"));
    IS(format(1, "abc") == 0 && same(formatted, ""));
}

static void test_text_number(void)
{
    static const char *const wrong[] = {"",  "00", "01", "-1", "+1", " 1", "1 ", "0x1", "1a", "2147483648",
                                        "4294967296", "4294967297", "99999999999", "18446744073709551617"};
    u32 number, i;

    IS(text_number("0", &number) && number == 0);
    IS(text_number("7", &number) && number == 7);
    IS(text_number("2147483647", &number) && number == 2147483647u);
    IS(text_number("2147483640", &number) && number == 2147483640u);
    for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
        IS(!text_number(wrong[i], &number));
}

static void test_text_hex(void)
{
    u8 bytes[4];

    IS(text_hex("00FF7Fa0", 'A', bytes, 4) == 0);
    IS(text_hex("00FF7FA0", 'A', bytes, 4) && memcmp(bytes, "\x00\xFF\x7F\xA0", 4) == 0);
    IS(text_hex("00ff7fa0", 'a', bytes, 4) && memcmp(bytes, "\x00\xFF\x7F\xA0", 4) == 0);
    IS(!text_hex("00FF7F", 'A', bytes, 4));
    IS(!text_hex("00FF7FA", 'A', bytes, 4));
    IS(!text_hex("00FF7FA00", 'A', bytes, 4));
    IS(!text_hex("0G", 'A', bytes, 1) && !text_hex("0@", 'A', bytes, 1) && !text_hex("/0", 'A', bytes, 1));
    IS(!text_hex("0:", 'A', bytes, 1) && !text_hex("\xFF""0", 'A', bytes, 1));
}

static void test_names(void)
{
    IS(text_same("Stori260.bin", "STORI260.BIN") && text_same("", ""));
    IS(!text_same("A", "AB") && !text_same("AB", "A") && !text_same("[", "{"));
    IS(text_same("\xE9", "\xC9") && !text_same("\xF7", "\xD7"));
    IS(id_ok("D7F3A21C") && id_ok("D0000000"));
    IS(!id_ok("") && !id_ok("D7F3A21") && !id_ok("D7F3A21CC") && !id_ok("E7F3A21C") && !id_ok("D7f3A21C"));
}

/* ---- the manifest: one, the rest is in tests/payloads/test_helper98_manifest.py ---- */

static void test_manifest(void)
{
    static char text[] = "DEPLOY98 2 D7F3A21C\r\nHOST 10.0.0.1 D7F3A21C abcdef\r\n"
                         "PART AB.001 5 00000001\r\nPART AB.002 3 00000002\r\n"
                         "FILE AB.BIN 8 00000000000000000000000000000000"
                         "00000000000000000000000000000000 2EE32A84 3 2 AB.001 d/e%20.f\r\n"
                         "RUN AB.BIN  -x \"y z\"\r\nEND 6 ";
    char whole[sizeof text + 16];
    enum kind kind;

    memcpy(whole, text, sizeof text);
    format(sizeof formatted, "%08X\r\n", crc32(0, text, sizeof text - 7));
    memcpy(whole + sizeof text - 1, formatted, 11);
    IS(manifest_parse(whole, sizeof text - 1 + 10));
    IS(manifest.why == 0 && same(manifest.id, "D7F3A21C") && same(manifest.host, "10.0.0.1"));
    IS(same(manifest.run, "AB.BIN  -x \"y z\"") && same(manifest.token, "abcdef"));
    IS(manifest.files_end == files + 1 && manifest.parts_end == parts + 2);
    IS(files[0].date == 0x2EE32A84u && files[0].attributes == 3);
    IS(files[0].length == 8 && parts[1].offset == 5 && parts[1].length == 3 && parts[1].crc == 2);
    IS(files[0].place[1] == SYS_SLASH && same(files[0].place + 2, "e .f"));
    IS(same(part_name(parts + 1), "AB.002") && same(temp_name(parts + 1), "AB.A02"));
    IS(same(work_name(parts), "AB.WRK"));
    IS(manifest_working("ab.001", &kind) == parts && kind == KIND_PART);
    IS(manifest_working("AB.a02", &kind) == parts + 1 && kind == KIND_TEMP);
    IS(manifest_working("AB.wrk", &kind) == parts && kind == KIND_WORK_FILE);
    IS(!manifest_working("AB.003", &kind) && !manifest_working("AB.000", &kind));
    IS(!manifest_working("AB.B01", &kind) && !manifest_working("AB.1", &kind));
    IS(!manifest_working("AB.00:", &kind) && !manifest_working("AB.@01", &kind));
    IS(!manifest_working("AB", &kind) && !manifest_working("ABC.001", &kind));
    IS(!manifest_working("ABCDEFGHI.001", &kind) && !manifest_working("", &kind));
}

/* ---- the platform ---- */

static void test_args(void)
{
    static const struct {
        const char *line;
        int count;
        const char *args[3];
    } known[] = {{"", 0, {0, 0, 0}},
                 {"  ", 0, {0, 0, 0}},
                 {"a", 1, {"a", 0, 0}},
                 {" a\tb  c ", 3, {"a", "b", "c"}},
                 {"\"a b\" c", 2, {"a b", "c", 0}},
                 {"a\"b c\"d", 1, {"ab cd", 0, 0}},
                 {"\"\" x", 2, {"", "x", 0}},
                 {"a\\b \\c", 2, {"a\\b", "\\c", 0}},
                 {"\"a\\\"b\"", 1, {"a\"b", 0, 0}},
                 {"\"a\\\\\" b", 2, {"a\\", "b", 0}},
                 {"a\\ b", 2, {"a\\", "b", 0}},
                 {"a b c d", 3, {"a", "b", "c"}}};
    char text[64];
    char *argv[4];
    u32 i;
    int k, count;

    for (i = 0; i < sizeof known / sizeof *known; i++) {
        count = args_split(known[i].line, text, argv, 4);
        IS(count == known[i].count && argv[count] == 0);
        for (k = 0; k < count && k < known[i].count; k++)
            IS(same(argv[k], known[i].args[k]));
    }
}

static void test_memory(void)
{
    static u8 a[256], b[256];
    u32 i, n;

    for (n = 0; n < 40; n++) {
        for (i = 0; i < sizeof a; i++)
            a[i] = b[i] = (u8)(i * 7);
        memmove(a + n, a + 20, 100);
        for (i = 0; i < 100 && a[n + i] == b[20 + i]; i++)
            ;
        IS(i == 100);
        memset(a + n, (int)n, n);
        memcpy(b + n, a + n, n);
        IS(memcmp(a + n, b + n, n) == 0 && a[n + n] == (u8)(n + n == 0 ? 140 : a[n + n]));
    }
    IS(memcmp("a", "b", 1) < 0 && memcmp("\xFF", "a", 1) > 0 && memcmp("a", "b", 0) == 0);
}

static void test_divide(void)
{
    u32 rest;

    IS(sys_divide(100, 7, &rest) == 14 && rest == 2);
    IS(sys_divide((u64)0xFFFFFFFFu << 20, 1u << 24, &rest) == 0x0FFFFFFFu && rest == 0xF00000u);
    IS(sys_divide(((u64)1 << 40) + 999999999u, 1000000000u, &rest) == 1100 && rest == 511627775u);
}

static u32 listed;

static void count_file(void *context, const char *name, const struct sys_stamp *stamp)
{
    (void)context;
    if (same(name, "ONE.DAT") && stamp->length == 3)
        listed++;
}

static void test_files(void)
{
    struct sys_stamp stamp;
    sys_file file;
    u8 bytes[16];
    u32 got;

    sys_delete("ONE.DAT");
    sys_delete("TWO.DAT");
    IS(sys_open(&file, "ONE.DAT", SYS_READ) == SYS_MISSING && file == SYS_NO_FILE);
    IS(sys_open(&file, "ONE.DAT", SYS_UPDATE) == SYS_MISSING);
    IS(sys_stat("ONE.DAT", &stamp) == SYS_MISSING && sys_delete("ONE.DAT") == SYS_MISSING);
    IS(sys_open(&file, "ONE.DAT", SYS_CREATE) == SYS_OK && sys_write(file, "abcdef", 6) == SYS_OK);
    IS(sys_flush(file) == SYS_OK && sys_close(file) == SYS_OK);
    IS(sys_open(&file, "ONE.DAT", SYS_UPDATE) == SYS_OK && sys_seek(file, 1) == SYS_OK);
    IS(sys_write(file, "XY", 2) == SYS_OK && sys_cut(file) == SYS_OK && sys_close(file) == SYS_OK);
    IS(sys_stat("ONE.DAT", &stamp) == SYS_OK && stamp.length == 3);
    IS(sys_open(&file, "ONE.DAT", SYS_READ) == SYS_OK && sys_length(file, &got) == SYS_OK && got == 3);
    IS(sys_read(file, bytes, 16, &got) == SYS_OK && got == 3 && memcmp(bytes, "aXY", 3) == 0);
    IS(sys_read(file, bytes, 16, &got) == SYS_OK && got == 0 && sys_close(file) == SYS_OK);
    IS(sys_list("", count_file, 0) == SYS_OK && listed == 1);
    IS(sys_open(&file, "TWO.DAT", SYS_CREATE) == SYS_OK && sys_close(file) == SYS_OK);
    IS(sys_rename("ONE.DAT", "TWO.DAT") == SYS_EXISTS && sys_stat("ONE.DAT", &stamp) == SYS_OK);
    IS(sys_delete("TWO.DAT") == SYS_OK && sys_rename("ONE.DAT", "TWO.DAT") == SYS_OK);
    IS(sys_rename("ONE.DAT", "THREE.DAT") == SYS_MISSING && sys_delete("TWO.DAT") == SYS_OK);
    IS(sys_mkdir("DIR") != SYS_MISSING && sys_mkdir("DIR") == SYS_EXISTS);
    IS(sys_stat("DIR", &stamp) == SYS_ERROR && sys_open(&file, "DIR", SYS_READ) != SYS_OK);
    IS(sys_close(SYS_NO_FILE) == SYS_OK);
    IS(sys_list("NONE/", count_file, 0) == SYS_OK && listed == 1);
    IS(sys_rmdir("DIR") == SYS_OK && sys_rmdir("DIR") == SYS_MISSING);
}

/* 1999-03-04 05:06:08, and the last that FAT knows; the hosted build's local time may be any. */
static void test_dates(void)
{
    struct sys_stamp stamp, wanted, later;
    sys_file file;

    memset(&wanted, 0, sizeof wanted);
    memset(&later, 0, sizeof later);
    sys_date(0x266428C4u, &wanted);
    sys_date(0x266428C5u, &later);
    IS(later.time_high - wanted.time_high == 2 && wanted.time_low == 0);
    sys_date(0x28A128C4u, &later); /* 2000-05-01: over a leap day */
    IS((later.time_high - wanted.time_high + 7200) / 86400 == 424);
    IS(sys_open(&file, "DATED.DAT", SYS_CREATE) == SYS_OK && sys_close(file) == SYS_OK);
    IS(sys_set("DATED.DAT", 0x266428C4u, SYS_READ_ONLY) == SYS_OK && sys_stat("DATED.DAT", &stamp) == SYS_OK);
    IS(stamp.time_high == wanted.time_high && stamp.attributes == SYS_READ_ONLY);
    IS(sys_set("DATED.DAT", 0, 0) == SYS_OK && sys_stat("DATED.DAT", &stamp) == SYS_OK);
    IS(stamp.time_high == wanted.time_high && stamp.attributes == 0 && sys_delete("DATED.DAT") == SYS_OK);
}

static void test_writer(void)
{
    sys_file file;
    u8 bytes[32];
    u32 got, i, seen;

    writer_open("ONE.DAT");
    writer_text("%s=%u\r\n", "a", 5u);
    IS(writer_seal() == SYS_OK);
    IS(sys_open(&file, "ONE.DAT", SYS_READ) == SYS_OK && sys_read(file, bytes, 32, &got) == SYS_OK);
    IS(got == 21 && memcmp(bytes, "a=5\r\nend=1 ", 11) == 0 && sys_close(file) == SYS_OK);
    writer_open("ONE.DAT"); /* longer than the writer's buffer, and replacing */
    for (i = 0; i < 5000; i++)
        writer_bytes(&i, 4);
    IS(writer_commit() == SYS_OK);
    IS(sys_open(&file, "ONE.DAT", SYS_READ) == SYS_OK);
    for (i = 0; i < 5000 && sys_read(file, &seen, 4, &got) == SYS_OK && got == 4 && seen == i; i++)
        ;
    IS(i == 5000 && sys_close(file) == SYS_OK);
    sys_delete("ONE.DAT");
}

static void test_machine(void)
{
    struct sys_cpu cpu;
    struct sys_system system;
    u32 total, available, before;
    u64 bytes;
    u32 cluster;
    int at_least;

    sys_cpu(&cpu);
    IS(cpu.features & SYS_CPU_FPU && cpu.features & SYS_CPU_TSC && cpu.family >= 5 && cpu.vendor[12] == 0);
    sys_system(&system);
    IS(text_length(system.name) > 3);
    sys_memory(&total, &available);
    IS(total > 1000000);
    IS(sys_disk_free(&bytes, &cluster, &at_least) == SYS_OK && !at_least);
    before = sys_ticks();
    IS(sys_ticks() - before < 10000);
}

int sys_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    crc32_start();
    test_crc32();
    test_sha256();
    test_text_format();
    test_text_number();
    test_text_hex();
    test_names();
    test_manifest();
    test_args();
    test_memory();
    test_divide();
    test_files();
    test_dates();
    test_writer();
    test_machine();
    say(failures ? "%u failures\n" : "all well\n", failures);
    return failures ? 1 : 0;
}
