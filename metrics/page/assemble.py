"""Puts the status page, its style and its script into one file: assemble.py PAGE POLICY PAGE.html STYLE.css SCRIPT.js...

The policy, which the server sends as a header, allows this very style and script by their hashes, and requests to
the server itself alone."""
import base64
import hashlib
import pathlib
import sys

target, policy, page, style, *scripts = map(pathlib.Path, sys.argv[1:])


def allowed(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


css, script = style.read_text(), "\n".join(s.read_text() for s in scripts)
for text in css, script:
    if "</" in text or "<!--" in text:
        sys.exit(f"{page}: its style or script holds what would end its element")
whole = page.read_text()
for name, text in ("@STYLE@", css), ("@SCRIPT@", script):
    before, after = whole.split(name)
    whole = before + text + after
target.write_text(whole)
policy.write_text(f"default-src 'none'; script-src {allowed(script)}; style-src {allowed(css)}; connect-src 'self'; img-src data:; "
                  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\0")
