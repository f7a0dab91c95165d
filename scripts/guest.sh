# Shell functions of check: what the guests of tests/qemu are made of, unpacked in build/qemu. Nothing is
# installed. Source it with bash after common.sh.
# shellcheck shell=bash

guest_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

guest_home=$PWD/build/qemu

# Where the newest kernel is looked for, in this order: igb has zero copy since Linux 6.14.
guest_kernels='trixie-backports sid'

# apt_apart NAME TOOL ARG...: apt with package lists and a cache of its own, in build/qemu/apt/NAME. Like
# the machine's own apt it verifies what it gets.
apt_apart()
{
    local home=$guest_home/apt/$1 tool=$2
    shift 2
    "$tool" -qq -o Acquire::Retries=3 -o Acquire::Languages=none -o APT::Sandbox::User=root -o APT::Default-Release= \
        -o Dir::Etc::SourceList="$home/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$home/lists" -o Dir::Cache="$home/cache" "$@"
}

# apt_apart_sources NAME "SITE SUITE"...: makes those lists, of Debian's main component.
apt_apart_sources()
{
    local name=$1
    shift
    mkdir -p "$guest_home/apt/$name/lists/partial" "$guest_home/apt/$name/cache/archives/partial"
    printf "deb [signed-by=$guest_keyring] %s main\n" "$@" >"$guest_home/apt/$name/sources.list"
    apt_apart "$name" apt-get -o APT::Update::Error-Mode=any update
}

# "SITE SUITE" of each of Debian's lists that this machine uses.
debian_suites()
{
    apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' | sort -u
}

# The mirror that has all suites; that of security updates has not.
debian_site()
{
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | sed -n 1p
}

# Unpacks what apt_apart has downloaded, into build/qemu/NAME.
unpack_apart()
{
    local name=$1 deb
    for deb in "$guest_home/apt/$name"/cache/archives/*.deb; do
        dpkg-deb -x "$deb" "$guest_home/$name" || return 1
    done
}

# QEMU and tools, with the libraries that this machine lacks: this release's, or its backports' where
# QEMU is older than 8.0, which cannot emulate igb.
unpack_qemu()
{
    local lists backports version from=()
    mapfile -t lists < <(debian_suites)
    apt_apart_sources qemu "${lists[@]}" || return 1
    version=$(apt_apart qemu apt-cache policy qemu-system-x86 | sed -n 's/^ *Candidate: //p')
    if dpkg --compare-versions "$version" lt 1:8.0; then
        backports=$(. /etc/os-release && say "$VERSION_CODENAME")-backports
        apt_apart_sources qemu "${lists[@]}" "$(debian_site) $backports" || return 1
        from=(-t "$backports")
    fi
    # shellcheck disable=SC2046 # one word a package
    apt_apart qemu apt-get -y --no-install-recommends --download-only --reinstall "${from[@]}" install \
        $(packages_of qemu) && unpack_apart qemu
}

# unpack_kernel SUITE: its image and its modules; they are packages of their own, or one.
unpack_kernel()
{
    local suite=$1 image parts
    rm -rf "$guest_home/apt/kernel" "$guest_home/kernel"
    apt_apart_sources kernel "$(debian_site) $suite" || return 1
    image=$(apt_apart kernel apt-cache depends "linux-image-amd64/$suite" | grep -o 'linux-image-[0-9].*') || return 1
    mapfile -t parts < <(apt_apart kernel apt-cache depends "$image/$suite" |
        sed -n 's/^ *Depends: \(linux-\(binary\|modules\)-.*\)/\1/p')
    (cd "$guest_home/apt/kernel/cache/archives" && apt_apart kernel apt-get download "$image" "${parts[@]}") &&
        unpack_apart kernel
}

unpack_guest()
{
    local suite
    apt_lists && unpack_qemu || return 1
    for suite in $guest_kernels; do
        ! unpack_kernel "$suite" || return 0
    done
    return 1
}

# Where it cannot be had, build/qemu/missing says why, and the tests are skipped with that reason.
fetch_guest()
{
    local reason=
    if [ -e "$guest_home/.complete" ]; then
        say "QEMU and a kernel: unpacked in build/qemu"
        return
    fi
    rm -rf "$guest_home"
    mkdir -p "$guest_home"
    if [ "$(dpkg --print-architecture)" != amd64 ]; then
        reason="the guests are x86-64 machines, and this one is $(dpkg --print-architecture)"
    elif ! step "Unpacking QEMU and a kernel into build/qemu (nothing is installed)" unpack_guest; then
        reason="QEMU or a kernel could not be fetched: $(grep -h '^E: ' build/log/Unpacking-QEMU*.log | head -n 1)"
    fi
    if [ -n "$reason" ]; then
        say "$reason" >"$guest_home/missing"
        say "  its tests are skipped"
    else
        rm -rf "$guest_home/apt"
        touch "$guest_home/.complete"
    fi
}
