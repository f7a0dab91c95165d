"""Puts a page, its style and its script into one file: assemble.py OUT PAGE.html STYLE.css SCRIPT.js...

The page's policy allows this very style and this very script, by their hashes, and nothing else: a
browser would not run a script that had got into a report through its data."""
import base64
import hashlib
import pathlib
import sys

target, page, style, *scripts = map(pathlib.Path, sys.argv[1:])


def allowed(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


parts = {"STYLE": style.read_text(), "SCRIPT": "\n".join(s.read_text() for s in scripts)}
for name, text in parts.items():
    if "</" in text or "<!--" in text or "@RUNS@" in text:
        sys.exit(f"{name} of {page}: holds what would end its element or take the runs' place")
whole = page.read_text()
for name, text in parts.items():
    whole = whole.replace(f"@{name}_HASH@", allowed(text))
for name, text in parts.items():
    before, after = whole.split(f"@{name}@")
    whole = before + text + after
if whole.count("@RUNS@") != 1:
    sys.exit(f"{page}: needs the marker of the runs once")
target.write_text(whole)
