/* unit.c - known answers of the agent's units that do no I/O. Ends with 1 at the first that is wrong. */
#include "../agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(claim) check((claim) != 0, #claim, __LINE__)

static void check(int holds, const char *claim, int line)
{
    if (holds)
        return;
    fprintf(stderr, "unit.c:%d: %s\n", line, claim);
    exit(1);
}

/* ---- replies ---- */

static int feed(struct replies *replies, const char *text)
{
    int code = 0;

    for (; *text && !code; text++)
        code = reply_take(replies, *text);
    return code;
}

static void test_replies(void)
{
    static struct replies r;
    char line[2000];

    CHECK(feed(&r, "220 Hello.\r\n") == 220 && strcmp(r.line, "220 Hello.") == 0);
    CHECK(feed(&r, "200\n") == 200);
    CHECK(feed(&r, "230-several\r\nlines\r\n231 no\r\n230-\r\n230 end\r\n") == 230);
    CHECK(strcmp(r.line, "230 end") == 0);
    CHECK(feed(&r, "HTTP/1.0 200 OK\r\n") == -1);
    memset(&r, 0, sizeof r);
    CHECK(feed(&r, "99 x\r\n") == -1);
    CHECK(feed(&r, "600 x\r\n") == -1);
    CHECK(feed(&r, "\r\n") == -1);
    memset(line, 'x', sizeof line);
    memcpy(line, "200 ", 4);
    strcpy(line + 1990, "\r\n");
    CHECK(feed(&r, line) == 200 && strlen(r.line) == REPLY_SIZE - 1);
    CHECK(reply_port("227 Passive (192,168,1,1,4,1).") == 1025);
    CHECK(reply_port("227 Passive (1,2,3,4,255,255)") == 65535);
    CHECK(reply_port("227 (1,2,3,4,256,1)") == 0);
    CHECK(reply_port("227 (1,2,3,4,1)") == 0);
    CHECK(reply_port("227 (1,2,3,4,1,1,1)") == 0);
    CHECK(reply_port("227 (1,,3,4,1,1)") == 0);
    CHECK(reply_port("227 1,2,3,4,1,1") == 0);
    CHECK(reply_port("227 (1,2,3,4,1,1") == 0);
}

/* ---- orders ---- */

static void test_orders(void)
{
    static struct order o, copy;

    CHECK(!order_read(&o, "NONE"));
    CHECK(!order_read(&o, ""));
    CHECK(!order_read(&o, "ORDER 123 LS x"));
    CHECK(order_read(&o, "ORDER 0000000a RUN C:%5CA%20B 60 0 DIR%20%22x%22"));
    CHECK(o.verb == VERB_RUN && o.count == 4 && strcmp(o.arg[0], "C:\\A B") == 0);
    CHECK(strcmp(o.arg[3], "DIR \"x\"") == 0 && strcmp(o.id, "0000000a") == 0);
    order_move(&copy, &o);
    memset(&o, 'x', sizeof o);
    CHECK(strcmp(copy.arg[3], "DIR \"x\"") == 0);
    CHECK(order_read(&o, "ORDER 00000001 LS") && o.verb == VERB_NONE);
    CHECK(order_read(&o, "ORDER 00000001 LS a b") && o.verb == VERB_NONE);
    CHECK(order_read(&o, "ORDER 00000001 LS a%2") && o.verb == VERB_NONE);
    CHECK(order_read(&o, "ORDER 00000001 LS a%00b") && o.verb == VERB_NONE);
    CHECK(order_read(&o, "ORDER 00000001 FLY") && o.verb == VERB_NONE);
    CHECK(order_read(&o, "ORDER 00000001 PUT a 1 2 3 4 5") && o.verb == VERB_NONE);
    CHECK(order_read(&o, "ORDER 00000001 SCREEN") && o.verb == VERB_SCREEN && !*o.arg[3]);
    CHECK(strcmp(o.line, "ORDER 00000001 SCREEN") == 0);
    CHECK(order_is_short(VERB_KILL) && !order_is_short(VERB_GO) && !order_is_short(VERB_POWER));
}

static void test_words(void)
{
    char text[40];
    u32 value = 7;

    CHECK(number("0", &value) && value == 0);
    CHECK(number("4294967295", &value) && value == 4294967295u);
    CHECK(!number("4294967296", &value) && !number("", &value) && !number("1 ", &value) && !number("-1", &value));
    percent_encode("a b\\%\xE9:", text, sizeof text);
    CHECK(strcmp(text, "a%20b%5C%25%E9:") == 0);
    CHECK(percent_decode(text) && strcmp(text, "a b\\%\xE9:") == 0);
    percent_encode("      ", text, 8);
    CHECK(strcmp(text, "%20%20") == 0);
    CHECK(strcmp(last_name("C:\\A\\B.C"), "B.C") == 0 && strcmp(last_name("B"), "B") == 0);
}

/* ---- the journal ---- */

static void test_journal(void)
{
    static struct journal j;
    char text[] = "00000001 TAKEN\r\n00000001 DONE OK 5 text\r\n00000002 TAKEN\r\nrubbish\r\n00000003 LOST\r\n"
                  "00000001 TOLD\r\n00000002 TOLD\r\n00000004 TAK";
    char line[JOURNAL_LINE];
    u32 i;

    CHECK(journal_read(&j, text, sizeof text - 1) == sizeof text - 1 - 12);
    CHECK(journal_find(&j, "00000001")->state == ENTRY_DONE && journal_find(&j, "00000001")->told);
    CHECK(strcmp(journal_find(&j, "00000001")->answer, "OK 5 text") == 0);
    CHECK(journal_find(&j, "00000002")->state == ENTRY_TAKEN && !journal_find(&j, "00000002")->told);
    CHECK(journal_find(&j, "00000003")->state == ENTRY_LOST);
    CHECK(!journal_find(&j, "00000004"));
    CHECK(journal_say(journal_find(&j, "00000001"), line) && strcmp(line, "00000001 DONE OK 5 text\r\n") == 0);
    for (i = 0; i < JOURNAL_MOST; i++) {
        sprintf(line, "%08X TAKEN\r\n", 0x1000 + i);
        CHECK(journal_read(&j, line, 16) == 16);
    }
    CHECK(!journal_find(&j, "00000003") && journal_find(&j, "00001000") && journal_find(&j, "0000103F"));
}

/* ---- settings ---- */

static void test_settings(void)
{
    static struct settings s, again;
    static const char good[] = "[AGENT98]\r\nhost=192.168.1.1\r\nalso=169.254.1.1\r\nport=2121\r\nid=A-0123ABCD\r\n"
                               "token=0123456789abcdef0123456789abcdef\r\nname=old one\r\nstay=1\r\n";
    char text[SETTINGS_MOST];

    CHECK(settings_read(&s, good, sizeof good - 1));
    CHECK(strcmp(s.host, "192.168.1.1") == 0 && strcmp(s.also, "169.254.1.1") == 0);
    CHECK(s.port == 2121 && s.stay == 1 && strcmp(s.name, "old one") == 0);
    CHECK(settings_read(&again, text, settings_write(&s, text)) && memcmp(&s, &again, sizeof s) == 0);
    CHECK(!settings_read(&s, "host=192.168.1\r\n", 16) && !settings_read(&s, good, 60) && !settings_read(&s, "", 0));
}

/* ---- the others ---- */

static void test_backoff(void)
{
    CHECK(agent_backoff(0) == 1000 && agent_backoff(1000) == 2000 && agent_backoff(8000) == 16000);
    CHECK(agent_backoff(16000) == 30000 && agent_backoff(30000) == 30000);
}

int sys_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    test_replies();
    test_orders();
    test_words();
    test_journal();
    test_settings();
    test_backoff();
    return 0;
}
