/* fuzz.c - the whole agent before a hostile server, under the sanitizers.
 *
 *     agent98-fuzz COUNT DIRECTORY [FIRST]
 *
 * Each case is one start of the agent, and a dialogue for one order; see hostile.h. A case fails when a sanitizer
 * objects. Its number is told, and FIRST repeats it. */
#define MACHINE "../machine_hosted.c"
#include "hostile_names.h"

#include "../agent.h"
#include "hostile.h"

static const char *const orders[] = {
    "LS .", "INFO", "PUT NEW.BIN", "POWER reboot", "RUN . 0 1 ECHO%20x", "RUN . 1 0 @", "RUN . 0 2 CAT", "KILL 00000001",
    "FEED 00000001 4142", "ASK", "FORGET", "FLY", "LS %",
    "UPGRADE 5 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "UPGRADE 5 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"};

/* The worker that the host has: that of `files`, another one, or none. */
static const char *const workers[] = {" 5 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                                      " 5 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                                      " 6 0000", ""};

static u32 speak(u32 n, u32 port, char *script)
{
    u32 length;
    u32 i;

    if (port != 21)
        return draw(3) ? (u32)sprintf(script, "%s", draw(4) ? "hello" : next_ftp) : draw(SCRIPT_SIZE);
    length = greet(script);
    if (n)
        return length + files(script + length);
    length += (u32)sprintf(script + length, "200 HELLO%s\r\n", workers[draw(sizeof workers / sizeof *workers)]);
    length += (u32)sprintf(script + length, "200 ORDER 00000001 %s\r\n", orders[draw(sizeof orders / sizeof *orders)]);
    for (i = draw(4); i; i--)
        length += (u32)sprintf(script + length, draw(2) ? "200 NONE\r\n" : "200 ORDER 0000000%u %s\r\n", i + 1,
                               orders[draw(sizeof orders / sizeof *orders)]);
    return length + (u32)sprintf(script + length, "200 DONE\r\n200 NONE\r\n200 DONE\r\n");
}

static void give_up(void)
{
    agent.ended = 1;
}

static void one_case(void)
{
    memset(&agent, 0, sizeof agent);
    settings_read(&owner, settings_text, sizeof settings_text - 1);
    agent.line.line = NET_NONE;
    put(agent.boot, sizeof agent.boot, "%8X", seed);
    if (number_of_case % 7)
        unlink("AGENT98.JRN"); /* else it goes on with what the one before left */
    keep_load("");
    agent_live();
}
