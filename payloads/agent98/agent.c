/* agent.c - the line to the host: HELLO, orders, answers; see agent.h */
#include "agent.h"

#define LOOK_MS 100u      /* how long the window may have to wait for us */
#define WAIT_SECONDS "50" /* SITE WAIT */
#define SILENT_MS 75000u  /* ... answered by then, or the line is dead */
#define LEAVE_MS 60000u  /* how long a FORGET may wait for the host, to be told there */
#define WISH_MS 2000u    /* how long the user's wish may wait for a reply of the host */

struct agent agent;
char agent_log_text[2048];

void agent_log(const char *format, ...)
{
    char line[160];
    va_list list;
    u32 used = put(line, sizeof line, "%u ", sys_ticks() / 1000);
    u32 old = text_length(agent_log_text);

    va_start(list, format);
    used += text_format(line + used, sizeof line - used - 2, format, list);
    va_end(list);
    memcpy(line + used, "\r\n", 3);
    used += 2;
    if (old + used >= sizeof agent_log_text) { /* the older half goes */
        u32 cut = sizeof agent_log_text / 2;
        while (cut < old && agent_log_text[cut - 1] != '\n')
            cut++;
        old -= cut;
        memmove(agent_log_text, agent_log_text + cut, old);
    }
    memcpy(agent_log_text + old, line, used + 1);
}

void agent_show(const char *what)
{
    char host[60];

    put(host, sizeof host, "Host %s, agent %s", owner.host, owner.id);
    window_say(host, what);
}

/* ---- the line ---- */

static void lost(const char *why)
{
    if (agent.line.line != NET_NONE)
        talk_close(&agent.line);
    if (agent.up)
        agent_log("line lost: %s", why);
    agent.up = agent.waiting = 0;
    agent.pause = agent_backoff(agent.pause);
    agent.next_call = sys_ticks() + agent.pause;
    if (!agent.off && !agent.depth)
        agent_show(why);
}

void agent_goodbye(const char *reason)
{
    char line[48];

    if (agent.up) {
        net_send(agent.line.line, line, put(line, sizeof line, "SITE BYE %s\r\nQUIT\r\n", reason));
        talk_close(&agent.line);
    }
    agent.up = agent.waiting = 0;
    agent.off = 1;
}

/* The answer to SITE WAIT. */
static void waited(int code)
{
    agent.waiting = 0;
    agent.heard = sys_ticks();
    if (code == 200)
        agent.has_incoming = order_read(&agent.incoming, agent.line.replies.line + 4);
    else
        lost("The host does not take us.");
}

/* Says a line and waits for its reply; an open WAIT is answered first. 0: the line is lost. */
static int exchange(const char *line)
{
    int code = 0;

    if (!agent.up)
        return 0;
    agent.exchange++;
    if (talk_say(&agent.line, "%s", line)) {
        if (agent.waiting) {
            code = talk_reply(&agent.line, REPLY_MS);
            if (code)
                waited(code);
        }
        code = agent.waiting || !agent.up ? 0 : talk_reply(&agent.line, REPLY_MS);
    }
    agent.exchange--;
    if (!code && agent.up)
        lost("The host does not answer. Trying again.");
    return code;
}

static int hello(void)
{
    char name[40], system[32], cpu[64];
    struct facts facts;

    machine_facts(&facts);
    percent_encode(*owner.name ? owner.name : facts.name, name, sizeof name);
    percent_encode(facts.system, system, sizeof system);
    percent_encode(facts.cpu, cpu, sizeof cpu);
    return talk_ask(&agent.line, "SITE HELLO 1 boot=%s ver=" AGENT_VERSION " name=%s win=%s cpu=%s mem=%u free=%u state=%s%s",
                    agent.boot, name, system, cpu, facts.memory, facts.free,
                    agent.depth || *agent.upgrade ? "busy:" : "idle",
                    agent.depth ? agent.work[0].order.id : agent.upgrade);
}

/* What the host says to HELLO: "200 HELLO length sum" of its worker. */
static void heard_of_worker(void)
{
    char *rest = agent.line.replies.line;

    next_word(&rest);
    next_word(&rest);
    put(agent.worker_length, sizeof agent.worker_length, "%s", next_word(&rest));
    put(agent.worker_sum, sizeof agent.worker_sum, "%s", next_word(&rest));
}

static void call_host(void)
{
    int code;

    if (!agent.depth)
        agent_show("Calling the host.");
    agent.exchange++;
    code = talk_open(&agent.line, owner.host, owner.port, owner.id, owner.token);
    if (code == 230)
        code = hello();
    if (code == 200)
        heard_of_worker();
    agent.exchange--;
    if (code != 200 || agent.off) {
        settings_turn(&owner); /* the address of the PC itself may be another one since */
        lost(code == 530 ? "The host does not know this agent." : "The host does not answer. Trying again.");
        return;
    }
    agent.up = 1;
    agent.pause = 0;
    agent.heard = sys_ticks();
    agent_log("line up");
    if (!agent.depth)
        agent_show("Connected. Waiting for orders.");
    agent_tell();
}

static void tell(struct entry *entry)
{
    char line[JOURNAL_LINE + 16];
    int code;

    put(line, sizeof line, entry->state == ENTRY_LOST ? "SITE DONE %s LOST" : "SITE DONE %s %s", entry->id,
        entry->answer);
    code = exchange(line);
    if (code == 452)
        agent.next_tell = sys_ticks() + 1000;
    else if (code)
        keep_told(entry);
}

int agent_tell(void)
{
    int later = (i32)(sys_ticks() - agent.next_tell) < 0;
    int left = 0;
    u32 i;

    for (i = 0; i < JOURNAL_MOST; i++) {
        struct entry *entry = &agent.journal.entry[i];
        if (entry->state >= ENTRY_DONE && !entry->told) {
            if (agent.up && !later)
                tell(entry);
            left |= !entry->told;
        }
    }
    return left;
}

/* ---- orders ---- */

static void answered(const char *id, const struct answer *answer)
{
    char said[ANSWER_SIZE];

    answer_say(answer, said);
    keep_note(id, ENTRY_DONE, said);
}

static void answer_no(const char *id, u32 error)
{
    struct answer answer;

    memset(&answer, 0, sizeof answer);
    answer.code = error;
    answered(id, &answer);
    agent_tell();
}

static void perform(void)
{
    struct work *work = &agent.work[agent.depth];
    u32 depth = agent.depth;
    char what[40];

    memset(&work->answer, 0, sizeof work->answer);
    order_move(&work->order, &agent.incoming);
    work->stop = 0;
    work->talk.line = NET_NONE;
    agent.has_incoming = 0;
    if (!keep_note(work->order.id, ENTRY_TAKEN, "")) {
        answer_no(work->order.id, ERROR_NO_ROOM);
        return;
    }
    put(what, sizeof what, "Doing order %s.", work->order.id);
    agent_show(what);
    agent.depth++;
    verb_do(work);
    agent.depth = depth;
    work_close(work);
    if (agent.after == AFTER_HANDOVER)
        return;
    answered(work->order.id, &work->answer);
    agent_tell();
    if (!agent.depth)
        agent_show(agent.up ? "Connected. Waiting for orders." : "The host does not answer. Trying again.");
}

static void take_incoming(void)
{
    struct entry *entry = journal_find(&agent.journal, agent.incoming.id);
    enum verb verb = agent.incoming.verb;

    if (entry || verb == VERB_ASK) { /* given again, or asked for: the answer is known, or it is in work */
        agent.has_incoming = 0;
        if (entry && entry->state != ENTRY_TAKEN) {
            entry->told = 0;
            agent_tell();
        } else if (verb == VERB_ASK) {
            char line[48];
            put(line, sizeof line, "SITE DONE %s NO %u", agent.incoming.id, entry ? ERROR_IN_WORK : ERROR_NO_SUCH);
            exchange(line);
        }
    } else if (verb == VERB_FEED && agent.starting) {
        return;
    } else if (!agent.depth || (agent.depth < MOST_WORK && order_is_short(verb))) {
        perform();
    } else if (agent.depth < MOST_WORK) {
        agent.has_incoming = 0;
        answer_no(agent.incoming.id, ERROR_IN_WORK);
    }
}

/* ---- everything that goes on beside ---- */

static void obey(enum wish wish)
{
    switch (wish) {
    case WISH_DISCONNECT:
        if (agent.off) {
            agent.off = 0;
            agent.pause = 0;
            agent.next_call = sys_ticks();
        } else {
            agent_goodbye("disconnect");
            agent_show("Disconnected.");
        }
        break;
    case WISH_REMOVE:
        agent_goodbye("remove");
        agent.after = AFTER_REMOVE;
        agent.ended = 1;
        break;
    case WISH_CLOSE:
        agent_goodbye("disconnect");
        agent.ended = 1;
        break;
    default:
        break;
    }
}

static void look_at_line(void)
{
    static const char line_lost[] = "The line to the host is lost. Trying again.";
    int code;

    if (!agent.up) {
        if (!agent.off && (i32)(sys_ticks() - agent.next_call) >= 0)
            call_host();
        return;
    }
    if (agent.waiting) {
        code = talk_look(&agent.line);
        if (code > 0)
            waited(code);
        else if (code < 0 || sys_ticks() - agent.heard > SILENT_MS)
            lost(line_lost);
    }
    if (agent.up && agent.has_incoming)
        take_incoming();
    if (agent.up)
        agent_tell();
    if (agent.up && !agent.waiting && !agent.has_incoming && !agent.after) {
        agent.waiting = talk_say(&agent.line, "SITE WAIT " WAIT_SECONDS);
        agent.heard = sys_ticks();
        if (!agent.waiting)
            lost(line_lost);
    }
}

int agent_wait(net socket, int write, u32 ms)
{
    net both[2];
    enum wish wish;

    both[0] = socket;
    both[1] = agent.up && !agent.exchange && !agent.has_incoming ? agent.line.line : NET_NONE;
    net_wait(both, 2, (u32)write, ms < LOOK_MS ? ms : LOOK_MS);
    wish = window_wish(agent.off);
    if (wish) {
        agent.wish = wish;
        agent.wished = sys_ticks();
    }
    if (agent.exchange)
        return agent.ended || (agent.wish && sys_ticks() - agent.wished > WISH_MS);
    wish = agent.wish;
    agent.wish = WISH_NONE;
    obey(wish);
    if (!agent.ended)
        look_at_line();
    return agent.ended || (agent.depth && agent.work[agent.depth - 1].stop);
}

/* Windows is to end: first as programs are asked to, after half a minute by the other way. */
static void end_windows(void)
{
    int reboot = agent.after == AFTER_REBOOT;

    agent_show("Windows ends.");
    agent_goodbye("shutdown");
    machine_end(reboot, 0);
    if (!agent_sleep(30000))
        machine_end(reboot, 1);
    if (!agent_sleep(30000)) {
        agent.off = 0;
        agent.after = AFTER_NOTHING;
    }
}

void agent_live(void)
{
    agent.next_call = sys_ticks();
    while (!agent.ended) {
        if (!agent.after)
            agent_wait(NET_NONE, 0, LOOK_MS);
        if (agent.after == AFTER_REBOOT || agent.after == AFTER_POWEROFF)
            end_windows();
        else if (agent.after)
            break;
    }
    if (agent.after == AFTER_REMOVE) {
        u32 began = sys_ticks();
        while (agent_tell() && sys_ticks() - began < LEAVE_MS && !agent_sleep(LOOK_MS))
            ;
        agent_goodbye("remove");
        install_remove();
    }
}
