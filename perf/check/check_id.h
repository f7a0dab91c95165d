// The instance id in a health check: which of the servers behind one address answers. The field is
// noonmarkd's own (FIELD_INSTANCE_ID in dataplane/wire/fields.h). Pure; any thread.
#pragma once

#include "crypto/aead.h"
#include "dataplane/wire/fields.h"

#include <stdint.h>

// Puts the field into an NTS request as request_nts() has written it (perf/load/request.h), before
// its authenticator. covered: the octets before that. Returns their number now.
uint16_t check_id_ask(uint8_t *request, uint16_t covered);

// Finds the id among the fields of a verified reply that its authenticator covers. It becomes
// printable text: "" when there is none.
void check_id_find(const uint8_t *reply, uint16_t covered, char id[FIELD_INSTANCE_ID_LEN + 1]);
