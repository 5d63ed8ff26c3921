/* main.c - AGENT98: from the start to the end.
 *
 *   AGENT98             from anywhere: installs itself in C:\DEPLOY and starts there
 *   AGENT98 [/MIN]      from C:\DEPLOY: the agent
 *   AGENT98 /BOOT hex   the same after an upgrade; the number of this start of Windows stays
 *   AGENT98N /UP id hex a new agent that is to take the old one's place */
#include "agent.h"

/* The settings: AGENT98.INI beside the program, or what stands after the program in its own file. */
static int read_settings(const char *own_path, const char *folder)
{
    static char bytes[SETTINGS_MOST];
    char path[PATH_SIZE];
    int got;

    join_path(path, sizeof path, folder, "AGENT98.INI");
    got = growing_read(path, 0, bytes, SETTINGS_MOST);
    if (got > 0 && settings_read(&owner, bytes, (u32)got))
        return 1;
    got = growing_read(own_path, machine_image_end(), bytes, SETTINGS_MOST);
    return got > 0 && settings_read(&owner, bytes, (u32)got);
}

/* A FORGET that the power interrupted. */
static int is_forgotten(void)
{
    u32 i;

    for (i = 0; i < JOURNAL_MOST; i++)
        if (agent.journal.entry[i].state == ENTRY_DONE && text_same(agent.journal.entry[i].answer, "OK 0 forget"))
            return 1;
    return 0;
}

static int is(char **argv, int argc, int which, const char *word)
{
    return which < argc && text_same(argv[which], word);
}

/* The new program of an upgrade: it proves that it reaches the host, then takes the old one's place. What is in
 * that place is started then, whichever it is. */
static int be_new(void)
{
    char path[PATH_SIZE], arguments[24];
    u32 began = sys_ticks();

    agent.next_call = began;
    while (!agent.up && sys_ticks() - began < 50000)
        agent_wait(NET_NONE, 0, 100);
    if (!agent.up)
        return 1;
    keep_note(agent.upgrade, ENTRY_DONE, install_swap() ? "OK 0" : "NO 5");
    agent_tell();
    agent_goodbye("disconnect");
    put(arguments, sizeof arguments, "/BOOT %s", agent.boot);
    keep_path(path, "AGENT98.EXE");
    return !machine_start(path, arguments);
}

/* The power went off while the two changed places, and Windows has started the new one: it ends what it began. */
static int end_swap(void)
{
    char path[PATH_SIZE];

    install_swap();
    keep_path(path, "AGENT98.EXE");
    return !machine_start(path, "/MIN");
}

static int be_agent(char **argv, int argc)
{
    const char *boot = is(argv, argc, 1, "/BOOT") && argc > 2 ? argv[2] : "";
    char path[PATH_SIZE];

    if (is(argv, argc, 1, "/UP") && argc > 3) {
        put(agent.upgrade, sizeof agent.upgrade, "%s", argv[2]);
        boot = argv[3];
    }
    if (*boot)
        put(agent.boot, sizeof agent.boot, "%s", boot);
    else
        put(agent.boot, sizeof agent.boot, "%8X", machine_chance());
    if (*boot && !*agent.upgrade && !window_end_other())
        return 1;
    keep_load(agent.upgrade);
    if (is_forgotten()) {
        if (argc > 1) {
            agent.after = AFTER_REMOVE;
        } else { /* somebody has started it after that: it is a new one */
            keep_path(path, journal_name);
            sys_delete(path);
            keep_load("");
        }
    }
    window_open("deployer agent", argc > 1);
    if (*agent.upgrade)
        return be_new();
    install_tidy();
    agent_live();
    return 0;
}

int sys_main(int argc, char **argv)
{
    char own_path[PATH_SIZE], folder[PATH_SIZE];
    const char *name;
    int is_new;

    agent.line.line = NET_NONE;
    if (!machine_begin() || sys_own_path(own_path, sizeof own_path) != SYS_OK) {
        window_box("There is no network: add TCP/IP under Control Panel, Network.");
        return 1;
    }
    put(folder, sizeof folder, "%s", own_path);
    name = last_name(folder);
    is_new = text_same(name, "AGENT98N.EXE");
    folder[name > folder ? name - folder - 1 : 0] = '\0';
    if (!read_settings(own_path, folder)) {
        window_box("This program was not made for this PC: AGENT98.INI is missing.");
        return 1;
    }
    if (!text_same(folder, home))
        return !install_here(own_path);
    if (is_new && !is(argv, argc, 1, "/UP"))
        return end_swap();
    if (argc < 2) {
        if (!window_alone())
            return 0;
        install_stay(); /* a push has put it here, and GO.BAT has started it */
    }
    return be_agent(argv, argc);
}
