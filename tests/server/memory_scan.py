"""Looking for secrets in the memory and the registers of a running process with memscan, and the forms in which the
server has cookie keys."""

import subprocess

from harness import BUILD

MEMSCAN = BUILD / "tests/server/memscan"


def make_sbox():
    """AES's substitution (FIPS 197, section 5.1.1): inverses in GF(2^8), then an affine map."""
    table, p, q = [0] * 256, 1, 1
    while True:
        p ^= (p << 1 ^ (0x11b if p & 0x80 else 0)) & 0xff
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xff
        q ^= 0x09 if q & 0x80 else 0
        table[p] = q ^ 0x63
        for turn in range(1, 5):
            table[p] ^= (q << turn | q >> 8 - turn) & 0xff
        if p == 1:
            table[0] = 0x63
            return table


SBOX = make_sbox()


def round_keys(key):
    """The eleven round keys of an AES-128 key; the first is the key itself."""
    words, factor = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = words[-1]
        if i % 4 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= factor
            factor = (factor << 1 ^ (0x11b if factor & 0x80 else 0)) & 0xff
        words.append([a ^ b for a, b in zip(words[i - 4], word)])
    return [bytes(sum(words[i:i + 4], [])) for i in range(0, 44, 4)]


def planes(block):
    """A block in the form of crypto/lanes_portable.h, the same in eight lanes."""
    bits = [sum((block[i] >> j & 1) << i for i in range(16)) for j in range(8)]
    return b"".join(b.to_bytes(2, "little") * 8 for b in bits)


def siv_patterns(name, secret):
    """A key of AES-SIV-CMAC-256 in every form that the server gives it."""
    for half in range(2):
        for number, octets in enumerate(round_keys(secret[16 * half:16 * half + 16])):
            yield f"{name}-half{half}-round{number}", octets
            yield f"={name}-half{half}-planes{number}", planes(octets)


def swapped(octets):
    """As SHA-256 has them: words of four octets, the other way round."""
    return b"".join(octets[i:i + 4][::-1] for i in range(0, len(octets), 4))


class Found:
    def __init__(self, line):
        word = line.split()
        self.name, self.where, self.thread = word[1].lstrip("="), word[2], word[3]
        self.address, self.count, self.flags, self.mapping = word[4:8]
        self.flags = self.flags.split(",")
        self.line = line


def scan(pid, patterns):
    """Every place in the memory and the registers of a process, and what could not be read."""
    lines = "".join(f"{name} {octets[:len(octets) // 8 * 8].hex()}\n" for name, octets in patterns)
    got = subprocess.run([MEMSCAN, str(pid)], input=lines, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    if got.returncode != 0:
        raise RuntimeError(f"memscan {pid}: {got.stdout}")
    lines = got.stdout.splitlines()
    return ([Found(line) for line in lines if line.startswith("found")],
            [line for line in lines if line.startswith("unread") and "[vvar" not in line])
