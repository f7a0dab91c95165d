// The requests of a health check, one at a time, from one UDP socket.
#pragma once

#include "perf/check/check.h"
#include "perf/ke/ke_response.h"

// Makes all requests to the NTP server with the keys and cookies of a session, and describes them
// in *ntp, in which all replies are CHECK_REPLY_SKIPPED. NULL as grant: only the plain request.
void check_ntp(const struct check_plan *plan, const struct ke_grant *grant,
               const struct sockaddr_storage *server, struct check_ntp *ntp);
