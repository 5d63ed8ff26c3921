/* fuzz.c - the whole helper on damaged deployments, under the sanitizers.
 *
 *     helper98-fuzz COUNT DIRECTORY [FIRST]
 *
 * Each case is a process of its own: in an empty directory it is given a manifest (most of them with
 * an END record that fits the damage, so that the damage gets behind the seal), parts, temporaries, a
 * work file, an old file, and a state file, all damaged at random; then one or two commands. A case
 * fails when a sanitizer objects, when the exit code is none of the helper's, or when something appears
 * outside the directory. Its number is told, and FIRST repeats it. */
#define _XOPEN_SOURCE 700
#include "../crc32.h"
#include "sha256.h"
#include "sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 8192u

static u32 seed;

/* xorshift; the same number of a case is the same case everywhere. */
static u32 draw(u32 below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

/* ---- a deployment ---- */

static u8 payload[3000];

static u32 put_file(char *at, const char *name, const char *place, const char *base, u32 offset, u32 length, u32 step)
{
    u32 done, part, used;
    struct sha256 sha;
    u8 digest[32];

    for (used = done = 0, part = 1; done < length; done += step, part++) {
        u32 some = length - done < step ? length - done : step;
        used += (u32)sprintf(at + used, "PART %s.%03u %u %08X\r\n", base, part, some,
                             crc32(0, payload + offset + done, some));
    }
    sha256_init(&sha);
    sha256_update(&sha, payload + offset, length);
    sha256_out(&sha, digest);
    used += (u32)sprintf(at + used, "FILE %s %u ", name, length);
    for (done = 0; done < 32; done++)
        used += (u32)sprintf(at + used, "%02x", digest[done]);
    used += (u32)sprintf(at + used, " 266428C4 0 %u %s%s %s\r\n", part - 1, length ? base : "-", length ? ".001" : "", place);
    return used;
}

/* A file of the pack. */
static u32 put_packed(char *at, const char *name, const char *place, u32 offset, u32 length)
{
    u32 used = put_file(at, name, place, "P0", offset, length, 1000);
    char *file = strstr(at, "FILE ");

    memmove(at, file, used - (u32)(file - at) + 1);
    file = strstr(at, length ? " 266428C4 0 1 " : " 266428C4 0 0 -");
    used = (u32)(file - at);
    return used + (u32)sprintf(file, " 266428C4 2 0 P0.001 %s\r\n", place);
}

static u32 make_manifest(char *text)
{
    u32 used = (u32)sprintf(text, "DEPLOY98 2 D7F3A21C\r\nHOST 192.168.1.1 D7F3A21C Token123\r\n");
    static const char *const rules[] = {"keep", "changed", "never", "always"};

    used += (u32)sprintf(text + used, "RULES %s %s\r\n", rules[draw(4)], draw(2) ? "delete" : "leave");
    used += (u32)sprintf(text + used, "PACK P0.001 140 %08X\r\n", crc32(0, payload + 1100, 140));
    used += put_packed(text + used, "S1", "s/one", 1100, 40);
    used += put_packed(text + used, "S2", "s/t/two", 1140, 100);
    used += put_packed(text + used, "S3", "none", 1240, 0);
    used += put_file(text + used, "AB.BIN", "AB.BIN", "AB", 0, 950, 300);
    used += put_file(text + used, "C.TXT", "sub/c%E9.txt", "C", 950, 100, 300);
    used += put_file(text + used, "E.TXT", "E.TXT", "", 0, 0, 300);
    used += (u32)sprintf(text + used, "DIR empty/one\r\n");
    used += (u32)sprintf(text + used, "RUN C.TXT -x\r\n");
    return used;
}

/* ---- damage ---- */

static const char *const tricks[] = {
    "..", "../", "..\\", "C:", "CON", "%", "%0", "%41", "%00", "%2F", "-1", "0", "2147483647", "2147483648",
    "4294967295", "99999999999999999999", " ", "\r\n", "PART ", "FILE ", "RUN ", "HOST ", "END ", "PACK ", "DIR ", "TO C:/X\r\n", "RULES ", "P0.001", "PACK P0.002 1 00000000\r\n",
    "AB.001", "AB.999", "AB.J99", "AB.WRK", ".001", "A", "\xFF", "\t", "GO.BAT", "/", "//", "PART AB.004 1 00000000\r\n"};

static u32 insert(u8 *bytes, u32 length, u32 at, const u8 *what, u32 count)
{
    if (length + count > MOST)
        return length;
    memmove(bytes + at + count, bytes + at, length - at);
    memcpy(bytes + at, what, count);
    return length + count;
}

static u32 damage(u8 *bytes, u32 length)
{
    u32 at = length ? draw(length) : 0;
    u32 count = length - at < 40 ? length - at : draw(40);
    const char *trick = tricks[draw(sizeof tricks / sizeof *tricks)];
    u8 copy[40];

    switch (draw(8)) {
    case 0:
        if (length)
            bytes[at] ^= (u8)(1u << draw(8));
        break;
    case 1:
        if (length)
            bytes[at] = (u8)draw(256);
        break;
    case 2:
        length = at;
        break;
    case 3:
        memmove(bytes + at, bytes + at + count, length - at - count);
        length -= count;
        break;
    case 4:
        memcpy(copy, bytes + at, count);
        length = insert(bytes, length, length ? draw(length) : 0, copy, count);
        break;
    case 5: /* one digit */
        for (; at < length && (bytes[at] < '0' || bytes[at] > '9'); at++)
            ;
        if (at < length)
            bytes[at] = (u8)('0' + draw(10));
        break;
    default:
        length = insert(bytes, length, at, (const u8 *)trick, (u32)strlen(trick));
    }
    return length;
}

static u32 seal(char *text, u32 length)
{
    u32 lines = 0;
    u32 i;

    for (i = 0; i < length; i++)
        lines += text[i] == '\n';
    return length + (u32)sprintf(text + length, "END %u %08X\r\n", lines, crc32(0, text, length));
}

static void write_file(const char *name, const void *bytes, u32 length)
{
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (file < 0 || write(file, bytes, length) != (ssize_t)length)
        abort();
    close(file);
}

/* A piece of the payload under a name, or a damaged one, or none. */
static void maybe_write(const char *name, u32 offset, u32 length)
{
    u8 bytes[MOST];

    if (draw(3) == 0)
        return;
    memcpy(bytes, payload + offset, length);
    if (draw(3) == 0)
        length = damage(bytes, length);
    write_file(name, bytes, length);
}

/* The state file as the helper made it, damaged, most often with a sum that fits. */
static void damage_state(void)
{
    static u8 bytes[MOST];
    FILE *file = fopen("D7F3A21C.STA", "rb");
    u32 length, turns, crc;

    if (!file)
        return;
    length = (u32)fread(bytes, 1, MOST - 400, file);
    fclose(file);
    if (length > 4 && draw(4)) {
        length -= 4;
        for (turns = draw(4); turns; turns--)
            switch (draw(3)) {
            case 0: /* the numbers at the beginning: round, idle, MHz, finished rounds */
                bytes[16 + draw(16)] = (u8)draw(draw(2) ? 4 : 256);
                break;
            case 1:
                bytes[draw(length)] = (u8)draw(draw(2) ? 8 : 256);
                break;
            default: /* shorter or longer */
                length = length - 16 + draw(32);
            }
        crc = crc32(0, bytes, length);
        memcpy(bytes + length, &crc, 4);
        length += 4;
    } else {
        length = damage(bytes, length);
    }
    write_file("D7F3A21C.STA", bytes, length);
}

static void make_directory(void)
{
    static char text[MOST + 100];
    u32 length = make_manifest(text);
    u32 turns = draw(2) ? 0 : draw(4);

    for (; turns; turns--)
        length = damage((u8 *)text, length);
    if (draw(16))
        length = seal(text, length);
    write_file("D7F3A21C.MAN", text, length);
    maybe_write("AB.001", 0, 300);
    maybe_write("AB.002", 300, 300);
    maybe_write("AB.003", 600, 300);
    maybe_write("AB.A02", 300, 300);
    maybe_write("AB.A04", 900, 50);
    maybe_write("C.001", 950, 100);
    maybe_write("P0.001", 1100, 140);
    maybe_write("P0.A01", 1100, 140);
    maybe_write("none", 1240, 0);
    if (draw(4) == 0)
        maybe_write("P0.WRK", 1100, 40);
    if (draw(2))
        maybe_write("AB.WRK", 0, 700);
    if (draw(2))
        maybe_write("AB.BIN", 0, 950);
}

/* ---- cases ---- */

/* A sanitizer ends the program with exit code 1, as CHECK may: it must abort instead. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
    return "abort_on_error=1:detect_leaks=0";
}

const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

static char cage[600];
static u32 endings[10]; /* how many commands ended with each code */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    if (walk->level)
        remove(path);
    return 0;
}

/* Runs the helper's main in a child, in the directory. Its exit code, or -1. */
static int run(const char *command)
{
    char *argv[4];
    char words[2][16];
    int state = 0;
    pid_t child = fork();

    if (child == 0) {
        sprintf(words[0], "%s", command);
        sprintf(words[1], "D7F3A21C.MAN");
        argv[0] = words[0];
        argv[1] = words[0];
        argv[2] = words[1];
        argv[3] = 0;
        _exit(sys_main(3, argv));
    }
    if (child < 0 || waitpid(child, &state, 0) < 0 || !WIFEXITED(state))
        return -1;
    if (WEXITSTATUS(state) < 10)
        endings[WEXITSTATUS(state)]++;
    return WEXITSTATUS(state);
}

static int one_case(u32 number)
{
    static const char *const commands[] = {"CHECK", "JOIN", "CHECK", "JOIN", "RUN"};
    struct dirent *entry;
    u32 left;
    int strangers = 0;
    int code = 0;
    DIR *outside;

    seed = number * 2654435761u + 1;
    draw(2);
    nftw(".", remove_one, 16, FTW_DEPTH | FTW_PHYS);
    make_directory();
    if (draw(3) == 0) {
        code = run("CHECK");
        damage_state();
    }
    for (left = draw(3) ? 1 : 2; left && code >= 0 && code <= 9; left--)
        code = run(commands[draw(5)]);
    outside = opendir(cage);
    while (outside && (entry = readdir(outside)) != 0)
        strangers += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && strcmp(entry->d_name, "in");
    closedir(outside);
    return code >= 0 && code <= 9 && !strangers;
}

int main(int argc, char **argv)
{
    u32 count = argc > 1 ? (u32)atol(argv[1]) : 1000;
    u32 number = argc > 3 ? (u32)atol(argv[3]) : 1;
    u32 i;

    if (argc < 3 || snprintf(cage, sizeof cage, "%s/cage", argv[2]) < 0)
        return 2;
    mkdir(cage, 0755);
    if (chdir(cage) < 0 || !getcwd(cage, sizeof cage) || (mkdir("in", 0755), chdir("in")) < 0)
        return 2;
    crc32_start();
    seed = 98;
    for (i = 0; i < sizeof payload; i++)
        payload[i] = (u8)draw(256);
    for (count += number; number < count; number++) {
        if (number % 10000 == 0)
            fprintf(stderr, "case %u\n", number);
        if (!one_case(number)) {
            fprintf(stderr, "case %u failed; it is in %s\n", number, cage);
            return 1;
        }
    }
    fprintf(stderr, "helper98-fuzz: no finding; commands by exit code:");
    for (i = 0; i < 10; i++)
        fprintf(stderr, " %u", endings[i]);
    fprintf(stderr, "\n");
    return 0;
}

/* In place of platform/process_hosted.c: the helper ends by returning to one_case's child. */
void sys_exit(int code)
{
    _exit(code & 0xFF);
}

void *sys_alloc(usize bytes)
{
    return calloc(1, bytes ? bytes : 1);
}

void sys_free(void *block, usize bytes)
{
    (void)bytes;
    free(block);
}
