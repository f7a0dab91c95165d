"""How the tests of noonmarkctl print their points."""


def report(results, prefix="ctl: "):
    """Prints TAP of [(passed, name, what was got)] and returns the exit status. Passed None: the point is skipped, for
    the reason in the third place."""
    print("TAP version 13")
    for number, (passed, name, got) in enumerate(results, 1):
        if passed is None:
            print(f"ok {number} - {prefix}{name} # SKIP {got}")
            continue
        print(f"{'ok' if passed else 'not ok'} {number} - {prefix}{name}")
        if not passed:
            print(f"# {got!r}")
    print(f"1..{len(results)}")
    return 0 if all(passed is None or passed for passed, *_ in results) else 1
