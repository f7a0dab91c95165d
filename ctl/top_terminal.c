// Signals are blocked but while ppoll waits, so that none comes between a look at the flags and the
// wait.
#include "ctl/top_terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static struct termios before;
static sigset_t mask_before;
static bool is_open;
static volatile sig_atomic_t must_end, resized;

static void note(int number)
{
    if (number == SIGWINCH)
        resized = 1;
    else
        must_end = 1;
}

static void take_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    struct sigaction action = {.sa_handler = note};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(&blocked, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &mask_before);
    signal(SIGTSTP, SIG_IGN); // stopped, it would leave the terminal as no shell wants it
}

bool top_terminal_open(void)
{
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    struct termios raw = before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    take_signals();
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs("\033[?1049h\033[?25l\033[H\033[2J", stdout); // alternate screen, no cursor, clear
    fflush(stdout);
    is_open = true;
    return true;
}

void top_terminal_close(void)
{
    if (!is_open)
        return;
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before); // keys that nobody has read are thrown away
    is_open = false;
}

struct top_size top_terminal_size(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return (struct top_size){.columns = 80, .rows = 24};
    return (struct top_size){.columns = size.ws_col, .rows = size.ws_row};
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// True: q was pressed, or there is no terminal any more.
static bool read_key(void)
{
    char key[16];
    const ssize_t n = read(STDIN_FILENO, key, sizeof key);
    for (ssize_t i = 0; i < n; i++)
        if (key[i] == 'q' || key[i] == 'Q')
            return true;
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

enum top_event top_terminal_wait(double seconds)
{
    const double end = now_s() + seconds;
    for (;;) {
        if (must_end)
            return TOP_END;
        if (resized) {
            resized = 0;
            return TOP_RESIZE;
        }
        const double left = end - now_s();
        if (left <= 0)
            return TOP_TIME;
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        const struct timespec wait = {.tv_sec = (time_t)left,
                                      .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
        const int n = ppoll(&input, 1, &wait, &mask_before);
        if (n > 0 && read_key())
            return TOP_END;
    }
}
