#include "dataplane/nic_clock.h"

#include "base/log.h"
#include "board/stamp_line.h"

#include <string.h>

static void publish_none(const struct nic_clock *nic)
{
    const struct stamp_line none = {0};
    snapshot_publish(nic->line, &none, sizeof none);
}

void nic_clock_open(struct nic_clock *nic, const struct port_clock *clock, struct snapshot *line)
{
    *nic = (struct nic_clock){.clock = clock, .line = line};
    time_fit_init_kind(&nic->fit, &time_fit_free);
    publish_none(nic); // a predecessor's
}

int nic_clock_start(struct nic_clock *nic)
{
    return clock_reader_open(nic->clock, &nic->reader);
}

static void say_fault(const struct nic_clock *nic, int64_t fault)
{
    static struct log_limit limit;
    if (fault != 0 && nic->fault == 0)
        log_limited(&limit, LOG_LEVEL_WARNING,
                    "%s cannot be read: %s; it stamps no requests until "
                    "it can",
                    nic->clock->name, strerror((int)-fault));
}

static void add(struct nic_clock *nic, const struct time_sample *sample)
{
    const bool anew = nic->fit.stepped;
    switch (time_fit_add(&nic->fit, sample)) {
    case TIME_FIT_GOOD: {
        const struct stamp_line line = stamp_line_of(&nic->fit);
        snapshot_publish(nic->line, &line, sizeof line);
        if (anew)
            log_info("%s runs evenly again: it stamps requests", nic->clock->name);
        break;
    }
    case TIME_FIT_STEPPED:
        publish_none(nic);
        log_warning("%s was set, stands still, or has another rate: it stamps no requests until it "
                    "runs evenly",
                    nic->clock->name);
        break;
    case TIME_FIT_COLLECTING:
        break;
    }
}

void nic_clock_take(struct nic_clock *nic, const struct clock_word *word)
{
    say_fault(nic, word->fault);
    nic->fault = word->fault;
    if (word->n == nic->n)
        return;
    nic->n = word->n;
    add(nic, &word->sample);
}

void nic_clock_turn(struct nic_clock *nic)
{
    struct clock_word word;
    if (nic->reader && clock_reader_take(nic->reader, &word))
        nic_clock_take(nic, &word);
}

void nic_clock_close(struct nic_clock *nic)
{
    clock_reader_close(nic->reader);
    nic->reader = NULL;
    if (nic->line)
        publish_none(nic);
}
