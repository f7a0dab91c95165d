// Control's door: NTS-KE, cookie keys and their file, the time source, the control socket. Runs in
// a process of its own, as its own user with no capability, with the descriptors of
// board/handover.h.
#pragma once

// Runs until the lifeline ends or SIGTERM. The exit status.
int control_main(void);

// For --version: OpenSSL's version.
const char *control_openssl_version(void);
