"""Results of runs as ntsperf --json writes them, made up for the tests of its report."""

import bisect
import math
import random

NAMES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999, "p99.999": 0.99999}


def edge(value):
    """The upper edge of a value's bucket: 64 buckets for each doubling."""
    shift = max(0, int(value).bit_length() - 7)
    return (((int(value) >> shift) + 1) << shift) - 1


def latencies(middle, spread=0.18, n=20000, seed=1):
    """Sorted nanoseconds: most near the middle, a few in a long tail."""
    r = random.Random(seed)
    draw = lambda: middle * math.exp(r.gauss(0, spread)) * (1 + (r.random() < 0.004) * r.expovariate(0.2))
    return sorted(int(draw()) for _ in range(n))


def summary(values):
    got = {name: min(values[-1], edge(values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]))
           for name, share in NAMES.items()}
    return {"min": values[0], "mean": sum(values) // len(values), **got, "max": values[-1]}


def histogram(values):
    edges = sorted({edge(v) for v in values})
    counts = [0] * len(edges)
    for v in values:
        counts[bisect.bisect_left(edges, edge(v))] += 1
    return [list(row) for row in zip(edges, counts)]


def manifest(mode, server="10.1.1.1", **more):
    return {"ntsperf": "0.1.0", "mode": mode, "command": f"ntsperf {mode} --sockets --json {server}",
            "started": "2026-11-26T11:00:00Z", "ended": "2026-11-26T11:02:00Z",
            "machine": {"cpu": "AMD EPYC", "cpus": 2, "kernel": "Linux 6.18"},
            "crypto": "vaes512", "path": "sockets",
            "target": {"server": server, "udp_port": 123, "ke_port": 4460, "aead": 15, "cookie_len": 100},
            "plan": {"rate": 10000, "duration_s": 10, "spacing": "fixed", "clients": 64,
                     "placeholders": "auto", "verify": "1/1"}, **more}


def run(mode="nts", middle=60000, rate=10000.0, seed=1, **more):
    """One trial at one rate."""
    values = latencies(middle, seed=seed)
    n = len(values)
    return {"manifest": manifest(mode), "sent": n, "answered": n, "verified": n, "lost": 0, "late": 0,
            "nak": 0, "kiss": 0, "kiss_codes": {"RATE": 0}, "wrong": 0, "wrong_kinds": {"tag": 0},
            "not_sent": 0, "rate": rate, "answered_rate": rate, "loss": 0.0,
            "latency_ns": summary(values), "processing_ns": summary(latencies(7000, 0.1, 2000)),
            "offset_ns": {"mean": -1200.5, "stddev": 900.1, "min": -9000, "p50": -1100, "max": 4000},
            "headroom": 0.53, "tester": {"limit": False, "why": "", "missed": 0},
            "server_cpu": {"pid": 7, "seconds": 0.16, "us_per_reply": 8.2}, "objective": None,
            "histogram_ns": histogram(values), "series": [], "steps": [], "flows": [], **more}


def search(knee=132400.0, middle=60000, seed=2, **more):
    """A search for the highest rate; beyond the knee requests are lost and queues grow."""
    steps = []
    rates = [knee * f for f in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 15 / 16, 1, 1.02, 1.1, 1.25, 1.5)]
    for k, rate in enumerate(rates):
        over = max(0.0, rate / knee - 1.0)
        load = min(rate / knee, 0.97)
        values = latencies(middle * (1 + 0.25 * load / (1 - load)) * (1 + 40 * over), 0.18 + over, 3000, seed + k)
        loss = over / (1 + over) if over else (0.000004 if load > 0.9 else 0.0)
        sent = int(rate * 10)
        steps.append({"rate": rate, "sent": sent, "answered": int(sent * (1 - loss)), "lost": int(sent * loss),
                      "loss": loss, "answered_rate": rate * (1 - loss), "latency_ns": summary(values),
                      "headroom": max(0.02, 1 - rate / (knee * 1.6)), "met": over == 0,
                      "tester_limit": rate == rates[-1]})
    random.Random(seed).shuffle(steps)
    return run(middle=middle * 3, rate=knee, seed=seed, steps=steps,
               objective={"loss": 0.00001, "p99_ns": 1000000, "met": True}, **more)


def soak(seconds=600, rate=20000, seed=3, **more):
    r = random.Random(seed)
    series = []
    for t in range(1, seconds + 1):
        hiccup = 200 <= t < 215
        lost = int(rate * 0.02 * r.random()) if hiccup else 0
        p50 = int(61000 * math.exp(r.gauss(0, 0.03)))
        series.append({"t": float(t), "span": 1.0, "sent": rate, "answered": rate - lost, "lost": lost, "wrong": 0,
                       "p50": p50, "p99": int(p50 * (9 if hiccup else 2.1) * math.exp(r.gauss(0, 0.08)))})
    lost = sum(row["lost"] for row in series)
    return run(rate=float(rate), seed=seed, series=series, lost=lost, loss=lost / (rate * seconds), **more)


def mix(seed=4, **more):
    def flow(name, sent, loss, middle=70000, **rest):
        lost = int(sent * loss)
        return {"name": name, "honest": name in ("nts", "plain", "victim"), "sent": sent,
                "answered": sent - lost, "verified": 0 if name != "nts" else sent - lost, "lost": lost,
                "loss": loss, "nak": 0, "wrong": 0, "latency_ns": summary(latencies(middle, seed=seed)), **rest}
    flows = [flow("nts", 300000, 0.0004), flow("plain", 100000, 0.0001, 40000),
             flow("bad-tag", 50000, 1.0, nak=49980), flow("flood", 900000, 1.0),
             flow("victim", 6000, 0.0125, 110000)]
    result = run("mix", rate=135600.0, seed=seed, flows=flows, **more)
    result.update(wrong=4, wrong_kinds={"tag": 3, "origin": 1, "duplicate": 0}, nak=49980, loss=0.0004,
                  tester={"limit": True, "why": "the sending thread had no time left", "missed": 12},
                  storm={"clients": 64, "recovered": 64, "recovery_s": 1.32})
    return result


def exchanges(seed=5, **more):
    steps = [{"rate": rate, "sent": int(rate * 10), "answered": int(rate * 10 * (1 - loss)), "loss": loss,
              "answered_rate": rate * (1 - loss), "latency_ns": summary(latencies(middle, 0.25, 2000, seed)),
              "headroom": 0.4, "met": loss == 0, "tester_limit": False}
             for rate, loss, middle in ((50, 0.0, 2.1e6), (200, 0.0, 2.3e6), (800, 0.0, 4.1e6),
                                        (1600, 0.002, 3e7), (3200, 0.41, 9e8))]
    return run("ke", middle=4e6, rate=800.0, seed=seed, steps=steps, loss=0.0011, **{
        "ke": {"started": 8000, "granted": 7991, "aborted": 400, "failed": 9,
               "failures": {"timed_out": 7, "refused": 2}, "cpu_s": 3.1,
               "connect_ns": summary(latencies(90000, seed=seed)),
               "handshake_ns": summary(latencies(3.5e6, seed=seed)),
               "slow": {"held": 100, "cut": 100, "cut_after_s": 5.0}}, **more})
