"""Checks that each kernel wipes all of the stack that it has used: frames.py STAMP LIBRARY...

A kernel is a function NAME_run, which calls NAME_run_groups and then kernel_wipe_frame, whose array
overwrites the stack where the first one's frame and its callees' have been. Reads what
-fstack-usage wrote beside the objects of each library, and makes the file STAMP when all is well.
Another compiler may need larger frames: then BLOCK_SPILLS in crypto/lanes_*.h is too small, or the
compiler keeps blocks in memory that belong into registers."""
import pathlib
import re
import sys


def faults(usage):
    """What is wrong with one file of the form 'PLACE:FUNCTION<tab>OCTETS<tab>KIND' a line."""
    frames = {}
    for line in usage.read_text().splitlines():
        place, octets, _ = line.split("\t")
        name = place.rpartition(":")[2].partition(".")[0]
        frames[name] = max(int(octets), frames.get(name, 0))
    wiped = frames.pop("kernel_wipe_frame", None)
    if wiped is None:
        return
    groups = max((octets for name, octets in frames.items() if name.endswith("_run_groups")), default=None)
    if groups is None:
        yield f"{usage}: no function *_run_groups; is it inlined where nothing wipes it?"
        return
    # What it calls; the callers' frames, with all that they wipe themselves, lie above.
    deeper = max((octets for name, octets in frames.items()
                  if re.match("(kernel|block|siv_lanes|sbox)_", name) and not re.search("_run(_groups)?$", name)),
                 default=0)
    if groups + deeper > wiped:
        yield (f"{usage}: a kernel uses {groups} + {deeper} octets of stack but wipes {wiped}: keys may stay; "
               "raise BLOCK_SPILLS, or see the compiler's arguments in crypto/meson.build")


def main():
    stamp, *libraries = sys.argv[1:]
    files = [path for library in libraries for path in sorted(pathlib.Path(f"{library}.p").glob("*.su"))]
    if not files:
        sys.exit("frames.py: no stack usage beside the kernels' objects; was -fstack-usage given?")
    found = [fault for path in files for fault in faults(path)]
    if found:
        sys.exit("\n".join(found))
    pathlib.Path(stamp).write_text("// Each kernel wipes all of the stack that it has used (scripts/frames.py).\n")


if __name__ == "__main__":
    main()
