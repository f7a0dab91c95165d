# Builds while tests wait. Sourced by check, behind common.sh.
# shellcheck shell=bash

ahead= # the process group that builds

# build_ahead DIRECTORY...: builds them, one after another, until build_on(): with a priority below all else and on
# half of the CPUs, so that it has the time that tests leave, and no test has to wait for it. It prints nothing and
# decides nothing. ninja goes on later from where it was stopped, and shows then what fails.
build_ahead()
{
    [ $# != 0 ] || return 0
    set -m # a process group of its own
    {
        trap exit TERM # once ninja has ended
        for dir in "$@"; do
            chrt --idle 0 ninja -C "$dir" -k 0 -j $((($(cpus) + 1) / 2))
        done
    } >build/check/ahead.log 2>&1 </dev/null &
    ahead=$!
    set +m
}

# Stops it, and waits until it has ended.
build_on()
{
    [ -n "$ahead" ] || return 0
    kill -- "-$ahead" 2>/dev/null || true
    wait "$ahead" 2>/dev/null || true
    ahead=
}
trap build_on EXIT
