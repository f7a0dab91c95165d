#include "perf/report/report.h"

#include "perf/nearest.h"
#include "perf/report/report_page.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_USAGE = 2 };

static const char help[] =
    "usage: ntsperf report RUN.json... [-o FILE] [--title TEXT]\n"
    "\n"
    "Makes one HTML page of plots and tables from results of ntsperf --json. It is one file that\n"
    "loads no other file and needs no network.\n"
    "\n"
    "  -o, --output FILE  the page (default report.html); - writes to stdout\n"
    "      --title TEXT   its title (default: from the runs' servers)\n"
    "      --help         prints this help\n"
    "\n"
    "exit status: 0 success, 1 a run cannot be read or the page cannot be written, 2 usage\n";

// The members of a result whose types the page relies on. Others may be absent, or be from a newer
// ntsperf.
static const struct part {
    const char *name;
    json_type type;
    const char *is;
} parts[] = {
    {"latency_ns", JSON_OBJECT, "object"},  {"processing_ns", JSON_OBJECT, "object"},
    {"offset_ns", JSON_OBJECT, "object"},   {"tester", JSON_OBJECT, "object"},
    {"objective", JSON_OBJECT, "object"},   {"server_cpu", JSON_OBJECT, "object"},
    {"storm", JSON_OBJECT, "object"},       {"ke", JSON_OBJECT, "object"},
    {"wrong_kinds", JSON_OBJECT, "object"}, {"kiss_codes", JSON_OBJECT, "object"},
    {"steps", JSON_ARRAY, "array"},         {"flows", JSON_ARRAY, "array"},
    {"series", JSON_ARRAY, "array"},        {"histogram_ns", JSON_ARRAY, "array"},
};

// Reports why a file is not a result. The line is always 1, because parsed JSON has no line
// numbers.
static bool is_result(const char *path, const json_t *run)
{
    static const char mend[] = "give a file that ntsperf --json has written";
    const json_t *manifest = json_object_get(run, "manifest");
    if (!json_is_string(json_object_get(manifest, "ntsperf")) ||
        !json_is_string(json_object_get(manifest, "mode"))) {
        fprintf(stderr, "%s:1: not a result of ntsperf: it has no %s; %s\n", path,
                !json_is_object(manifest)                               ? "manifest"
                : !json_is_string(json_object_get(manifest, "ntsperf")) ? "manifest.ntsperf"
                                                                        : "manifest.mode",
                mend);
        return false;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const json_t *part = json_object_get(run, parts[i].name);
        if (part != NULL && !json_is_null(part) && json_typeof(part) != parts[i].type) {
            fprintf(stderr, "%s:1: not a result of ntsperf: its %s is no %s; %s\n", path,
                    parts[i].name, parts[i].is, mend);
            return false;
        }
    }
    return true;
}

// The run, or NULL with a message.
static json_t *read_run(const char *path)
{
    FILE *file = fopen(path, "re");
    struct stat st;
    if (file != NULL && fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(file);
        file = NULL;
        errno = EISDIR;
    }
    if (file == NULL) {
        fprintf(stderr, "%s: %s; give a file that ntsperf --json has written\n", path,
                strerror(errno));
        return NULL;
    }
    json_error_t error;
    json_t *run = json_loadf(file, 0, &error);
    fclose(file);
    if (run == NULL) {
        fprintf(stderr, "%s:%d: not JSON: %s; was the run stopped while it wrote?\n", path,
                error.line > 0 ? error.line : 1, error.text);
        return NULL;
    }
    if (!is_result(path, run)) {
        json_decref(run);
        return NULL;
    }
    return run;
}

// Converts a text of the command line, which may not be UTF-8, to JSON.
static json_t *text_of(const char *octets)
{
    json_t *text = json_string(octets);
    if (text != NULL)
        return text;
    char *copy = strdup(octets);
    for (char *c = copy; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    text = copy == NULL ? NULL : json_string(copy);
    free(copy);
    return text;
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "ntsperf report: %s%s; ntsperf report --help says how\n", which, what);
    return EXIT_USAGE;
}

static int report(const char *output, const char *title, int n, char **paths)
{
    json_t *runs = json_array();
    json_t *data = json_pack("{s:o?, s:o}", "title", title ? text_of(title) : NULL, "runs", runs);
    int status = EXIT_SUCCESS;
    // Reads all files, so that all errors are reported at once.
    for (int i = 0; i < n; i++) {
        json_t *run = read_run(paths[i]);
        if (run == NULL) {
            status = EXIT_FAILURE;
            continue;
        }
        json_array_append_new(runs, json_pack("{s:o, s:o}", "file", text_of(paths[i]), "run", run));
    }
    int err = status == EXIT_SUCCESS ? report_page_write(data, output) : 0;
    if (err != 0) {
        const char *mend = err == -ENOENT   ? "make its directory first"
                           : err == -EISDIR ? "name a file in it"
                           : err == -EEXIST
                               ? "it is no plain file; name another file, or - for stdout"
                           : err == -ENOSPC ? "free some space, or name a file elsewhere"
                                            : "name a file elsewhere with -o";
        fprintf(stderr, "%s: %s; %s\n", output, strerror(-err), mend);
        status = EXIT_FAILURE;
    } else if (status == EXIT_SUCCESS && strcmp(output, "-") != 0) {
        printf("wrote %s, a page of %d run%s\n", output, n, n == 1 ? "" : "s");
    }
    json_decref(data);
    return status;
}

int command_report(int argc, char **argv)
{
    enum {
        OPTION_TITLE = 256,
        OPTION_HELP,
    };
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"title", required_argument, NULL, OPTION_TITLE},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    const char *output = "report.html", *title = NULL;
    int option;
    optind = 0; // starts again, because the program may have parsed options before
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            output = optarg;
            break;
        case OPTION_TITLE:
            title = optarg;
            break;
        case OPTION_HELP:
            fputs(help, stdout);
            return EXIT_SUCCESS;
        case ':':
            return usage(" needs a value", argv[optind - 1]);
        default: {
            char hint[NEAREST_HINT_LEN], what[NEAREST_HINT_LEN + 64];
            snprintf(what, sizeof what, " is not an option of this command%s",
                     nearest_option(argv[optind - 1], options, hint));
            return usage(what, argv[optind - 1]);
        }
        }
    }
    if (optind == argc)
        return usage("no RUN.json is given", "");
    for (int i = optind; i < argc; i++)
        if (same_file(output, argv[i]))
            return usage(" is the output and a run too", argv[i]);
    return report(output, title, argc - optind, argv + optind);
}
