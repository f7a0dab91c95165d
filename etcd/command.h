// `noonmark-etcd put FILE` and `noonmark-etcd get`: the document in etcd, by hand. Single-threaded.
#pragma once

// argc and argv of main(). The exit status: 0, 1 with the fault on standard error, 2 for a wrong
// command line.
int command_main(int argc, char **argv);
