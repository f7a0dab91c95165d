# What Containerfile does, without a registry: its RUN lines in a bare system, and its ENTRYPOINT with its capabilities alone.
# Source it after tests/packages/tree.sh.
# shellcheck shell=bash

# The instructions of that kind, one a line.
container_lines()
{
    sed -n "s/^$1 //p" Containerfile
}

# container_image TREE: the packages stand where COPY puts them.
container_image()
{
    local line
    cp "$packages"/noonmark_*.deb "$1/root/" || return 1
    mkdir -p "$1/root/noonmark"
    while IFS= read -r line; do
        tree_enter "$1" bash -c "$line" || return 1
    done < <(container_lines RUN)
    [ "$(stat -c '%a %U' "$1/var/lib/noonmark" 2>&1)" = "700 $(awk -F: '/^noonmark-control:/ { print $3 }' "$1/etc/passwd")" ] ||
        tree_enter "$1" bash -c '[ "$(stat -c "%a %U" /var/lib/noonmark)" = "700 noonmark-control" ]'
}

container_configure()
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=ntp.example.net -addext \
        subjectAltName=DNS:ntp.example.net -keyout "$1/etc/noonmark/key.pem" -out "$1/etc/noonmark/cert.pem" || return 1
    cat >"$1/etc/noonmark/noonmark.yaml" <<YAML
$(sed -n '/^#   dataplane:/,/^#     ports:/s/^#   //p' Containerfile)
control:
  certificates: [{chain: /etc/noonmark/cert.pem, key: /etc/noonmark/key.pem}]
time: {source: fixed, stratum: 1, reference_id: TEST}
YAML
}

# container_start TREE NAMESPACE: the process is $container_pid.
container_start()
{
    local capabilities
    capabilities=$(sed -n 's/^#.*--cap-add=\([A-Z_,]*\).*/\1/p' Containerfile | tr A-Z a-z | sed 's/[^,]*/+&/g')
    ip netns exec "$2" unshare --mount --pid --fork --kill-child bash -c '
        cd "$1" || exit 1
        mount --make-rprivate / && mount --bind . "$1" && cd "$1" || exit 1
        mount -t proc proc proc && mount -t sysfs -o ro sysfs sys && mount -t tmpfs -o mode=755 tmpfs run || exit 1
        mount --bind /dev dev || exit 1
        exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv --bounding-set="-all,$2" --inh-caps=-all "$3"
    ' _ "$1" "$capabilities" "$(container_lines ENTRYPOINT | tr -d '[]"')" >"$1.container.log" 2>&1 </dev/null &
    container_pid=$!
    disown
}

# Waits for a plain reply, and for HEALTHCHECK's command to succeed.
container_serves()
{
    local tries daemon check
    check=$(container_lines HEALTHCHECK | sed 's/^CMD //' | tr -d '[]",')
    for ((tries = 0; tries < 240; tries++)); do
        daemon=$(pgrep -P "$container_pid" | sed -n 1p)
        # shellcheck disable=SC2086
        if [ -n "$daemon" ] && nsenter -t "$daemon" -m -p -r env -i PATH=/usr/sbin:/usr/bin $check >/dev/null 2>&1 &&
            ip netns exec "$2" python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.sendto(b"\x23" + bytes(39) + b"question", ("10.123.0.1", 123))
assert s.recv(1000)[24:32] == b"question"' 2>/dev/null; then
            return 0
        fi
        sleep 0.25
    done
    cat "$1.container.log"
    return 1
}

container_stop()
{
    [ -n "${container_pid:-}" ] || return 0
    kill -KILL "$container_pid" 2>/dev/null
    container_pid=""
}
