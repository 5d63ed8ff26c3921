/* go.c - GO: a deployment. It does what GO.BAT and FTP.EXE do, in the same steps, with the same helper and the same
 * reports; see deployer/core/target/gobat.py for the reasons. */
#include "worker.h"
#include "script.h"

#define FETCH_TRIES 4u
#define AWAY_TRIES 6u
#define SEND_TRIES 5u
#define ASK_TRIES 2u
#define HELPER_MS 60000u /* SELF takes less; a damaged program may hang */

static struct {
    const char *user, *pass, *folder;
    char list[16]; /* the manifest of a push, or what the host asks for in a pull */
    int stopped, runs, pulls;
} go;

static const char fetch_again[] = "fetch GO.BAT again";

static void path_of(char path[PATH_SIZE], const char *name)
{
    join_path(path, PATH_SIZE, go.folder, name);
}

static void drop(const char *name)
{
    char path[PATH_SIZE];

    path_of(path, name);
    sys_delete(path);
}

static int is_there(const char *name)
{
    char path[PATH_SIZE];
    struct sys_stamp stamp;

    path_of(path, name);
    return sys_stat(path, &stamp) == SYS_OK;
}

/* Whether a text stands among `count` bytes. */
static int holds(const void *bytes, u32 count, const char *text)
{
    const u8 *at = bytes;
    u32 length = text_length(text);

    for (; count >= length; at++, count--)
        if (memcmp(at, text, length) == 0)
            return 1;
    return 0;
}

/* Whether a file of the folder contains a text, within its first 64 KB. */
static int contains(struct work *work, const char *name, const char *text)
{
    char path[PATH_SIZE];
    u32 length = text_length(text);
    u32 offset = 0;
    int got;

    path_of(path, name);
    while (offset < 65536 && (got = growing_read(path, offset, work->talk.piece, 4096)) >= (int)length) {
        if (holds(work->talk.piece, (u32)got, text))
            return 1;
        offset += (u32)got - length + 1;
    }
    return 0;
}

/* Waits between two tries; X of GO.BAT is KILL here. */
static int rest(struct work *work, u32 seconds)
{
    if (agent_sleep(seconds * 1000) || work->stop)
        go.stopped = 1;
    return !go.stopped;
}

/* A session with the deployment's login. 230; 0; or the refusal. */
static int enter(struct work *work)
{
    int code;

    if (work->talk.line != NET_NONE)
        return 230;
    code = talk_open(&work->talk, owner.host, owner.port, go.user, go.pass);
    if (code != 230)
        work_close(work);
    if (!code)
        work_unreached();
    return code;
}

static void leave(struct work *work)
{
    if (work->talk.line != NET_NONE)
        talk_ask(&work->talk, "QUIT");
    work_close(work);
}

/* Gets a file of the deployment. 1 when it is here, whole. */
static int get(struct work *work, const char *remote, const char *local)
{
    char path[PATH_SIZE];
    int status;

    if (enter(work) != 230)
        return 0;
    path_of(path, local);
    status = talk_fetch_file(&work->talk, owner.host, remote, path);
    if (status == SYS_ERROR)
        work_close(work);
    if (work->stop)
        go.stopped = 1;
    return status == SYS_OK;
}

static int send(struct work *work, const char *local)
{
    char path[PATH_SIZE];

    if (enter(work) != 230)
        return 0;
    path_of(path, local);
    return talk_put_file(&work->talk, owner.host, path, local) == SYS_OK;
}

/* Runs the helper: its exit code, 255 when it did not start or was ended. */
static u32 helper(struct work *work, const char *command, u32 most_ms)
{
    struct child child;
    char line[64];
    u32 began = sys_ticks();
    u32 code = 255;

    leave(work);
    put(line, sizeof line, "DEPLOY98 %s", command);
    if (!is_there("DEPLOY98.EXE") || child_start(&child, line, go.folder))
        return 255;
    while (!child_ended(&child, &code)) {
        agent_wait(NET_NONE, 0, 50);
        if (work->stop) {
            work->stop = 0;
            go.stopped = 1;
            child_kill(&child, 1);
        } else if (most_ms && sys_ticks() - began > most_ms) {
            child_kill(&child, 1);
            return 255;
        }
    }
    return go.stopped ? 255 : code;
}

static u32 with_list(struct work *work, const char *verb)
{
    char line[32];

    put(line, sizeof line, "%s %s", verb, go.list);
    return helper(work, line, 0);
}

/* What the helper says is to be done next. */
static u32 first_command(struct work *work)
{
    return with_list(work, go.pulls ? "GATHER" : "CHECK");
}

/* Gets what the helper reads. The host of a pull has no manifest. */
static int get_list(struct work *work)
{
    char ask[sizeof go.list];

    if (get(work, go.list, go.list))
        return 1;
    put(ask, sizeof ask, "%s.ASK", go.user);
    if (go.pulls || !get(work, ask, ask))
        return 0;
    put(go.list, sizeof go.list, "%s", ask);
    go.pulls = 1;
    return 1;
}

/* The helper and its list, proved: the exit code of the first CHECK or GATHER; 255 when it was not possible. */
static u32 begin(struct work *work)
{
    static const u8 pauses[FETCH_TRIES] = {0, 5, 20, 35};
    u32 tries, code;

    for (tries = 0; tries < FETCH_TRIES && rest(work, pauses[tries]); tries++) {
        drop("DEPLOY98.EXE");
        drop(go.list);
        if (enter(work) == 530 && holds(work->talk.replies.line, REPLY_SIZE, fetch_again))
            return 254;
        if (!get(work, "DEPLOY98.EXE", "DEPLOY98.EXE") || !get_list(work))
            continue;
        if (helper(work, "SELF", HELPER_MS) != 7)
            continue;
        helper(work, "INFO", HELPER_MS);
        code = first_command(work);
        if (code != 5)
            return code;
    }
    return 255;
}

/* What NEXT.FTP asks for: the parts of a push come, those of a pull go. */
static void do_script(struct work *work)
{
    char path[PATH_SIZE];
    char line[80];
    char remote[SCRIPT_NAME], local[SCRIPT_NAME];
    u32 offset = 0;
    u32 used = 0;
    u32 i;
    int got;

    path_of(path, "NEXT.FTP");
    while ((got = growing_read(path, offset, line, sizeof line - 1)) > 0 && !go.stopped) {
        for (i = 0; i < (u32)got && line[i] != '\n'; i++)
            ;
        used = i + 1;
        while (i && (u8)line[i - 1] <= ' ')
            i--;
        line[i] = '\0';
        offset += used;
        if (go.pulls ? script_put(line, local) : script_get(line, remote, local))
            go.pulls ? send(work, local) : get(work, remote, local);
    }
}

/* After a round in which nothing came, and after each of a pull, for what the host lacks now: 1 when the host is
 * there (again). */
static int host_is_up(struct work *work)
{
    u32 tries;

    for (tries = 0; tries < AWAY_TRIES && rest(work, tries ? 15 : 0); tries++)
        if (get(work, go.list, go.pulls ? go.list : "HOSTUP.TXT"))
            return 1;
    return 0;
}

/* Sends what the host asks for until it has all. 0: the host is not there. */
static int pull(struct work *work, u32 code)
{
    u32 tries;

    while (code == 1 && is_there("NEXT.FTP") && !go.stopped) {
        do_script(work);
        drop("NEXT.FTP");
        for (tries = 0, code = 5; tries < ASK_TRIES && code == 5; tries++) {
            leave(work); /* the host works out what it lacks when somebody logs in */
            if (!host_is_up(work))
                return 0;
            drop("RESULT.TXT");
            code = first_command(work);
        }
    }
    return 1;
}

static void put_report(const char *reason)
{
    char path[PATH_SIZE];
    char text[80];

    path_of(path, "RESULT.TXT");
    work_write(path, text, put(text, sizeof text, "deployment=%s\r\nfailed=%s\r\n", go.user, reason));
}

/* Fetches, joins and runs. What it came to stands in RESULT.TXT. 0: there is nothing to report. */
static int deploy(struct work *work)
{
    u32 code = begin(work);

    if (code == 254)
        return 0;
    if (code == 255) {
        put_report("HELPER");
        return 1;
    }
    if (go.pulls)
        return pull(work, code);
    for (;;) {
        while (code == 1 && is_there("NEXT.FTP") && !go.stopped) {
            if (contains(work, "RESULT.TXT", " 0 0") && !host_is_up(work))
                return 0;
            do_script(work);
            drop("NEXT.FTP");
            drop("RESULT.TXT");
            code = first_command(work);
        }
        if (code)
            return 1;
        drop("RESULT.TXT");
        code = with_list(work, "JOIN");
        if (code != 1)
            break;
        drop("RESULT.TXT");
        code = first_command(work);
    }
    if (code)
        return 1;
    go.runs = contains(work, go.list, "\nRUN ");
    if (go.runs) { /* the host hears that all is verified before the program starts: it may take hours */
        send(work, "INFO.TXT");
        send(work, "RESULT.TXT");
        drop("RESULT.TXT");
        with_list(work, "RUN");
    }
    return 1;
}

/* Sends the reports until the host has confirmed them. */
static int report(struct work *work)
{
    static const u8 pauses[SEND_TRIES] = {0, 5, 15, 20, 25};
    u32 tries;

    if (!is_there("RESULT.TXT") || !contains(work, "RESULT.TXT", "deployment="))
        put_report("STOPPED");
    for (tries = 0; tries < SEND_TRIES && rest(work, pauses[tries]); tries++) {
        drop("GOTIT.TXT");
        send(work, go.runs ? "OUTPUT.TXT" : "INFO.TXT");
        if (send(work, "RESULT.TXT") && get(work, "GOTIT.TXT", "GOTIT.TXT") && contains(work, "GOTIT.TXT", go.user))
            return 1;
        leave(work);
    }
    return 0;
}

/* What a whole pull has left; one that is not whole goes on with its list. */
static void forget_pull(struct work *work)
{
    char list[sizeof go.list];

    if (!go.pulls || !contains(work, "RESULT.TXT", "exit=0"))
        return;
    put(list, sizeof list, "%s.LST", go.user);
    drop(list);
    drop(go.list);
}

static void fresh_start(void)
{
    static const char stale[] = "RESULT.TXT OUTPUT.TXT OUTPUT.TMP INFO.TXT NEXT.FTP GOTIT.TXT HOSTUP.TXT ";
    char names[sizeof stale];
    char *rest_of = names;

    put(names, sizeof names, "%s", stale);
    while (*rest_of)
        drop(next_word(&rest_of));
    put(names, sizeof names, "%s.STA", go.user);
    drop(names);
}

u32 verb_go(struct work *work)
{
    u32 error = 0;

    memset(&go, 0, sizeof go);
    go.user = work->order.arg[0];
    go.pass = work->order.arg[1];
    go.folder = work->order.arg[2];
    put(go.list, sizeof go.list, "%s.MAN", go.user);
    if (!files_make(go.folder))
        return machine_error();
    fresh_start();
    if (!deploy(work))
        error = work_fail(work, ERROR_ANY, "the deployment was not to be had from the host");
    else if (go.stopped || !report(work))
        error = work_fail(work, ERROR_ANY, "the host did not take the result");
    else
        forget_pull(work);
    leave(work);
    work->stop = 0;
    return go.stopped ? work_fail(work, ERROR_STOPPED, "") : error;
}
