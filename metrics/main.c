// noonmark-metrics: the process of the metrics is a program of its own. libmicrohttpd brings
// GnuTLS, and neither is to be in a process that holds keys. The supervisor starts it
// (supervisor/program.h), as the other children.
#include "link/child.h"
#include "link/handover.h"
#include "metrics/exporter.h"

int main(void)
{
    static const struct child_role role = {
        ROLE_METRICS,
        "noonmarkd:metr",
        exporter_main,
        {HANDOVER_BOARD_FACTS, HANDOVER_BOARD_METRICS},
    };
    return child_run(&role);
}
