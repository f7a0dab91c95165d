"""Writes a file as a C array with its length: embed.py IN OUT HEADER NAME."""
import sys

source, target, header, name = sys.argv[1:]
with open(source, "rb") as file:
    octets = file.read()
with open(target, "w") as file:
    file.write(f'#include "{header}"\n\n')
    file.write(f"const size_t {name}_len = {len(octets)};\n")
    file.write(f"const unsigned char {name}[] __attribute__((aligned(8))) = {{\n")
    for at in range(0, len(octets), 16):
        file.write("    " + " ".join(f"{o:#04x}," for o in octets[at : at + 16]) + "\n")
    file.write("};\n")
