// ntsperf report alone, for report_test.py.
#include "perf/report/report.h"

int main(int argc, char **argv)
{
    return command_report(argc, argv);
}
