// See records.h, and ke.h for what is printed.
#include "tests/client/records.h"

#include "base/bytes.h"
#include "tests/client/octets.h"

static void understand(struct ke_result *r, const struct ke_record *record)
{
    if (record->type == RECORD_ERROR && record->len == 2)
        r->error = be16_get(record->body);
    if (record->type == RECORD_AEAD && record->len == 2)
        r->aead = be16_get(record->body);
    if (record->type == RECORD_PORT && record->len == 2)
        r->ntp_port = be16_get(record->body);
    if (record->type == RECORD_SERVER)
        snprintf(r->server, sizeof r->server, "%.*s", record->len, (const char *)record->body);
    if (record->type == RECORD_COOKIE && r->n_cookies < KE_COOKIES_MAX) {
        r->cookie[r->n_cookies] = record->body;
        r->cookie_len[r->n_cookies++] = record->len;
    }
}

void records_decode(struct ke_result *r)
{
    size_t at = 0;
    while (r->response_len - at >= 4 && r->n_records < KE_RECORDS_MAX) {
        struct ke_record *record = &r->record[r->n_records];
        record->critical = r->response[at] >> 7;
        record->type = be16_get(r->response + at) & 0x7fff;
        record->len = be16_get(r->response + at + 2);
        record->body = r->response + at + 4;
        if (record->len > r->response_len - at - 4)
            return;
        at += 4 + (size_t)record->len;
        r->n_records++;
        understand(r, record);
        if (record->type == RECORD_END) {
            r->well_formed = record->critical && record->len == 0 && at == r->response_len;
            return;
        }
    }
}

bool ke_succeeded(const struct ke_result *r)
{
    return r->failure[0] == '\0' && r->well_formed && r->error < 0 && r->aead == 15 &&
           r->n_cookies > 0;
}

void ke_print(FILE *out, const struct ke_result *r)
{
    fputc('{', out);
    text_print(out, "failure", r->failure);
    fputc(',', out);
    text_print(out, "detail", r->detail);
    fprintf(out, ",\"tls\":\"%s\",\"suite\":\"%s\",\"group\":\"%s\",", r->version, r->suite,
            r->group);
    text_print(out, "alpn", r->alpn);
    fprintf(out, ",\"alerts\":[");
    for (unsigned i = 0; i < r->n_alerts; i++)
        fprintf(out, "%s%d", i > 0 ? "," : "", r->alerts[i]);
    fprintf(out,
            "],\"tickets\":%u,\"resumed\":%s,\"certificate_asked\":%s,\"early\":\"%s\",\"tls_"
            "records\":%u,",
            r->tickets, r->resumed ? "true" : "false", r->certificate_asked ? "true" : "false",
            r->early, r->tls_records);
    octets_print(out, "response", r->response, r->response_len);
    fprintf(out, ",\"well_formed\":%s,\"records\":[", r->well_formed ? "true" : "false");
    for (unsigned i = 0; i < r->n_records; i++) {
        fprintf(out, "%s{\"critical\":%s,\"type\":%u,", i > 0 ? "," : "",
                r->record[i].critical ? "true" : "false", r->record[i].type);
        octets_print(out, "body", r->record[i].body, r->record[i].len);
        fputc('}', out);
    }
    fprintf(out, "],\"error\":%d,\"aead\":%d,\"cookies\":[", r->error, r->aead);
    for (unsigned i = 0; i < r->n_cookies; i++) {
        fprintf(out, "%s\"", i > 0 ? "," : "");
        for (unsigned j = 0; j < r->cookie_len[i]; j++)
            fprintf(out, "%02x", r->cookie[i][j]);
        fputc('"', out);
    }
    fprintf(out, "],");
    text_print(out, "server", r->server);
    fprintf(out, ",\"ntp_port\":%u,", r->ntp_port);
    octets_print(out, "c2s", r->c2s, r->key_len);
    fputc(',', out);
    octets_print(out, "s2c", r->s2c, r->key_len);
    fprintf(out, ",\"ended\":\"%s\",\"handshake_ms\":%.1f,\"total_ms\":%.1f}\n", r->ended,
            r->handshake_ms, r->total_ms);
    fflush(out);
}
