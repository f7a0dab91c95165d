// The server of the lab. Between lab.c and lab_server.c.
#pragma once

#include "tests/perf/load/lab.h"

// Takes a request that came from an endpoint; queues what it answers.
void lab_serve(struct lab *lab, const uint8_t *request, uint32_t len, uint32_t endpoint);

// A new session: keys and cookies.
void lab_equip(struct lab *lab, struct clients *clients, uint32_t client);
