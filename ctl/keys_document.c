#include "ctl/keys_document.h"

#include "base/bytes.h"
#include "ctl/command.h"
#include "fleet/derive.h"
#include "fleet/document.h"
#include "fleet/time.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXIT_USAGE = 2, SUM_LINE_LEN = sizeof "sum " - 1 + FLEET_SUM_LEN + 1 };

static const char usage[] =
    "usage: noonmarkctl keys derive --root FILE --span YYYY-MM [--span ...] [--rotate TIME]\n"
    "                               [--serial N] [--revoke ID ...]\n"
    "       noonmarkctl keys check FILE\n"
    "       noonmarkctl keys sum FILE\n"
    "derive prints the document of a fleet with secrets for the months, from a root secret of 32 "
    "to\n"
    "256 octets; check judges a document; sum prints one that was edited with the right `sum` "
    "line\n";

// Static and wiped at the end, because they have secrets.
static struct {
    struct fleet_document document;
    uint8_t root[FLEET_ROOT_MAX + 1];
    char text[FLEET_TEXT_MAX + 1], made[FLEET_TEXT_MAX];
} secrets;

static int wrong_usage(const char *what)
{
    fprintf(stderr, "noonmarkctl: %s\n%s", what, usage);
    return EXIT_USAGE;
}

// Reads at most size octets of a file. False with a message.
static bool read_file(const char *path, void *out, size_t size, size_t *len)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    setvbuf(file, NULL, _IONBF, 0); // no copy of a secret in a buffer
    *len = fread(out, 1, size, file);
    const bool good = ferror(file) == 0;
    if (!good)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    fclose(file);
    return good;
}

static int print_fault(const char *path, const struct fleet_error *error)
{
    if (error->line > 0)
        fprintf(stderr, "%s:%u: %s\n", path, error->line, error->text);
    else
        fprintf(stderr, "%s: %s\n", path, error->text);
    return EXIT_FAILURE;
}

static bool print_text(const char *text, size_t len)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (fwrite(text, 1, len, stdout) == len)
        return true;
    fprintf(stderr, "noonmarkctl: standard output: %s\n", strerror(errno));
    return false;
}

// "2027-01"
static bool take_span(const char *text, struct fleet_document *d)
{
    unsigned year = 0, month = 0;
    int n = 0;
    if (d->n_spans == FLEET_SPANS_MAX || strlen(text) != sizeof "2027-01" - 1 ||
        strspn(text, "0123456789-") != strlen(text) ||
        sscanf(text, "%4u-%2u%n", &year, &month, &n) != 2 || text[n] != '\0' ||
        year < FLEET_YEAR_MIN || year > FLEET_YEAR_MAX || month < 1 || month > 12)
        return false;
    d->span[d->n_spans].from_s = fleet_time_of_month(year, month);
    d->span[d->n_spans].until_s = fleet_time_of_month(year, month + 1);
    d->n_spans++;
    return true;
}

// A whole number of that base, all of the text.
static bool take_number(const char *text, int base, const char *digits, uint64_t *out)
{
    errno = 0;
    *out = strtoull(text, NULL, base);
    return text[0] != '\0' && strspn(text, digits) == strlen(text) && errno == 0;
}

static bool take_revoked(const char *text, struct fleet_document *d)
{
    uint64_t id;
    if (d->n_revoked == FLEET_REVOKED_MAX || strlen(text) != 8 ||
        !take_number(text, 16, "0123456789abcdef", &id))
        return false;
    d->revoked[d->n_revoked++] = (uint32_t)id;
    return true;
}

// Takes one option of derive. NULL, or what is wrong.
static const char *take_option(int option, struct fleet_document *d, const char **root)
{
    switch (option) {
    case 'r':
        *root = optarg;
        return NULL;
    case 's':
        return take_span(optarg, d) ? NULL : "--span needs a month such as 2027-01; 128 at most";
    case 't':
        return fleet_duration_parse(optarg, strlen(optarg), FLEET_ROTATE_MAX_S, &d->rotate_s)
                   ? NULL
                   : "--rotate needs a time from 1s to 30d";
    case 'n':
        return take_number(optarg, 10, "0123456789", &d->serial) && strlen(optarg) <= 18 &&
                       d->serial > 0
                   ? NULL
                   : "--serial needs a whole number, from 1";
    case 'v':
        return take_revoked(optarg, d) ? NULL : "--revoke needs a key's id: 8 digits; 64 at most";
    default:
        return "keys derive: an option that it does not take, or that lacks its value";
    }
}

static bool derive_spans(const char *root, struct fleet_document *d)
{
    size_t len;
    if (!read_file(root, secrets.root, sizeof secrets.root, &len))
        return false;
    if (len < FLEET_ROOT_MIN || len > FLEET_ROOT_MAX) {
        fprintf(stderr,
                "%s: a root has %d to %d octets; make one with: head -c 32 /dev/urandom > FILE\n",
                root, FLEET_ROOT_MIN, FLEET_ROOT_MAX);
        return false;
    }
    for (uint32_t i = 0; i < d->n_spans; i++)
        if (!fleet_derive_span(secrets.root, len, &d->span[i])) {
            fputs("noonmarkctl: OpenSSL cannot derive a secret (HKDF)\n", stderr);
            return false;
        }
    return true;
}

static int derive(int argc, char **argv)
{
    static const struct option options[] = {
        {"root", required_argument, NULL, 'r'},   {"span", required_argument, NULL, 's'},
        {"rotate", required_argument, NULL, 't'}, {"serial", required_argument, NULL, 'n'},
        {"revoke", required_argument, NULL, 'v'}, {0},
    };
    struct fleet_document *d = &secrets.document;
    struct fleet_error error;
    const char *root = NULL;
    int option;

    d->serial = 1;
    d->rotate_s = FLEET_ROTATE_S;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        const char *fault = take_option(option, d, &root);
        if (fault != NULL)
            return wrong_usage(fault);
    }
    if (root == NULL || d->n_spans == 0 || optind < argc)
        return wrong_usage("keys derive needs --root and at least one --span, and nothing else");
    if (!fleet_document_sound(d, &error))
        return print_fault("keys derive", &error);
    if (!derive_spans(root, d))
        return EXIT_FAILURE;
    return print_text(secrets.made, fleet_document_print(d, secrets.made)) ? EXIT_SUCCESS
                                                                           : EXIT_FAILURE;
}

static void print_document(const struct fleet_document *d)
{
    char from[FLEET_TIME_LEN], until[FLEET_TIME_LEN], rotate[FLEET_TIME_LEN];
    char fingerprint[FLEET_FINGERPRINT_LEN];

    fleet_document_fingerprint(d, fingerprint);
    fleet_duration_print(d->rotate_s, rotate, sizeof rotate);
    printf("serial %" PRIu64 ", fingerprint %s, rotate %s, %u revoked\n", d->serial, fingerprint,
           rotate, d->n_revoked);
    for (uint32_t i = 0; i < d->n_spans; i++) {
        fleet_time_print(d->span[i].from_s, from, sizeof from);
        fleet_time_print(d->span[i].until_s, until, sizeof until);
        printf("%s to %s\n", from, until);
    }
}

static int print_end(const char *path, const struct fleet_document *d)
{
    const int64_t now_s = (int64_t)time(NULL);
    const int64_t left_s = d->span[d->n_spans - 1].until_s - now_s;

    if (now_s < d->span[0].from_s)
        printf("warning: the first span has not begun: its first key is used until then\n");
    switch (fleet_document_end(d, now_s)) {
    case FLEET_ENDED:
        fprintf(stderr, "%s: the last span has ended: its last key is frozen; add spans\n", path);
        return EXIT_FAILURE;
    case FLEET_END_DAY:
    case FLEET_END_WEEK:
        printf("warning: the last span ends in %" PRId64 " hours: add spans\n", left_s / 3600);
        break;
    case FLEET_END_FAR:
        printf("keys for %" PRId64 " days more\n", left_s / 86400);
        break;
    }
    return EXIT_SUCCESS;
}

static int check(const char *path)
{
    struct fleet_error error;
    size_t len;
    if (!read_file(path, secrets.text, sizeof secrets.text, &len))
        return EXIT_FAILURE;
    if (!fleet_document_parse(secrets.text, len, &secrets.document, &error))
        return print_fault(path, &error);
    print_document(&secrets.document);
    return print_end(path, &secrets.document);
}

// Length of the text without its last line, if that is a `sum` line.
static size_t without_sum(const char *text, size_t len)
{
    size_t at = len;
    while (at > 0 && (at == len || text[at - 1] != '\n'))
        at--;
    return len - at >= 4 && memcmp(text + at, "sum ", 4) == 0 ? at : len;
}

// Comments stay as they are.
static int sum(const char *path)
{
    struct fleet_error error;
    uint8_t digest[32];
    size_t len;
    if (!read_file(path, secrets.text, sizeof secrets.text - SUM_LINE_LEN, &len))
        return EXIT_FAILURE;
    len = without_sum(secrets.text, len);
    if (!fleet_sum(secrets.text, len, digest)) {
        fputs("noonmarkctl: OpenSSL cannot compute SHA-256\n", stderr);
        return EXIT_FAILURE;
    }
    len += (size_t)snprintf(secrets.text + len, 5, "sum ");
    for (size_t i = 0; i < sizeof digest; i++, len += 2)
        snprintf(secrets.text + len, 3, "%02x", digest[i]);
    secrets.text[len++] = '\n';
    if (!fleet_document_parse(secrets.text, len, &secrets.document, &error))
        return print_fault(path, &error);
    return print_text(secrets.text, len) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int keys_document_run(int argc, char **argv)
{
    int status;
    if (argc < 3 || strcmp(argv[1], "keys") != 0 || !command_lists(KEYS_DOCUMENT_WORDS, argv[2]))
        return -1;
    if (strcmp(argv[2], "derive") == 0)
        status = derive(argc - 2, argv + 2);
    else if (argc != 4)
        status = wrong_usage("one FILE is needed, the document");
    else
        status = strcmp(argv[2], "check") == 0 ? check(argv[3]) : sum(argv[3]);
    bytes_wipe(&secrets, sizeof secrets);
    return status;
}
