"""A server moves from chronyd to noonmarkd, and back, with the keys of its cookies: a chronyd that is its client sees no
NAK and makes no other key exchange (docs/from-chrony.md). So does one whose noonmarkd goes over to chronyd by an export."""

import shutil
import signal
import subprocess

from harness import BUILD, CLIENTS, KE_PORT, PATIENCE_S, SERVER_IF, Program, Tap, World, need_clients, wait_for

need_clients("chrony")


CHRONYD = CLIENTS / "chrony/usr/sbin/chronyd"


class ChronydServer(Program):
    """chronyd as the server of the world, with a key file of its own."""

    def __init__(self, world):
        home = world.directory("chronyd-server")
        self.dump = home / "nts"
        self.dump.mkdir(mode=0o700, exist_ok=True)
        socket = world.runtime / "chronyd" / "sock"  # in a directory of its own
        socket.parent.mkdir(mode=0o700, exist_ok=True)
        configuration = home / "chrony.conf"
        configuration.write_text("\n".join([
            "user root", "local stratum 1", "allow 0.0.0.0/0", f"ntsport {KE_PORT}", f"ntsservercert {world.certificate}",
            f"ntsserverkey {world.key}", f"ntsdumpdir {self.dump}", f"pidfile {home}/chronyd.pid",
            f"bindcmdaddress {socket}", "cmdport 0"]) + "\n")
        super().__init__("chronyd-server", world.server.command(
            *world.no_clock, CHRONYD, "-x", "-d", "-f", configuration), home / "log")


class Tests:
    def __init__(self, tap, world):
        self.tap, self.world = tap, world

    def ctl(self, *words):
        return subprocess.run([BUILD / "noonmarkctl", "--socket", self.world.control_socket, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=90)

    def serve_chronyd(self):
        server = ChronydServer(self.world)
        self.world.programs.append(server)
        return server

    def answered(self, client, more=10):
        """Whether the client gets that many more genuine replies."""
        before = client.ntpdata()["Total valid RX"]
        return wait_for(lambda: client.ntpdata().get("Total valid RX", 0) >= before + more, PATIENCE_S)

    def went_on(self, client, keys, what, naks=0):
        """The client is answered, and has noticed nothing."""
        came = self.answered(client)
        auth = client.authdata()
        self.tap.ok(came and (auth["nak"], auth["key_id"], auth["cookies"], auth["cookie_length"]) == (naks, keys, 8, 100), what,
                    f"{auth}\n{client.explain()}")

    def refused(self, file):
        """Files that are not taken, with the reason."""
        text = file.read_text()
        bad = file.parent / "bad"

        def told(content, mode=0o600):
            bad.unlink(missing_ok=True)
            bad.write_text(content)
            bad.chmod(mode)
            got = self.ctl("keys", "import", bad)
            return got.stderr if got.returncode == 1 and not got.stdout else f"taken: {got}"

        lines = text.splitlines()
        cases = {
            f"{bad}: other users have rights to it": told(text, 0o644),
            f"{bad}:1: this is no file of chronyd's keys": told("NKS9\n" + text),
            f"{bad}:{len(lines)}: a key of AEAD 15 has 64 digits": told(text[:-10]),
            f"{bad}:2: the second line has": told(f"{lines[0]}\n\n"),
        }
        wrong = {want: got for want, got in cases.items() if want not in got}
        bad.unlink()
        bad.symlink_to(file)
        link = self.ctl("keys", "import", bad)
        self.tap.ok(not wrong and link.returncode == 1 and "symbolic link" in link.stderr and
                    not any(line.split()[1] in str(cases) for line in lines[2:]),
                    "keys import: a file of wrong mode or form is refused, with its line", f"{wrong}\n{link}")

    def imported(self, file):
        ids = [line.split()[0].lower() for line in file.read_text().splitlines()[2:]]
        before = self.ctl("keys").stdout
        self.refused(file)
        got = self.ctl("keys", "import", "--seal", file)
        again = self.ctl("keys", "import", file)
        after = self.ctl("keys").stdout
        self.tap.ok(got.returncode == 0 and f"{ids[-2]} seals now" in got.stdout and ids[-1] not in after and
                    all(f"{key} " in after for key in ids[:-1]) and all(line.split()[0] in after for line in before.splitlines()[1:3]),
                    "keys import --seal: chronyd's key seals, its old ones and our own are there",
                    f"{got}\n{before}\n{after}")
        self.tap.ok(again.returncode == 1 and "here already" in again.stderr, "and a second time is refused", again)

    def all(self):
        world = self.world
        server = self.serve_chronyd()
        client = world.chronyd()
        self.tap.ok(client.wait_synchronised(), "a chronyd is served by a chronyd", client.explain())
        keys = client.authdata()["key_id"]
        # It asks eight times a second, and has eight cookies: a client that asks each minute keeps one for as long as
        # the move takes, this one sleeps meanwhile.
        client.send(signal.SIGSTOP)
        server.stop()
        world.programs.remove(server)
        file = server.dump / "ntskeys"
        self.tap.note(f"its file begins with {file.read_text().splitlines()[0]}")

        # As the document has it: nobody is answered until the keys are there.
        kept = world.directory("kept") / "ntskeys"
        shutil.copy(file, kept)
        world.configure(ports=f'    - interface: {SERVER_IF}\n  deny: ["0.0.0.0/0", "::/0"]\n')
        world.start(wait=False)
        self.tap.ok(wait_for(world.is_serving, PATIENCE_S) and not world.answers_ntp() and
                    world.status()["counters"]["dropped_denied"] > 0,
                    "while dataplane.deny has all, requests are dropped", world.server_tail())
        other = {line.split()[-1] for line in kept.read_text().splitlines()[2:] if len(line.split()) == 3} - {"15"}
        if other:
            got = self.ctl("keys", "import", kept)
            self.tap.ok(got.returncode == 1 and "is of another AEAD than 15" in got.stderr,
                        "keys import: a chronyd whose key cannot be used is told", got)
            self.tap.skip("the move", f"this chronyd seals with keys of AEAD {', '.join(other)}")
            world.configure()
            self.tap.ok(self.ctl("reload").returncode == 0, "a reload without it is applied", world.server_tail())
            self.exported(client)
            return
        self.imported(kept)
        world.configure()
        self.tap.ok(self.ctl("reload").returncode == 0, "a reload without it is applied", world.server_tail())
        client.send(signal.SIGCONT)
        self.went_on(client, keys, "CK-2, CK-6: noonmarkd opens its cookies: no NAK and no other key exchange")
        self.tap.equal(world.status()["counters"]["answered_nak"], 0, "and noonmarkd has sent no NAK")
        self.restarted(client, keys)

        client.send(signal.SIGSTOP)
        world.stop()
        server = self.serve_chronyd()
        self.tap.ok(wait_for(world.answers_ntp, PATIENCE_S), "chronyd serves again", server.tail())
        client.send(signal.SIGCONT)
        self.went_on(client, keys, "and back: chronyd opens the cookies that noonmarkd has sealed with its key")
        client.send(signal.SIGSTOP)
        server.stop()
        world.programs.remove(server)
        world.start()
        self.exported(client)

    def exported(self, client):
        """noonmarkd serves, and the client is stopped: it goes on, and then chronyd takes over with exported keys."""
        file = self.world.directory("exported") / "ntskeys"
        client.send(signal.SIGCONT)
        self.tap.ok(self.answered(client), "noonmarkd serves it", client.explain())
        got = self.ctl("keys", "export", file)
        text = file.read_text() if file.exists() else ""
        seals = text.splitlines()[4].split()[0].lower() if text.count("\n") == 6 else "none"
        self.tap.ok(got.returncode == 0 and text.startswith("NKS0\n15 0.0\n") and f"{seals} seals now" in got.stdout and
                    f"{seals}   current" in self.ctl("keys").stdout and file.stat().st_mode & 0o777 == 0o600 and
                    not any(key in got.stdout for key in text.split()[3::2]),
                    "keys export: the file is chronyd's, and its third key seals", f"{got}\n{self.ctl('keys').stdout}")
        again = self.ctl("keys", "export", file)
        self.tap.ok(again.returncode == 1 and "is there already" in again.stderr and file.read_text() == text and
                    f"{seals}   current" in self.ctl("keys").stdout, "and is not written over without --force", again)
        other = self.ctl("keys", "export", "--force", file)
        seals = file.read_text().splitlines()[4].split()[0].lower()
        self.tap.ok(other.returncode == 0 and file.read_text() != text and f"{seals}   current" in self.ctl("keys").stdout and
                    [p.name for p in file.parent.iterdir()] == ["ntskeys"], "with it, other keys are there, and seal", other)
        # Ten replies: all of its cookies are of the key that seals now.
        self.tap.ok(self.answered(client), "the client has new cookies", client.explain())
        self.handed_over(client, file)

    def handed_over(self, client, file):
        before = client.authdata()
        client.send(signal.SIGSTOP)
        self.world.stop()
        dump = self.world.directory("chronyd-server") / "nts"
        shutil.copy(file, dump / "ntskeys")
        server = self.serve_chronyd()
        self.tap.ok(wait_for(self.world.answers_ntp, PATIENCE_S), "a chronyd is started with the exported file", server.tail())
        client.send(signal.SIGCONT)
        self.went_on(client, before["key_id"], "CK-2: it opens the cookies that noonmarkd has given out since: no NAK and no "
                     "other key exchange", before["nak"])
        server.stop()
        self.world.programs.remove(server)

    def restarted(self, client, keys):
        """CK-7: the imported keys are in the key file."""
        client.send(signal.SIGSTOP)
        self.world.stop()
        self.world.start()
        client.send(signal.SIGCONT)
        self.went_on(client, keys, "CK-7: and after a restart of noonmarkd")


with Tap() as tap, World("chrony_move") as world:
    Tests(tap, world).all()
