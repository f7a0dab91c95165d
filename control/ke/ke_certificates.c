#include "control/ke/ke_certificates.h"

#include <stdio.h>
#include <string.h>

uint32_t ke_certificates_name(const struct config *config, const int *fd,
                              struct board_certificate *shown,
                              struct tls_pair pairs[CONFIG_CERTIFICATES_MAX])
{
    const uint32_t n = config->control.n_certificates;
    for (uint32_t i = 0; i < n; i++) {
        const struct config_certificate *c = &config->control.certificates[i];
        pairs[i] = (struct tls_pair){c->chain, c->key, fd[2 * i], fd[2 * i + 1],
                                     shown == NULL ? NULL : &shown[i]};
    }
    return n;
}

struct tls_names ke_certificates_names(const struct config *config)
{
    return (struct tls_names){config->control.n_names, (const char *const *)config->control.names};
}

// Of a path that is too long its end is shown, which tells certificates apart better.
void ke_certificates_show(struct board_ke *board, const struct config *config,
                          struct board_certificate *certificate)
{
    const uint32_t n = config->control.n_certificates;
    for (uint32_t i = 0; i < n; i++) {
        struct board_certificate *shown = &certificate[i];
        const char *chain = config->control.certificates[i].chain;
        const size_t len = strlen(chain), most = sizeof shown->chain - 1;
        snprintf(shown->chain, sizeof shown->chain, "%s", chain + (len > most ? len - most : 0));
        snapshot_publish(&board->certificate[i], shown, sizeof *shown);
    }
    // Partner: the acquire in the readers of the number.
    atomic_store_explicit(&board->n_certificates, n, memory_order_release);
}
