// Rules of the mover by etcd (keys.fleet).
#include "config/check.h"

#include "config/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 4, 5))) static bool wrong(struct check_fault *fault, const char *path,
                                                        uint32_t index, const char *format, ...)
{
    va_list arguments;

    fault->path = path;
    fault->index = index;
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_loopback(const char *host)
{
    struct config_address address;

    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 && host_address(host, &address));
}

// Splits HOST, HOST:PORT or [ADDRESS]:PORT. False: it is none of them.
static bool host_of(const char *text, char host[ETCD_URL_MAX])
{
    const bool v6 = text[0] == '[';
    const size_t len = strcspn(text + v6, v6 ? "]" : ":");
    const char *rest = text + v6 + len;

    if (len == 0 || len >= ETCD_URL_MAX || (v6 && *rest++ != ']'))
        return false;
    memcpy(host, text + v6, len);
    host[len] = '\0';
    if (rest[0] == '\0')
        return host_allowed(host);
    char *end;
    const long port = strtol(rest + 1, &end, 10);
    return rest[0] == ':' && rest[1] >= '0' && rest[1] <= '9' && *end == '\0' && port >= 1 &&
           port <= 65535 && host_allowed(host);
}

// Without TLS anybody between could say what he likes, and read a password: only to this host.
static bool check_endpoint(const struct config_etcd *e, uint32_t i, struct check_fault *fault)
{
    const char *url = e->endpoints[i];
    const bool plain = strncmp(url, "http://", 7) == 0;
    char host[ETCD_URL_MAX];

    if (!plain && strncmp(url, "https://", 8) != 0)
        return wrong(fault, "keys.fleet.etcd", i, "has %s; write https://HOST:PORT", url);
    if (!host_of(url + (plain ? 7 : 8), host))
        return wrong(fault, "keys.fleet.etcd", i,
                     "has %s, which is not https://HOST:PORT without anything behind it", url);
    return !plain || is_loopback(host) ||
           wrong(fault, "keys.fleet.etcd", i,
                 "has %s, but without TLS only a member on this host can be asked; write https://",
                 url);
}

bool check_etcd(const struct config *config, struct check_fault *fault)
{
    const struct config_etcd *e = &config->keys.etcd;

    if (e->n_endpoints == 0)
        return e->seal[0] == '\0' ||
               wrong(fault, "keys.fleet.seal", 0,
                     "is of no use without members; add keys.fleet.etcd, or remove it");
    for (uint32_t i = 0; i < e->n_endpoints; i++)
        if (!check_endpoint(e, i, fault))
            return false;
    if (config->keys.fleet_file[0] == '\0')
        return wrong(fault, "keys.fleet.etcd", 0,
                     "needs keys.fleet.file, where the document is written on this host; add it");
    if (e->seal[0] == '\0')
        return wrong(fault, "keys.fleet.etcd", 0,
                     "needs keys.fleet.seal: etcd must not see the document in the clear; make "
                     "its file with `openssl rand -hex 32`");
    if ((e->cert[0] == '\0') != (e->cert_key[0] == '\0'))
        return wrong(fault, "keys.fleet.cert", 0,
                     "and keys.fleet.cert_key belong together; give both or neither");
    if ((e->user[0] == '\0') != (e->password_file[0] == '\0'))
        return wrong(fault, "keys.fleet.user", 0,
                     "and keys.fleet.password_file belong together; give both or neither");
    return true;
}
