# Shell functions of quickstart and check. Source it with bash, in the root directory of the checkout.
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

# step TEXT COMMAND...: prints the text, runs the command with its output in build/log/, prints its
# duration. If the command fails, shows the end of its output and returns failure.
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
        say "  (the whole log: $log)"
        return 1
    fi
}

# The packages of the named sections of scripts/packages, one a line: NAME, or NAME|NAME... where
# Debian's releases have different names for it.
packages_of()
{
    local section
    for section in "$@"; do
        sed -n "/^\[$section\]/,/^\[/{s/#.*//;s/[[:space:]]//g;/^\[/d;/^\$/d;p}" scripts/packages
    done
}

# The given packages that are not installed, under none of their names.
packages_missing()
{
    local p
    for p in "$@"; do
        # It fails when one of the names is unknown.
        grep -qx installed <<<"$(dpkg-query -W -f '${db:Status-Status}\n' ${p//|/ } 2>/dev/null)" || say "$p"
    done
}

# Whether this release has the package.
package_known()
{
    grep -q '^  Candidate: [^(]' <<<"$(apt-cache policy "$1" 2>/dev/null)"
}

# The name that this release has for each of the given packages; the first name if it has none.
packages_here()
{
    local p name
    for p in "$@"; do
        for name in ${p//|/ }; do
            ! package_known "$name" || break
            name=${p%%|*}
        done
        say "$name"
    done
}

apt_quiet()
{
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
        -o Acquire::Retries=3 "$@"
}

# Fetches package lists once per run; retries, because a mirror may be in the middle of an update.
apt_lists()
{
    [ -z "${apt_lists_fresh:-}" ] || return 0
    apt_quiet update || { sleep 5; apt_quiet update; } || { sleep 20; apt_quiet update; }
    apt_lists_fresh=1
}

apt_install()
{
    apt_lists && apt_quiet install -y --no-install-recommends $(packages_here "$@")
}

# Installs the missing packages of the named sections.
install_packages()
{
    local missing
    command -v apt-get >/dev/null || die "there is no apt-get; this script is for Debian 12 and 13:" \
        "install the packages in scripts/packages and run meson yourself"
    mapfile -t missing < <(packages_missing $(packages_of "$@"))
    if [ "${#missing[@]}" = 0 ]; then
        say "Packages: all are installed"
        return 0
    fi
    [ "$(id -u)" = 0 ] || die "packages are missing; run it as root to install them: ${missing[*]}"
    step "Installing ${#missing[@]} packages (and what they need)" apt_install "${missing[@]}"
}

# apt-get for the test clients: it changes nothing on the machine.
apt_client()
{
    apt-get -qq -o Acquire::Retries=3 -o APT::Sandbox::User=root "$@"
}

# The same with Debian 13's list of packages, which is kept in the directory.
apt_client_trixie()
{
    local home=$1 site
    shift
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | sed -n 1p)
    [ -n "$site" ] || return 1
    mkdir -p "$home/lists/partial" "$home/cache/archives/partial"
    say "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site trixie main" >"$home/sources.list"
    apt_client -o Acquire::Languages=none -o Dir::Etc::SourceList="$home/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$home/lists" -o Dir::Cache="$home/cache" "$@"
}

# Downloads a test client into the directory. If this release has none, Debian 13's is taken.
download_client()
{
    local name=$1 debs=$2
    if package_known "$name"; then
        (cd "$debs" && apt_client download "$name")
    else
        apt_client_trixie "$debs/trixie" update && (cd "$debs" && apt_client_trixie "$debs/trixie" download "$name")
    fi
}

# unpack_clients NAME...: downloads the test clients and unpacks each into build/clients/NAME. Nothing is
# installed. A client that neither this release nor Debian 13 has is left out; its tests are skipped.
unpack_clients()
{
    local clients=$PWD/build/clients name
    mkdir -p "$clients/debs"
    apt_lists || return 1
    for name in $(clients_missing "$@"); do
        rm -rf "${clients:?}/$name" "$clients/debs/$name"_*.deb
        if ! download_client "$name" "$clients/debs"; then
            ! package_known "$name" || return 1
            continue
        fi
        dpkg-deb -x "$clients/debs/$name"_*.deb "$clients/$name" || return 1
        touch "$clients/$name/.complete"
    done
}

clients_missing()
{
    local name
    for name in "$@"; do
        [ -e "build/clients/$name/.complete" ] || say "$name"
    done
}

# fetch_clients NAME...
fetch_clients()
{
    if [ -z "$(clients_missing "$@")" ]; then
        say "Test clients: unpacked in build/clients"
        return
    fi
    step "Unpacking test clients into build/clients (nothing is installed)" unpack_clients "$@" || return 1
    [ -z "$(clients_missing "$@")" ] ||
        say "  not to be had here, so that their tests are skipped: $(clients_missing "$@" | paste -sd ' ')"
}

# Checks that `ip netns exec` works here; otherwise exits with the reason and what to do.
need_namespaces()
{
    [ "$(id -u)" = 0 ] || die "run it as root: network namespaces, AF_XDP and packages need root"
    [ -r /proc/self/mountinfo ] || die "/proc is not mounted; run: mount -t proc proc /proc"
    if ! awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo; then
        die "/ is not a mount point (a plain chroot?), so 'ip netns exec' cannot work: it must" \
            "remount /. Enter the tree in a mount namespace in which the tree is bind-mounted" \
            "onto itself: unshare -m sh -c 'mount --bind TREE TREE; mount -t proc proc" \
            "TREE/proc; mount -t sysfs sysfs TREE/sys; exec chroot TREE'"
    fi
    command -v ip >/dev/null || return 0 # iproute2 is installed later
    local probe=noonmark-probe-$$
    ip netns add "$probe" 2>/dev/null && ip netns exec "$probe" true 2>/dev/null || {
        ip netns del "$probe" 2>/dev/null || true
        die "cannot make network namespaces (a container without CAP_SYS_ADMIN?):" \
            "'ip netns add' or 'ip netns exec' fails"
    }
    ip netns del "$probe"
}

# alone FILE: takes the lock of that file, or exits if another check has it: two that test programs would make the
# machine late for each other. What this shell starts holds it, too.
alone()
{
    local lock
    exec {lock}>>"$1" || return 0
    flock --nonblock "$lock" || die "another check tests programs on this machine: $(cat "$1"). Wait until it has" \
        "ended. Without the suites server, protocol, perf, memory and qemu this one can run beside it"
    say "process $$ in $PWD" >"$1"
}

# configure DIRECTORY [MESON OPTION...]: sets up a build directory, or reconfigures an old one,
# because ninja does not notice new rooms.
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

# The number of CPUs that this process can use.
cpus()
{
    nproc
}
