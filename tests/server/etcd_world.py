"""A cluster of three members of etcd, Debian's, each in a network namespace of its own, with mutual TLS; and
servers whose documents come from it, all in one namespace.

No certificate has a common name: etcd's gateway refuses clients that have one where its authentication is on."""

import base64
import contextlib
import datetime
import hashlib
import http.client
import json
import os
import signal
import ssl
import subprocess

from harness import BUILD, CLIENTS, CONTROL_USER, KE_PORT, NTP_PORT, SERVER_IF, SERVER_V4, Namespace, Program, World, wait_for

ETCD = CLIENTS / "etcd-server/usr/bin/etcd"
KEY = "/noonmark/fleet"
HUB = "10.124.0.254"


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stderr=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def when(utc_s):
    return datetime.datetime.fromtimestamp(utc_s, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(serial, edges, secrets, rotate_s=1, revoked=()):
    """The text of one: spans between the edges, in seconds of UTC."""
    text = f"noonmark-fleet 1\nserial {serial}\nrotate {rotate_s}s\n"
    for i, secret in enumerate(secrets):
        text += f"{when(edges[i])} {when(edges[i + 1])} {secret}\n"
    for key in revoked:
        text += f"revoke {key}\n"
    return text + f"sum {hashlib.sha256(text.encode()).hexdigest()}\n"


class Authority:
    """Issues certificates for addresses; trusted is its own."""

    def __init__(self, home):
        self.home = home
        self.trusted, self.key = home / "ca.pem", home / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 9, "-subj",
                "/CN=etcd test", "-addext", "keyUsage=critical,keyCertSign",  # RFC 5280, 4.2.1.3
                "-keyout", self.key, "-out", self.trusted)

    def issue(self, name, san, days=9):
        chain, key, request, extra = (self.home / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        extra.write_text(f"subjectAltName=critical,{san}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/O=noonmark",
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.trusted, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", extra, "-out", chain)
        return chain, key


class Member:
    def __init__(self, cluster, i):
        self.cluster, self.i, self.name = cluster, i, f"m{i}"
        self.address = f"10.124.0.{i + 1}"
        self.url = f"https://{self.address}:2379"
        self.data = cluster.home / self.name
        self.namespace = Namespace(f"nm-etcd-{os.getpid()}-{self.name}")
        cluster.world.namespaces.append(self.namespace)
        hub = cluster.world.server
        subprocess.run(["ip", "link", "add", f"port{i}", "netns", hub.name, "type", "veth", "peer", "name", "eth0",
                        "netns", self.namespace.name], check=True)
        hub.ip("link", "set", f"port{i}", "master", "hub", "up")
        self.namespace.ip("link", "set", "lo", "up")
        self.namespace.ip("addr", "add", f"{self.address}/24", "dev", "eth0")
        self.namespace.ip("link", "set", "eth0", "up")
        self.chain, self.key = cluster.authority.issue(self.name, f"IP:{self.address}")
        self.program = None

    def start(self):
        peers = ",".join(f"m{j}=http://10.124.0.{j + 1}:2380" for j in range(3))
        self.program = Program(self.name, self.namespace.command(
            ETCD, "--name", self.name, "--data-dir", self.data, "--listen-client-urls", self.url,
            "--advertise-client-urls", self.url, "--listen-peer-urls", f"http://{self.address}:2380",
            "--initial-advertise-peer-urls", f"http://{self.address}:2380", "--initial-cluster", peers,
            "--initial-cluster-state", "new" if not self.data.exists() else "existing", "--client-cert-auth",
            "--trusted-ca-file", self.cluster.authority.trusted, "--cert-file", self.chain, "--key-file", self.key,
            "--heartbeat-interval", 100, "--election-timeout", 1000), self.cluster.home / f"{self.name}.log",
            env={**os.environ, "ETCD_UNSUPPORTED_ARCH": "arm64"})
        self.cluster.world.programs.append(self.program)

    def stop(self, number=signal.SIGKILL):
        self.cluster.world.programs.remove(self.program)
        self.program.stop(number)

    def cut(self, off):
        """Cuts it off from all others, or joins it again."""
        self.cluster.world.server.ip("link", "set", f"port{self.i}", "down" if off else "up")

    @contextlib.contextmanager
    def apart(self):
        """Cuts it off from the other members alone: it answers none, and they hear nothing."""
        others = [f"{m.address}/32" for m in self.cluster.members if m is not self]
        for other in others:
            self.namespace.ip("route", "add", "blackhole", other)
        try:
            yield
        finally:
            for other in others:
                self.namespace.ip("route", "del", "blackhole", other)

    def ask(self, path, body, chain=None, headers=None):
        """A request to its gateway: status and answer. None: none."""
        context = ssl.create_default_context(cafile=self.cluster.authority.trusted)
        context.load_cert_chain(*(chain or self.cluster.client))
        with self.cluster.world.server.entered():
            try:
                connection = http.client.HTTPSConnection(self.address, 2379, timeout=3, context=context)
                connection.request("POST", path, json.dumps(body), headers or {})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except (OSError, ValueError):
                return None


class Cluster:
    """Its members reach the world's server namespace, and each other, over a bridge there."""

    def __init__(self, world):
        self.world = world
        self.home = world.directory("etcd")
        self.authority = Authority(self.home)
        self.client = self.authority.issue("client", "DNS:node.noonmark.test")
        world.server.ip("link", "add", "hub", "type", "bridge")
        world.server.ip("addr", "add", f"{HUB}/24", "dev", "hub")
        world.server.ip("link", "set", "hub", "up")
        self.members = [Member(self, i) for i in range(3)]

    def start(self):
        for member in self.members:
            member.start()
        return self.has_leader()

    def has_leader(self, of=None):
        return wait_for(lambda: any(got and got[0] == 200 for got in (
            m.ask("/v3/kv/range", {"key": "AA=="}) for m in of or self.members)), 10, 0.1)

    def value(self):
        """The octets of the document's key, of whichever member answers."""
        for member in self.members:
            got = member.ask("/v3/kv/range", {"key": base64.b64encode(KEY.encode()).decode()})
            if got and got[1].get("kvs"):
                return base64.b64decode(got[1]["kvs"][0]["value"])
        return None

    def write(self, octets):
        key, value = (base64.b64encode(o).decode() for o in (KEY.encode(), octets))
        return any(got and got[0] == 200 for got in (m.ask("/v3/kv/put", {"key": key, "value": value}) for m in self.members))

    def found_in_data(self, needles):
        """The needles that a member's directory or log has, in a file of any kind."""
        found = set()
        for path in [p for p in self.home.rglob("*") if p.is_file() and (p.parent != self.home or p.suffix == ".log")]:
            octets = path.read_bytes().rstrip(b"\0")  # a log of etcd's is 64 MB of zeros at first
            found |= {needle for needle in needles if needle in octets}
        return found


class Node(World):
    """A server in the namespace of the first one, at an address of its own."""

    def __init__(self, name, address=SERVER_V4, first=None):
        self.address, self.first = address, first
        super().__init__(name)
        self.addresses = [address]

    def _wire(self):
        if self.first is None:
            super()._wire()
            return
        self.server, self.client = self.first.server, self.first.client
        self.server.ip("addr", "add", f"{self.address}/24", "dev", SERVER_IF)

    document_name = "fleet"

    @property
    def document(self):
        return self.keys_file.parent / self.document_name  # control's directory

    def follow(self, cluster, seal, lead="3s", settle="1s", extra=""):
        """Writes a configuration with the cluster's members. Its files are control's to read."""
        place = self.runtime / "etcd"
        place.mkdir(mode=0o755, exist_ok=True)
        files = {"seal": seal + "\n", "ca": cluster.authority.trusted.read_text(),
                 "cert": cluster.client[0].read_text(), "cert_key": cluster.client[1].read_text()}
        for name, text in files.items():
            (place / name).write_text(text)
            (place / name).chmod(0o600)
            os.chown(place / name, *map(int, CONTROL_USER.split(":")))
        self.keys_file.parent.mkdir(mode=0o700, exist_ok=True)
        os.chown(self.keys_file.parent, *map(int, CONTROL_USER.split(":")))
        self.configure(rotate="24h", keep=6, idle="adaptive", kernel_path=False,
                       ports=f"    - socket: \"{self.address}:{NTP_PORT}\"\n")
        text = self.configuration.read_text()
        text = text.replace(f"listen: [\"0.0.0.0:{KE_PORT}\", \"[::]:{KE_PORT}\"]", f"listen: [\"{self.address}:{KE_PORT}\"]")
        urls = ", ".join(f'"{m.url}"' for m in cluster.members)
        text = text.replace("  keep:", f"""\
  fleet:
    file: {self.document}
    etcd: [{urls}]
    key: {KEY}
    seal: {place}/seal
    ca: {place}/ca
    cert: {place}/cert
    cert_key: {place}/cert_key
    lead: {lead}
    settle: {settle}
{extra}  keep:""")
        self.configuration.write_text(text)

    def tool(self, *arguments, text=None):
        return self.server.run(BUILD / "noonmark-etcd", "-c", self.configuration, *arguments, input=text, check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait_serving(self, timeout=20):
        return wait_for(lambda: self.gave_up() or (self.answers_ntp(self.address) and
                                                   self.answers_ke(self.address)), timeout) and not self.gave_up()

    def change(self, *changes):
        """A reload with other texts in the configuration, (old, new)...; the answer as an object, with its exit code.
        What is refused is taken back."""
        before = text = self.configuration.read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        self.configuration.write_text(text)
        got = self.server.run(BUILD / "noonmarkctl", "--socket", self.control_socket, "--json", "reload", check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if got.returncode != 0:
            self.configuration.write_text(before)
        try:
            answer = json.loads(got.stdout)
        except ValueError:
            answer = {"said": got.stdout + got.stderr}
        answer.pop("unchanged", None)
        return {**answer, "code": got.returncode}

    def has(self):
        """The document in its file, or None."""
        return self.document.read_text() if self.document.exists() else None

    def serial(self):
        text = self.has()
        return int(text.split("serial ")[1].split()[0]) if text else 0

    def said(self):
        return self.noonmarkd.log.read_text()
