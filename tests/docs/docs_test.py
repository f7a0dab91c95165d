"""The documents: links lead somewhere, configurations are right, and each command of ours has the options that are
written there. What can be run is run by tests/server/docs_test.py, and the lines for clients by the clients' tests."""

import functools
import os
import pathlib
import re
import subprocess
import tempfile

from blocks import DOCUMENTS, ROOT, blocks

BUILD = pathlib.Path(os.environ["NOONMARK_BUILD"])

# What a block may be, and so who looks at it.
KINDS = {
    ("yaml",): "here",
    ("sh", "run"): "tests/server/docs_test.py",
    ("sh", "client"): "tests/server/docs_test.py",
    ("sh", "hardware"): "needs a real network card",
    ("sh", "package"): "tests/packages/run",
    ("sh",): "its options, here; quickstart and check are CI's",
    ("chrony.conf",): "tests/server/chronyd_test.py",
    ("chrony.conf", "keeper"): "tests/server/docs_test.py",
    ("ntp.conf",): "tests/server/ntpd_test.py",
    ("ntp.toml",): "tests/server/ntpd_rs_test.py",
    ("ntpd.conf",): "tests/server/openntpd_test.py",
    ("kernel",): "the command line of Linux",
    (): "pictures and foreign configurations",
}

# Sections that the server insists on, for documents that show others alone.
NEEDED = {
    "dataplane": "dataplane:\n  cores: [1]\n  ports:\n    - interface: eth0\n",
    "control": "control:\n  certificates:\n    - {chain: /c.pem, key: /k.pem}\n",
    "time": "time:\n  source: chronyd\n",
}
done = 0
failed = 0


def ok(passed, text, detail=""):
    global done, failed
    done += 1
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {done} - {text}")
    for line in detail.splitlines() if not passed else ():
        print("#", line)


def anchor(heading):
    """As the web sites that show Markdown make them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(document):
    return {anchor(line.lstrip("# ")) for line in document.read_text().splitlines() if line.startswith("#")}


def links(document):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, name = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists():
            wrong.append(f"{target}: there is no such file")
        elif name and name not in anchors(file):
            wrong.append(f"{target}: there is no such heading")
    ok(not wrong, f"{document.name}: its links lead somewhere", "\n".join(wrong))


def is_ours(block):
    first = re.match(r"(\w+):", block.text)
    return first is not None and first[1] in (*NEEDED, "keys", "metrics", "log")


def configuration(block):
    text = block.text + "".join(section for name, section in NEEDED.items()
                                if not re.search(f"^{name}:", block.text, re.M))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        got = subprocess.run([BUILD / "noonmarkd", "-c", file.name, "--syntax"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    ok(got.returncode == 0, f"{block.name}: noonmarkd takes the configuration", got.stderr)


def words_of(manual):
    return (ROOT / "man" / manual).read_text().replace("\\-", "-")


@functools.cache
def commands_of(program):
    told = subprocess.run([BUILD / program, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return set(re.findall(r"^  ([a-z]+)\b", told, re.M))


def options(block):
    manuals = {"noonmarkd": words_of("noonmarkd.8"), "noonmarkctl": words_of("noonmarkctl.1"),
               "ntsperf": words_of("ntsperf.1")}
    wrong = []
    for command in block.commands():
        words = command.removeprefix("sudo ").split()
        program = pathlib.PurePath(words[0]).name
        if program not in manuals:
            continue
        named = [word.split("=")[0] for word in words[1:] if word.startswith("--")]
        command_word = next((word for word in words[1:] if not word.startswith("-")), None)
        if program != "noonmarkd" and command_word not in commands_of(program):
            wrong.append(f"{command}: {program} --help has no such command")
        wrong += [f"{command}: {program}'s manual has no {word}" for word in named
                  if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", manuals[program])]
    ok(not wrong, f"{block.name}: its commands are in the manuals", "\n".join(wrong))


for document in DOCUMENTS:
    links(document)
    for block in blocks(document):
        if tuple(block.words) not in KINDS:
            ok(False, f"{block.name}: nobody looks at a block of `{' '.join(block.words)}`")
        elif block.words == ["yaml"] and is_ours(block):
            configuration(block)
        elif block.words and block.words[0] == "sh":
            options(block)
print(f"1..{done}")
raise SystemExit(failed > 0)
