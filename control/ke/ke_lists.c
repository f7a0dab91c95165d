#include "control/ke/ke_lists.h"

#include <errno.h>
#include <stddef.h>

int ke_lists_make(const struct config *config, struct ke_lists *lists)
{
    struct ke_lists made = {0};

    if (config_sources(config, &made.sources) != 0)
        return -ENOMEM;
    if (config->control.n_proxy_from > 0) {
        made.balancers =
            prefixes_make(config->control.proxy_from, config->control.n_proxy_from, NULL, 0);
        if (made.balancers == NULL) {
            ke_lists_free(&made);
            return -ENOMEM;
        }
    }
    *lists = made;
    return 0;
}

void ke_lists_free(struct ke_lists *lists)
{
    prefixes_free(lists->sources);
    prefixes_free(lists->balancers);
    *lists = (struct ke_lists){0};
}
