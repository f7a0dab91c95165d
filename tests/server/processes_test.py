"""The four processes of a real noonmarkd: what each may and holds, what a death costs a client, that
the end leaves nothing, and that a wrong start ends at once."""

import os
import pathlib
import re
import signal
import time

from harness import (CONTROL_USER, DATAPLANE_USER, Stopwatch, Tap, World, need_clients, wait_for)

need_clients("chrony")

CAP_NET_ADMIN = 1 << 12


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def gone(pid):
    """A zombie counts as gone, too: the process that inherits it may never reap it."""
    try:
        return status_of(pid)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def holds(pid):
    """What its descriptors lead to."""
    found = []
    for n in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{n}"))
        except FileNotFoundError:
            pass
    return found


def matching(names, pattern):
    return [n for n in names if re.search(pattern, n)]


def hugepage_files():
    found = set()
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        if line.split()[2] == "hugetlbfs":
            found.update(p for p in pathlib.Path(line.split()[1]).rglob("*") if p.is_file())
    return found


def rights(tap, world):
    children = world.children()
    tap.equal(sorted(children), ["control", "dataplane", "ke"], "the children are named by their roles")
    control, ke, dataplane = (children[role] for role in ("control", "ke", "dataplane"))

    for role, user in (("control", CONTROL_USER), ("ke", CONTROL_USER),
                       ("dataplane", DATAPLANE_USER)):
        s = status_of(children[role])
        tap.equal(f"{s['Uid'].split()[1]}:{s['Gid'].split()[1]}", user,
                  f"{role} runs as the user that it should")
        tap.equal([s["Groups"].strip(), s["NoNewPrivs"]], ["", "1"],
                  f"{role} is in no other group and gains nothing by exec")
    for role in ("control", "ke"):
        s = status_of(children[role])
        # IPC_LOCK where the limit of locked memory could not be lifted, and no other.
        limits = pathlib.Path(f"/proc/{children[role]}/limits").read_text()
        lifted = re.search(r"^Max locked memory +unlimited", limits, re.M)
        tap.equal([int(s[c], 16) for c in ("CapPrm", "CapEff", "CapBnd", "CapAmb")],
                  [0 if lifted else 1 << 14] * 4,
                  f"{role} has no capability, or that to lock memory alone")
        for task in os.listdir(f"/proc/{children[role]}/task"):
            tap.equal(status_of(task)["Seccomp"], "2", f"{role} is confined by seccomp")
    filters = {t: status_of(t)["Seccomp"] for t in os.listdir(f"/proc/{dataplane}/task")}
    tap.ok(set(filters.values()) == {"2"}, "each thread of the dataplane is confined by seccomp", filters)
    tasks = {t: int(status_of(t)["CapEff"], 16) for t in os.listdir(f"/proc/{dataplane}/task")}
    tap.ok(set(tasks.values()) <= {CAP_NET_ADMIN, 0}, "each thread of the dataplane has given up "
           "all but NET_ADMIN", {t: hex(c) for t, c in tasks.items()})

    for role, pid in [("the supervisor", world.noonmarkd.pid), *children.items()]:
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        tap.ok(re.search(r"Max core file size\s+0\s+0", limits), f"F5: no core file of {role}")
        tap.equal(os.stat(f"/proc/{pid}/environ").st_uid, 0, f"F5: {role} is not dumpable")

    # Inside a chroot a descriptor of /dev/null is named by its path outside.
    allowed = (r"^(.*/dev/null$|/memfd:noonmark-|pipe:|socket:|anon_inode:\[(eventpoll|eventfd|signalfd|"
               r"timerfd)\]|.*/noonmarkd\.log$|" + re.escape(
                   str(world.keys_file.parent)) + ")")
    for role in ("control", "ke"):
        tap.equal([n for n in holds(children[role]) if not re.search(allowed, n)], [],
                  f"{role} holds what it needs and nothing else")
    got = holds(control)
    tap.equal(matching(got, r"\.pem$|noonmark-(chain|key)\b"), [], "control holds no certificate and no TLS key")
    tap.equal(len(matching(got, "^socket:")), 2, "and no socket but its own and its link")
    got = holds(ke)
    tap.equal(matching(got, re.escape(str(world.keys_file.parent)) + "|dataplane|bpf"), [],
              "ke holds no key file and nothing of the dataplane's")
    got = holds(dataplane)
    tap.equal(matching(got, r"\.pem$|" + re.escape(str(world.keys_file.parent))), [],
              "the dataplane holds no TLS key, no certificate and no key file")
    inodes = set(matching(got, "^socket:"))
    shared = inodes & set(matching(holds(control) + holds(ke), "^socket:"))
    tap.equal(shared, set(), "and no socket of control's or ke's")
    tap.equal(set(matching(holds(ke), "^socket:")) & set(matching(holds(control), "^socket:")), set(),
              "ke and control share no socket")
    tap.equal(matching(holds(control), "bpf"), [], "control holds no BPF object")


def cpus(tap, world):
    """Nothing of the server but the polling thread runs on its CPU, where there is another one."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        tap.skip("all but the polling threads keep off their CPUs", "one CPU")
        return
    polling = allowed[-1]  # World's choice
    found = {}
    for role, pid in [("supervisor", world.noonmarkd.pid), *world.children().items()]:
        for task in os.listdir(f"/proc/{pid}/task"):
            name = status_of(task)["Name"].strip()
            found[f"{role} {name} {task}"] = (name == f"core {polling}", os.sched_getaffinity(int(task)))
    wrong = {who: cpus for who, (polls, cpus) in found.items()
             if cpus != {polling} and polls or polling in cpus and not polls}
    tap.ok(not wrong and any(polls for polls, _ in found.values()),
           "the polling thread has its CPU, and no other thread of the server may run there", wrong or found)


def deaths(tap, world):
    client = world.chronyd(poll=-4)
    tap.ok(client.wait_synchronised(), "EXP-1: chronyd synchronises, 16 requests a second",
           client.explain())

    before = world.children()
    counted = client.ntpdata()
    os.kill(before["control"], signal.SIGKILL)
    watch = Stopwatch()
    tap.ok(wait_for(lambda: world.children().get("control", before["control"]) !=
                    before["control"] and world.status() is not None, 5) and watch.within(2),
           "F1: control answers within 2 s of its kill -9", f"{watch}\n{world.server_tail()}")
    time.sleep(2)
    now = client.ntpdata()
    lost = (now["Total TX"] - counted["Total TX"]) - (now["Total valid RX"] -
                                                      counted["Total valid RX"])
    tap.ok(lost <= 1, "F1: control's death costs no reply", f"{counted} {now}")  # one in flight
    after = world.children()
    tap.equal((after["dataplane"], after["ke"]), (before["dataplane"], before["ke"]),
              "F1: the dataplane and ke are not touched")
    tap.equal((client.authdata()["nak"], client.authdata()["key_id"]), (0, 1),
              "F1: keys are unchanged: no NAK, no other KE")

    before = world.children()
    counted = client.ntpdata()
    os.kill(before["dataplane"], signal.SIGKILL)
    watch = Stopwatch()
    tap.ok(wait_for(lambda: world.answers_ntp(), 10) and watch.within(2),
           "F2: the first reply comes within 2 s of kill -9 of the dataplane",
           f"{watch}\n{world.server_tail()}")
    tap.note(f"after {watch}")
    tap.ok(wait_for(lambda: client.ntpdata()["Total valid RX"] > counted["Total valid RX"] + 8, 10),
           "F2: the client's old cookies are answered", client.explain())
    tap.equal(world.children()["control"], before["control"], "F2: control is not touched")
    # At 16 requests a second eight cookies last half a second: chronyd may have requested new ones.
    tap.equal((client.authdata()["nak"], world.status()["counters"]["answered_nak"]), (0, 0),
              "F2: no NAK for old cookies")
    client.stop()


def stuck(tap, world):
    before = world.children()["dataplane"]
    os.kill(before, signal.SIGSTOP)
    watch = Stopwatch()
    tap.ok(wait_for(lambda: "stands still: killed" in world.noonmarkd.log.read_text(), 5) and
           watch.within(1.5), "F3: a dataplane that stands still is found within 1 s",
           f"{watch}\n{world.server_tail()}")
    tap.ok(wait_for(lambda: world.answers_ntp(), 5) and watch.within(3.5),
           "F3: and another serves", f"{watch}\n{world.server_tail()}")


def killed_supervisor(tap, world):
    before = list(world.children().values())
    world.noonmarkd.process.kill()
    world.noonmarkd.process.wait()
    world.programs.remove(world.noonmarkd)
    watch = Stopwatch()
    world.start()
    tap.ok(watch.within(5), "after kill -9 of the supervisor the next start serves within 5 s", watch)
    tap.ok(wait_for(lambda: all(gone(p) for p in before), 2), "and soon nothing of the first lives")


def killed_together(tap, world):
    """No process is left that could clean up, so the next start must."""
    for pid in (world.noonmarkd.pid, *world.children().values()):
        os.kill(pid, signal.SIGKILL)
    world.noonmarkd.process.wait()
    world.programs.remove(world.noonmarkd)
    watch = Stopwatch()
    world.start()
    tap.ok(watch.within(5), "after kill -9 of all the next start serves within 5 s",
           f"{watch}\n{world.server_tail()}")


def end(tap, world, pages):
    before = list(world.children().values())
    tap.equal(world.stop(), 0, "SIGTERM ends all with status 0")
    tap.ok(all(gone(p) for p in before), "no process is left")
    tap.ok(not world.xdp_attached(), "no XDP program is left")
    tap.ok(not world.control_socket.exists(), "no socket is left")
    tap.equal(hugepage_files() - pages, set(), "F2: no hugepage file is left")


def refuses(tap, world, words, what):
    watch = Stopwatch()
    program = world.start(wait=False)
    already = program.log.read_text(errors="replace") if program.log.exists() else ""
    code = wait_for(lambda: program.process.poll() is not None, 8) and program.process.returncode
    took, soon = watch.took(), watch.within(5)
    said = program.log.read_text(errors="replace")[len(already):]
    if code is None:
        program.stop()
    world.programs.remove(program)
    world.noonmarkd = None
    tap.ok(code == 1 and soon and re.search(words, said) and not world.xdp_attached() and
           not world.control_socket.exists(), f"F26: {what}: status 1 within 5 s, a clear line, "
           "nothing left", f"status {code} after {took:.1f} s\n{said[-3000:]}")


def bad_starts(tap, world):
    world.configure(ports="    - interface: nosuch0\n")
    refuses(tap, world, r"error: .*nosuch0", "no such interface")
    world.configure()
    good = world.configuration.read_text()
    world.configuration.write_text(re.sub(r"cores: \[\d+\]", "cores: [1023]", good))
    refuses(tap, world, r"error: .*1023", "no such CPU")
    world.configuration.write_text(good)

    key, certificate = world.key.read_bytes(), world.certificate.read_bytes()
    world.certificate.write_text("no certificate\n")
    refuses(tap, world, r"error: .*cert\.pem", "F14: a certificate that is none")
    world.certificate.write_bytes(certificate)
    other = world.home / "other.pem"
    os.system(f"openssl ecparam -name prime256v1 -genkey -noout -out {other} 2>/dev/null")
    world.key.write_bytes(other.read_bytes())
    refuses(tap, world, r"error: .*key\.pem", "F14: a key of another certificate")
    world.key.write_bytes(key)
    world.start()
    tap.ok(True, "and mended, it serves")


def harmless_signals(tap, world):
    """A log rotator's USR1, sent to the supervisor or to all of its group, ends nothing."""
    before = world.children()
    everybody = [world.noonmarkd.pid, *before.values()]
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        for pid in everybody:
            os.kill(pid, number)
        ignoring = [int(status_of(pid)["SigIgn"], 16) >> (number - 1) & 1 for pid in everybody]
        tap.equal(ignoring, [1] * 4, f"every process ignores {number.name}")
    tap.ok(world.sntp() is not None and world.children() == before and world.noonmarkd.alive(),
           "all live and serve after SIGUSR1 and SIGUSR2", world.server_tail())


def main():
    pages = hugepage_files()
    with Tap() as tap, World("processes") as world:
        world.start()
        rights(tap, world)
        cpus(tap, world)
        harmless_signals(tap, world)
        deaths(tap, world)
        stuck(tap, world)
        killed_supervisor(tap, world)
        killed_together(tap, world)
        end(tap, world, pages)
        bad_starts(tap, world)
        end(tap, world, pages)


main()
