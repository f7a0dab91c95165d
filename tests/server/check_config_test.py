"""--check-config: every fault of what a configuration names is told, in one look and with a status;
what may be different when the server starts only warns. --syntax looks at the text alone."""

import os
import pathlib
import re
import subprocess

from harness import BUILD, CONTROL_USER, SERVER_IF, Stopwatch, Tap, World

CHAIN = r"\{chain: [^,]+, key: [^}]+\}"


def run(world, option="--check-config", prefix=()):
    return subprocess.run(world.server.command(*prefix, BUILD / "noonmarkd", "-c",
                                               world.configuration, option), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def lines(got):
    return [line for line in got.stderr.splitlines() if "error" in line or "warning" in line]


def changed(world, *changes):
    """The configuration of the world with each (pattern, text) replaced once."""
    world.configure()
    text = world.configuration.read_text()
    for pattern, new in changes:
        text, n = re.subn(pattern, lambda _: new, text, count=1)
        assert n == 1, pattern
    world.configuration.write_text(text)


def tree(path):
    return sorted(str(p) for p in pathlib.Path(path).rglob("*"))


def valid(tap, world):
    world.configure()
    before = tree(world.runtime)
    got = run(world)
    tap.ok(got.returncode == 0 and got.stdout == f"{world.configuration}: is valid\n" and
           not lines(got), "a valid configuration is status 0, without a warning", got.stderr)
    tap.equal(tree(world.runtime), before, "nothing was made")
    world.start()
    got = run(world)
    tap.ok(got.returncode == 0 and not lines(got), "beside a server that runs, too", got.stderr)
    world.stop()


def every_fault(tap, world):
    """One configuration with a fault of each kind."""
    other = world.home / "other.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", other], check=True,
                   stderr=subprocess.DEVNULL)
    pairs = (f"{{chain: {world.certificate}, key: {other}}}\n"
             f"    - {{chain: {world.home}/none.pem, key: {world.home}/none.key}}\n"
             f"    - {{chain: {world.home}, key: {world.key}}}")
    loose = world.runtime / "loose"
    loose.mkdir(mode=0o777)
    loose.chmod(0o777)
    changed(world, (r"cores: \[\d+\]", "cores: [0, 1022, 1023]"),
            (r'user: "64731:64731"', "user: no-such-dataplane"),
            (r'user: "64732:64732"', "user: no-such-control"), (CHAIN, pairs),
            (r'listen: \[.*\]', 'listen: ["192.0.2.77:4460", "0.0.0.0:4461"]'),
            (r"socket: .*", f"socket: {loose}/control.sock"))
    got = run(world)
    tap.ok(got.returncode == 1 and "is valid" not in got.stdout, "a faulty one is status 1",
           got.stdout + got.stderr)
    for words in ("there is no user no-such-control (control.user)",
                  "there is no user no-such-dataplane (dataplane.user)",
                  "CPU 1022 (dataplane.cores)", "CPU 1023 (dataplane.cores)",
                  "192.0.2.77:4460 (control.listen) is not one of this machine",
                  "holds control.socket, and a user other than root and control.user",
                  f"{other}: is not the key of the first certificate",
                  "none.pem (chain): No such file", "none.key (key): No such file",
                  f"{world.home} (chain) is not a file"):
        tap.equal(len([line for line in lines(got) if words in line and "error" in line]), 1,
                  f"told once: {words.replace(str(world.home), 'HOME')}")
    tap.equal(len(lines(got)), 10, "and nothing else")
    loose.rmdir()
    start = world.start(wait=False)
    tap.equal(start.process.wait(10), 1, "a start with it fails, too")
    world.stop()


def directories(tap, world):
    keys = world.runtime / "of-root"
    keys.mkdir(mode=0o755)
    os.chown(keys, 0, 0)
    changed(world, (r"file: .*", f"file: {keys}/keys"))
    got = run(world)
    tap.ok(got.returncode == 1 and len(lines(got)) == 1 and "is not control.user's alone" in
           got.stderr, "a directory of keys that is another's is a fault", got.stderr)
    keys.rmdir()
    changed(world, (r"file: .*", "file: /nowhere/at/all/keys"))
    got = run(world)
    tap.ok(got.returncode == 1 and "cannot make or open /nowhere/at/all" in got.stderr,
           "one that cannot be made, too", got.stderr)
    tap.ok(not pathlib.Path("/nowhere").exists(), "and it is not made")


def fleet(tap, world):
    document = world.runtime / "document"
    changed(world, (r"  keep: ", f"  fleet: {{file: {document}}}\n  keep: "))
    got = run(world)
    tap.ok(got.returncode == 1 and f"{document} (keys.fleet.file): No such file" in got.stderr and
           "keys.rotate and keys.file are not used" in got.stderr, "a fleet's document that is missing is a fault",
           got.stderr)
    document.write_text("")
    document.chmod(0o644)
    got = run(world)
    tap.ok(got.returncode == 1 and "chown and chmod 640 it" in got.stderr, "and one that all may read", got.stderr)
    document.chmod(0o640)
    got = run(world)
    tap.equal(got.returncode, 0, "but not one that root's group may read")
    # The first document comes by etcd, once the server runs.
    seal = world.runtime / "seal"
    seal.write_text("5a" * 32 + "\n")
    seal.chmod(0o600)
    owner = [int(number) for number in CONTROL_USER.split(":")]
    os.chown(seal, *owner)
    coming = world.runtime / "coming" / "document"
    coming.parent.mkdir()
    os.chown(coming.parent, *owner)
    changed(world, (r"  keep: ", f"""  fleet:
    file: {coming}
    etcd: [http://127.0.0.1:2379]
    seal: {seal}
  keep: """))
    got = run(world)
    tap.ok(got.returncode == 0 and f"{coming} (keys.fleet.file) is not there yet" in got.stderr,
           "one that etcd brings need not be there yet", got.stderr)


def what_may_change(tap, world):
    changed(world, (rf"interface: {SERVER_IF}", "{interface: soon0, leap: smear}"),
            (r'ntp_server: ""', "ntp_server: no-such-host.test"),
            ("reference_id: TEST", "reference_id: TEST\n  leap_list: /nowhere/leap-seconds.list"))
    got = run(world)
    tap.ok(got.returncode == 0 and len(lines(got)) == 3, "what may still come is status 0",
           got.stderr)
    tap.ok(re.search("warning: there is no interface soon0", got.stderr) and
           re.search(r"warning: /nowhere/leap-seconds.list \(time.leap_list\)", got.stderr) and
           re.search(r"warning: no-such-host.test \(control.ntp_server\)", got.stderr),
           "but warned of", got.stderr)
    # A certificate that clients will refuse: as at the start, it is told and taken.
    alone = world.home / "alone.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", world.home / "alone.key",
                    "-out", alone, "-days", "2", "-subj", "/CN=x", "-addext",
                    "subjectAltName=DNS:x", "-addext", "basicConstraints=CA:FALSE"], check=True, stderr=subprocess.DEVNULL)
    changed(world, (CHAIN, f"{{chain: {alone}, key: {world.home}/alone.key}}"))
    got = run(world)
    tap.ok(got.returncode == 0 and len(lines(got)) == 1 and "alone.pem: expires in " in got.stderr,
           "a certificate that ends soon is warned of", got.stderr)


def stalled_resolver(tap, world):
    """A resolver that takes questions and gives no answer holds up nobody for long."""
    changed(world, (r'ntp_server: ""', "ntp_server: time.test"))
    resolv = world.home / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    with world.server.socket() as silent:
        silent.bind(("127.0.0.1", 53))
        watch = Stopwatch()
        got = run(world, prefix=("unshare", "-m", "sh", "-c",
                                 f"mount --bind {resolv} /etc/resolv.conf && exec \"$@\"", "sh"))
        took = watch.took()
        soon = watch.within(20)
    tap.ok(got.returncode == 0 and "the resolver has not answered within 5 s" in got.stderr,
           "a resolver that stalls is told", got.stderr)
    tap.ok(soon, f"and not waited for: {took:.1f} s")


def syntax(tap, world):
    changed(world, (r'user: "64731:64731"', "user: no-such-dataplane"), (CHAIN,
            "{chain: /nowhere/c.pem, key: /nowhere/k.pem}"))
    got = run(world, "--syntax")
    tap.ok(got.returncode == 0 and "is valid" in got.stdout and not lines(got),
           "--syntax opens nothing", got.stderr)
    changed(world, (r"cores: \[\d+\]", "cores: [~]"), (r"threads: 1", "threads: 65"))
    for option in ("--syntax", "--check-config"):
        got = run(world, option)
        tap.ok(got.returncode == 1 and len(lines(got)) == 2 and
               re.search(r"noonmark.yaml:2: `dataplane.cores` is ~", got.stderr) and
               re.search(r"noonmark.yaml:\d+: `control.threads` is \"65\"", got.stderr),
               f"{option} names all faults of the text with their lines", got.stderr)


def main():
    with Tap() as tap, World("check-config") as world:
        valid(tap, world)
        every_fault(tap, world)
        directories(tap, world)
        fleet(tap, world)
        what_may_change(tap, world)
        stalled_resolver(tap, world)
        syntax(tap, world)


main()
