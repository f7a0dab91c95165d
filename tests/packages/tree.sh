# Bare systems of Debian for tests/packages/run: made once by debootstrap, copied for each use, entered by chroot or booted
# with their own systemd. Source it with bash, in the root directory of the checkout, after scripts/common.sh.
# shellcheck shell=bash

trees=$PWD/build/packages

# The mirror that this machine uses.
tree_mirror()
{
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | sed -n 1p
}

# tree_base SUITE: makes build/packages/base-SUITE unless it is there.
tree_base()
{
    local base=$trees/base-$1
    [ ! -e "$base/.complete" ] || return 0
    rm -rf "$base"
    mkdir -p "$trees"
    debootstrap --variant=minbase --include=ca-certificates "$1" "$base" "$(tree_mirror)" || return 1
    printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d" # apt starts no service in a chroot
    chmod +x "$base/usr/sbin/policy-rc.d"
    touch "$base/.complete"
}

# tree_copy SUITE NAME: a fresh copy in build/packages/NAME.
tree_copy()
{
    rm -rf --one-file-system "${trees:?}/$2"
    cp -a "$trees/base-$1" "$trees/$2"
}

# The source, as git knows it, with changes that are not committed yet, in /root/noonmark.
tree_source()
{
    mkdir -p "$1/root/noonmark"
    git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - |
        tar -x --no-same-owner -C "$1/root/noonmark"
}

# tree_enter TREE COMMAND...: runs it there, in /root/noonmark, with this machine's network.
tree_enter()
{
    unshare --mount bash -c '
        tree=$1; shift
        mount --make-rprivate /
        mount --bind "$tree" "$tree"
        mount -t proc proc "$tree/proc" && mount -t sysfs sysfs "$tree/sys" && mount --rbind /dev "$tree/dev"
        mount -t tmpfs tmpfs "$tree/run" && mount -t tmpfs tmpfs "$tree/tmp" || exit 1
        cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
        exec chroot "$tree" env -i HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            bash -c "cd /root/noonmark && exec \"\$@\"" tree "$@"
    ' _ "$@"
}

# tree_boot TREE NAMESPACE: boots its systemd as the first process of a PID namespace, in that network namespace. It
# may set no clock, load no module and reach no device of this machine. It ends with its parent.
# The process that is killed to end it is $boot_pid, systemd is $boot_init.
tree_boot()
{
    local tries
    ip netns exec "$2" setpriv --bounding-set -sys_time,-sys_module,-sys_boot,-mknod,-sys_rawio \
        --inh-caps -sys_time,-sys_module,-sys_boot,-mknod,-sys_rawio \
        unshare --mount --pid --fork --uts --ipc --cgroup --kill-child bash -c '
            cd "$1" || exit 1
            mount --make-rprivate /
            mount --bind . "$1" && cd "$1"
            mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup || exit 1
            mount -t tmpfs -o mode=755 tmpfs run && mount -t tmpfs tmpfs tmp && mount -t tmpfs -o mode=755 tmpfs dev || exit 1
            for device in null zero full random urandom tty; do
                touch dev/$device && mount --bind /dev/$device dev/$device || exit 1
            done
            mkdir dev/pts dev/shm && mount -t tmpfs tmpfs dev/shm && ln -s /proc/self/fd dev/fd
            mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts && ln -s pts/ptmx dev/ptmx
            hostname ntp
            pivot_root . mnt && umount -l /mnt || exit 1
            exec env -i container=noonmark-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
        ' _ "$1" >"$1.boot.log" 2>&1 </dev/null &
    boot_pid=$!
    for ((tries = 0; tries < 600; tries++)); do
        boot_init=$(pgrep -x systemd -P "$boot_pid") && booted true 2>/dev/null && break
        sleep 0.1
    done
    for ((tries = 0; tries < 600; tries++)); do # 'degraded' is good: some unit of a bare system may fail
        case $(booted systemctl is-system-running 2>/dev/null) in running | degraded) break ;; esac
        sleep 0.1
    done
}

# booted COMMAND...: runs it in the system that tree_boot has booted, as root logged in.
booted()
{
    nsenter -t "$boot_init" -m -p -u -i -n -C env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        bash -c 'cd /root/noonmark && exec "$@"' booted "$@"
}

tree_halt()
{
    [ -n "${boot_pid:-}" ] || return 0
    kill -KILL "$boot_pid" 2>/dev/null
    wait "$boot_pid" 2>/dev/null
    boot_pid=""
}
