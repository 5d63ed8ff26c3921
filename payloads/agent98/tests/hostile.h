/* hostile.h - a hostile server, and a machine on which nothing is started: for the fuzzers of the agent and its worker.
 *
 * What the server says on each connection is a right dialogue with its bytes damaged, cut anywhere, and given in
 * pieces of any size; what is sent may fail at any byte. Programs are not started, nothing is deleted but what the
 * agent itself keeps, and no name of a path leaves the directory. Whoever includes this has included hostile_names.h
 * before, and defines `speak` and `give_up`. */

/* What a connection says, `n` being its number in this case. How long that is. */
static u32 speak(u32 n, u32 port, char *script);

/* The case is over: nobody waits any more. */
static void give_up(void);

net net_call(const char *host, u32 port);
void net_close(net socket);
int net_send(net socket, const void *bytes, u32 count);
int net_receive(net socket, void *bytes, u32 count);
u32 net_wait(const net *sockets, u32 count, u32 writes, u32 ms);
u32 program_start(const struct launch *launch);
int program_ended(u32 *code);
void program_kill(void);
u32 child_start(struct child *child, const char *command, const char *folder);
int child_ended(struct child *child, u32 *code);
void child_kill(const struct child *child, int itself);
int machine_start(const char *program, const char *arguments);
void machine_end(int reboot, int hard);
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
    u32 length;

    (void)host;
    if (lines_open == MOST_LINES || draw(40) == 0)
        return NET_NONE;
    lines_open++;
    length = speak((u32)n, port, script);
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
            give_up();
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
        give_up();
    return (1u << count) - 1;
}

/* ---- the machine ---- */

static u32 program_turns;

static void write_text(const char *path, const char *text, u32 length)
{
    FILE *file = fopen(path, "wb");

    if (file) {
        fwrite(text, 1, length, file);
        fclose(file);
    }
}

u32 program_start(const struct launch *launch)
{
    program_turns = draw(4);
    write_text(launch->output, next_ftp, draw(sizeof next_ftp));
    return draw(8) ? 0 : 2;
}

int program_ended(u32 *code)
{
    *code = draw(10);
    return program_turns-- ? 0 : draw(6) ? 1 : -1;
}

void program_kill(void)
{
    program_turns = 0;
}

/* A worker that leaves some answer in its ticket, or a helper that leaves a script. */
u32 child_start(struct child *child, const char *command, const char *folder)
{
    static const char *const said[] = {"OK 0\n", "NO 2 no%20such\n", "OK 4294967295 x\n", "OK 1", "OK x\n", "", "NO 5 %\n",
                                       "OK 0 a%20rather%20long%20text%20that%20a%20worker%20has%20never%20said%20of%20any"
                                       "%20order%20that%20was%20ever%20given%20to%20it%20by%20any%20host%20at%20all%20so"
                                       "%20it%20is%20cut%20somewhere%20for%20sure\n"};
    const char *text = said[draw(sizeof said / sizeof *said)];
    const char *name = strrchr(command, ' ') + 1;
    u32 length = (u32)strlen(text);

    (void)folder;
    child->id = draw(4);
    if (begins(name, "AGENT98"))
        write_text(name, text, draw(3) ? length : draw(length + 1));
    else
        write_text("NEXT.FTP", next_ftp, draw(sizeof next_ftp));
    return draw(8) ? 0 : 2;
}

int child_ended(struct child *child, u32 *code)
{
    static const u8 usual[] = {7, 7, 0, 1}; /* SELF ends with 7, the others with 0 and 1 */

    *code = draw(5) ? usual[draw(sizeof usual)] : draw(10);
    return !child->id--;
}

void child_kill(const struct child *child, int itself)
{
    (void)child;
    (void)itself;
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
    give_up();
}

int files_make(const char *folder)
{
    (void)folder;
    return (int)draw(9);
}

/* ---- the cases ---- */

static const char settings_text[] = "host=127.0.0.1\r\nid=A-0123ABCD\r\ntoken=0123456789abcdef0123456789abcdef\r\n";

static void one_case(void);

static void say_case(int signal_number)
{
    (void)signal_number;
    fprintf(stderr, "case %u\n", number_of_case);
}

int sys_main(int argc, char **argv)
{
    static const char kept[] = "what GET reads\r\n";
    u32 count = argc > 2 ? (u32)atoi(argv[1]) : 0;
    u32 first = argc > 3 ? (u32)atoi(argv[3]) : 0;
    u32 last = first + (argc > 3 ? 1 : count);

    if (argc < 3 || chdir(argv[2]) != 0 || !getcwd(home, sizeof home))
        return 2;
    signal(SIGABRT, say_case);
    write_text("KEEP.TXT", kept, sizeof kept - 1);
    write_text("AGENT98.INI", settings_text, sizeof settings_text - 1);
    for (number_of_case = first; number_of_case < last; number_of_case++) {
        seed = number_of_case * 2654435761u + 1;
        draw(2);
        lines_open = 0;
        budget = draw(4) ? 100000 : draw(600);
        one_case();
    }
    fprintf(stderr, "%u cases, no finding\n", last - first);
    return 0;
}
