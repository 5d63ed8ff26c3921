/* unit.c - known answers of the worker's units that do no I/O. Ends with 1 at the first that is wrong. */
#include "../keys.h"
#include "../picture.h"
#include "../script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(claim) check((claim) != 0, #claim, __LINE__)

static void check(int holds, const char *claim, int line)
{
    if (holds)
        return;
    fprintf(stderr, "unit.c:%d: %s\n", line, claim);
    exit(1);
}

static char typed[200];

static void type(u32 key, char c, int pressed)
{
    sprintf(typed + strlen(typed), "%c%02X", pressed ? '+' : '-', key ? key : (u32)(u8)c);
}

static void test_keys(void)
{
    CHECK(keys_type("ALT+N  F4 \"a\" Enter", type));
    CHECK(strcmp(typed, "+12+4E-4E-12+73-73+61-61+0D-0D") == 0);
    *typed = '\0';
    CHECK(!keys_type("ENTER FLY", type) && !keys_type("\"a", type) && !keys_type("ALT+", type) && !*typed);
    CHECK(!keys_type("CTRL+ALT+SHIFT+A+B", type) && !keys_type("F13", type) && !keys_type("+", type));
}

static void test_scripts(void)
{
    char remote[SCRIPT_NAME], local[SCRIPT_NAME];
    char one[] = "get AB.001 AB.J01";
    char two[] = "get AB.001";
    char bad[][24] = {"get ..\\X", "put A", "get", "get LONGLONGNAME.TXT", "get A B C", "get C:X", "get /X"};
    char three[] = "put AB.PAA";
    char four[] = "put AB.PAA X";
    char five[] = "put C:\\AUTOEXEC.BAT";
    char six[] = "get AB.PAA";
    u32 i;

    CHECK(script_get(one, remote, local) && strcmp(remote, "AB.001") == 0 && strcmp(local, "AB.J01") == 0);
    CHECK(script_get(two, remote, local) && strcmp(local, "AB.001") == 0);
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!script_get(bad[i], remote, local));
    CHECK(script_put(three, local) && strcmp(local, "AB.PAA") == 0);
    CHECK(!script_put(four, local) && !script_put(five, local) && !script_put(six, local));
}

static void test_picture(void)
{
    u8 head[PICTURE_HEAD];

    CHECK(picture_row(1) == 4 && picture_row(4) == 12 && picture_row(5) == 16);
    picture_head(800, 600, head);
    CHECK(memcmp(head, "BM\x36\xF9\x15\0", 6) == 0 && head[18] == 0x20 && head[19] == 3 && head[28] == 24);
}

int sys_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    test_keys();
    test_scripts();
    test_picture();
    return 0;
}
