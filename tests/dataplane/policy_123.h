// The default policy of tests and benches: NTP on UDP port 123, published once.
#pragma once

#include "dataplane/policy.h"

static const struct policy policy_123_now = {.udp_port = 123};
static const struct policy_place policy_123 = {.now = &policy_123_now};
