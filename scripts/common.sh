# Shell functions that quickstart and check share. Sourced by bash with the checkout's root as
# current directory.
# shellcheck shell=bash

say()
{
    printf '%s\n' "$*"
}

die()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# step TEXT COMMAND...: says what is being done, runs it with its output in build/log/, says how
# long it took. A failure shows the output's tail and is returned.
step()
{
    local text=$1 log start=$SECONDS
    shift
    mkdir -p build/log
    log=build/log/$(printf '%s' "$text" | tr -cs 'a-zA-Z0-9' '-' | cut -c1-40).log
    printf '%s ... ' "$text"
    if "$@" >"$log" 2>&1; then
        printf '%d s\n' $((SECONDS - start))
    else
        printf 'failed after %d s\n' $((SECONDS - start))
        tail -n 40 "$log" | sed 's/^/    /'
        say "  (all of it: $log)"
        return 1
    fi
}

# The packages of the named sections of scripts/packages.
packages_of()
{
    local section
    for section in "$@"; do
        sed -n "/^\[$section\]/,/^\[/{s/#.*//;s/[[:space:]]*\$//;/^\[/d;/^\$/d;p}" scripts/packages
    done
}

# Those of the packages given that are not installed.
packages_missing()
{
    local p
    for p in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || say "$p"
    done
}

apt_quiet()
{
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
        -o Acquire::Retries=3 "$@"
}

# Package lists are fetched once a run; a mirror in the middle of an update deserves another try.
apt_lists()
{
    [ -z "${apt_lists_fresh:-}" ] || return 0
    apt_quiet update || { sleep 5; apt_quiet update; } || { sleep 20; apt_quiet update; }
    apt_lists_fresh=1
}

apt_install()
{
    apt_lists && apt_quiet install -y --no-install-recommends "$@"
}

# Installs what is missing of the named sections; says so, and does nothing when nothing is.
install_packages()
{
    local missing
    command -v apt-get >/dev/null || die "no apt-get here: this script is made for Debian 12;" \
        "install what scripts/packages lists and run meson by hand"
    mapfile -t missing < <(packages_missing $(packages_of "$@"))
    if [ "${#missing[@]}" = 0 ]; then
        say "Packages: all are installed"
        return 0
    fi
    [ "$(id -u)" = 0 ] || die "packages are missing and only root may install them: ${missing[*]}"
    step "Installing ${#missing[@]} packages (and what they need)" apt_install "${missing[@]}"
}

# Downloads the test clients and unpacks each into build/clients/NAME. Nothing is installed.
unpack_clients()
{
    local top name deb
    top=$PWD
    mkdir -p build/clients/debs
    for name in $(packages_of clients); do
        [ ! -e "build/clients/$name/.complete" ] || continue
        apt_lists || return 1
        rm -rf "build/clients/$name" build/clients/debs/"$name"_*.deb
        (cd build/clients/debs && apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User=root \
            download "$name") || return 1
        deb=$(echo "$top"/build/clients/debs/"$name"_*.deb)
        dpkg-deb -x "$deb" "build/clients/$name" || return 1
        touch "build/clients/$name/.complete"
    done
}

clients_missing()
{
    local name
    for name in $(packages_of clients); do
        [ -e "build/clients/$name/.complete" ] || return 0
    done
    return 1
}

fetch_clients()
{
    if clients_missing; then
        step "Unpacking test clients into build/clients (nothing is installed)" unpack_clients
    else
        say "Test clients: unpacked in build/clients"
    fi
}

# Whether `ip netns exec` can work here; otherwise says why not and what to do.
need_namespaces()
{
    [ "$(id -u)" = 0 ] || die "run as root: network namespaces, AF_XDP and packages need it"
    [ -r /proc/self/mountinfo ] || die "/proc is not mounted here: mount -t proc proc /proc"
    if ! awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo; then
        die "/ is no mount point here (a plain chroot), so 'ip netns exec' cannot work: it has to" \
            "make / a mount of its own. Enter the tree in a mount namespace with the tree bound" \
            "onto itself: unshare -m sh -c 'mount --bind TREE TREE; mount -t proc proc" \
            "TREE/proc; mount -t sysfs sysfs TREE/sys; exec chroot TREE'"
    fi
    command -v ip >/dev/null || return 0 # iproute2 is installed later
    local probe=noonmark-probe-$$
    ip netns add "$probe" 2>/dev/null && ip netns exec "$probe" true 2>/dev/null || {
        ip netns del "$probe" 2>/dev/null || true
        die "network namespaces cannot be made here (a container without CAP_SYS_ADMIN?):" \
            "'ip netns add' or 'ip netns exec' fails"
    }
    ip netns del "$probe"
}

# configure DIRECTORY [MESON OPTION...]: sets up a build directory, or looks again at an old one:
# which rooms there are is not among the things that ninja watches.
configure()
{
    local dir=$1
    shift
    if [ -e "$dir/build.ninja" ]; then
        meson setup --reconfigure "$dir" "$@"
    else
        meson setup "$dir" "$@"
    fi
}

# How many CPUs this process may use.
cpus()
{
    nproc
}
