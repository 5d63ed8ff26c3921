/* orders.c - what an order makes the agent do: the short ones here, and the worker for most. */
#include "agent.h"

#define STOP_MS 10000u /* a worker that nobody wants any more has this long to end by itself */

const char worker_program[] = "AGENT98W.EXE";

void work_unreached(void)
{
}

u32 worker_ready(struct work *work)
{
    char path[PATH_SIZE];
    u32 error;

    keep_path(path, worker_program);
    error = work_proved(work, path, agent.worker_length, agent.worker_sum);
    if (error && *agent.worker_sum) {
        error = work_fetch(work, worker_program, path);
        if (!error)
            error = work_proved(work, path, agent.worker_length, agent.worker_sum);
    }
    return error;
}

/* Reads the answer that a worker has left, "OK 0 text" with a line's end. 0: there is none. */
static int answer_read(struct answer *answer, const char *path)
{
    char said[ANSWER_SIZE + 1];
    char *rest = said;
    int got = growing_read(path, 0, said, sizeof said - 1);

    if (got < 1 || said[got - 1] != '\n')
        return 0;
    said[got - 1] = '\0';
    answer->ok = text_same(next_word(&rest), "OK");
    if (!number(next_word(&rest), &answer->code) || !percent_decode(rest))
        return 0;
    put(answer->text, sizeof answer->text, "%s", rest);
    return 1;
}

/* Has the worker do the order; see worker98/worker.h. */
static u32 by_worker(struct work *work)
{
    char name[12], path[PATH_SIZE], ticket[PATH_SIZE], arguments[60];
    struct child child;
    u32 asked = 0;
    u32 code, error;
    int stopped = 0;

    error = worker_ready(work);
    work_close(work); /* the worker has a session of its own, at the same address of the host */
    if (error)
        return error;
    if (work->order.verb == VERB_INFO)
        keep_file("AGENT98.LOG", agent_log_text, text_length(agent_log_text));
    put(name, sizeof name, "AGENT98.W%u", agent.depth);
    keep_path(ticket, name);
    if (!work_write(ticket, work->order.line, text_length(work->order.line)))
        return ERROR_NO_ROOM;
    put(arguments, sizeof arguments, "%s /DO %s %s", worker_program, name, owner.host);
    keep_path(path, arguments);
    error = child_start(&child, path, home);
    while (!error && !child_ended(&child, &code)) {
        if (agent_wait(NET_NONE, 0, 20) && !stopped) {
            stopped = 1;
            asked = sys_ticks();
            sys_delete(ticket);
        }
        if (stopped && sys_ticks() - asked > STOP_MS)
            child_kill(&child, 1);
    }
    work->stop = 0;
    if (!error && !answer_read(&work->answer, ticket))
        error = stopped ? ERROR_STOPPED : ERROR_ENDED;
    sys_delete(ticket);
    return error ? error : work->answer.ok ? 0 : work->answer.code;
}

static u32 verb_power(struct work *work)
{
    int reboot = text_same(work->order.arg[0], "reboot");

    if (!reboot && !text_same(work->order.arg[0], "off"))
        return ERROR_WORDS;
    agent.after = reboot ? AFTER_REBOOT : AFTER_POWEROFF;
    return 0;
}

/* KILL: what is in work under that id stops. */
static u32 verb_kill(struct work *work)
{
    u32 i;

    for (i = 0; i + 1 < agent.depth; i++)
        if (text_same(agent.work[i].order.id, work->order.arg[0])) {
            agent.work[i].stop = 1;
            return 0;
        }
    return ERROR_NO_SUCH;
}

static u32 done(struct work *work)
{
    switch (work->order.verb) {
    case VERB_RUN:
        return verb_run(work);
    case VERB_FEED:
        return verb_feed(work);
    case VERB_KILL:
        return verb_kill(work);
    case VERB_POWER:
        return verb_power(work);
    case VERB_UPGRADE:
        return verb_upgrade(work);
    case VERB_FORGET:
        agent.after = AFTER_REMOVE;
        return work_fail(work, 0, "forget");
    default:
        return order_is_for_worker(work->order.verb) ? by_worker(work) : ERROR_UNKNOWN;
    }
}

void verb_do(struct work *work)
{
    struct answer *answer = &work->answer;
    u32 error;

    agent_log("order %s %u", work->order.id, (u32)work->order.verb);
    error = done(work);
    answer->ok = !error;
    if (error)
        answer->code = error;
    agent_log("order %s ends, %u %u", work->order.id, (u32)answer->ok, answer->code);
}
