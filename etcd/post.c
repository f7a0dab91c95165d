// libcurl's easy interface.
#include "etcd/post.h"

#include "base/bytes.h"
#include "base/printable.h"
#include "etcd/heap.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct post {
    CURL *curl;
    char error[CURL_ERROR_SIZE];
};

int post_begin(void)
{
    struct addrinfo *found = NULL;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, heap_free, heap_realloc, strdup,
                             calloc) != CURLE_OK)
        return -ENOMEM;
    // The resolver's modules are loaded now: a confined process loads no code.
    if (getaddrinfo("localhost", NULL, NULL, &found) == 0)
        freeaddrinfo(found);
    return 0;
}

static size_t take(char *from, size_t size, size_t n, void *to)
{
    struct post_answer *answer = to;
    const size_t len = size * n;

    if (len > sizeof answer->body - answer->len) {
        answer->too_long = true;
        return 0; // ends the transfer
    }
    memcpy(answer->body + answer->len, from, len);
    answer->len += len;
    return len;
}

static bool set_text(CURL *curl, CURLoption option, const char *text)
{
    return text[0] == '\0' || curl_easy_setopt(curl, option, text) == CURLE_OK;
}

// QUICK_EXIT: a resolver that hangs is left behind instead of waited for.
static bool set_fixed(struct post *post, const struct post_trust *trust)
{
    CURL *c = post->curl;

    return curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, post->error) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)POST_CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)POST_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
           (trust->ca[0] == '\0' || curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK) &&
           set_text(c, CURLOPT_CAINFO, trust->ca) && set_text(c, CURLOPT_SSLCERT, trust->cert) &&
           set_text(c, CURLOPT_SSLKEY, trust->cert_key);
}

struct post *post_open(const struct post_trust *trust)
{
    struct post *post = calloc(1, sizeof *post);

    if (post == NULL)
        return NULL;
    post->curl = curl_easy_init();
    if (post->curl != NULL && set_fixed(post, trust))
        return post;
    post_close(post);
    return NULL;
}

// Adds a line; *list stays as it is where there is no memory.
static bool add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

// etcd's gateway takes a token as it is, without "Bearer". No "Expect: 100-continue", which would
// cost a round trip.
static struct curl_slist *headers(const char *token)
{
    char line[GATEWAY_TOKEN_MAX + 32];
    struct curl_slist *list = NULL;

    snprintf(line, sizeof line, "Authorization: %s", token);
    const bool done = add(&list, "Content-Type: application/json") && add(&list, "Expect:") &&
                      (token[0] == '\0' || add(&list, line));
    bytes_wipe(line, sizeof line);
    if (done)
        return list;
    curl_slist_free_all(list);
    return NULL;
}

bool post_send(struct post *post, const char *url, const char *token, const char *body,
               struct post_answer *answer, char why[GATEWAY_WHY_MAX])
{
    struct curl_slist *list = headers(token);
    CURL *c = post->curl;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    answer->status = 0;
    answer->len = 0;
    answer->too_long = false;
    post->error[0] = '\0';
    if (list != NULL && curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, list) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_WRITEDATA, answer) == CURLE_OK)
        code = curl_easy_perform(c);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &answer->status);
    // What it has pointers to ends here.
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, NULL);
    curl_slist_free_all(list);
    if (code == CURLE_OK)
        return true;
    snprintf(why, GATEWAY_WHY_MAX, "%s",
             answer->too_long         ? "the answer is too long"
             : post->error[0] != '\0' ? post->error
                                      : curl_easy_strerror(code));
    printable(why, strlen(why));
    return false;
}

void post_close(struct post *post)
{
    if (post != NULL && post->curl != NULL)
        curl_easy_cleanup(post->curl);
    free(post);
}
