// The doctor's examinations, each over a made tree of /sys and /proc and made answers of the kernel
// and the server: what is found, what mends it, and that what was not seen is not called good.
#include "ctl/doctor/doctor.h"
#include "ctl/doctor/findings_of.h"

#include "tests/config/text.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CONFIG                                                                                     \
    "dataplane: {cores: [1], ports: [{interface: eth0}]}\n"                                        \
    "control: {certificates: [{chain: /c.pem, key: /k.pem}]}\n"                                    \
    "time: {stratum: 1, reference_id: GPS}\n"

static char root[] = "/tmp/nm-doctor-XXXXXX";
static struct machine m;
static struct findings list;

static int start(void **state)
{
    struct config *config = NULL;
    struct config_error error;
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    if (mkdtemp(root) == NULL || load_text(CONFIG, &config, &error) != 0)
        return -1;
    m = (struct machine){.root = root,
                         .config = config,
                         .config_path = "/n.yaml",
                         .is_root = true,
                         .release = "6.12.1"};
    m.nic[0] =
        (struct nic){.name = "eth0",
                     .exists = true,
                     .driver = "igc",
                     .up = true,
                     .link = true,
                     .queues = {.known = true, .rx = 1, .tx = 1, .most = 1, .combined_now = 1},
                     .program = {.known = true},
                     .stamps = {.phc = -1}};
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    findings_free(&list);
    config_free((struct config *)(uintptr_t)m.config);
    json_decref(m.status);
    json_decref(m.clock);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// Makes the directories of a file below root.
static void make_path(char *path)
{
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0)
            assert_int_equal(errno, EEXIST);
        *slash = '/';
    }
}

static void put(const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    make_path(path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void put_link(const char *name, const char *target)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    make_path(path);
    assert_int_equal(symlink(target, path), 0);
}

static void put_directory(const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s/", root, name);
    make_path(path);
}

static void configure(const char *text)
{
    struct config *config = NULL;
    struct config_error error;
    if (load_text(text, &config, &error) != 0)
        fail_msg("%s", error.text);
    config_free((struct config *)(uintptr_t)m.config);
    m.config = config;
}

static void answer(const char *status, const char *clock)
{
    json_decref(m.status);
    json_decref(m.clock);
    m.status = status != NULL ? json_loads(status, 0, NULL) : NULL;
    m.clock = clock != NULL ? json_loads(clock, 0, NULL) : NULL;
    assert_true((status == NULL) == (m.status == NULL) && (clock == NULL) == (m.clock == NULL));
}

static void examine(void (*what)(const struct machine *machine, struct findings *findings))
{
    findings_free(&list);
    list.subject = "test";
    what(&m, &list);
    assert_false(list.short_of_memory);
}

static void show(void)
{
    findings_show(&list, stderr);
}

static const struct finding *find(enum finding_level level, const char *found)
{
    for (size_t i = 0; i < list.n; i++)
        if (list.finding[i].level == level && strstr(list.finding[i].found, found) != NULL)
            return &list.finding[i];
    return NULL;
}

// There is such a finding; mend: what its mending contains, NULL: it has none.
static void expect(enum finding_level level, const char *found, const char *mend)
{
    const struct finding *f = find(level, found);
    if (f == NULL) {
        show();
        fail_msg("no finding of level %d has: %s", (int)level, found);
        return;
    }
    if ((mend == NULL) != (f->mend == NULL) || (mend != NULL && strstr(f->mend, mend) == NULL)) {
        show();
        fail_msg("\"%s\" is mended by \"%s\", not by \"%s\"", found,
                 f->mend != NULL ? f->mend : "(nothing)", mend != NULL ? mend : "(nothing)");
    }
}

// And none of this level.
static void expect_none(enum finding_level level)
{
    if (findings_count(&list, level) != 0) {
        show();
        fail_msg("there is a finding of level %d", (int)level);
    }
}

static void lists_of_cpus(void **state)
{
    (void)state;
    char text[64];
    assert_true(cpu_list_has("0-3,8", 3));
    assert_true(cpu_list_has("0-3,8", 8));
    assert_false(cpu_list_has("0-3,8", 4));
    assert_false(cpu_list_has("0-3,8", 80));
    assert_false(cpu_list_has("", 0));
    assert_false(cpu_list_has("(null)", 0)); // the kernel's word for none
    cpu_list_without_cores(m.config, "0-3,8", text, sizeof text);
    assert_string_equal(text, "0,2-3,8");
}

static void cores(void **state)
{
    (void)state;
    examine(cores_examine);
    expect(FINDING_UNSEEN, "CPUs of this machine", NULL);
    expect_none(FINDING_OK);
    put("sys/devices/system/cpu/present", "0-1\n");
    put("sys/devices/system/cpu/online", "0-1\n");
    examine(cores_examine);
    expect(FINDING_OK, "CPU 1: online", NULL);
    put("sys/devices/system/cpu/online", "0\n");
    examine(cores_examine);
    expect(FINDING_FAULT, "CPU 1 (dataplane.cores) is offline",
           "echo 1 > /sys/devices/system/cpu/cpu1/online");
    expect_none(FINDING_OK);
    put("sys/devices/system/cpu/present", "0\n");
    examine(cores_examine);
    expect(FINDING_FAULT, "CPU 1 (dataplane.cores) is not there",
           "dataplane.cores in /n.yaml: choose from 0");
}

static void isolation(void **state)
{
    (void)state;
    examine(isolation_examine);
    expect(FINDING_UNSEEN, "scheduler leaves", NULL);
    put("sys/devices/system/cpu/isolated", "\n");
    put("sys/devices/system/cpu/nohz_full", "(null)\n");
    examine(isolation_examine);
    expect(FINDING_HINT, "not all are isolated", "isolcpus=1 on the kernel's command line");
    expect(FINDING_HINT, "tick and the kernel's RCU callbacks", "nohz_full=1 rcu_nocbs=1 on");
    put("proc/cmdline", "quiet rcu_nocbs=1\n");
    put("sys/fs/cgroup/cpuset.cpus.isolated", "1\n");
    examine(isolation_examine);
    expect(FINDING_OK, "no other task", NULL);
    expect(FINDING_HINT, "the scheduler's tick interrupts", "nohz_full=1 on");
    put("sys/devices/system/cpu/nohz_full", "1\n");
    put("sys/fs/cgroup/cpuset.cpus.isolated", "\n");
    put("sys/devices/system/cpu/isolated", "1-3\n");
    examine(isolation_examine);
    expect_none(FINDING_HINT);
}

static void interrupts(void **state)
{
    (void)state;
    examine(interrupts_examine);
    expect(FINDING_UNSEEN, "which interrupts come to CPU 1", NULL);
    put("sys/devices/system/cpu/online", "0-3\n");
    put("proc/irq/9/effective_affinity_list", "0\n"); // elsewhere
    put_directory("proc/irq/9/acpi");
    put("proc/irq/10/effective_affinity_list", "1\n"); // nobody has requested it
    put("proc/irq/11/effective_affinity_list", "1\n"); // the served card's
    put_directory("proc/irq/11/eth0-TxRx-0");
    put("sys/class/net/eth0/device/msi_irqs/11", "msix\n");
    examine(interrupts_examine);
    expect(FINDING_OK, "no interrupt of another device", NULL);
    strcpy(m.nic[0].name, "eth1");
    put_link("sys/class/net/eth1/device", "../../../virtio2");
    put("proc/irq/13/effective_affinity_list", "1\n");
    put_directory("proc/irq/13/virtio2-rx");
    examine(interrupts_examine);
    expect(FINDING_HINT, "may come there: 11", "for i in 11;"); // eth0's, which is not served
    strcpy(m.nic[0].name, "eth0");
    examine(interrupts_examine);
    expect(FINDING_HINT, "may come there: 13", "for i in 13;");
    put("proc/irq/13/effective_affinity_list", "0\n");
    put("proc/irq/12/effective_affinity_list", "\n"); // not routed yet: what is allowed counts
    put("proc/irq/12/smp_affinity_list", "0-3\n");
    put_directory("proc/irq/12/nvme0q1");
    examine(interrupts_examine);
    expect(FINDING_HINT, "may come there: 12",
           "for i in 12; do echo 0,2-3 > /proc/irq/$i/smp_affinity_list; done");
    put("proc/50/comm", "irqbalance\n"); // would undo that
    examine(interrupts_examine);
    expect(FINDING_HINT, "may come there: 12", "IRQBALANCE_BANNED_CPULIST=1 in");
    expect_none(FINDING_OK);
}

static void power(void **state)
{
    (void)state;
    examine(power_examine);
    expect(FINDING_UNSEEN, "does not set its frequency", NULL);
    expect(FINDING_UNSEEN, "which CPUs share its core", NULL);
    expect_none(FINDING_OK);
    put("sys/devices/system/cpu/online", "0-3\n");
    put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
    put("sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,3\n");
    put("sys/devices/system/cpu/cpu1/cpuidle/state0/latency", "0\n");
    put("sys/devices/system/cpu/cpu1/cpuidle/state0/disable", "0\n");
    put("sys/devices/system/cpu/cpu1/cpuidle/state1/latency", "133\n");
    put("sys/devices/system/cpu/cpu1/cpuidle/state1/disable", "0\n");
    put("sys/class/net/eth0/device/numa_node", "1\n");
    put("sys/devices/system/node/node1/cpulist", "2-3\n");
    examine(power_examine);
    expect(FINDING_HINT, "governor powersave",
           "echo performance > /sys/devices/system/cpu/cpu1/cpufreq/scaling_governor");
    expect(FINDING_HINT, "shares its core with CPU 3",
           "echo 0 > /sys/devices/system/cpu/cpu3/online");
    expect(FINDING_HINT, "not on the NUMA node of eth0, which is 1", "choose from 2-3");
    assert_null(find(FINDING_HINT, "wake")); // a core that polls never sleeps
    put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
    put("sys/devices/system/cpu/online", "0-2\n");
    put("sys/devices/system/node/node1/cpulist", "0-1\n");
    examine(power_examine);
    expect_none(FINDING_HINT);
    configure("dataplane: {cores: [1], idle: adaptive, ports: [{interface: eth0}]}\n"
              "control: {certificates: [{chain: /c.pem, key: /k.pem}]}\n"
              "time: {stratum: 1, reference_id: GPS}\n");
    examine(power_examine);
    expect(FINDING_HINT, "needs up to 133 us to wake", "cpupower -c 1 idle-set -D 10");
    put("sys/devices/system/cpu/cpu1/cpuidle/state1/disable", "1\n");
    examine(power_examine);
    expect(FINDING_OK, "wakes within 0 us", NULL);
}

static void interfaces(void **state)
{
    (void)state;
    examine(interfaces_examine);
    expect(FINDING_OK, "link up, driver igc", NULL);
    expect(FINDING_OK, "no XDP program is in the way", NULL);
    expect(FINDING_UNSEEN, "the XDP mode", NULL);
    m.nic[0].program.id = 7;
    examine(interfaces_examine);
    expect(FINDING_FAULT, "an XDP program (id 7)", "ip link set dev eth0 xdp off");
    answer("{\"ports\":[{\"name\":\"eth0\",\"state\":\"open\",\"xdp_program\":7,"
           "\"mode\":\"XDP generic, copy\"}]}",
           NULL);
    examine(interfaces_examine);
    expect(FINDING_OK, "(id 7) is the server's", NULL);
    expect(FINDING_HINT, "XDP generic", "dmesg | grep eth0");
    answer("{\"ports\":[{\"name\":\"eth0\",\"state\":\"open\",\"mode\":\"XDP native, copy\"}]}",
           NULL);
    examine(interfaces_examine);
    expect(FINDING_HINT, "known to receive without a copy", NULL);
    strcpy(m.nic[0].driver, "veth");
    examine(interfaces_examine);
    expect(FINDING_OK, "XDP native, copy", NULL);
    strcpy(m.nic[0].driver, "tun");
    answer("{\"ports\":[{\"name\":\"eth0\",\"state\":\"open\",\"mode\":\"XDP generic, copy\"}]}",
           NULL);
    examine(interfaces_examine);
    expect(FINDING_HINT, "XDP generic", NULL); // nothing better is known
    answer("{\"ports\":[{\"name\":\"eth0\",\"state\":\"blocked\",\"xdp_program\":7}]}", NULL);
    examine(interfaces_examine);
    expect(FINDING_FAULT, "another program's XDP program (id 7)", "xdp off");
    expect(FINDING_FAULT, "its state is: blocked", "log");
    answer("{\"ports\":[]}", NULL);
    examine(interfaces_examine);
    expect(FINDING_FAULT, "does not serve it", "restart");
    m.nic[0].program.id = 0;
    examine(interfaces_examine);
    expect(FINDING_OK, "no XDP program is in the way", NULL); // it is about to start, perhaps
    answer("{\"ports\":[{\"name\":\"eth0\",\"state\":\"open\",\"xdp_program\":7}]}", NULL);
    examine(interfaces_examine);
    expect(FINDING_FAULT, "no XDP program is attached here", NULL);
    m.nic[0].link = false;
    examine(interfaces_examine);
    expect(FINDING_FAULT, "has no link", "cable");
    m.nic[0].up = false;
    examine(interfaces_examine);
    expect(FINDING_FAULT, "switched off", "ip link set dev eth0 up");
    m.nic[0].exists = false;
    examine(interfaces_examine);
    expect(FINDING_FAULT, "no such interface", "dataplane.ports in /n.yaml");
    m.nic[0].exists = true;
    m.nic[0].program.known = false;
    examine(interfaces_examine);
    expect(FINDING_UNSEEN, "whether an XDP program", NULL);
}

static void queues(void **state)
{
    (void)state;
    struct nic *nic = &m.nic[0];
    examine(queues_examine);
    expect(FINDING_OK, "queues: 1, of all ports: 1, for cores: 1", NULL);
    nic->queues.rx = nic->queues.tx = 4;
    examine(queues_examine);
    expect(FINDING_UNSEEN, "hash of udp4", NULL);
    nic->hash[0].known = nic->hash[0].has_ports = nic->hash[1].known = true;
    nic->ring.known = true, nic->ring.rx = 256, nic->ring.rx_most = 4096;
    examine(queues_examine);
    expect(FINDING_HINT, "hash of udp4 takes ports", "ethtool -N eth0 rx-flow-hash udp4 sd");
    expect(FINDING_OK, "all udp6 packets of an address come to one queue", NULL);
    expect(FINDING_OK, "256 of 4096 places", NULL);
    answer("{\"ports\":[{\"name\":\"eth0\",\"rx_missed\":9}]}", NULL);
    nic->queues.tx = 2;
    examine(queues_examine);
    expect(FINDING_HINT, "9 frames missed", "ethtool -G eth0 rx 4096");
    expect(FINDING_HINT, "receives on 4 queues and sends on 2", "ethtool -L eth0 rx 2");
    configure("dataplane: {cores: [1, 2, 3], ports: [{interface: eth0}]}\n"
              "control: {certificates: [{chain: /c.pem, key: /k.pem}]}\n"
              "time: {stratum: 1, reference_id: GPS}\n");
    nic->queues.rx = 2;
    nic->queues.most = 8;
    examine(queues_examine);
    expect(FINDING_HINT, "2 queues for 3 cores", "ethtool -L eth0 combined 3");
    nic->queues.most = 2;
    examine(queues_examine);
    expect(FINDING_HINT, "2 queues for 3 cores", "dataplane.cores in /n.yaml: 2 CPUs");
    nic->queues.known = false;
    examine(queues_examine);
    expect(FINDING_UNSEEN, "does not tell its queues", NULL);
}

static void offloads(void **state)
{
    (void)state;
    struct nic *nic = &m.nic[0];
    examine(offloads_examine);
    expect(FINDING_UNSEEN, "its offloads", NULL);
    expect_none(FINDING_OK);
    nic->offload.known = nic->offload.lro = nic->offload.vlan_stripped = true;
    nic->moderation.known = nic->moderation.adaptive = true;
    put("sys/class/net/eth0/uevent", "INTERFACE=eth0\n");
    examine(offloads_examine);
    expect(FINDING_HINT, "LRO is on", "ethtool -K eth0 lro off");
    expect(FINDING_HINT, "interrupt moderation (adaptive)",
           "ethtool -C eth0 rx-usecs 0 adaptive-rx off");
    assert_null(find(FINDING_HINT, "carries VLANs"));
    put("sys/class/net/eth0/upper_eth0.5/uevent", "DEVTYPE=vlan\nINTERFACE=eth0.5\n");
    nic->moderation.adaptive = false;
    nic->moderation.usecs = 50;
    examine(offloads_examine);
    expect(FINDING_HINT, "carries VLANs", "ethtool -K eth0 rxvlan off");
    expect(FINDING_HINT, "interrupt moderation (50 us)", "rx-usecs 0");
    answer("{}", "{\"ports\":[{\"name\":\"eth0\",\"receive\":\"hardware\"}]}");
    nic->offload.lro = nic->offload.vlan_stripped = false;
    examine(offloads_examine);
    expect(FINDING_OK, "its own clock stamps arrivals", NULL);
    expect(FINDING_OK, "no offload is in the way", NULL);
    nic->moderation.usecs = 0;
    examine(offloads_examine);
    expect(FINDING_OK, "no interrupt moderation", NULL);
}

static void stamps(void **state)
{
    (void)state;
    struct nic *nic = &m.nic[0];
    examine(stamps_examine);
    expect(FINDING_UNSEEN, "does not tell what it stamps", NULL);
    nic->stamps.known = nic->stamps.tx_software = true;
    examine(stamps_examine);
    expect(FINDING_OK, "has no clock; departures: stamped by the kernel", NULL);
    nic->stamps.phc = 2;
    nic->stamps.rx_all = true;
    answer("{}", "{\"ports\":[{\"name\":\"eth0\",\"receive\":\"none\",\"unstamped\":1}]}");
    m.release = "6.1.0-28-amd64";
    examine(stamps_examine);
    expect(FINDING_OK, "/dev/ptp2; stamps arrivals: all, departures: no", NULL);
    expect(FINDING_HINT, "does not give the device's stamps", "from 6.3 on");
    expect(FINDING_HINT, "receive timestamps are from: none", NULL);
    m.release = "6.3";
    examine(stamps_examine);
    assert_null(find(FINDING_HINT, "does not give"));
}

static void drivers(void **state)
{
    (void)state;
    struct nic *nic = &m.nic[0];
    nic->queues.most = 4;
    nic->queues.combined_now = 2;
    examine(drivers_examine);
    expect(FINDING_HINT, "2 of 4 channels: no zero copy", "ethtool -L eth0 combined 4");
    nic->queues.combined_now = 3;
    examine(drivers_examine);
    expect(FINDING_OK, "four departures", NULL);
    expect_none(FINDING_HINT);
    strcpy(nic->driver, "ice");
    m.release = "6.10.3-amd64";
    examine(drivers_examine);
    expect(FINDING_HINT, "before 6.10.4", "kernel from 6.10.4 on");
    m.release = "6.10.4";
    examine(drivers_examine);
    expect_none(FINDING_HINT);
    m.release = "7.0.1";
    examine(drivers_examine);
    expect_none(FINDING_HINT);
    strcpy(nic->driver, "ixgbe");
    examine(drivers_examine);
    expect(FINDING_HINT, "unstable", NULL);
    strcpy(nic->driver, "e1000e");
    examine(drivers_examine);
    expect(FINDING_UNSEEN, "nothing is known here of the driver e1000e", NULL);
}

#define WITH_NTS_PORT                                                                              \
    "dataplane: {cores: [1], nts_port: 4123, ports: [{interface: eth0}]}\n"                        \
    "control: {certificates: [{chain: /c.pem, key: /k.pem}]}\n"                                    \
    "time: {stratum: 1, reference_id: GPS}\n"

static void firewall(void **state)
{
    (void)state;
    examine(firewall_examine);
    expect(FINDING_UNSEEN, "AF_XDP takes requests before any of them", NULL);
    m.rules = "";
    examine(firewall_examine);
    expect(FINDING_OK, "no rule of the firewall names UDP port 123", NULL);
    m.rules =
        "table inet filter {\n  tcp dport 123 accept\n  udp dport 1234 drop\n  udp dport { 53, "
        "1123 } drop\n ct state established accept # 123\n}\n";
    examine(firewall_examine);
    expect(FINDING_OK, "no rule", NULL);
    m.rules = "  udp dport { 53, 123 } limit rate 5/second accept\n"
              "-A INPUT -p udp -m udp --dport 123 -j ACCEPT\n  udp dport ntp drop\n"
              "  udp dport { 53, 123, 323 } drop";
    examine(firewall_examine);
    expect(FINDING_HINT, "that name UDP port 123: 4;", "router");
    configure(WITH_NTS_PORT);
    examine(firewall_examine);
    expect(FINDING_HINT, "that name UDP port 123: 4;", "router");
    expect(FINDING_OK, "no rule of the firewall names UDP port 4123", NULL);
    m.rules = "  udp dport 4123 drop\n";
    examine(firewall_examine);
    expect(FINDING_OK, "no rule of the firewall names UDP port 123", NULL);
    expect(FINDING_HINT, "that name UDP port 4123: 1;", "router");
    m.rules = NULL;
    configure("dataplane: {cores: [1], ports: [{socket: \"127.0.0.1:123\"}]}\n"
              "control: {certificates: [{chain: /c.pem, key: /k.pem}]}\n"
              "time: {stratum: 1, reference_id: GPS}\n");
    examine(firewall_examine);
    assert_int_equal(list.n, 0); // the kernel's sockets come behind the firewall
}

#define TABLE                                                                                      \
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "  \
    "inode\n"

static void sockets(void **state)
{
    (void)state;
    examine(sockets_examine);
    expect(FINDING_UNSEEN, "who has UDP port 123", NULL);
    expect_none(FINDING_OK);
    put("proc/net/udp", TABLE);
    put("proc/net/tcp", TABLE "   0: 0100007F:116C 0100007F:D2F0 01 00000000:00000000 00:00000000 "
                              "00000000     0        0 5 1\n");
    examine(sockets_examine);
    expect(FINDING_OK, "UDP port 123: no other program", NULL);
    expect(FINDING_OK, "TCP port 4460: no other program", NULL); // a connection is no listener
    put("proc/net/udp6",
        TABLE " 1234: 00000000000000000000000000000000:007B 00000000000000000000000000000000:0000 "
              "07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0\n");
    examine(sockets_examine);
    expect(FINDING_UNSEEN, "UDP port 123: a process has it that this user cannot see", "sudo");
    put("proc/77/comm", "chronyd\n");
    put_link("proc/77/fd/5", "socket:[4711]");
    put("proc/net/tcp", TABLE "   0: 00000000:116C 00000000:0000 0A 00000000:00000000 00:00000000 "
                              "00000000     0        0 4712 1\n");
    put("proc/78/comm", "nginx\n");
    put_link("proc/78/fd/9", "socket:[4712]");
    examine(sockets_examine);
    expect(FINDING_FAULT, "UDP port 123: chronyd (pid 77)", "'port 0' in chrony.conf");
    expect(FINDING_FAULT, "TCP port 4460: nginx (pid 78)", "systemctl status 78");
    put("proc/77/comm", "noonmarkd\n");
    put("proc/78/comm", "noonmarkd:ke\n");
    examine(sockets_examine);
    expect_none(FINDING_FAULT);
    expect(FINDING_OK, "TCP port 4460: noonmarkd", NULL);
    configure(WITH_NTS_PORT);
    examine(sockets_examine);
    expect(FINDING_OK, "UDP port 4123: no other program", NULL);
    put("proc/net/udp", TABLE "    9: 00000000:101B 00000000:0000 07 00000000:00000000 00:00000000 "
                              "00000000     0        0 4713 2 0 0\n");
    put("proc/79/comm", "netnod\n");
    put_link("proc/79/fd/3", "socket:[4713]");
    examine(sockets_examine);
    expect(FINDING_OK, "UDP port 123: noonmarkd", NULL);
    expect(FINDING_FAULT, "UDP port 4123: netnod (pid 79)", "systemctl status 79");
}

static void memory(void **state)
{
    (void)state;
    examine(memory_examine);
    assert_int_equal(list.n, 0); // interfaces need no hugepages
    configure("dataplane: {cores: [1], ports: [{vdev: net_null0, addresses: [192.0.2.1]}]}\n"
              "control: {certificates: [{chain: /c.pem, key: /k.pem}]}\n"
              "time: {stratum: 1, reference_id: GPS}\n");
    examine(memory_examine);
    expect(FINDING_UNSEEN, "whether hugepages are free", NULL);
    put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n");
    examine(memory_examine);
    expect(FINDING_HINT, "0 hugepages", "sysctl -w vm.nr_hugepages=512");
    answer("{\"dataplane\":{\"memory\":\"4 KiB pages\"}}", NULL);
    put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n");
    examine(memory_examine);
    expect(FINDING_HINT, "the dataplane has 4 KiB pages", "vm.nr_hugepages");
    answer("{\"dataplane\":{\"memory\":\"hugepages\"}}", NULL);
    examine(memory_examine);
    expect(FINDING_OK, "has hugepages", NULL);
}

static void processes(void **state)
{
    (void)state;
    examine(processes_examine);
    expect(FINDING_UNSEEN, "no server answers", NULL);
    m.supervisor = 100;
    examine(processes_examine);
    expect(FINDING_UNSEEN, "/proc does not show them", NULL);
    put("proc/101/comm", "noonmarkd:data\n");
    put("proc/101/status", "Name:\tx\nPPid:\t100\nCapEff:\t0000000000000000\nSeccomp:\t2\n");
    put("proc/102/comm", "noonmarkd:ke\n");
    put("proc/102/status", "Name:\tx\nPPid:\t100\nCapEff:\t0000000000004000\nSeccomp:\t2\n");
    put("proc/102/limits", "Max locked memory         8388608              8388608   bytes\n");
    put("proc/103/comm", "noonmarkd:ke\n"); // another server's
    put("proc/103/status", "Name:\tx\nPPid:\t99\nCapEff:\tffffffffffffffff\nSeccomp:\t0\n");
    put("proc/104/comm", "hook\n");
    put("proc/104/status", "Name:\tx\nPPid:\t100\nCapEff:\tffffffffffffffff\nSeccomp:\t0\n");
    examine(processes_examine);
    expect(FINDING_OK, "noonmarkd:data (pid 101)", NULL);
    expect(FINDING_OK, "noonmarkd:ke (pid 102)", NULL);
    expect_none(FINDING_FAULT);
    expect_none(FINDING_HINT);
    put("proc/101/status", "Name:\tx\nPPid:\t100\nCapEff:\t0000000000001000\nSeccomp:\t0\n");
    put("proc/102/status", "Name:\tx\nPPid:\t100\nCapEff:\t0000000000000000\nSeccomp:\t2\n");
    put_directory("run/systemd/system");
    put("proc/100/cgroup", "0::/user.slice/session-1.scope\n");
    examine(processes_examine);
    expect(FINDING_FAULT, "should have given up: 1000", "restart");
    expect(FINDING_FAULT, "no filter of system calls", "CONFIG_SECCOMP_FILTER");
    expect(FINDING_HINT, "may lock 8388608 octets", "LimitMEMLOCK=infinity");
    expect(FINDING_HINT, "no unit of systemd", "systemctl enable");
    put("proc/100/cgroup", "0::/system.slice/noonmark.service\n");
    put("proc/102/limits", "Max locked memory         unlimited            unlimited bytes\n");
    examine(processes_examine);
    expect(FINDING_OK, "the server runs as noonmark.service", NULL);
    expect(FINDING_OK, "may lock all", NULL);
}

static void setup(void **state)
{
    (void)state;
    m.check_fault = "only root can read them all";
    examine(setup_examine);
    expect(FINDING_UNSEEN, "only root can read them all",
           "sudo noonmarkd --check-config -c /n.yaml");
    m.check =
        "noonmarkd: error: /c.pem: has expired on 2026-01-01; renew it\n"
        "noonmarkd: warning: there is no interface eth0 (dataplane.ports) here now; 'ip link' "
        "lists them\n";
    m.check_status = 1;
    examine(setup_examine);
    expect(FINDING_FAULT, "/c.pem: has expired on 2026-01-01", "renew it");
    expect(FINDING_HINT, "there is no interface eth0", "'ip link' lists them");
    assert_int_equal(list.n, 2);
    m.check =
        "noonmarkd: warning: /c.pem: certificate 2 (CN=ca): HAS EXPIRED: clients will refuse it; "
        "renew it\nnoonmarkd: warning: /c.pem: expires in 9 days; renew it\n/n.yaml: is valid\n";
    m.check_status = 0;
    examine(setup_examine);
    expect(FINDING_FAULT, "certificate 2 (CN=ca): HAS EXPIRED", "renew it");
    expect(FINDING_HINT, "expires in 9 days", "renew it");
    expect_none(FINDING_OK);
    m.check_status = 1;
    m.check = "";
    examine(setup_examine);
    expect(FINDING_FAULT, "ended with status 1", NULL);
    m.check = "/n.yaml: is valid\n";
    m.check_status = 0;
    examine(setup_examine);
    expect(FINDING_OK, "chains, dates and keys", NULL);
}

static void certificates(void **state)
{
    (void)state;
    char text[512];
    const long long now = (long long)time(NULL);
    snprintf(text, sizeof text,
             "{\"certificates\":[{\"chain\":\"/a\",\"expires\":%lld},{\"chain\":\"/b\","
             "\"expires\":%lld},{\"chain\":\"/c\",\"expires\":%lld}]}",
             now - 100, now + 5 * 86400 + 100, now + 90 * 86400 + 100);
    answer(text, NULL);
    examine(certificates_examine);
    expect(FINDING_FAULT, "/a: the certificate that is served has expired", "noonmarkctl reload");
    expect(FINDING_HINT, "/b: the certificate that is served expires in 5 days", "renew it");
    expect(FINDING_OK, "/c: the certificate that is served expires in 90 days", NULL);
}

static void fleet_answers(long long ends, const char *more)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"fleet\":{\"serial\":12,\"fingerprint\":\"9c1f0a3b\",\"ends\":%lld%s}}", ends,
             more);
    answer(text, NULL);
    examine(fleet_examine);
}

static void fleet(void **state)
{
    (void)state;
    const long long now = (long long)time(NULL);
    fleet_answers(now + 90 * 86400 + 100, "");
    expect(FINDING_OK, "serial 12, fingerprint 9c1f0a3b", NULL);
    expect(FINDING_OK, "has keys for 90 days", NULL);
    fleet_answers(now + 6 * 86400 + 100, "");
    expect(FINDING_HINT, "has keys for 6 days", "keys derive");
    fleet_answers(now - 1, ",\"refused\":true,\"why\":\"line 3: it\",\"waits\":true");
    expect(FINDING_FAULT, "the spans of the fleet's document have ended", "keys derive");
    expect(FINDING_FAULT, "is refused: line 3: it", "keys check");
    expect(FINDING_HINT, "stay as they are", NULL);
}

static void clocks(void **state)
{
    (void)state;
    examine(clock_examine);
    expect(FINDING_UNSEEN, "health of the clock", NULL);
    expect(FINDING_UNSEEN, "what the kernel knows", NULL);
    m.timex_known = true;
    m.timex_state = TIME_INS;
    m.timex.maxerror = 2000;
    examine(clock_examine);
    expect(FINDING_OK, "synchronised, wrong by up to 0.002 s", NULL);
    expect(FINDING_OK, "a leap second is inserted", NULL);
    m.timex.maxerror = 16000000;
    examine(clock_examine);
    expect(FINDING_FAULT, "may be wrong by 16.000 s", "time.max_error in /n.yaml");
    m.timex.status = STA_UNSYNC;
    examine(clock_examine);
    expect(FINDING_FAULT, "not synchronised", "enable --now chrony");
    put("proc/9/comm", "chronyd\n");
    m.timex.maxerror = 2000;
    examine(clock_examine);
    expect(FINDING_HINT, "not synchronised", "'rtcsync' in chrony.conf"); // it works all the same
    answer("{}", "{\"health\":{\"state\":\"unhealthy\",\"reason\":\"stale\"}}");
    examine(clock_examine);
    expect(FINDING_FAULT, "unhealthy (stale)", "systemctl restart chrony");
    m.timex.maxerror = 16000000;
    answer("{}", "{\"health\":{\"state\":\"healthy\",\"reason\":null}}");
    examine(clock_examine);
    expect(FINDING_OK, "finds its clock healthy", NULL);
    expect_none(FINDING_FAULT); // the server knows better
    answer("{}", "{\"clock\":{\"believed\":false},\"health\":{\"state\":\"healthy\"}}");
    examine(clock_examine);
    expect(FINDING_FAULT, "does not believe", "report");
    configure("dataplane: {cores: [1], ports: [{interface: eth0}]}\n"
              "control: {certificates: [{chain: /c.pem, key: /k.pem}]}\n"
              "time: {source: fixed, stratum: 1, reference_id: GPS}\n");
    examine(clock_examine);
    expect(FINDING_HINT, "time.source is fixed", "system, chronyd");
    configure("dataplane: {cores: [1], ports: [{interface: eth0}]}\n"
              "control: {certificates: [{chain: /c.pem, key: /k.pem}]}\n"
              "time: {source: chronyd}\n");
    put("proc/9/comm", "sleep\n");
    answer(NULL, NULL);
    examine(clock_examine);
    expect(FINDING_FAULT, "no chronyd is seen here", "systemctl enable --now chrony");
}

static void kernel(void **state)
{
    (void)state;
    examine(kernel_examine);
    expect(FINDING_OK, "kernel 6.12.1", NULL);
    expect(FINDING_UNSEEN, "net.core.somaxconn", NULL);
    put("proc/sys/net/core/somaxconn", "128\n");
    put("proc/sys/net/ipv4/tcp_syncookies", "0\n");
    m.release = "5.10.0";
    examine(kernel_examine);
    expect(FINDING_HINT, "kernel 5.10.0: too old for busy polling", "from 5.11 on");
    expect(FINDING_HINT, "somaxconn is 128", "sysctl -w net.core.somaxconn=4096");
    expect(FINDING_HINT, "tcp_syncookies is 0", "sysctl -w net.ipv4.tcp_syncookies=1");
    put("proc/sys/net/core/somaxconn", "4096\n");
    put("proc/sys/net/ipv4/tcp_syncookies", "1\n");
    m.release = "4.19.0";
    examine(kernel_examine);
    expect(FINDING_FAULT, "too old for AF_XDP", "from 5.4 on");
    expect_none(FINDING_HINT);
}

static void without_configuration(void **state)
{
    (void)state;
    config_free((struct config *)(uintptr_t)m.config);
    m.config = NULL;
    m.config_fault = "/n.yaml: \x1b[31mNo such file";
    m.server_fault = "nobody listens";
    examine(doctor_examine);
    expect(FINDING_FAULT, "/n.yaml:  [31mNo such file", "doctor -c FILE"); // no control characters
    expect(FINDING_UNSEEN, "nobody listens", NULL);
    m.config_hidden = true;
    examine(doctor_examine);
    expect_none(FINDING_FAULT); // it may well be right
}

static void all_and_as_json(void **state)
{
    (void)state;
    examine(doctor_examine);
    assert_true(list.n > 10);
    for (size_t i = 0; i < list.n; i++)
        assert_string_not_equal(list.finding[i].subject, "test");
    json_t *object = findings_json(&list);
    assert_non_null(object);
    assert_int_equal(json_array_size(json_object_get(object, "findings")), list.n);
    const json_t *first = json_array_get(json_object_get(object, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "level")), "unseen");
    assert_string_equal(json_string_value(json_object_get(first, "subject")), "server");
    assert_true(json_is_null(json_object_get(first, "mend")));
    assert_int_equal(json_integer_value(json_object_get(object, "unseen")),
                     findings_count(&list, FINDING_UNSEEN));
    json_decref(object);
}

#define EXAMINATION(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXAMINATION(lists_of_cpus),   EXAMINATION(cores),
        EXAMINATION(isolation),       EXAMINATION(interrupts),
        EXAMINATION(power),           EXAMINATION(interfaces),
        EXAMINATION(queues),          EXAMINATION(offloads),
        EXAMINATION(stamps),          EXAMINATION(drivers),
        EXAMINATION(firewall),        EXAMINATION(sockets),
        EXAMINATION(memory),          EXAMINATION(processes),
        EXAMINATION(setup),           EXAMINATION(certificates),
        EXAMINATION(fleet),           EXAMINATION(clocks),
        EXAMINATION(kernel),          EXAMINATION(without_configuration),
        EXAMINATION(all_and_as_json),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
