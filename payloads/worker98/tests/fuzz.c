/* fuzz.c - the worker before a hostile server, under the sanitizers; see agent98/tests/fuzz.c.
 *
 * Each case is one order. */
#define MACHINE "../../worker98/machine_hosted.c"
#include "../../agent98/tests/hostile_names.h"

#include "../worker.h"
#include "../../agent98/tests/hostile.h"

void machine_key(u32 key, char c, int pressed);
u32 files_remove(const char *path, int force);

static const char *const orders[] = {
    "LS .",        "RM X.BIN 1", "GET KEEP.TXT 0 100",  "PUT NEW.BIN", "SCREEN", "INFO",
    "KEYS ALT%2BN", "GO D7F3A21C tok3n .", "TIME 19990102030405", "GO D7F3A21C tok3n .", "FLY", "LS %", "",
    "PUT NEW.BIN 5 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"};

static u32 speak(u32 n, u32 port, char *script)
{
    u32 length;

    (void)n;
    if (port != 21)
        return draw(3) ? (u32)sprintf(script, "%s", draw(2) ? "hello" : next_ftp) : draw(SCRIPT_SIZE);
    length = greet(script);
    return length + files(script + length);
}

static void give_up(void)
{
    unlink("AGENT98.W1");
    unlink("AGENT98.W2");
}

void machine_key(u32 key, char c, int pressed)
{
    (void)key;
    (void)c;
    (void)pressed;
}

u32 files_remove(const char *path, int force)
{
    (void)path;
    (void)force;
    return draw(2) ? 0 : 5;
}

static void one_case(void)
{
    const char *ticket = draw(2) ? "AGENT98.W1" : "AGENT98.W2";
    char text[SCRIPT_SIZE];
    u32 length = (u32)sprintf(text, "ORDER 00000001 %s", orders[draw(sizeof orders / sizeof *orders)]);

    if (draw(8) == 0)
        damage(text, &length);
    write_text(ticket, text, length);
    worker_do(ticket, "127.0.0.1");
}
