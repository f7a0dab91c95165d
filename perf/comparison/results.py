"""The summary of all rounds: medians and bests, ratios, and tables for RESULTS.md."""

import re
import statistics

TITLES = {"memif": "noonmarkd, memif", "xdp": "noonmarkd, AF_XDP", "socket": "noonmarkd, socket",
          "chronyd": "chronyd"}


def number(value):
    return f"{value:,.0f}".replace(",", " ")


def tenths(value):
    return f"{value:.1f}"


def share(value):
    return f"{value:.0%}"


def small_share(value):
    return f"{value:.4%}" if value else "none"


SAME_RATES = (20_000, 40_000)  # requests a second that all servers hold

# name, description, path in a round, format, whether more is better.
ROWS = [
    ("rate", "replies a second, held with at most 0.1 % lost", ("hold", "rate"), number, True),
    ("loss", "lost meanwhile", ("hold", "loss"), small_share, False),
    ("busy_share", "share of the server's core that was busy meanwhile",
     ("hold", "cost", "busy_share"), share, False),
    ("headroom", "share of the tester's core that was idle meanwhile", ("hold", "headroom"), share,
     True),
    ("most", "replies a second, the most at any rate", ("most",), number, True),
    ("cpu_whole", "server's core, polling included: ns a reply", ("at_work", "cost", "whole_core"),
     number, False),
    ("cpu_busy", "server's core, busy only: ns a reply", ("at_work", "cost", "busy"), number,
     False),
    ("softirq_server", "of it softirq", ("at_work", "cost", "softirq_server"), number, False),
    ("softirq_tester", "softirq on the tester's CPU: ns a reply",
     ("at_work", "cost", "softirq_tester"), number, False),
    ("cpu_total", "**server CPU a reply**, busy and all softirq: ns",
     ("at_work", "cost", "total"), number, False),
    ("busy_counter", "busy by noonmarkd's own counter: ns a reply",
     ("at_work", "cost", "busy_counter"), number, False),
    ("capacity", "replies a second that a core would give at that busy cost",
     ("at_work", "cost", "capacity"), number, True),
    ("ke", "NTS-KE sessions a second of server CPU", ("ke_openssl_100", "per_cpu_second"),
     number, True),
    *((f"ke_{key}_{rate}", f"server CPU a key exchange, {client}'s client, {rate} a second: us",
       (f"ke_{key}_{rate}", "cpu_us"), number, False)
      for key, client in (("openssl", "OpenSSL"), ("gnutls", "GnuTLS")) for rate in (100, 1000)),
    *((f"ke_alone_{key}_{rate}", f"likewise, without a polling thread on that CPU, {client}'s client, {rate} a second: us",
       (f"ke_alone_{key}_{rate}", "cpu_us"), number, False)
      for key, client in (("openssl", "OpenSSL"), ("gnutls", "GnuTLS")) for rate in (100, 1000)),
    ("ke_gnutls_ms", "GnuTLS's client, 100 key exchanges a second: median ms",
     ("ke_gnutls_100", "median_ms"), tenths, False),
    *((f"same_{rate}{what}", text.format(number(rate)), (f"same_{rate}", *path), number, False)
      for rate in SAME_RATES
      for what, text, path in (("", "all may sleep, {} requests a second: ns of CPU a reply", ("cost", "whole_core")),
                               ("_ns", "likewise, {} requests a second: median ns there and back", ("round_trip_ns",)))),
    ("server_ns", "one at a time: median ns from receive to send", ("one_at_a_time", "server_ns"),
     number, False),
    ("departure_ns", "one at a time: departure_ns, composing to sending",
     ("one_at_a_time", "departure_ns"), number, False),
    ("round_trip_ns", "one at a time: median ns there and back",
     ("one_at_a_time", "round_trip_ns"), number, False),
]
# Of these the ratio to chronyd is of interest, greater being better for noonmarkd.
RATIOS = ("rate", "most", "cpu_total", "cpu_busy", "ke_openssl_100", "ke_openssl_1000",
          "ke_gnutls_100", "ke_gnutls_1000", "ke_alone_openssl_100", "ke_alone_openssl_1000",
          "ke_alone_gnutls_100", "ke_alone_gnutls_1000", "ke", *(f"same_{rate}" for rate in SAME_RATES))


def at(value, path):
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def both(values, more):
    return {"best": (max if more else min)(values), "median": statistics.median(values),
            "all": values} if values else None


def ratio(ours, theirs, more):
    if not ours or not theirs:
        return None
    pair = {}
    for which in ("best", "median"):
        above, below = (ours, theirs) if more else (theirs, ours)
        pair[which] = above[which] / below[which] if below[which] else None
    return pair


def summarise(rounds):
    """{server: {row: {best, median, all}}}, and the ratios to chronyd."""
    servers = {}
    for key in TITLES:
        measured = [each[key] for each in rounds if key in each]
        if measured:
            servers[key] = {
                name: both([v for v in (at(m, path) for m in measured) if v is not None], more)
                for name, _, path, _, more in ROWS}
            servers[key]["not_held"] = sum(not at(m, ("hold", "held")) for m in measured)
            servers[key]["wrong"] = sum(at(m, ("hold", "wrong")) or 0 for m in measured)
            servers[key]["limits"] = sorted({at(m, ("hold", "limit")) for m in measured} -
                                            {None, ""})
    ratios = {}
    for key in ("memif", "xdp", "socket"):
        if key in servers and "chronyd" in servers:
            ratios[key] = {name: ratio(servers[key][name], servers["chronyd"][name], more)
                           for name, _, _, _, more in ROWS if name in RATIOS}
    cores = [each["cores"] for each in rounds if "cores" in each]
    return {"servers": servers, "ratios": ratios, "cores": summarise_cores(cores)}


def summarise_cores(measured):
    got = {}
    for name in ("one", "two"):
        rates = [m[name]["rate"] for m in measured if "rate" in m.get(name, {})]
        busy = [m[name]["busy"] for m in measured if "busy" in m.get(name, {})]
        if rates:
            got[name] = {"rate": both(rates, True), "busy": both(busy, False)}
    return got


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def pair(value, shown):
    if value is None:
        return "-"
    return f"{shown(value['median'])} ({shown(value['best'])})"


def times(value):
    if value is None or None in value.values():
        return "-"
    return f"{value['median']:.2f} ({value['best']:.2f})"


def server_table(summary):
    servers = summary["servers"]
    rows = [[text, *(pair(servers[key][name], shown) for key in servers)]
            for name, text, _, shown, _ in ROWS]
    return table(["median of the rounds (best)", *(TITLES[key] for key in servers)], rows)


def ratio_table(summary):
    texts = {name: text for name, text, _, _, _ in ROWS}
    rows = [[texts[name].replace("**", "").partition(":")[0],
             *(times(summary["ratios"][key][name]) for key in summary["ratios"])]
            for name in RATIOS]
    return table(["times better than chronyd: of medians (of bests)",
                  *(TITLES[key] for key in summary["ratios"])], rows)


def core_table(summary):
    cores = summary["cores"]
    rows = []
    for name in ("one", "two"):
        got = cores.get(name)
        figures = ["not measured", "-"]
        if got:
            figures = [pair(got["rate"], number), pair(got["busy"], number)]
        rows.append([f"{name} server {'core' if name == 'one' else 'cores'}", *figures])
    return table(["median of the rounds (best)", "replies a second", "busy ns a reply"], rows)


def replace_section(text, name, body):
    """Replaces the section between its markers and keeps the rest."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    if begin in text and end in text:
        return re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: section, text,
                      flags=re.S)
    return text.rstrip() + "\n\n" + section + "\n"
