"""Writes a file as a C array: embed.py IN OUT NAME."""
import sys

source, target, name = sys.argv[1:]
with open(source, "rb") as file:
    octets = file.read()
with open(target, "w") as file:
    file.write("// Made by embed.py.\n#pragma once\n\n")
    file.write(f"static const unsigned char {name}[] = {{\n")
    for at in range(0, len(octets), 16):
        file.write("    " + " ".join(f"{o:#04x}," for o in octets[at : at + 16]) + "\n")
    file.write("};\n")
