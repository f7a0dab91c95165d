#include "dataplane/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static_assert((int)INSTANCE_ID_MAX == (int)FIELD_INSTANCE_ID_LEN, "the setting fills its field");

static struct admit_settings make_limits(const struct config_limits *from)
{
    const struct admit_settings limits = {
        .dry_run = from->dry_run == SWITCH_TRUE,
        .kod = from->kod == SWITCH_TRUE,
        .leak = (uint32_t)((uint64_t)from->leak * ADMIT_LEAK_ONE / CONFIG_FRACTION_ONE),
        .plain = {from->plain.per_second, from->plain.burst},
        .session = {from->session.per_second, from->session.burst},
        .limits_naks = from->nak_share < CONFIG_FRACTION_ONE,
        .naks_per_second =
            (uint32_t)((uint64_t)from->nak_share * ADMIT_CAPACITY / CONFIG_FRACTION_ONE),
        .overload = from->overload == SWITCH_TRUE,
        .on = from->plain.per_second != 0 || from->session.per_second != 0 ||
              from->nak_share < CONFIG_FRACTION_ONE || from->overload == SWITCH_TRUE,
    };
    return limits;
}

struct policy_entry *settings_policy(const struct config *config)
{
    struct policy policy = {
        .udp_port = config->dataplane.udp_port,
        .nts_port = config->dataplane.nts_port,
        .silent_unless_synchronised = config->time.on_unhealthy == UNHEALTHY_SILENT,
        .nts_only = config->dataplane.nts_only == SWITCH_TRUE,
        .limits = make_limits(&config->dataplane.limits),
    };
    const char *id = config->dataplane.instance_id;
    policy.has_instance_id = id[0] != '\0';
    memcpy(policy.instance_id, id, strlen(id)); // at most INSTANCE_ID_MAX octets
    if (config_sources(config, &policy.sources) != 0)
        return NULL;
    struct policy_entry *entry = policy_prepare(&policy);
    if (entry == NULL)
        prefixes_free(policy.sources);
    return entry;
}

static void cancel(void *self)
{
    struct settings *s = self;
    policy_drop(s->entry);
    config_free(s->fresh);
    s->entry = NULL;
    s->fresh = NULL;
}

static int prepare(void *self, struct link_message *message, char *why, size_t len)
{
    struct settings *s = self;
    struct config_error error;

    if (config_load_fd(message->fd[0], "configuration", &s->fresh, &error) != 0) {
        snprintf(why, len, "%s", error.text);
        return -EINVAL;
    }
    s->entry = settings_policy(s->fresh);
    if (s->entry != NULL)
        return 0;
    cancel(s);
    snprintf(why, len, "there is no memory for the dataplane's policy");
    return -ENOMEM;
}

static void commit(void *self)
{
    struct settings *s = self;
    policy_publish(s->policy, s->entry);
    s->entry = NULL;
    config_swap_live(s->config, s->fresh);
    cancel(s); // what is left is the old values
}

void settings_open(struct settings *settings, struct config *config, struct policy_place *policy)
{
    *settings = (struct settings){
        .config = config,
        .policy = policy,
        .reload = {.prepare = prepare, .commit = commit, .cancel = cancel, .self = settings},
    };
}

void settings_close(struct settings *settings)
{
    child_reload_close(&settings->reload);
}
