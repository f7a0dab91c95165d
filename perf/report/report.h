// ntsperf report: from the results of runs, as --json gives them, to one page for a browser that
// needs nothing else, no network either. Its main thread alone.
#pragma once

// argv[0] is the command's own name. Returns the exit status: 0 written, 1 a run could not be read
// or the page not be written, 2 usage; with a line on stderr when it is not 0.
int command_report(int argc, char **argv);
