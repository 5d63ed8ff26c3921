/* fuzz.c - the whole agent before a hostile server, under the sanitizers.
 *
 *     agent98-fuzz COUNT DIRECTORY [FIRST]
 *
 * Each case is one start of the agent: what the server says on each connection is a right dialogue for one order
 * with its bytes damaged, cut anywhere, and given in pieces of any size; what is sent may fail at any byte. A case
 * fails when a sanitizer objects. Its number is told, and FIRST repeats it. Programs are not started, nothing is
 * deleted but what the agent itself keeps, and no name of a path leaves the directory. */
#define net_call hosted_net_call
#define net_close hosted_net_close
#define net_send hosted_net_send
#define net_receive hosted_net_receive
#define net_wait hosted_net_wait
#define program_start hosted_program_start
#define program_ended hosted_program_ended
#define program_kill hosted_program_kill
#define machine_start hosted_machine_start
#define machine_end hosted_machine_end
#define machine_key hosted_machine_key
#define files_remove hosted_files_remove
#define files_make hosted_files_make
#include "../machine_hosted.c"
#undef net_call
#undef net_close
#undef net_send
#undef net_receive
#undef net_wait
#undef program_start
#undef program_ended
#undef program_kill
#undef machine_start
#undef machine_end
#undef machine_key
#undef files_remove
#undef files_make

#include "../agent.h"

/* The same once more for this file, under its own names. */
net net_call(const char *host, u32 port);
void net_close(net socket);
int net_send(net socket, const void *bytes, u32 count);
int net_receive(net socket, void *bytes, u32 count);
u32 net_wait(const net *sockets, u32 count, u32 writes, u32 ms);
u32 program_start(const struct launch *launch);
int program_ended(u32 *code);
void program_kill(void);
int machine_start(const char *program, const char *arguments);
void machine_end(int reboot, int hard);
void machine_key(u32 key, char c, int pressed);
u32 files_remove(const char *path, int force);
int files_make(const char *folder);

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

static u32 seed;
static u32 number_of_case;

/* xorshift; the same number of a case is the same case everywhere. */
static u32 draw(u32 below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

/* ---- the server ---- */

#define MOST_LINES 24
#define SCRIPT_SIZE 6000u

static struct {
    char script[SCRIPT_SIZE];
    u32 length, at;
} line_of[MOST_LINES];

static u32 lines_open;
static u32 budget; /* bytes that the agent may still send */

static const char *const orders[] = {
    "LS .",       "RM X.BIN 1", "GET KEEP.TXT 0 100",   "PUT NEW.BIN",     "SCREEN",      "POWER reboot",
    "KEYS ALT%2BN", "INFO",     "TIME 19990102030405", "RUN . 0 1 ECHO%20x", "RUN . 1 0 @", "KILL 00000001",
    "ASK",        "FORGET",     "GO D7F3A21C tok3n .", "UPGRADE 5 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "FLY",        "LS %",       "PUT NEW.BIN 5 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"};

static const char *const tricks[] = {"\r\n", "\n", "200 ", "200-", "226 x\r\n", "550 x\r\n", "421 x\r\n", "%", "%0", "%41",
                                     "(", "127,0,0,1,4,4", "4294967295", "99999999999", " ", "ORDER ", "213 ", "\xFF",
                                     "200 ORDER 00000002 LS .\r\n", "200 ORDER 00000001 SCREEN\r\n", "200 DONE\r\n", "NONE"};

static const char next_ftp[] = "open h\r\nuser u p\r\nbinary\r\nget AB.001 AB.J01\r\nget AB.002\r\nbye\r\n";

/* What is said after the login on a session that carries files. */
static u32 files(char *at)
{
    u32 used = 0;
    u32 sized = draw(3); /* SIZE is asked before PASV, or never */
    u32 i;

    for (i = 0; i < 6; i++)
        used += (u32)sprintf(at + used, "%s227 P (127,0,0,1,9,%u)\r\n150 Go\r\n226 Done\r\n", sized ? "" : "213 5\r\n", i);
    return used;
}

static u32 greet(char *at)
{
    return (u32)sprintf(at, "220 Here\r\n331 Pass\r\n230 In\r\n200 I\r\n");
}

static void damage(char *script, u32 *length)
{
    u32 rounds = draw(2) ? draw(6) : 0;
    u32 i, at;

    while (rounds-- && *length) {
        const char *trick = tricks[draw(sizeof tricks / sizeof *tricks)];
        u32 more = (u32)strlen(trick);
        at = draw(*length);
        switch (draw(5)) {
        case 0:
            script[at] = (char)draw(256);
            break;
        case 1:
            *length = at;
            break;
        case 2:
            memmove(script + at, script + at + 1, *length - at - 1);
            --*length;
            break;
        case 3:
            if (*length + more < SCRIPT_SIZE) {
                memmove(script + at + more, script + at, *length - at);
                memcpy(script + at, trick, more);
                *length += more;
            }
            break;
        default: /* an endless line */
            more = draw(900);
            if (*length + more < SCRIPT_SIZE) {
                memmove(script + at + more, script + at, *length - at);
                memset(script + at, 'A' + (int)draw(26), more);
                *length += more;
            }
        }
    }
    for (i = 0; i + 2 < *length; i++) { /* no path leads out of the directory */
        if (script[i] == '/')
            script[i] = '_';
        if (script[i] == '.' && script[i + 1] == '.')
            script[i] = '_';
        if (script[i] == '%' && ((script[i + 1] == '2' && (script[i + 2] | 32) == 'f') || script[i + 2] == 'E' || script[i + 2] == 'e'))
            script[i + 1] = '4';
    }
}

net net_call(const char *host, u32 port)
{
    net n = (net)lines_open;
    char *script = line_of[n].script;
    u32 length = 0;

    (void)host;
    if (lines_open == MOST_LINES || draw(40) == 0)
        return NET_NONE;
    lines_open++;
    if (port == 21) {
        length = greet(script);
        if (n == 0) {
            length += (u32)sprintf(script + length, "200 HELLO\r\n");
            length += (u32)sprintf(script + length, "200 ORDER 00000001 %s\r\n", orders[draw(sizeof orders / sizeof *orders)]);
            for (port = draw(4); port; port--)
                length += (u32)sprintf(script + length, draw(2) ? "200 NONE\r\n" : "200 ORDER 0000000%u %s\r\n", port + 1,
                                       orders[draw(sizeof orders / sizeof *orders)]);
            length += (u32)sprintf(script + length, "200 DONE\r\n200 NONE\r\n200 DONE\r\n");
        } else {
            length += files(script + length);
        }
    } else {
        length = draw(3) ? (u32)sprintf(script, "%s", draw(2) ? "hello" : next_ftp) : draw(SCRIPT_SIZE);
    }
    line_of[n].length = length;
    line_of[n].at = 0;
    damage(script, &line_of[n].length);
    return n;
}

void net_close(net socket_)
{
    if (socket_ != NET_NONE)
        line_of[socket_].length = line_of[socket_].at = 0;
}

int net_send(net socket_, const void *bytes, u32 count)
{
    volatile u8 sum = 0; /* every byte that is sent was given to us */
    u32 i;

    if (socket_ == NET_NONE || budget < count)
        return -1;
    for (i = 0; i < count; i++)
        sum ^= ((const u8 *)bytes)[i];
    budget -= count;
    if (count > 1 && draw(3) == 0)
        count = 1 + draw(count);
    return (int)count;
}

int net_receive(net socket_, void *bytes, u32 count)
{
    u32 left = line_of[socket_].length - line_of[socket_].at;

    if (!left) {
        if (socket_ == 0)
            agent.ended = 1; /* the case is over: nobody waits any more */
        return draw(2) ? -1 : -2;
    }
    if (count > left)
        count = left;
    count = 1 + draw(count);
    memcpy(bytes, line_of[socket_].script + line_of[socket_].at, count);
    line_of[socket_].at += count;
    return (int)count;
}

u32 net_wait(const net *sockets, u32 count, u32 writes, u32 ms)
{
    static u32 turns;

    (void)sockets;
    (void)writes;
    (void)ms;
    if (++turns % 400 == 0)
        agent.ended = 1;
    return (1u << count) - 1;
}

/* ---- the machine ---- */

static u32 program_turns;

u32 program_start(const struct launch *launch)
{
    char path[PATH_SIZE];
    FILE *file;

    program_turns = draw(4);
    join_path(path, sizeof path, home, "NEXT.FTP");
    file = fopen(launch->output ? launch->output : path, "wb");
    if (file) {
        fwrite(next_ftp, 1, draw(sizeof next_ftp), file);
        fclose(file);
    }
    return draw(8) ? 0 : 2;
}

int program_ended(u32 *code)
{
    static const u8 usual[] = {7, 7, 0, 1}; /* SELF ends with 7, the others with 0 and 1 */

    *code = draw(5) ? usual[draw(sizeof usual)] : draw(10);
    return program_turns-- ? 0 : draw(6) ? 1 : -1;
}

void program_kill(void)
{
    program_turns = 0;
}

int machine_start(const char *program, const char *arguments)
{
    (void)program;
    (void)arguments;
    return (int)draw(2);
}

void machine_end(int reboot, int hard)
{
    (void)reboot;
    (void)hard;
    agent.ended = 1;
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

int files_make(const char *folder)
{
    (void)folder;
    return (int)draw(9);
}

static void say_case(int signal_number)
{
    (void)signal_number;
    fprintf(stderr, "case %u\n", number_of_case);
}

static void one_case(void)
{
    static const char text[] = "host=127.0.0.1\r\nid=A-0123ABCD\r\ntoken=0123456789abcdef0123456789abcdef\r\n";

    memset(&agent, 0, sizeof agent);
    settings_read(&agent.settings, text, sizeof text - 1);
    agent.line.line = NET_NONE;
    lines_open = 0;
    budget = draw(4) ? 100000 : draw(600);
    put(agent.boot, sizeof agent.boot, "%8X", seed);
    keep_load("");
    agent_live();
}

int sys_main(int argc, char **argv)
{
    u32 count = argc > 2 ? (u32)atoi(argv[1]) : 0;
    u32 first = argc > 3 ? (u32)atoi(argv[3]) : 0;
    u32 last = first + (argc > 3 ? 1 : count);
    FILE *keep;

    if (argc < 3 || chdir(argv[2]) != 0 || !getcwd(home, sizeof home))
        return 2;
    signal(SIGABRT, say_case);
    keep = fopen("KEEP.TXT", "w");
    if (keep) {
        fputs("what GET reads\r\n", keep);
        fclose(keep);
    }
    for (number_of_case = first; number_of_case < last; number_of_case++) {
        seed = number_of_case * 2654435761u + 1;
        draw(2);
        if (number_of_case % 7)
            unlink("AGENT98.JRN"); /* else it goes on with what the one before left */
        one_case();
    }
    fprintf(stderr, "%u cases, no finding\n", last - first);
    return 0;
}
