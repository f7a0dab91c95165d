// ntsperf report: makes one self-contained HTML page from results of --json. Main thread only.
#pragma once

// argv[0] is the command's name. Returns the exit status: 0 success, 1 a run could not be read or
// the page could not be written, 2 usage; not 0: with a line on stderr.
int command_report(int argc, char **argv);
