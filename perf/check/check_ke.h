// The NTS-KE session of a health check.
#pragma once

#include "perf/check/check.h"
#include "perf/ke/ke_response.h"

// Makes one session and describes it in *ke. With ke->granted, *grant has its keys and cookies,
// which the caller wipes, and *address is that of the NTS-KE server.
void check_ke(const struct check_plan *plan, struct check_ke *ke, struct ke_grant *grant,
              struct sockaddr_storage *address);
