#include "supervisor/renew.h"

#include <signal.h>

enum { RENEW_MS = 5000 }; // between attempts to open a socket anew

void renew_look(struct renew *renew, uint64_t now_ms)
{
    // Control may end by itself, because it may be writing keys.
    static const struct {
        int (*renew)(struct descriptors *held);
        int end; // signal to a child that serves
    } socket[RENEW_SOCKETS] = {
        {descriptors_renew_listeners, SIGKILL},
        {descriptors_renew_metrics, SIGKILL},
        {descriptors_renew_control_socket, SIGTERM},
    };
    for (int i = 0; i < RENEW_SOCKETS; i++) {
        const struct life *l = renew->child[i];
        if (now_ms < renew->again_ms[i])
            continue;
        const int result = socket[i].renew(renew->held);
        if (result < 0)
            renew->again_ms[i] = now_ms + RENEW_MS;
        else if (result > 0 && l->pid > 0)
            kill(l->pid, l->phase == LIFE_SERVING ? socket[i].end : SIGKILL);
    }
}
