// The cookie keys, as a part of the status object and in full, and the result of a change. Never
// shows a key: only ids, roles and ages. Control's main thread.
#pragma once

#include "control/show/status.h"

#include <jansson.h>

// An array: status's member `keys`.
json_t *keys_report(const struct status_sources *sources);

// The document of a fleet, or null: status's member `fleet`.
json_t *document_report(const struct keys *keys);

// The mover of a fleet's document by etcd: status's member `etcd_process`. Null where
// keys.fleet.etcd names no member.
json_t *etcd_report(const struct status_sources *sources);

// The answer to "keys": they, and when they change.
json_t *keys_answer(const struct status_sources *sources);

// The answer to "keys rotate", "keys revoke" and "keys import", once the change has ended. Returns
// JSON text ending in a newline, which the caller frees; NULL when memory runs out.
char *keys_changed(const struct keys *keys);
