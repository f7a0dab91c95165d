// A reload among the children: all take it or none does, whoever refuses, dies or says nothing. The
// test is the reader and the three children, at the other ends of their links.
#include "supervisor/reload.h"

#include "base/log.h"
#include "supervisor/files.h"
#include "tests/config/text.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONTROL, KE, DATAPLANE, CHILDREN };

static struct reload r;
static struct descriptors held;
static struct hook hook;
static struct renewal renewal;
static struct life child[CHILDREN], metrics, etcd;
static int far_end[CHILDREN];        // of the links
static char said[LINK_TEXT_MAX + 1]; // the answers to control's request
static pid_t killed;

int __wrap_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number)
{
    assert_int_equal(number, SIGKILL);
    killed = pid;
    return 0;
}

static struct config *loaded(const char *text)
{
    struct config *config = NULL;
    struct config_error error;
    if (load_text(text, &config, &error) != 0)
        fail_msg("%s in:\n%s", error.text, text);
    return config;
}

static int memory_file(const char *text)
{
    const int fd = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void take_certificates(const char *chain, struct certificates *made)
{
    const int fd[] = {memory_file(chain), memory_file("key")};
    assert_int_equal(certificates_take(fd, 2, made), 0);
}

static int begin(void **state)
{
    (void)state;
    log_set_level("error");
    static const char *const names[] = {"control", "ke", "dataplane"};
    held = (struct descriptors){.config = loaded(VALID)};
    held.config_fd = files_config(held.config);
    take_certificates("chain", &held.certificates);
    hook = (struct hook){.path = ""};
    metrics = etcd = (struct life){.link = -1};
    for (int i = 0; i < CHILDREN; i++) {
        int ends[2];
        assert_int_equal(link_pair(ends), 0);
        far_end[i] = ends[1];
        child[i] = (struct life){
            .name = names[i], .phase = LIFE_SERVING, .pid = 1000 + i, .link = ends[0]};
    }
    r = (struct reload){.path = "t.yaml",
                        .held = &held,
                        .hook = &hook,
                        .renewal = &renewal,
                        .control = &child[CONTROL],
                        .metrics = &metrics,
                        .etcd = &etcd,
                        .part = {{.life = &child[CONTROL], .takes = LIVE_CONTROL},
                                 {.life = &child[KE], .takes = LIVE_KE},
                                 {.life = &child[DATAPLANE], .takes = LIVE_DATAPLANE}},
                        .link = -1,
                        .config_fd = -1};
    renewal = (struct renewal){0};
    killed = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    reload_stop(&r);
    for (int i = 0; i < CHILDREN; i++) {
        if (child[i].link >= 0)
            close(child[i].link);
        close(far_end[i]);
    }
    certificates_close(&held.certificates);
    close(held.config_fd);
    config_free(held.config);
    return 0;
}

// The reader's answer to a request of control's: this configuration, with this chain.
static void offer(const char *text, const char *chain)
{
    int ends[2];
    assert_int_equal(link_pair(ends), 0);
    r.id++;
    r.phase = RELOAD_READING;
    r.link = ends[0];
    r.requested = true;
    r.request_id = 7;
    const int fd[] = {memory_file(text), memory_file(chain), memory_file("key")};
    assert_int_equal(link_send_descriptors(ends[1], LINK_CANDIDATE, 0, fd, 3), 0);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    close(ends[1]);
    reload_hear_reader(&r, 1000);
}

// What a child has been sent, as words; the answers that control gets go to said.
static const char *sent(int which)
{
    static const char *const words[LINK_TYPES] = {
        [LINK_RELOAD] = " reload",   [LINK_COMMIT] = " commit",   [LINK_CANCEL] = " cancel",
        [LINK_LOG_LEVEL] = " level", [LINK_APPLIED] = " applied", [LINK_REFUSED] = " refused"};
    static char text[128];
    struct link_message message;
    text[0] = said[0] = '\0';
    while (link_receive(far_end[which], LINK_DESCRIPTORS_MAX, &message) == 1) {
        assert_non_null(words[message.type]);
        strcat(text, words[message.type]);
        if (message.type == LINK_APPLIED || message.type == LINK_REFUSED) {
            assert_int_equal(message.id, 7);
            snprintf(said, sizeof said, "%s", message.text);
        } else if (message.type != LINK_LOG_LEVEL) {
            assert_int_equal(message.id, r.id);
        }
        link_close_descriptors(&message);
    }
    return text;
}

static bool says_of(int which, enum link_type type, uint32_t id, const char *text)
{
    struct link_message message = {.type = type, .id = id};
    strcpy(message.text, text);
    return reload_hear_child(&r, &child[which], &message, 2000);
}

static bool says(int which, enum link_type type, const char *text)
{
    return says_of(which, type, r.id, text);
}

#define SILENT_KEYS VALID "  on_unhealthy: silent\nkeys: {keep: 5}\nlog: {level: error}\n"

static bool is_new(void)
{
    char text[8192] = "";
    const ssize_t len = pread(held.config_fd, text, sizeof text - 1, 0);
    assert_true(len > 0);
    const bool handed = strstr(text, "on_unhealthy: silent") != NULL;
    assert_int_equal(held.config->time.on_unhealthy == UNHEALTHY_SILENT, handed);
    assert_int_equal(held.config->keys.keep == 5, handed);
    return handed;
}

static void those_who_take_it_are_asked(void **state)
{
    (void)state;
    offer(SILENT_KEYS, "chain");
    assert_string_equal(sent(CONTROL), " reload");
    assert_string_equal(sent(KE), "");
    assert_string_equal(sent(DATAPLANE), " reload");
    assert_true(says(CONTROL, LINK_ACCEPTED, ""));
    assert_string_equal(sent(CONTROL), "");
    assert_false(is_new());
    assert_true(says(DATAPLANE, LINK_ACCEPTED, ""));
    assert_true(is_new());
    assert_string_equal(sent(DATAPLANE), " level commit");
    assert_string_equal(sent(CONTROL), " level commit");
    assert_true(says(DATAPLANE, LINK_APPLIED, ""));
    assert_string_equal(sent(CONTROL), "");
    assert_true(says(CONTROL, LINK_APPLIED, ""));
    assert_string_equal(sent(CONTROL), " applied");
    assert_non_null(strstr(said, "applied keys.keep time.on_unhealthy log.level\n"));
    assert_int_equal(r.phase, RELOAD_NONE);
    assert_string_equal(sent(KE), " level");
}

// The mover by etcd takes its settings with its start: it is ended, to be started again.
static void a_mover_is_started_anew(void **state)
{
    (void)state;
    static const char *const next[] = {
        VALID "keys: {fleet: {file: /f, etcd: ['https://a', 'https://b'], seal: /s}}\n",
        VALID "keys: {fleet: {file: /f, etcd: ['https://a'], seal: /s}}\nlog: {level: error}\n",
        VALID "keys: {fleet: {file: /f}}\n",
    };
    static const enum life_next then[] = {LIFE_NEXT_AGAIN, LIFE_NEXT_USUAL, LIFE_NEXT_REST};
    for (int i = 0; i < 3; i++) {
        config_free(held.config);
        held.config = loaded(VALID "keys: {fleet: {file: /f, etcd: ['https://a'], seal: /s}}\n");
        etcd = (struct life){.name = "etcd", .phase = LIFE_SERVING, .pid = 4, .link = -1};
        killed = 0;
        offer(next[i], "chain");
        const bool asked = strcmp(sent(CONTROL), " reload") == 0; // of members
        assert_int_equal(asked, i != 1);
        assert_int_equal(killed, 0);
        if (asked)
            assert_true(says(CONTROL, LINK_ACCEPTED, ""));
        assert_int_equal(killed, i == 1 ? 0 : 4);
        assert_int_equal(etcd.next, then[i]);
        if (asked)
            assert_true(says(CONTROL, LINK_APPLIED, ""));
        sent(CONTROL);
    }
}

static void a_mover_needs_its_program(void **state)
{
    (void)state;
    config_free(held.config);
    held.config = loaded(VALID "keys: {fleet: {file: /f}}\n");
    held.etcd_program = -ENOENT;
    offer(VALID "keys: {fleet: {file: /f, etcd: ['https://a'], seal: /s}}\n", "chain");
    assert_string_equal(sent(CONTROL), " refused");
    assert_non_null(strstr(said, "keys.fleet.etcd needs noonmark-etcd"));
    assert_int_equal(held.config->keys.etcd.n_endpoints, 0);
}

static void a_refusal_is_a_refusal_of_all(void **state)
{
    (void)state;
    for (int refuser = 0; refuser < CHILDREN; refuser++) {
        offer(SILENT_KEYS, "other");
        for (int i = 0; i < CHILDREN; i++)
            assert_string_equal(sent(i), " reload");
        // One has prepared, one refuses, one has not answered yet.
        const int before = (refuser + 1) % CHILDREN, late = (refuser + 2) % CHILDREN;
        assert_true(says(before, LINK_ACCEPTED, ""));
        assert_true(says(refuser, LINK_REFUSED, "no room"));
        assert_false(is_new());
        assert_int_equal(r.phase, RELOAD_NONE);
        for (int i = 0; i < CHILDREN; i++) {
            const bool told = i != refuser;
            const char *wanted = i == CONTROL ? told ? " cancel refused" : " refused"
                                 : told       ? " cancel"
                                              : "";
            if (strcmp(sent(i), wanted) != 0)
                fail_msg("%s refuses, %s", child[refuser].name, child[i].name);
            if (i == CONTROL)
                assert_string_equal(said, "no room");
        }
        assert_true(says(late, LINK_ACCEPTED, ""));  // crossed with the cancellation
        assert_false(says(late, LINK_ACCEPTED, "")); // once
        assert_false(says(before, LINK_APPLIED, ""));
    }
    assert_int_equal(killed, 0);
}

// An answer to an earlier reload does not count for the present one.
static void late_answers_do_not_count(void **state)
{
    (void)state;
    offer(SILENT_KEYS, "chain");
    assert_true(says(CONTROL, LINK_REFUSED, "no"));
    const uint32_t earlier = r.id;
    sent(CONTROL);
    sent(DATAPLANE);
    offer(SILENT_KEYS, "chain");
    assert_true(says(CONTROL, LINK_ACCEPTED, ""));
    assert_true(says_of(DATAPLANE, LINK_ACCEPTED, earlier, ""));
    assert_false(is_new());
    assert_true(says(DATAPLANE, LINK_REFUSED, "no"));
    assert_false(is_new());
    assert_int_equal(r.phase, RELOAD_NONE);
}

static void died(int which)
{
    reload_child_ended(&r, &child[which]);
    close(child[which].link);
    child[which].link = -1;
}

static void a_death_while_preparing_refuses(void **state)
{
    (void)state;
    offer(SILENT_KEYS, "chain");
    assert_true(says(DATAPLANE, LINK_ACCEPTED, ""));
    died(DATAPLANE); // the next one is started with what is held
    assert_false(is_new());
    assert_string_equal(sent(CONTROL), " reload cancel refused");
    assert_non_null(strstr(said, "dataplane ended while it prepared"));
    assert_true(says(CONTROL, LINK_ACCEPTED, ""));
    assert_false(is_new());
    // It is not there to be asked.
    child[DATAPLANE].phase = LIFE_WAITING;
    offer(SILENT_KEYS, "chain");
    assert_string_equal(sent(CONTROL), " reload cancel refused");
    assert_non_null(strstr(said, "dataplane, which has to take a part of it, does not serve"));
    assert_false(is_new());
}

static void a_death_after_the_decision_changes_nothing(void **state)
{
    (void)state;
    offer(SILENT_KEYS, "chain");
    assert_true(says(DATAPLANE, LINK_ACCEPTED, ""));
    assert_true(says(CONTROL, LINK_ACCEPTED, ""));
    assert_true(says(CONTROL, LINK_APPLIED, ""));
    assert_true(is_new());
    assert_string_equal(sent(CONTROL), " reload level commit");
    died(DATAPLANE);
    assert_true(is_new());
    assert_string_equal(sent(CONTROL), " applied");
    assert_int_equal(r.phase, RELOAD_NONE);
}

// Killed, because its state is unknown.
static void who_says_nothing_is_killed(void **state)
{
    (void)state;
    offer(SILENT_KEYS, "chain");
    assert_true(says(DATAPLANE, LINK_ACCEPTED, ""));
    reload_tick(&r, 1000 + RELOAD_APPLY_MS - 1);
    assert_int_equal(killed, 0);
    reload_tick(&r, 1000 + RELOAD_APPLY_MS);
    assert_int_equal(killed, child[CONTROL].pid);
    assert_false(is_new());
    assert_string_equal(sent(DATAPLANE), " reload cancel");

    offer(SILENT_KEYS, "chain");
    assert_true(says(DATAPLANE, LINK_ACCEPTED, ""));
    assert_true(says(CONTROL, LINK_ACCEPTED, ""));
    assert_true(says(CONTROL, LINK_APPLIED, ""));
    assert_true(is_new());
    reload_tick(&r, 2000 + RELOAD_APPLY_MS);
    assert_int_equal(killed, child[DATAPLANE].pid);
    assert_true(is_new());
    assert_int_equal(r.phase, RELOAD_NONE);
}

// One whose queue is full cannot be told: the next process has it from its start.
static void who_cannot_be_told_is_killed(void **state)
{
    (void)state;
    offer(SILENT_KEYS, "chain");
    assert_true(says(DATAPLANE, LINK_ACCEPTED, ""));
    while (link_send(child[DATAPLANE].link, LINK_LOG_LEVEL, 0, "error") == 0) {
    }
    assert_true(says(CONTROL, LINK_ACCEPTED, ""));
    assert_int_equal(killed, child[DATAPLANE].pid);
    assert_true(says(CONTROL, LINK_APPLIED, ""));
    assert_true(is_new());
    assert_int_equal(r.phase, RELOAD_NONE);
}

// What needs a restart stays, and with it what depends on it: the two together must be right.
static void the_mixture_is_checked(void **state)
{
    (void)state;
    offer(VALID_PORTS VALID_CONTROL "time: {source: chronyd}\n", "chain");
    assert_string_equal(sent(CONTROL), " level applied");
    assert_non_null(strstr(said, "restart time.source time.stratum time.reference_id\n"));
    assert_int_equal(held.config->time.stratum, 1);
    offer("dataplane:\n  cores: [2]\n  ports:\n    - interface: eth0\n" VALID_CONTROL VALID_TIME
          "keys: {keep: 6}\n",
          "chain");
    assert_true(says(CONTROL, LINK_ACCEPTED, ""));
    assert_true(says(CONTROL, LINK_APPLIED, ""));
    assert_int_equal(held.config->dataplane.cores[0], 1);
    assert_int_equal(held.config->keys.keep, 6);
}

// Ke judges the certificates anew, and may refuse.
static void other_names_of_the_server(void **state)
{
    (void)state;
    offer(VALID_PORTS
          "control: {certificates: [{chain: /c.pem, key: /k.pem}], names: [a.test]}\n" //
          VALID_TIME,
          "chain");
    assert_string_equal(sent(KE), " reload");
    assert_int_equal(r.certificates.n, 2);
    assert_true(says(KE, LINK_ACCEPTED, ""));
    assert_true(says(KE, LINK_APPLIED, ""));
    assert_string_equal(sent(CONTROL), " level applied");
    assert_non_null(strstr(said, "applied control.names\n"));
}

// The reader's answer to an automatic reload: this chain, and the configuration in force.
static void offer_files(const char *chain)
{
    r.automatic = true;
    renewal.state = RENEWAL_ASKED;
    int ends[2];
    assert_int_equal(link_pair(ends), 0);
    r.id++;
    r.phase = RELOAD_READING;
    r.link = ends[0];
    const int fd[] = {files_reopen(held.config_fd), memory_file(chain), memory_file("key")};
    assert_int_equal(link_send_descriptors(ends[1], LINK_CANDIDATE, 0, fd, 3), 0);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    close(ends[1]);
    reload_hear_reader(&r, 1000);
}

static bool serves(const char *chain)
{
    const struct certificate_file *file = &held.certificates.file[0];
    return file->len == strlen(chain) && memcmp(file->at, chain, file->len) == 0;
}

static void changed_files_alone_are_taken(void **state)
{
    (void)state;
    offer_files("chain"); // nothing new
    assert_int_equal(r.phase, RELOAD_NONE);
    assert_int_equal(renewal.state, RENEWAL_NONE);
    offer_files("other");
    assert_string_equal(sent(CONTROL), "");
    assert_string_equal(sent(DATAPLANE), "");
    assert_string_equal(sent(KE), " reload");
    assert_true(serves("chain"));
    assert_true(says(KE, LINK_ACCEPTED, ""));
    assert_true(serves("other"));
    assert_int_equal(renewal.state, RENEWAL_ASKED);
    assert_true(says(KE, LINK_APPLIED, ""));
    assert_int_equal(renewal.state, RENEWAL_NONE);
    assert_int_equal(r.phase, RELOAD_NONE);
}

static void changed_files_may_be_refused(void **state)
{
    (void)state;
    offer_files("other");
    assert_true(says(KE, LINK_REFUSED, "no key of it"));
    assert_true(serves("chain"));
    assert_int_equal(renewal.refusals, 1);
    assert_int_equal(renewal.state, RENEWAL_WAITS);
    assert_string_equal(sent(CONTROL), "");
}

// Whoever runs `noonmarkctl reload` after a renewal must not be told that one is under way.
static void a_request_waits_for_an_automatic_one(void **state)
{
    (void)state;
    const uint32_t id = 7;
    offer_files("other");
    reload_begin(&r, &id, 1500);
    reload_begin(&r, NULL, 1600); // a second one does not
    assert_string_equal(sent(CONTROL), "");
    assert_int_equal(r.phase, RELOAD_PREPARING);
    assert_true(says(KE, LINK_ACCEPTED, ""));
    assert_true(says(KE, LINK_APPLIED, ""));
    assert_true(serves("other"));
    assert_string_equal(sent(CONTROL), " level");
    assert_int_equal(reload_due_ms(&r), 0);
    // It begins, and here has no reader to start: the refusal is its answer.
    held.config_fd = -held.config_fd;
    reload_tick(&r, 2000);
    held.config_fd = -held.config_fd;
    assert_string_equal(sent(CONTROL), " refused");
    assert_int_equal(reload_due_ms(&r), UINT64_MAX);
    assert_false(r.automatic);
}

// The next control process has not asked.
static void a_request_that_waits_may_lose_who_asked(void **state)
{
    (void)state;
    const uint32_t id = 7;
    offer_files("other");
    reload_begin(&r, &id, 1500);
    reload_child_ended(&r, &child[CONTROL]);
    assert_true(says(KE, LINK_REFUSED, "no"));
    assert_int_equal(reload_due_ms(&r), 0);
    held.config_fd = -held.config_fd;
    reload_tick(&r, 2000);
    held.config_fd = -held.config_fd;
    assert_string_equal(sent(CONTROL), "");
}

static void a_reload_goes_before_changed_files(void **state)
{
    (void)state;
    offer(SILENT_KEYS, "chain");
    renewal.state = RENEWAL_ASKED;
    reload_begin_files(&r, 1500);
    assert_int_equal(renewal.state, RENEWAL_WAITS);
    assert_int_equal(renewal.refusals, 0);
    assert_false(r.automatic);
    assert_int_equal(r.phase, RELOAD_PREPARING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(those_who_take_it_are_asked, begin, end),
        cmocka_unit_test_setup_teardown(a_mover_is_started_anew, begin, end),
        cmocka_unit_test_setup_teardown(a_mover_needs_its_program, begin, end),
        cmocka_unit_test_setup_teardown(a_refusal_is_a_refusal_of_all, begin, end),
        cmocka_unit_test_setup_teardown(late_answers_do_not_count, begin, end),
        cmocka_unit_test_setup_teardown(a_death_while_preparing_refuses, begin, end),
        cmocka_unit_test_setup_teardown(a_death_after_the_decision_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(who_says_nothing_is_killed, begin, end),
        cmocka_unit_test_setup_teardown(who_cannot_be_told_is_killed, begin, end),
        cmocka_unit_test_setup_teardown(the_mixture_is_checked, begin, end),
        cmocka_unit_test_setup_teardown(other_names_of_the_server, begin, end),
        cmocka_unit_test_setup_teardown(changed_files_alone_are_taken, begin, end),
        cmocka_unit_test_setup_teardown(changed_files_may_be_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_request_waits_for_an_automatic_one, begin, end),
        cmocka_unit_test_setup_teardown(a_request_that_waits_may_lose_who_asked, begin, end),
        cmocka_unit_test_setup_teardown(a_reload_goes_before_changed_files, begin, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/reload", tests, NULL, NULL);
}
