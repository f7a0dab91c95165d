"""The fenced blocks of the documents, with what their first line says of them: ```sh run has the words `sh` and `run`."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOST = "ntp.example.net"  # in every document
DOCUMENTS = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


class Block:
    def __init__(self, document, line, words, text):
        self.document, self.line, self.words, self.text = document, line, words, text
        self.name = f"{document.name}:{line}"

    def commands(self):
        """Its lines without comments, those that end in a backslash joined."""
        text = re.sub(r"\\\n\s*", "", self.text)
        lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()]
        return [line for line in lines if line]


def blocks(document):
    found, opened = [], None
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if opened is None and line.startswith("```"):
            opened = (number, line[3:].split(), [])
        elif opened is not None and line == "```":
            found.append(Block(document, opened[0], opened[1], "".join(opened[2])))
            opened = None
        elif opened is not None:
            opened[2].append(line + "\n")
    if opened is not None:
        raise ValueError(f"{document.name}:{opened[0]}: a block without an end")
    return found


def documented(name, words, **replaced):
    """The text of the one block of docs/NAME with those words. HOST=... gives the host another name."""
    found = [block for block in blocks(ROOT / "docs" / name) if block.words == words.split()]
    if len(found) != 1:
        raise ValueError(f"docs/{name}: {len(found)} blocks are `{words}`")
    return found[0].text.replace(HOST, replaced.get("host", HOST))
