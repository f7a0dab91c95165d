"""A load of key exchanges at a steady rate, none of which may fail whatever happens to the server's files."""

import json
import signal

from harness import BUILD, SERVER_V4, Program


class Exchanges(Program):
    def __init__(self, world, authority, rate):
        self.rate, self.result = rate, world.home / "load.json"
        super().__init__("ntsperf", world.client.command(
            BUILD / "ntsperf", "ke", "--rate", rate, "--duration", "10h", "--ca", authority.root, f"--json={self.result}",
            "--quiet", SERVER_V4), world.home / "ntsperf.log")
        world.programs.append(self)

    def judge(self, tap, rule):
        """Ends it. rule: stands before what is tested."""
        self.stop(signal.SIGINT, 20)
        got = json.loads(self.result.read_text())
        tap.ok(got["sent"] > 0 and got["sent"] - got["open"] == got["answered"] == got["verified"] and not got["lost"] and
               not got["late"] and not got["wrong"], f"{rule}no handshake of {got['sent']} at {self.rate} a second failed",
               json.dumps(got)[:2000])
