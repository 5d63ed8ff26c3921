/* main.c - DEPLOY98.EXE, the helper: checks, joins and runs a deployment on the target.
 *
 *     DEPLOY98 SELF | CHECK MAN | JOIN MAN | RUN MAN | INFO
 *
 * The current directory is the deployment's. The exit code tells a batch file what to do next. */
#include "crc32.h"
#include "job.h"
#include "list.h"
#include "state.h"

static const char usage[] = "DEPLOY98 " HELPER_VERSION ": CHECK|JOIN|RUN D7F3A21C.MAN, or INFO, or SELF\r\n";

/* D7F3A21C.MAN, in any case: its name in upper case, and job.id. 0 when it is no such name. */
static int manifest_name(const char *argument, char name[NAME_SIZE])
{
    u32 i;

    for (i = 0; i < BASE_SIZE - 1 && argument[i]; i++)
        job.id[i] = (char)fold(argument[i]);
    join_name(name, job.id, "MAN");
    return id_ok(job.id) && text_same(argument, name);
}

static const struct {
    const char *name;
    int (*command)(void);
    int with_manifest;
} commands[] = {{"CHECK", check, 1}, {"JOIN", join, 1}, {"RUN", run, 1}, {"INFO", info, 0}, {"SELF", self, 0}};

/* Reads the manifest of this name, and what was kept of it. */
static void load(const char *name)
{
    u32 length;
    char *text = (char *)read_file(name, MOST_RECORDS * (LONGEST_LINE + 2), &length);

    if (!text)
        fail(CODE_MANIFEST, "%s is missing", name);
    if (!manifest_parse(text, length))
        fail(CODE_MANIFEST, "%s is refused, line %u: %s", name, manifest.line, manifest.why);
    if (!text_same(manifest.id, job.id))
        fail(CODE_MANIFEST, "%s is of another deployment", name);
    state_load();
    list_load();
    if (!job.kept.mhz)
        job.kept.mhz = sys_cpu_mhz();
    job.believed = 1;
}

/* A command on a deployment, and its report. */
static int work(int (*command)(void), const char *name)
{
    int code, status;

    load(name);
    code = command();
    status = result_write(code);
    if (code <= CODE_FETCH)
        must(status, result_txt);
    return code;
}

int sys_main(int argc, char **argv)
{
    char name[NAME_SIZE];
    u32 i;

    crc32_start();
    for (i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (!text_same(argv[1], commands[i].name))
            continue;
        job.command = commands[i].name;
        if (!commands[i].with_manifest && argc == 2)
            return commands[i].command();
        if (commands[i].with_manifest && argc == 3 && manifest_name(argv[2], name))
            return work(commands[i].command, name);
    }
    say(usage);
    return CODE_USE;
}
