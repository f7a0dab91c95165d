// The programs of two children, noonmark-metrics and noonmark-etcd: where they are. Each is opened
// once, at the start of the server, so that each later start of the child runs the program that
// belongs to this supervisor, also when an upgrade has replaced the file meanwhile.
// Single-threaded.
#pragma once

// Opens the program for child_plan's `program`, to be executed alone. It is looked for in two
// places: in the directory of the running noonmarkd, by the kernel's word for that and not by
// argv[0] or PATH (a build); then in the directory of the build option libexecdir (an
// installation). It must belong to root or to the owner of noonmarkd, and others must not be able
// to write to it. Returns the descriptor, which is closed at exec, or -errno with the reason
// logged.
int program_open_metrics(void);
int program_open_etcd(void);
