// Loading: every key with values inside and outside its limits, and what the messages say. A wrong
// configuration is one clear line with file, line and key (F26).
#include "config/config.h"
#include "tests/config/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_error(const char *text, const char *message)
{
    struct config *config = NULL;
    struct config_error error;

    const int result = load_text(text, &config, &error);
    if (result != -1)
        fail_msg("loaded, but should not:\n%s", text);
    if (strstr(error.text, message) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", error.text, message);
    assert_null(strchr(error.text, '\n'));
    assert_null(config);
}

static struct config *expect_loaded(const char *text)
{
    struct config *config = NULL;
    struct config_error error;

    if (load_text(text, &config, &error) != 0)
        fail_msg("%s in:\n%s", error.text, text);
    return config;
}

static void least_has_defaults(void **state)
{
    (void)state;
    struct config *c = expect_loaded(VALID);
    assert_int_equal(c->dataplane.n_cores, 1);
    assert_int_equal(c->dataplane.cores[0], 1);
    assert_int_equal(c->dataplane.idle, IDLE_POLL);
    assert_string_equal(c->dataplane.crypto, "auto");
    assert_string_equal(c->dataplane.user, "noonmark-dataplane");
    assert_int_equal(c->dataplane.n_ports, 1);
    assert_int_equal(c->dataplane.ports[0].kind, PORT_INTERFACE);
    assert_string_equal(c->dataplane.ports[0].device, "eth0");
    assert_int_equal(c->dataplane.ports[0].n_addresses, 0);
    assert_int_equal(c->dataplane.udp_port, 123);
    assert_int_equal(c->dataplane.n_allow, 2);
    assert_int_equal(c->dataplane.allow[0].ip_version, 4);
    assert_int_equal(c->dataplane.allow[0].len, 0);
    assert_int_equal(c->dataplane.allow[1].ip_version, 6);
    assert_int_equal(c->dataplane.allow[1].len, 0);
    assert_int_equal(c->dataplane.n_deny, 0);
    assert_int_equal(c->dataplane.nts_only, SWITCH_FALSE);
    assert_int_equal(c->dataplane.count_clients, SWITCH_FALSE);
    assert_int_equal(c->dataplane.interleaved, SWITCH_TRUE);
    assert_int_equal(c->dataplane.kernel_path, SWITCH_TRUE);
    assert_int_equal(c->dataplane.launch_time, SWITCH_FALSE);
    assert_int_equal(c->control.n_listen, 2);
    assert_string_equal(c->control.listen[0].text, "0.0.0.0:4460");
    assert_int_equal(c->control.listen[0].address.ss_family, AF_INET);
    assert_string_equal(c->control.listen[1].text, "[::]:4460");
    assert_int_equal(((struct sockaddr_in6 *)&c->control.listen[1].address)->sin6_port,
                     htons(4460));
    assert_int_equal(c->control.n_certificates, 1);
    assert_string_equal(c->control.certificates[0].chain, "/c.pem");
    assert_string_equal(c->control.certificates[0].key, "/k.pem");
    assert_int_equal(c->control.threads, 1);
    assert_string_equal(c->control.user, "noonmark-control");
    assert_string_equal(c->control.ntp_server, "");
    assert_int_equal(c->control.deadline_ms, 5000);
    assert_int_equal(c->control.max_connections, 10000);
    assert_string_equal(c->control.socket, "/run/noonmark/control.sock");
    assert_string_equal(c->keys.file, "/var/lib/noonmark/keys");
    assert_int_equal(c->keys.rotate_s, 86400);
    assert_int_equal(c->keys.keep, 3);
    assert_int_equal(c->time.source, TIME_SYSTEM);
    assert_int_equal(c->time.stratum, 1);
    assert_string_equal(c->time.reference_id, "GPS");
    assert_int_equal(c->time.max_error_ms, 1500);
    assert_int_equal(c->time.reference_id_word, 0x47505300);
    config_free(c);
}

static void all_keys_are_read(void **state)
{
    (void)state;
    struct config *c = expect_loaded(
        "dataplane:\n"
        "  cores: [3, 5]\n"
        "  crypto: aesni\n"
        "  user: 64731:64732\n"
        "  ports:\n"
        "    - interface: eth0\n"
        "      addresses: [192.0.2.1, '2001:db8::1']\n"
        "    - vdev: "
        "'net_memif0,role=server,socket=/run/m.sock,socket-abstract=no,mac=02:00:00:00:00:01'\n"
        "      addresses:\n"
        "        - 198.51.100.7\n"
        "  udp_port: 8123\n"
        "  allow: [192.0.2.0/24, '2001:db8::/32', 198.51.100.1]\n"
        "  deny: ['2001:db8::/33']\n"
        "  nts_only: true\n"
        "  count_clients: true\n"
        "  interleaved: false\n"
        "  kernel_path: false\n"
        "  launch_time: true\n"
        "control:\n"
        "  listen: ['127.0.0.1:4461']\n"
        "  certificates:\n"
        "    - {chain: /a/c, key: /a/k}\n"
        "    - {chain: /b/c, key: /b/k}\n"
        "  threads: 4\n"
        "  user: ke\n"
        "  ntp_server: ntp.example\n"
        "  deadline: 250ms\n"
        "  max_connections: 64\n"
        "  socket: /run/x.sock\n"
        "keys:\n"
        "  file: /var/keys\n"
        "  rotate: 30d\n"
        "  keep: 6\n"
        "time:\n"
        "  source: fixed\n"
        "  stratum: 2\n"
        "  reference_id: 192.0.2.200\n"
        "  max_error: 250ms\n");
    assert_int_equal(c->time.max_error_ms, 250);
    assert_int_equal(c->dataplane.n_cores, 2);
    assert_int_equal(c->dataplane.cores[1], 5);
    assert_string_equal(c->dataplane.crypto, "aesni");
    assert_string_equal(c->dataplane.user, "64731:64732");
    assert_int_equal(c->dataplane.n_ports, 2);
    assert_int_equal(c->dataplane.ports[0].n_addresses, 2);
    assert_int_equal(c->dataplane.ports[0].addresses[0].family, AF_INET);
    assert_memory_equal(c->dataplane.ports[0].addresses[0].octets, "\xc0\x00\x02\x01", 4);
    assert_int_equal(c->dataplane.ports[0].addresses[1].family, AF_INET6);
    assert_int_equal(c->dataplane.ports[1].kind, PORT_VDEV);
    assert_int_equal(c->dataplane.ports[1].n_addresses, 1);
    assert_int_equal(c->dataplane.udp_port, 8123);
    assert_int_equal(c->dataplane.n_allow, 3);
    assert_int_equal(c->dataplane.allow[0].len, 24);
    assert_memory_equal(c->dataplane.allow[0].octets, "\xc0\x00\x02\x00", 4);
    assert_int_equal(c->dataplane.allow[1].ip_version, 6);
    assert_int_equal(c->dataplane.allow[1].len, 32);
    assert_int_equal(c->dataplane.allow[2].len, 32);
    assert_int_equal(c->dataplane.n_deny, 1);
    assert_int_equal(c->dataplane.deny[0].len, 33);
    assert_int_equal(c->dataplane.nts_only, SWITCH_TRUE);
    assert_int_equal(c->dataplane.count_clients, SWITCH_TRUE);
    assert_int_equal(c->dataplane.interleaved, SWITCH_FALSE);
    assert_int_equal(c->dataplane.kernel_path, SWITCH_FALSE);
    assert_int_equal(c->dataplane.launch_time, SWITCH_TRUE);
    assert_int_equal(c->control.n_listen, 1);
    assert_int_equal(c->control.n_certificates, 2);
    assert_string_equal(c->control.certificates[1].key, "/b/k");
    assert_int_equal(c->control.threads, 4);
    assert_string_equal(c->control.ntp_server, "ntp.example");
    assert_int_equal(c->control.deadline_ms, 250);
    assert_int_equal(c->control.max_connections, 64);
    assert_int_equal(c->keys.rotate_s, 30 * 86400);
    assert_int_equal(c->keys.keep, 6);
    assert_int_equal(c->time.source, TIME_FIXED);
    assert_int_equal(c->time.reference_id_word, 0xc00002c8);
    config_free(c);
}

// No set where all sources are answered: packets then cost no look-up.
static void the_lists_become_a_set(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        bool is_set, v4, v6; // does it answer 192.0.2.1 and 2001:db8::1?
    } lists[] = {
        {"", false, true, true},
        {"  allow: ['::/0', 192.0.2.0/24, 0.0.0.0/0]\n", false, true, true},
        {"  deny: [192.0.2.1]\n", true, false, true},
        {"  allow: [192.0.2.0/24]\n", true, true, false},
        {"  allow: [0.0.0.0/0]\n", true, true, false},
        {"  allow: [192.0.2.0/24, '2001:db8::/32']\n  deny: [0.0.0.0/0, '2001:db8::/32']\n", true,
         true, false},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, VALID_PORTS "%s" VALID_CONTROL VALID_TIME, lists[i].lines);
        struct config *c = expect_loaded(text);
        struct prefixes *set = NULL;
        static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
        assert_int_equal(config_sources(c, &set), 0);
        assert_int_equal(set != NULL, lists[i].is_set);
        if (set != NULL) {
            assert_int_equal(prefixes_allow_v4(set, (const uint8_t[]){192, 0, 2, 1}), lists[i].v4);
            assert_int_equal(prefixes_allow_v6(set, v6), lists[i].v6);
        }
        prefixes_free(set);
        config_free(c);
    }
}

// Each row replaces or adds one key in the least valid text and says whether it stands, and what
// the message must hold when it does not.
enum section { DATAPLANE, PORT, CONTROL, KEYS, TIME };
static const struct {
    enum section section;
    const char *line;
    const char *message; // NULL: allowed
} rows[] = {
    {DATAPLANE, "idle: adaptive", NULL},
    {DATAPLANE, "idle: sleep", "it must be poll or adaptive"},
    {DATAPLANE, "crypto: portable", NULL},
    {DATAPLANE, "crypto: ipsec-mb", NULL},
    {DATAPLANE, "crypto: rot13",
     "t.yaml:5: `dataplane.crypto` is \"rot13\"; it must be auto, "
     "vaes512, vaes256, aesni, ipsec-mb or portable"},
    {DATAPLANE, "crypto: [auto]", "is not a plain value"},
    {DATAPLANE, "user: nobody", NULL},
    {DATAPLANE, "user: 4294967294", NULL},
    {DATAPLANE, "user: 0", "`dataplane.user` is \"0\""},
    {DATAPLANE, "user: 1:0", "`dataplane.user`"},
    {DATAPLANE, "user: 4294967295", "`dataplane.user`"},
    {DATAPLANE, "user: 1:2:3", "`dataplane.user`"},
    {DATAPLANE, "user: a b", "`dataplane.user`"},
    {DATAPLANE, "user: -x", "`dataplane.user`"},
    {DATAPLANE, "user:", "`dataplane.user` is \"\""},
    {DATAPLANE, "user: noonmark-control", "is also dataplane.user"},
    {DATAPLANE, "udp_port: 1", NULL},
    {DATAPLANE, "udp_port: 65535", NULL},
    {DATAPLANE, "udp_port: 0",
     "`dataplane.udp_port` is \"0\"; it must be a number from 1 to 65535"},
    {DATAPLANE, "udp_port: 65536", "a number from 1 to 65535"},
    {DATAPLANE, "udp_port: -1", "a number from 1 to 65535"},
    {DATAPLANE, "udp_port: 0x7b", "a number from 1 to 65535"},
    {DATAPLANE, "udp_port: 99999999999999999999999", "a number from 1 to 65535"},
    {DATAPLANE, "udp_port: [123]", "is not a plain value"},
    {DATAPLANE, "udp_port: \"12\\03\"", "is not a plain value"},
    {DATAPLANE, "udp_prot: 123",
     "`dataplane.udp_prot` is not a key of noonmark; did you mean "
     "`dataplane.udp_port`?"},
    {DATAPLANE, "stratum: 1", "did you mean `time.stratum`?"},
    {DATAPLANE, "flux_capacitor: 1", "is not a key of noonmark; remove it"},
    {DATAPLANE, "allow: []", "`dataplane.allow` has 0 items; it must have 1 to 4096"},
    {DATAPLANE, "allow: 192.0.2.0/24", "`dataplane.allow` must be a list"},
    {DATAPLANE, "deny: []", NULL},
    {DATAPLANE, "deny: [192.0.2.0/24, 192.0.2.7, 0.0.0.0/0, 255.255.255.255/32]", NULL},
    {DATAPLANE, "deny: ['2001:db8::/32', '::/0', '::1', 'ff02::1/128']", NULL},
    {DATAPLANE, "deny: [192.0.2.0/24, 192.0.2.7/24]",
     "t.yaml:5: `dataplane.deny` is \"192.0.2.7/24\"; write \"192.0.2.0/24\": no bit beyond the "
     "prefix length may be set"},
    {DATAPLANE, "allow: [0.0.0.1/0]", "write \"0.0.0.0/0\""},
    {DATAPLANE, "allow: [192.0.2.255/31]", "write \"192.0.2.254/31\""},
    {DATAPLANE, "allow: ['2001:db8::1/64']", "write \"2001:db8::/64\""},
    {DATAPLANE, "deny: ['::ffff:192.0.2.7/120']",
     "is \"::ffff:192.0.2.7/120\"; write \"192.0.2.0/24\", the same in IPv4's form"},
    {DATAPLANE, "deny: ['::ffff:192.0.2.7']", "write \"192.0.2.7/32\", the same in IPv4's form"},
    {DATAPLANE, "deny: [192.0.2.0/33]",
     "`dataplane.deny` is \"192.0.2.0/33\"; it must be ADDRESS/LENGTH (192.0.2.0/24, "
     "2001:db8::/32) or one host's address"},
    {DATAPLANE, "deny: ['2001:db8::/129']", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "deny: [192.0.2.0/]", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "deny: [192.0.2.0/08]", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "deny: [192.0.2.0/+8]", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "deny: [192.0.2.0/255.255.255.0]", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "deny: [192.0.2/24]", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "deny: [/24]", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "deny: [time.test]", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "deny: ['']", "it must be ADDRESS/LENGTH"},
    {DATAPLANE, "nts_only: true", NULL},
    {DATAPLANE, "nts_only: 1", "`dataplane.nts_only` is \"1\"; it must be false or true"},
    {DATAPLANE, "limits: {plain: {per_second: 64, burst: 256, leak: 0.25, kod: true}}", NULL},
    {DATAPLANE, "limits: {session: {per_second: 16, burst: 64}, nak_share: 0.01, dry_run: true}",
     NULL},
    {DATAPLANE, "limits: {plain: {leak: 1}, nak_share: 0}", NULL},
    {DATAPLANE, "limits: {plain: {leak: 1.000001}}",
     "`dataplane.limits.plain.leak` is \"1.000001\"; it must be a number from 0 to 1, with up to "
     "six digits behind the point"},
    {DATAPLANE, "limits: {plain: {leak: .5}}", "a number from 0 to 1"},
    {DATAPLANE, "limits: {plain: {leak: 0.}}", "a number from 0 to 1"},
    {DATAPLANE, "limits: {plain: {leak: 0.1234567}}", "a number from 0 to 1"},
    {DATAPLANE, "limits: {plain: {leak: -1}}", "a number from 0 to 1"},
    {DATAPLANE, "limits: {plain: {leak: 25%}}", "a number from 0 to 1"},
    {DATAPLANE, "limits: {plain: {burst: 0}}", "a number from 1 to 65536"},
    {DATAPLANE, "limits: {plain: {per_second: 100001}}", "a number from 0 to 100000"},
    {DATAPLANE, "limits: {per_second: 64}", "is not a key of noonmark"},
    {DATAPLANE, "interleaved: true", NULL},
    {DATAPLANE, "interleaved: false", NULL},
    {DATAPLANE, "interleaved: yes", "`dataplane.interleaved` is \"yes\"; it must be false or true"},
    {PORT, "queues: 2", "`dataplane.ports[].queues` is not in this version"},
    {PORT, "pci: '0000:01:00.0'", "`dataplane.ports[].pci` is not in this version"},
    {PORT, "vdev: net_null0", "keep one"},
    {PORT, "addresses: []", NULL},
    {PORT, "addresses: [192.0.2.1]", NULL},
    {PORT, "addresses: [192.0.2.1/24]", "`dataplane.ports[].addresses` is \"192.0.2.1/24\""},
    {PORT, "addresses: [224.0.1.1]", "the IPv4 or IPv6 address of one host"},
    {PORT, "addresses: ['ff02::101']", "the IPv4 or IPv6 address of one host"},
    {PORT, "addresses: [0.0.0.0]", "the IPv4 or IPv6 address of one host"},
    {PORT, "addresses: [255.255.255.255]", "the IPv4 or IPv6 address of one host"},
    {PORT, "addresses: ['::']", "the IPv4 or IPv6 address of one host"},
    {PORT, "addresses: 192.0.2.1", "must be a list"},
    {PORT, "addresses: [192.0.2.1, 192.0.2.1]", "the same address twice"},
    {CONTROL, "listen: ['[2001:db8::1]:1', '192.0.2.1:65535']", NULL},
    {CONTROL, "listen: []", "`control.listen` has 0 items; it must have 1 to 16"},
    {CONTROL, "listen: ['0.0.0.0']",
     "is \"0.0.0.0\", an address without a port; it must be ADDRESS:PORT"},
    {CONTROL, "listen: ['::']", "ADDRESS:PORT"},
    {CONTROL, "listen: ['[::]']", "ADDRESS:PORT"},
    {CONTROL, "listen: ['[::']", "ADDRESS:PORT"},
    {CONTROL, "listen: ['[]:1']", "ADDRESS:PORT"},
    {CONTROL, "listen: [':1']", "ADDRESS:PORT"},
    {CONTROL, "listen: ['[::1:1']", "ADDRESS:PORT"},
    {CONTROL, "listen: ['192.0.2.1:0']", "ADDRESS:PORT"},
    {CONTROL, "listen: ['192.0.2.1:65536']", "ADDRESS:PORT"},
    {CONTROL, "listen: ['ntp.example:4460']", "ADDRESS:PORT"},
    {CONTROL, "listen: ['192.0.2.1:1', '192.0.2.1:1']", "twice"},
    {CONTROL, "listen: ['0.0.0.0:1', '[::]:1', '192.0.2.1:2']", NULL},
    {CONTROL, "listen: ['0.0.0.0:1', '192.0.2.1:1']",
     "t.yaml:9: `control.listen` has 0.0.0.0:1 and 192.0.2.1:1, which overlap"},
    {CONTROL, "listen: ['[fd99::1]:1', '[::]:1']", "[fd99::1]:1 and [::]:1, which overlap"},
    {CONTROL, "listen: ['[::ffff:192.0.2.1]:1']", "an IPv4 address in IPv6's form"},
    {CONTROL, "listen: ['192.0.2.1']", "is \"192.0.2.1\", an address without a port; it must"},
    {CONTROL, "listen: ['[fd99::1]']", ", an address without a port; it must"},
    {CONTROL, "listen: ['time.test:4460']", ", which has a name in the place of an address; it"},
    {CONTROL, "listen: null", "t.yaml:9: `control.listen` is null, YAML's word for no value"},
    {CONTROL, "listen: [~]", "`control.listen` is ~, YAML's word for no value; remove the line"},
    {CONTROL, "ntp_server: null", "`control.ntp_server` is null, YAML's word"},
    {CONTROL, "ntp_server: NULL", "`control.ntp_server` is NULL, YAML's word"},
    {CONTROL, "ntp_server: ~", "`control.ntp_server` is ~, YAML's word"},
    {CONTROL, "ntp_server: 'null'", NULL}, // somebody's host
    {CONTROL, "ntp_server: ''", NULL},
    {CONTROL, "ntp_server: time.test", NULL},
    {CONTROL, "ntp_server: time.test.", NULL},
    {CONTROL, "ntp_server: 4.pool_of.test-2.x", NULL},
    {CONTROL, "ntp_server: 'fd99::1'", NULL},
    {CONTROL, "ntp_server: 'fd99:0:0:0:0:0:1:123'", NULL},
    {CONTROL, "ntp_server: 'fd99::1:124'", NULL},
    {CONTROL, "ntp_server: 'fd99::1:123'",
     "t.yaml:9: `control.ntp_server` is \"fd99::1:123\", which"},
    {CONTROL, "ntp_server: 'fd99::1:4460'", "which ends as if a port followed the address"},
    {CONTROL, "ntp_server: 'time.test:123'",
     "is \"time.test:123\", a host with a port; it must be a host name or an IP address without"},
    {CONTROL, "ntp_server: '192.0.2.1:123'", ", a host with a port; it must"},
    {CONTROL, "ntp_server: '[fd99::1]:123'", ", a host with a port; it must"},
    {CONTROL, "ntp_server: '[fd99::1]'", ", an address in brackets; it must"},
    {CONTROL, "ntp_server: 10.99.0.300", ", neither an IPv4 address of one host nor a name; it"},
    {CONTROL, "ntp_server: '123'", ", neither an IPv4 address of one host nor a name; it"},
    {CONTROL, "ntp_server: 0.0.0.0", "`control.ntp_server`"},
    {CONTROL, "ntp_server: 224.0.1.1", "`control.ntp_server`"},
    {CONTROL, "ntp_server: 'ff02::101'", "`control.ntp_server`"},
    {CONTROL, "ntp_server: time..test", "`control.ntp_server`"},
    {CONTROL, "ntp_server: .test", "`control.ntp_server`"},
    {CONTROL, "ntp_server: .", "`control.ntp_server`"},
    {CONTROL, "ntp_server: -time.test", "`control.ntp_server`"},
    {CONTROL, "ntp_server: time-.test", "`control.ntp_server`"},
    {CONTROL, "ntp_server: time.300", "`control.ntp_server`"},
    {CONTROL, "ntp_server: a234567890123456789012345678901234567890123456789012345678901234.test",
     "`control.ntp_server`"},
    {CONTROL, "user: \"ke\\t\"", "with a tab in it"},
    {PORT, "addresses: ['192.0.2.1:123']", ", a host with a port; it must be the IPv4 or IPv6"},
    {PORT, "addresses: ~", "`dataplane.ports[].addresses` is ~, YAML's word"},
    {CONTROL, "threads: 64", NULL},
    {CONTROL, "threads: 0", "`control.threads`"},
    {CONTROL, "threads: 65", "`control.threads`"},
    {CONTROL, "threads: many", "`control.threads`"},
    {CONTROL, "ntp_server: 192.0.2.1", NULL},
    {CONTROL, "ntp_server: '2001:db8::1'", NULL},
    {CONTROL, "ntp_server: 'a b'", "`control.ntp_server`"},
    {CONTROL, "names: []", NULL},
    {CONTROL, "names: [ntp.example.net, 192.0.2.1, '::1']", NULL},
    {CONTROL, "names: ['']", "`control.names`"},
    {CONTROL, "names: [a b]", "`control.names`"},
    {CONTROL, "names: ['*.example.net']", "`control.names`"},
    {CONTROL, "watch_certificates: maybe", "`control.watch_certificates`"},
    {CONTROL, "deadline: 100ms", NULL},
    {CONTROL, "deadline: 60s", NULL},
    {CONTROL, "deadline: 1m", NULL},
    {CONTROL, "deadline: 99ms",
     "`control.deadline` is \"99ms\"; it must be a time from 100ms to 1m"},
    {CONTROL, "deadline: 61s", "`control.deadline`"},
    {CONTROL, "deadline: 5", "with its unit"},
    {CONTROL, "deadline: 5 s", "with its unit"},
    {CONTROL, "deadline: 5parsec", "with its unit"},
    {CONTROL, "deadline: -5s", "with its unit"},
    {CONTROL, "deadline: 4294967297s", "with its unit"},
    {CONTROL, "deadline: s", "with its unit"},
    {CONTROL, "max_connections: 1", NULL},
    {CONTROL, "max_connections: 0", "`control.max_connections`"},
    {CONTROL, "max_connections: 1000001", "`control.max_connections`"},
    {CONTROL, "socket: /x", NULL},
    {CONTROL, "socket: x", "`control.socket` is \"x\"; it must be an absolute path"},
    {CONTROL, "socket: /x/", "absolute path"},
    {CONTROL, "socket: ''", "absolute path"},
    {CONTROL, "per_prefix: {cpu_per_second: 5ms, burst: 50ms, dry_run: true}", NULL},
    {CONTROL, "per_prefix: {cpu_per_second: 0s}", NULL},
    {CONTROL, "per_prefix: {cpu_per_second: 1s, burst: 60s}", NULL},
    {CONTROL, "per_prefix: {cpu_per_second: 1001ms}", "a time from 0us to 1s"},
    {CONTROL, "per_prefix: {cpu_per_second: 5}", "with its unit (us, ms, s, m, h or d)"},
    {CONTROL, "per_prefix: {burst: 999us}", "a time from 1ms to 1m"},
    {CONTROL, "proxy_from: [192.0.2.1, \"2001:db8::/32\"]", NULL},
    {CONTROL, "proxy_from: []", NULL},
    {CONTROL, "proxy_from: [balancer]", "`control.proxy_from"},
    {CONTROL, "cpu_share: 0.01", NULL},
    {CONTROL, "cpu_share: 1", NULL},
    {CONTROL, "cpu_share: 0", "`control.cpu_share` is \"0\"; it must be a number from 0.01 to 1"},
    {KEYS, "file: keys", "`keys.file` is \"keys\"; it must be an absolute path"},
    {KEYS, "file: \"/k\\n\"", "`keys.file` is \"/k?\""},
    {KEYS, "rotate: 1s", NULL},
    {KEYS, "rotate: 30d", NULL},
    {KEYS, "rotate: 720h", NULL},
    {KEYS, "rotate: 0s", "`keys.rotate` is \"0s\"; it must be a time from 1s to 30d"},
    {KEYS, "rotate: 31d", "`keys.rotate`"},
    {KEYS, "rotate: 1500ms", "`keys.rotate`"},
    {KEYS, "keep: 0", NULL},
    {KEYS, "keep: 6", NULL},
    {KEYS, "keep: 7", "`keys.keep` is \"7\"; it must be a number from 0 to 6"},
    {KEYS, "fleet: {}", NULL},
    {KEYS, "fleet: {file: /f}", NULL},
    {KEYS, "fleet: {file: f}", "`keys.fleet.file` is \"f\"; it must be an absolute path"},
    {TIME, "source: fixed", NULL},
    {TIME, "source: phc:/dev/ptp0", NULL},
    {TIME, "source: 'phc:/dev/ptp_kvm'", NULL},
    {TIME, "source: phc",
     "`time.source` is \"phc\"; it must be system, chronyd, fixed, or phc: and a"},
    {TIME, "source: 'phc:'", "`time.source` is \"phc:\""},
    {TIME, "source: phc:/dev/", "`time.source`"},
    {TIME, "source: phc:ptp0", "`time.source`"},
    {TIME, "source: phc:/dev/../etc/passwd", "`time.source`"},
    {TIME, "source: 'phc:/dev/a b'", "`time.source`"},
    {TIME, "source: phc:/dev/abcdefghijklmnopqrstuvwxyz", NULL},
    {TIME, "source: phc:/dev/abcdefghijklmnopqrstuvwxyz0", "`time.source`"},
    {TIME, "phc_timescale: utc", NULL},
    {TIME, "phc_timescale: gps", "`time.phc_timescale` is \"gps\"; it must be tai or utc"},
    {TIME, "phc_accuracy: 0ns", NULL},
    {TIME, "phc_accuracy: 250ns", NULL},
    {TIME, "phc_accuracy: 1s", NULL},
    {TIME, "phc_accuracy: 2s",
     "`time.phc_accuracy` is \"2s\"; it must be a time from 0ns to 1s, with its unit (ns, us, ms, "
     "s, "
     "m, h or d)"},
    {TIME, "phc_accuracy: 99999999999d", "`time.phc_accuracy`"},
    {TIME, "phc_limit: 1us", NULL},
    {TIME, "phc_limit: 999ns", "`time.phc_limit` is \"999ns\"; it must be a time from 1us to 1s"},
    {TIME, "source: sundial",
     "`time.source` is \"sundial\"; it must be system, chronyd, fixed, or phc: and "
     "a device in /dev (phc:/dev/ptp0)"},
    {TIME, "source: chronyd", "`time.stratum` does not go with `time.source: chronyd`"},
    {TIME, "chronyd: '[::1]:323'", NULL},
    {TIME, "chronyd: 127.1.2.3:1023", NULL},
    {TIME, "chronyd: 192.0.2.1:323",
     "`time.chronyd` is 192.0.2.1:323, which is not a loopback address"},
    {TIME, "chronyd: '[::]:323'", "`time.chronyd` is [::]:323, which is not a loopback address"},
    {TIME, "chronyd: 127.0.0.1:1024",
     "`time.chronyd` is 127.0.0.1:1024, a port that any local user can take"},
    {TIME, "chronyd: /run/chrony/chronyd.sock", "`time.chronyd` is \"/run/chrony/chronyd.sock\""},
    {TIME, "stale_after: 2s", NULL},
    {TIME, "stale_after: 1h", NULL},
    {TIME, "stale_after: 1s", "`time.stale_after` is \"1s\"; it must be a time from 2s to 1h"},
    {TIME, "on_unhealthy: silent", NULL},
    {TIME, "on_unhealthy: stop", "`time.on_unhealthy` is \"stop\"; it must be mark or silent"},
    {TIME, "hook: /etc/noonmark/health", NULL},
    {TIME, "hook: ''", NULL},
    {TIME, "hook: health",
     "`time.hook` is \"health\"; it must be an absolute path of at most 4095 ASCII characters, or "
     "\"\""},
    {TIME, "stratum: 1", "`time.stratum` stands twice, first in line"},
};

static void a_hardware_clock_has_a_device(void **state)
{
    (void)state;
    struct config *c = expect_loaded(VALID "  source: phc:/dev/ptp3\n  phc_accuracy: 40ns\n");
    assert_int_equal(c->time.source, TIME_PHC);
    assert_string_equal(c->time.phc, "/dev/ptp3");
    assert_int_equal(c->time.phc_timescale, TIMESCALE_TAI);
    assert_int_equal(c->time.phc_accuracy_ns, 40);
    assert_int_equal(c->time.phc_limit_ns, 1000000);
    config_free(c);
    c = expect_loaded(VALID);
    assert_string_equal(c->time.phc, "");
    assert_int_equal(c->time.phc_accuracy_ns, 1000);
    config_free(c);
}

// With chronyd as the source, stratum and reference_id come from chronyd: to set them is an error,
// and to leave them out is none.
static void chronyd_brings_its_own_claims(void **state)
{
    (void)state;
    struct config *c = expect_loaded(VALID_PORTS VALID_CONTROL "time: {source: chronyd}\n");
    assert_int_equal(c->time.source, TIME_CHRONYD);
    assert_int_equal(c->time.stratum, 0);
    assert_int_equal(c->time.reference_id_word, 0);
    assert_string_equal(c->time.chronyd.text, "127.0.0.1:323");
    assert_int_equal(c->time.stale_after_ms, 10000);
    assert_int_equal(c->time.on_unhealthy, UNHEALTHY_MARK);
    assert_string_equal(c->time.hook, "");
    config_free(c);
    expect_error(VALID_PORTS VALID_CONTROL "time:\n  reference_id: GPS\n  source: chronyd\n",
                 "t.yaml:9: `time.reference_id` does not go with `time.source: chronyd`");
    expect_error(VALID_PORTS VALID_CONTROL "time:\n  source: chronyd\n  chronyd: 0.0.0.0:323\n",
                 "t.yaml:10: `time.chronyd` is 0.0.0.0:323");
}

static void each_value_is_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const enum section s = rows[i].section;
        const char *line = rows[i].line;
        char text[2048];
        snprintf(text, sizeof text, "%s%s%s\n%s%s%s\nkeys:\n%s%s\n%s%s%s\n", VALID_PORTS,
                 s == DATAPLANE ? "  "
                 : s == PORT    ? "      "
                                : "",
                 s == DATAPLANE || s == PORT ? line : "", VALID_CONTROL, s == CONTROL ? "  " : "",
                 s == CONTROL ? line : "", s == KEYS ? "  " : "", s == KEYS ? line : "", VALID_TIME,
                 s == TIME ? "  " : "", s == TIME ? line : "");
        if (rows[i].message == NULL)
            config_free(expect_loaded(text));
        else
            expect_error(text, rows[i].message);
    }
}

// What editors and habits put into a file, by its own name and with its line.
static void what_is_not_yaml_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"\xef\xbb\xbf" VALID, "t.yaml:1: a byte order mark"},
        {"# time\n\xef\xbb\xbf" VALID, "t.yaml:2: a byte order mark"},
        {"\xff\xfe" VALID, "t.yaml:1: this file is UTF-16"},
        {"\xfe\xff" VALID, "t.yaml:1: this file is UTF-16"},
        {"dataplane:\n\tcores: [1]\n", "t.yaml:2: a tab stands before the first word"},
        {"dataplane:\n  cores: [1]\n  \tuser: a\n", "t.yaml:3: a tab stands before"},
        {"dataplane:\n  cores:\n  -\tx: 1\n", "t.yaml:3: a tab stands before"},
        {VALID "log:\n  level: inf\xff\n", "t.yaml:12: this is not YAML: "},
        {"dataplane:\n  cores: {\n", "t.yaml:3: this is not YAML: "},
        {"keys: ~\n" VALID, "t.yaml:1: `keys` is ~, YAML's word for no value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_error(cases[i].text, cases[i].message);
    config_free(
        expect_loaded(VALID_PORTS "  user:\ta\t\n" VALID_CONTROL VALID_TIME)); // YAML's leave
}

// One look is enough to mend a file.
static void all_faults_are_named(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_error error;
    assert_int_equal(load_text("dataplane:\n  cores: [x, 1, 2000]\n  prots: []\ncontrol:\n"
                               "  ntp_server: 'a:1'\n  listen: ~\ntime:\n  stratum: 99\n",
                               &config, &error),
                     -1);
    assert_null(config);
    assert_non_null(strstr(error.text, "t.yaml:3: `dataplane.prots` is not a key"));
    static const char *const others[] = {
        "t.yaml:2: `dataplane.cores` is \"x\"",        "t.yaml:2: `dataplane.cores` is \"2000\"",
        "t.yaml:2: `dataplane.ports` is missing",      "t.yaml:6: `control.listen` is ~",
        "t.yaml:5: `control.certificates` is missing", "t.yaml:5: `control.ntp_server` is \"a:1\"",
        "t.yaml:8: `time.stratum` is \"99\"",          "t.yaml:8: `time.reference_id` is missing",
    };
    size_t lines = 0;
    for (const char *at = error.others; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, sizeof others / sizeof others[0]);
    for (size_t i = 0; i < lines; i++)
        if (strstr(error.others, others[i]) == NULL)
            fail_msg("\"%s\" is not in:\n%s", others[i], error.others);

    // A file full of them: as many as fit, each whole.
    char text[8192];
    size_t len = 0;
    for (int i = 0; i < 300; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "unknown%d: 1\n", i);
    assert_int_equal(load_text(text, &config, &error), -1);
    assert_non_null(strstr(error.text, "`unknown0` is not a key"));
    assert_int_equal(error.others[strlen(error.others) - 1], '\n');
    assert_int_equal(load_text("x: 1\n" VALID, &config, &error), -1);
    assert_string_equal(error.others, "");
}

static void required_keys_are_asked_for(void **state)
{
    (void)state;
    expect_error("", "t.yaml:1: `dataplane.cores` is missing");
    expect_error(VALID_PORTS VALID_CONTROL, "`time.stratum` is missing and has no default; add it");
    expect_error(VALID_PORTS VALID_CONTROL "time:\n", "`time.stratum` is missing");
    expect_error(VALID_PORTS VALID_CONTROL "time:\n  stratum: 1\n",
                 "t.yaml:9: `time.reference_id` is missing");
    expect_error(VALID_PORTS VALID_TIME, "`control.certificates` is missing");
    expect_error(VALID_PORTS VALID_TIME "control:\n  certificates: []\n", "has 0 items");
    expect_error(VALID_PORTS VALID_TIME "control:\n  certificates:\n    - {chain: /c}\n",
                 "`control.certificates[].key` is missing");
    expect_error("dataplane: {cores: [1]}\n" VALID_CONTROL VALID_TIME,
                 "`dataplane.ports` is missing");
    expect_error("dataplane: {cores: [1], ports: []}\n" VALID_CONTROL VALID_TIME, "has 0 items");
    expect_error("dataplane: {cores: [], ports: [{interface: a}]}\n" VALID_CONTROL VALID_TIME,
                 "`dataplane.cores` has 0 items; it must have 1 to 64");
}

// A memif port with those arguments.
#define MEMIF(arguments)                                                                           \
    "cores: [1], ports: [{vdev: 'net_memif0,role=server" arguments "', addresses: [192.0.2.1]}]"

// A socket's address is there for those who open it, and there is room for one socket a core.
static void a_port_may_be_a_socket(void **state)
{
    (void)state;
    struct config *c =
        expect_loaded("dataplane: {cores: [0, 1, 2], ports: [{socket: '192.0.2.1:123'}, {socket: "
                      "'[::]:123'}]}\n" VALID_CONTROL VALID_TIME);
    const struct config_port *port = c->dataplane.ports;
    assert_int_equal(port[0].kind, PORT_SOCKET);
    assert_string_equal(port[0].device, "192.0.2.1:123");
    assert_int_equal(port[0].endpoint.ss_family, AF_INET);
    assert_int_equal(port[0].endpoint_len, sizeof(struct sockaddr_in));
    assert_int_equal(port[1].endpoint.ss_family, AF_INET6);
    assert_int_equal(((const struct sockaddr_in6 *)&port[1].endpoint)->sin6_port, htons(123));
    assert_int_equal(config_socket_ports(c), 2);
    assert_int_equal(config_sockets_each(c), 3);
    c->dataplane.n_cores = CORES_MAX;
    assert_int_equal(config_sockets_each(c), SOCKETS_MAX / 2);
    c->dataplane.n_cores = 1;
    assert_int_equal(config_sockets_each(c), 1);
    // As many at a second UDP port.
    c->dataplane.nts_port = 4123;
    assert_int_equal(config_sockets_each(c), 1);
    c->dataplane.n_cores = CORES_MAX;
    assert_int_equal(config_sockets_each(c), SOCKETS_MAX / 4);
    assert_int_equal(config_udp_ports(c), 2);
    config_free(c);
}

// Ports of both kinds of time stand side by side where no request can come to the wrong one.
static void a_port_may_smear(void **state)
{
    (void)state;
    static const struct {
        const char *dataplane;
        bool any, all;
    } cases[] = {
        {"ports: [{interface: a}, {interface: b, leap: announce}]", false, false},
        {"ports: [{interface: a, leap: smear}, {interface: b, leap: smear}]", true, true},
        {"kernel_path: false, ports: [{interface: a, leap: smear}, {interface: b}]", true, false},
        {"ports: [{socket: '192.0.2.1:123', leap: smear}, {socket: '192.0.2.2:123'}]", true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, "dataplane: {cores: [1], %s}\n%s", cases[i].dataplane,
                 VALID_CONTROL VALID_TIME);
        struct config *c = expect_loaded(text);
        assert_int_equal(config_smears(c), cases[i].any);
        assert_int_equal(config_all_smear(c), cases[i].all);
        assert_string_equal(c->time.leap_list, "/usr/share/zoneinfo/leap-seconds.list");
        config_free(c);
    }
}

// NTS-KE names the second port, unless the operator names another one.
static void nts_may_have_a_port_of_its_own(void **state)
{
    (void)state;
#define NTS_PORT(lines) "dataplane: {cores: [1], ports: [{interface: eth0}]" lines "}\n"
    struct config *c = expect_loaded(NTS_PORT("") VALID_CONTROL VALID_TIME);
    assert_int_equal(c->dataplane.nts_port, 0);
    assert_int_equal(config_udp_ports(c), 1);
    assert_int_equal(config_ntp_port(c), 123);
    config_free(c);
    c = expect_loaded(NTS_PORT(", udp_port: 124, nts_port: 65535") VALID_CONTROL VALID_TIME);
    assert_int_equal(config_ntp_port(c), 65535);
    c->control.ntp_port = 123;
    assert_int_equal(config_ntp_port(c), 123);
    config_free(c);
    expect_error(NTS_PORT(", nts_port: 123") VALID_CONTROL VALID_TIME,
                 "`dataplane.nts_port` is 123, the port of NTP with and without NTS");
    expect_error(NTS_PORT(", udp_port: 4123, nts_port: 4123") VALID_CONTROL VALID_TIME,
                 "`dataplane.nts_port` is 4123, the port");
    expect_error(NTS_PORT(", udp_port: 4123, nts_port: 123") VALID_CONTROL VALID_TIME,
                 "`dataplane.nts_port` is 123, the port");
    expect_error(NTS_PORT(", nts_port: 65536") VALID_CONTROL VALID_TIME, "from 0 to 65535");
}

static void cores_and_ports_have_rules(void **state)
{
    (void)state;
    const char *rest = VALID_CONTROL VALID_TIME;
    static const struct {
        const char *dataplane, *message;
    } cases[] = {
        {"cores: [1, 1], ports: [{interface: a}]", "names CPU 1 twice"},
        {"cores: [1024], ports: [{interface: a}]", "a number from 0 to 1023"},
        {"cores: 1, ports: [{interface: a}]", "`dataplane.cores` must be a list"},
        {"cores: [[1]], ports: [{interface: a}]", "is not a plain value"},
        {"cores: [1], ports: [{}]", "has neither `interface`, `vdev` nor `socket`"},
        {"cores: [1], ports: [eth0]", "`dataplane.ports` must be a mapping"},
        {"cores: [1], ports: {interface: a}", "`dataplane.ports` must be a list"},
        {"cores: [1], ports: [{interface: a}, {interface: a}]", "names \"a\" twice"},
        {"cores: [1], ports: [{socket: '0.0.0.0'}]",
         "has the socket \"0.0.0.0\"; write ADDRESS:PORT"},
        {"cores: [1], ports: [{socket: '::1:123'}]", "has the socket \"::1:123\"; write ADDRESS"},
        {"cores: [1], ports: [{socket: 'localhost:123'}]",
         "has the socket \"localhost:123\"; write"},
        {"cores: [1], ports: [{socket: '0.0.0.0:124'}]", "than dataplane.udp_port, which is 123"},
        {"cores: [1], ports: [{socket: '0.0.0.0:123', addresses: [192.0.2.1]}]",
         "with `addresses`"},
        {"cores: [1], ports: [{socket: '0.0.0.0:123'}, {socket: '192.0.2.1:123'}]",
         "which overlap"},
        {"cores: [1], ports: [{socket: '0.0.0.0:123'}, {socket: '0.0.0.0:123'}]", "twice"},
        {"cores: [1], ports: [{socket: '[::1]:123'}, {socket: '[0::1]:123'}]",
         "names the socket [0::1]:123 twice"},
        {"cores: [1], ports: [{socket: '0.0.0.0:123'}, {interface: a}]", "remove the socket"},
        {"cores: [1], ports: [{interface: a, leap: smear}, {interface: b}]",
         "set dataplane.kernel_path: false, or give all ports the same `leap`"},
        {"cores: [1], ports: [{interface: a, leap: yes}]", "announce"},
        {"cores: [1], ports: [{vdev: net_null0}]", "is a vdev without `addresses`"},
        {MEMIF(""), "which any local user may take; add `,socket-abstract=no`"},
        {MEMIF(",socket=/run/m.sock"), "is a memif device whose socket is an abstract name"},
        {MEMIF(",socket-abstract=yes"), "is a memif device whose socket is an abstract name"},
        {MEMIF(",xsocket-abstract=no"), "is a memif device whose socket is an abstract name"},
        {MEMIF(",socket-abstract=nobody"), "is a memif device whose socket is an abstract name"},
        {MEMIF(",socket-abstract=no,socket-abstract=yes"),
         "is a memif device whose socket is an abstract name"},
        {MEMIF(",socket-abstract=no"), "is a memif device without a MAC address"},
        {MEMIF(",socket-abstract=no,xmac=02:00:00:00:00:01"),
         "is a memif device without a MAC address"},
        {"cores: [1], ports: [{interface: abcdefghijklmnop}]", "a name of 1 to 15 ASCII"},
        {"cores: [1], ports: [{interface: a/b}]", "a name of 1 to 15 ASCII"},
        {"cores: [1], ports: [{interface: '..'}]", "a name of 1 to 15 ASCII"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, "dataplane: {%s}\n%s", cases[i].dataplane, rest);
        expect_error(text, cases[i].message);
    }
}

// NTP-7: four ASCII characters at stratum 1, an IPv4 address above it.
static void reference_id_follows_the_stratum(void **state)
{
    (void)state;
    static const struct {
        const char *time, *message;
    } cases[] = {
        {"{stratum: 1, reference_id: PPS}", NULL},
        {"{stratum: 1, reference_id: 'GP S'}", NULL},
        {"{stratum: 2, reference_id: 192.0.2.1}", NULL},
        {"{stratum: 15, reference_id: 0.0.0.0}", NULL},
        {"{stratum: 1, reference_id: GPS, max_error: 17s}", "a time from 1ms to 16s"},
        {"{stratum: 0, reference_id: GPS}", "`time.stratum` is \"0\"; it must be a number from 1"},
        {"{stratum: 16, reference_id: GPS}", "from 1 to 15"},
        {"{stratum: 1, reference_id: GALIL}", "1 to 4 ASCII characters"},
        {"{stratum: 1, reference_id: ''}", "1 to 4 ASCII characters"},
        {"{stratum: 1, reference_id: \"\\u00e9\"}", "1 to 4 ASCII characters"},
        {"{stratum: 1, reference_id: 192.0.2.1}", "stratum 1 has no upstream server"},
        {"{stratum: 2, reference_id: GPS}", "must be the upstream server's IPv4 address"},
        {"{stratum: 2, reference_id: '2001:db8::1'}", "1 to 4 ASCII characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%stime: %s\n", VALID_PORTS VALID_CONTROL, cases[i].time);
        if (cases[i].message == NULL)
            config_free(expect_loaded(text));
        else
            expect_error(text, cases[i].message);
    }
}

static void messages_name_the_line(void **state)
{
    (void)state;
    expect_error(VALID "nonsense: 1\n", "t.yaml:11: `nonsense` is not a key");
    expect_error(VALID "metrics:\n  listen: 127.0.0.1\n",
                 "t.yaml:12: `metrics.listen` is \"127.0.0.1\"");
    expect_error(VALID "metrics:\n  listen: \"[::ffff:127.0.0.1]:9460\"\n",
                 "t.yaml:12: `metrics.listen` is [::ffff:127.0.0.1]:9460, an IPv4 address");
    expect_error(VALID "metrics:\n  listen: 127.0.0.1:4460\n",
                 "t.yaml:12: `metrics.listen` is 127.0.0.1:4460, which control.listen has with "
                 "0.0.0.0:4460; choose another port");
    expect_error(VALID "keys:\n\n\n  keep: 9\n", "t.yaml:14: `keys.keep`");
    expect_error(VALID "keys:\n  keep: 1\n  keep: 2\n",
                 "t.yaml:13: `keys.keep` stands twice, first in line 12");
    expect_error(VALID "keys:\n - 1\n", "`keys` must be a mapping");
    expect_error(VALID "keys: {\n", "this is not YAML");
    expect_error("\tx", "t.yaml:1: a tab stands");
    expect_error(VALID "--- \nx: 1\n", "a second document");
    expect_error("[1]", "`the file` must be a mapping");
    expect_error("? [a]\n: 1\n", "a key must be a plain word");
    expect_error("\xff\xfe\x01", "this file is UTF-16");
}

// An alias may point at what holds it; the walk must end all the same.
static void aliases_in_a_circle_end(void **state)
{
    (void)state;
    expect_error("dataplane: &a\n  ports: [*a]\n  cores: [1]\n" VALID_CONTROL VALID_TIME,
                 "is not a key");
    expect_error("&a dataplane: *a\n", "t.yaml:1: ");
}

static void size_is_bounded(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_error error;
    char *text = malloc(CONFIG_TEXT_MAX + 2);
    memset(text, ' ', CONFIG_TEXT_MAX + 2);
    memcpy(text, VALID "#", sizeof VALID);
    assert_int_equal(load_octets(text, CONFIG_TEXT_MAX, &config, &error), 0);
    config_free(config);
    assert_int_equal(load_octets(text, CONFIG_TEXT_MAX + 1, &config, &error), -1);
    assert_non_null(strstr(error.text, "is longer than 524288 octets"));
    free(text);
}

static void files_that_cannot_be_read_say_so(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_error error;
    assert_int_equal(config_load("/nonexistent/noonmark.yaml", &config, &error), -1);
    assert_non_null(strstr(error.text, "/nonexistent/noonmark.yaml: cannot be opened: No such"));
    assert_int_equal(config_load("/", &config, &error), -1);
    assert_non_null(strstr(error.text, "cannot be read"));
}

// A file cut short anywhere, or with any one octet damaged, loads or is refused; it never crashes.
static void damaged_files_are_harmless(void **state)
{
    (void)state;
    static const char text[] = VALID "keys: {file: /k, rotate: 24h, keep: 3} # x\n# y\n"
                                     "# &a *a !!int 'q' \"\\x41\" | > ? [ ]\n";
    static const char octets[] = "\0\t\n\xff\xc3{}[]:-#&*!|>'\"%@`,? 0";
    char damaged[sizeof text];

    for (size_t len = 0; len < sizeof text; len++) {
        struct config *config = NULL;
        struct config_error error;
        if (load_octets(text, len, &config, &error) == 0)
            config_free(config);
        else
            assert_true(strlen(error.text) > 0);
    }
    for (size_t at = 0; at < sizeof text - 1; at++) {
        for (size_t i = 0; i < sizeof octets - 1; i++) {
            struct config *config = NULL;
            struct config_error error;
            memcpy(damaged, text, sizeof text);
            damaged[at] = octets[i];
            if (load_octets(damaged, sizeof text - 1, &config, &error) == 0)
                config_free(config);
            else
                assert_true(strlen(error.text) > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_has_defaults),
        cmocka_unit_test(all_keys_are_read),
        cmocka_unit_test(the_lists_become_a_set),
        cmocka_unit_test(each_value_is_judged),
        cmocka_unit_test(what_is_not_yaml_is_named),
        cmocka_unit_test(all_faults_are_named),
        cmocka_unit_test(required_keys_are_asked_for),
        cmocka_unit_test(chronyd_brings_its_own_claims),
        cmocka_unit_test(a_hardware_clock_has_a_device),
        cmocka_unit_test(a_port_may_be_a_socket),
        cmocka_unit_test(a_port_may_smear),
        cmocka_unit_test(nts_may_have_a_port_of_its_own),
        cmocka_unit_test(cores_and_ports_have_rules),
        cmocka_unit_test(reference_id_follows_the_stratum),
        cmocka_unit_test(messages_name_the_line),
        cmocka_unit_test(aliases_in_a_circle_end),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(files_that_cannot_be_read_say_so),
        cmocka_unit_test(damaged_files_are_harmless),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("config/load", tests, NULL, NULL);
}
