// The lines that go through gates. A clock that is read between two readings of the TSC was, at a
// tick between the two, exactly at the value read: a line that tells the clock's time passes below
// the value at the first reading, and above it at the second. Such a pair of limits is a gate.
//
// The lines through a set of gates form a convex polygon in the plane of value and slope. Whatever
// line the clock follows is in it, so its least and its greatest value at a tick are hard bounds
// for the clock, and an empty polygon proves that the clock followed no line. There is no threshold
// and no statistics in this. Pure arithmetic.
#pragma once

#include <stdint.h>

// Ticks and nanoseconds are differences from a base near the newest gate, because a double cannot
// hold a date to the nanosecond.
struct gate {
    double before, after; // ticks: the first and the second reading; not after the base: <= 0
    double low, high;     // ns: the line's value at `after` is at least low, at `before` at most
                          // high
};

// At the base and after it the steepest line has the greatest value of all, the flattest one the
// least.
struct gate_lines {
    uint32_t n;         // the gates of the window, the newest ones; 0: no line goes through
    double low, high;   // at the base: the flattest line's value, and the steepest one's, ns
    double flat, steep; // their slopes, ns per tick
};

// The lines of a slope between flat and steep through the n newest gates, or if there are none,
// through the 2^k newest ones for the greatest k for which there are some. The newest gate is
// first; gates do not overlap. n of the result is at least 2, or 0.
struct gate_lines gates_lines(const struct gate *gate, uint32_t n, double flat, double steep);
