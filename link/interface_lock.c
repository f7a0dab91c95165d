#include "link/interface_lock.h"

#include "base/directory.h"
#include "base/log.h"
#include "base/now.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    RETRY_MS = 50,
    SWEEP_MS = 100, // another one's sweep holds a lock for a moment
};

static int open_directory(void)
{
    char parent[] = INTERFACE_LOCKS;
    *strrchr(parent, '/') = '\0';

    const int above = directory_open(AT_FDCWD, parent, 0, 0, 0755);
    int fd = above;
    if (above >= 0) {
        fd = directory_open(above, strrchr(INTERFACE_LOCKS, '/') + 1, 0, 0, 0700);
        close(above);
    }
    if (fd == -EEXIST)
        log_error("%s or the directory above it is not root's alone; fix it: chown root %s %s && "
                  "chmod go-w %s %s",
                  INTERFACE_LOCKS, parent, INTERFACE_LOCKS, parent, INTERFACE_LOCKS);
    else if (fd < 0)
        log_error("cannot make or open %s, which shows who uses an interface: %s", INTERFACE_LOCKS,
                  strerror(-fd));
    return fd;
}

// One /run may be shared by several network namespaces, and each numbers its interfaces from 1.
static int open_file(unsigned index)
{
    struct stat namespace;
    char name[64];

    if (stat("/proc/self/ns/net", &namespace) != 0) {
        const int error = -errno;
        log_error("cannot tell the network namespace: %s; mount /proc", strerror(-error));
        return error;
    }
    const int directory = open_directory();
    if (directory < 0)
        return directory;
    snprintf(name, sizeof name, "%llu-%u", (unsigned long long)namespace.st_ino, index);
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        fd = -errno;
        log_error("cannot open %s/%s: %s", INTERFACE_LOCKS, name, strerror(-fd));
    }
    close(directory);
    return fd;
}

// Nobody has the file's name any more: its lock is worth nothing.
static bool is_removed(int fd)
{
    struct stat st;
    return fstat(fd, &st) != 0 || st.st_nlink == 0;
}

// Removes the file unless somebody has its lock. Whoever opened it before and locks it afterwards
// finds it removed.
static void remove_unused(int directory, const char *name)
{
    const int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && !is_removed(fd))
        unlinkat(directory, name, 0);
    close(fd);
}

// An interface that goes, or a namespace, leaves a file behind, and nobody comes back for it. So
// each one that takes a lock removes the files that nobody uses.
static void sweep(void)
{
    const int fd = open_directory();
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        unsigned long long namespace;
        unsigned index;
        if (sscanf(entry->d_name, "%llu-%u", &namespace, &index) == 2)
            remove_unused(fd, entry->d_name);
    }
    closedir(directory);
}

// The owner's children may write to the file, so its text is compared with known names and not
// repeated. The named process may have ended and left children, or be in another container.
static void say_taken(int fd, const char *interface)
{
    static const char *const programs[] = {"noonmarkd", "ntsperf"};
    char text[64] = "", word[16] = "";
    int pid = 0;

    if (pread(fd, text, sizeof text - 1, 0) > 0 && sscanf(text, "%15s %d", word, &pid) == 2)
        for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
            if (strcmp(word, programs[i]) == 0) {
                log_error("%s: the %s that was started as process %d uses it; end that one and its "
                          "children first",
                          interface, programs[i], pid);
                return;
            }
    log_error("%s: another noonmarkd or ntsperf uses it; end that one first", interface);
}

static int take(int fd, unsigned wait_ms)
{
    const uint64_t deadline = now_ms() + (wait_ms < SWEEP_MS ? SWEEP_MS : wait_ms);

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return -errno;
        if (now_ms() >= deadline)
            return -EBUSY;
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    }
    return 0;
}

int interface_lock(const char *interface, const char *program, unsigned wait_ms)
{
    char text[64];
    const unsigned index = if_nametoindex(interface);
    int fd, error;

    if (index == 0)
        return -ENODEV;
    // Again when a sweep has removed the file between the two calls.
    for (;;) {
        fd = open_file(index);
        if (fd < 0)
            return fd;
        error = take(fd, wait_ms);
        if (error != 0 || !is_removed(fd))
            break;
        close(fd);
    }
    if (error == -EBUSY) {
        say_taken(fd, interface);
        goto fail;
    }
    if (error != 0) {
        log_error("%s: cannot lock its file in %s: %s", interface, INTERFACE_LOCKS,
                  strerror(-error));
        goto fail;
    }
    // Only the message of a second program needs it: on a full disk the lock still works.
    const int len = snprintf(text, sizeof text, "%s %d\n", program, (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        log_warning("%s: cannot write into its lock: %s", interface, strerror(errno));
    sweep();
    return fd;

fail:
    close(fd);
    return error;
}
