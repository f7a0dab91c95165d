# Shell functions that unpack the headers with which a DPDK driver is built. Debian does not ship
# them: they come from its source package of DPDK. For check; source it with bash, after
# scripts/common.sh.
# shellcheck shell=bash

# The headers, each without the name of the source's directory.
dpdk_driver_headers='
drivers/bus/vdev/bus_vdev_driver.h
lib/eal/include/dev_driver.h
lib/ethdev/ethdev_driver.h
lib/ethdev/ethdev_vdev.h
'

# apt-get with this release's source packages alone, whose lists are kept in the directory.
apt_source()
{
    local home=$1 signed=/usr/share/keyrings/debian-archive-keyring.gpg
    shift
    mkdir -p "$home/lists/partial" "$home/cache/archives/partial"
    apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 'Label: Debian' |
        sort -u | while read -r site release; do
        say "deb-src [signed-by=$signed] $site $release main"
    done >"$home/sources.list"
    apt_client -o Acquire::Languages=none -o Dir::Etc::SourceList="$home/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$home/lists" -o Dir::Cache="$home/cache" "$@"
}

# Unpacks the headers of the release's DPDK into build/dpdk-headers.
unpack_dpdk_headers()
{
    local home=$PWD/build/dpdk-headers header
    local -a wanted=()
    rm -rf "$home"
    mkdir -p "$home/source"
    apt_source "$home/source" update || return 1
    (cd "$home/source" && apt_source "$home/source" --download-only source dpdk) || return 1
    for header in $dpdk_driver_headers; do
        wanted+=("*/$header")
    done
    tar -C "$home" -xf "$home"/source/dpdk_*.orig.tar.xz --strip-components=1 --wildcards \
        '*/VERSION' "${wanted[@]}" || return 1
    for header in $dpdk_driver_headers; do
        mv "$home/$header" "$home/" || return 1
    done
    rm -rf "$home/source" "$home/lib" "$home/drivers"
    # A structure may differ between releases of DPDK, not within one.
    [ "$(cut -d. -f1,2 <"$home/VERSION")" = "$(pkg-config --modversion libdpdk | cut -d. -f1,2)" ] ||
        { say "these are not the headers of the DPDK that is installed"; return 1; }
    touch "$home/.complete"
}

# fetch_dpdk_headers: without them the tests with a simulated device are skipped.
fetch_dpdk_headers()
{
    if [ -e build/dpdk-headers/.complete ]; then
        say "Headers of DPDK's drivers: unpacked in build/dpdk-headers"
        return
    fi
    step "Unpacking headers of DPDK's drivers into build/dpdk-headers (nothing is installed)" \
        unpack_dpdk_headers ||
        say "  not to be had here, so that the tests with a simulated device are skipped"
}
