/* worker.c - reads the ticket, has the order done, writes the answer there; see worker.h */
#include "worker.h"

int worker_is_beside;

static struct work work;
static char ticket[PATH_SIZE];
static int told; /* that the order is given up */

static int is_wanted(void)
{
    struct sys_stamp stamp;

    return sys_stat(ticket, &stamp) == SYS_OK;
}

/* The order is given up once: what is to be said to the host after that has its time. */
int agent_wait(net socket, int write, u32 ms)
{
    net_wait(&socket, 1, (u32)write, ms < 100 ? ms : 100);
    if (!told && !is_wanted())
        told = work.stop = 1;
    return work.stop;
}

void work_unreached(void)
{
    settings_turn(&owner);
}

static u32 read_file(const char *path, char *bytes, u32 size)
{
    int got = growing_read(path, 0, bytes, size - 1);

    bytes[got > 0 ? got : 0] = '\0';
    return got > 0 ? (u32)got : 0;
}

/* The answer, when somebody still wants it; it is whole when its line is. */
static void answer_write(void)
{
    char said[ANSWER_SIZE + 1];
    u32 length;

    answer_say(&work.answer, said);
    length = text_length(said);
    said[length] = '\n';
    if (is_wanted())
        work_write(ticket, said, length + 1);
}

int worker_do(const char *name, const char *host)
{
    char text[SETTINGS_MOST];
    char path[PATH_SIZE];

    keep_path(path, "AGENT98.INI");
    if (!settings_read(&owner, text, read_file(path, text, sizeof text)))
        return 4;
    if (!text_same(owner.host, host))
        settings_turn(&owner);
    keep_path(ticket, name);
    read_file(ticket, text, sizeof text);
    memset(&work, 0, sizeof work);
    if (!order_read(&work.order, text))
        return 4;
    told = 0;
    worker_is_beside = name[text_length(name) - 1] > '1';
    work.talk.line = NET_NONE;
    verb_do(&work);
    work_close(&work);
    answer_write();
    return 0;
}
