// noonmark-etcd: the mover of a fleet's document by etcd, a program of its own. As a child of the
// supervisor (supervisor/program.h) it keeps the file up to date; a person gets and puts the
// document with it.
#include "base/log.h"
#include "etcd/command.h"
#include "etcd/mover.h"
#include "link/child.h"
#include "link/handover.h"

#include <string.h>

int main(int argc, char **argv)
{
    static const struct child_role role = {
        ROLE_ETCD,
        "noonmarkd:etcd",
        mover_main,
        {HANDOVER_BOARD_FACTS, HANDOVER_BOARD_ETCD},
    };
    if (argc > 0 && strcmp(argv[0], ROLE_ETCD) == 0)
        return child_run(&role);
    log_open("noonmark-etcd");
    return command_main(argc, argv);
}
