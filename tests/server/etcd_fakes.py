"""Members of etcd that do wrong, each at a port of the hub's address, and a resolver that never answers."""

import socket
import ssl
import threading
import time

from etcd_world import HUB

NAME = "etcd.noonmark.test"  # asks the resolver
RESOLV = f"nameserver {HUB}\noptions timeout:5 attempts:2\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def mute(s):
    time.sleep(60)


def dribble(s):
    """An octet a second; one that never ends."""
    s.sendall(HEAD % 1000)
    for _ in range(60):
        s.sendall(b" ")
        time.sleep(1)


def flood(s):
    """100 MB."""
    s.sendall(HEAD % 100_000_000 + b'{"header":{"revision":"1"},"x":"')
    for _ in range(100):
        s.sendall(b"x" * 1_000_000)


def endless(s):
    """As many in a head that has no end."""
    s.sendall(b"HTTP/1.1 200 OK\r\n")
    for i in range(100):
        s.sendall((b"X-%d: " % i + b"x" * 1000 + b"\r\n") * 1000)


def redirect(s):
    s.sendall(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://10.124.0.1:2379/v3/kv/range\r\nContent-Length: 0\r\n\r\n")


def garbage(s):
    s.sendall(HEAD % 40 + b'{"header":{"revision":"\xff\xfe\x1b[31m"}' + b"[" * 20)


def cut(s):
    s.sendall(HEAD % 40 + b'{"header":')


class Fakes:
    """kind -> (what it does once TLS is up, its certificate); None: it takes the connection and says nothing."""

    KINDS = {
        "silent": (None, "good"), "mute": (mute, "good"), "dribble": (dribble, "good"), "flood": (flood, "good"),
        "endless": (endless, "good"), "redirect": (redirect, "good"), "garbage": (garbage, "good"), "cut": (cut, "good"),
        "expired": (mute, "expired"), "other name": (mute, "other"), "foreign": (mute, "foreign"),
    }
    # What noonmark-etcd says of it.
    SAYS = {
        "silent": "[Tt]imed? ?out|[Tt]imeout", "mute": "timed out", "dribble": "timed out", "flood": "answer is too long",
        "endless": "[Tt]oo (large|long|big)|[Ll]arge|exceed|timed out", "redirect": "HTTP status 307",
        "garbage": "is no JSON object", "cut": "[Cc]losed|transfer|unexpected eof|SSL", "expired": "expired",
        "other name": "subject name|does not match", "foreign": "self.signed|unable to get|issuer",
        "resolver": "[Rr]esolv",
    }

    def __init__(self, cluster, foreign):
        issue = cluster.authority.issue
        pairs = {"good": issue("fake", f"IP:{HUB}"), "other": issue("fake-other", "DNS:another.test"),
                 "expired": issue("fake-expired", f"IP:{HUB}", days=0), "foreign": foreign.issue("fake-foreign", f"IP:{HUB}")}
        self.url, self.sockets = {}, []
        for kind, (act, certificate) in self.KINDS.items():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pairs[certificate])
            listener = cluster.world.server.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.bind((HUB, 0))
            listener.listen(16)
            self.sockets.append(listener)
            self.url[kind] = f"https://{HUB}:{listener.getsockname()[1]}"
            threading.Thread(target=self.accept, args=(listener, context, act), daemon=True).start()
        resolver = cluster.world.server.socket(socket.AF_INET, socket.SOCK_DGRAM)
        resolver.bind((HUB, 53))  # nobody reads it
        self.sockets.append(resolver)
        self.url["resolver"] = f"https://{NAME}:2379"

    def accept(self, listener, context, act):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.sockets.append(connection)
            if act is not None:
                threading.Thread(target=self.serve, args=(connection, context, act), daemon=True).start()

    @staticmethod
    def serve(connection, context, act):
        try:
            with context.wrap_socket(connection, server_side=True) as s:
                s.recv(65536)
                act(s)
        except OSError:
            pass

    def close(self):
        for s in self.sockets:
            s.close()
