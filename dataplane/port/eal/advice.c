#include "dataplane/port/eal/advice.h"

#include "base/log.h"
#include "dataplane/port/xdp/foreign_log.h"

#include <rte_version.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct known {
    const char *words; // in DPDK's, libbpf's or the kernel's message
    int fault;         // or this error, when words is NULL
    const char *advice;
};

// -EPERM is not in this table: drivers return -1 for any fault.
static const struct known known[] = {
    {"Peer MTU is too large", 0,
     "its peer's MTU is too large for XDP; 'ip link set dev PEER mtu 1500' fixes it"},
    {"MTU", 0, "its MTU is too large for XDP; 'ip link set dev %s mtu 1500' fixes it"},
    {"already attached", 0,
     "another XDP program is attached to it; 'ip link set dev %s xdp off' removes that"},
    {"can't replace", 0,
     "another XDP program is attached to it; 'ip link set dev %s xdp off' removes that"},
    {"combined queue count", 0,
     "it has fewer queues than were requested; 'ethtool -l %s' shows them"},
    {"Operation not permitted", 0,
     "a capability is missing; it needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_IPC_LOCK"},
    {"Permission denied", 0,
     "access to a file that it names is denied; check the file's owner and mode"},
    {"Address already in use", 0, "another process uses its socket; end that one first"},
    {"Failed to connect socket", 0, "nobody listens at its socket; start its other end first"},
    {"Invalid socket directory", 0,
     "the directory of its socket must exist, and this process's user (dataplane.user) must be "
     "able to read and write it"},
    {NULL, -ENOMEM, "memory is short; 'sysctl vm.nr_hugepages=512' reserves some"},
    {NULL, -EBUSY, "another XDP program or AF_XDP socket holds it; 'ip link set dev %s xdp off'"},
};

const char *advice_for(const char *cause, int fault)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].words ? strstr(cause, known[i].words) != NULL : fault == known[i].fault)
            return known[i].advice;
    }
    return NULL;
}

// One line: the port, what to do, and the message of DPDK or of the system.
static void log_advice(const char *name, const char *otherwise, int fault)
{
    char advice[256];
    const char *cause = foreign_log_cause();
    const char *known_advice = advice_for(cause, fault);
    snprintf(advice, sizeof advice, known_advice ? known_advice : otherwise, name);
    if (cause[0] != '\0')
        log_error("%s: cannot be opened: %s (%s: %s)", name, advice, strerror(-fault), cause);
    else
        log_error("%s: cannot be opened: %s (%s)", name, advice, strerror(-fault));
}

// DPDK's ABI has had the number of the next year since each November's release (doc/guides/
// contributing/abi_policy.rst), and Debian puts it behind the name of each package. A format
// follows: only what a driver's name may hold is taken over.
void advice_package(const char *text, unsigned year, unsigned month, char *out, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    char driver[32];
    const char *name = strncmp(text, "net_", 4) == 0 ? text + 4 : "";
    size_t n = strcspn(name, ",");

    if (n == 0 || n >= sizeof driver || strspn(name, letters) != n) {
        name = "DRIVER";
        n = strlen(name);
    }
    while (n > 1 && name[n - 1] >= '0' && name[n - 1] <= '9')
        n--;
    for (size_t i = 0; i < n; i++)
        driver[i] = name[i] == '_' ? '-' : name[i];
    driver[n] = '\0';
    snprintf(out, len, "librte-net-%s%u", driver, month >= 11 ? year + 1 : year);
}

void advice_vdev(const char *text, int fault)
{
    char package[64], otherwise[160];
    const bool unknown = strstr(foreign_log_cause(), "parse device") != NULL;

    // What was compiled against is what runs: the libraries' names hold the ABI.
    advice_package(text, RTE_VER_YEAR, RTE_VER_MONTH, package, sizeof package);
    snprintf(otherwise, sizeof otherwise,
             unknown ? "DPDK has no such driver; if there is one, Debian has it in the package %s"
                     : "DPDK refuses its arguments, or has no such driver (Debian's package for it "
                       "would be %s)",
             package);
    log_advice(text, otherwise, fault);
}
