// What ports are opened for: one use a process.
#pragma once

enum port_use {
    USE_SERVE, // requests come and replies go back where they came from
    USE_ASK,   // the load tester: requests go out, their replies come back
};
