#!/usr/bin/env python3
"""netbench.py: real daemons, measured: set-up, requests, downloads, CPU, memory.

usage: bench/net/netbench.py --loopback [options]
       netlab/netlab run 7 rate=100mbit delay=25ms tick=200us -- bench/net/netbench.py [options]

Inside netlab the client is on h1, relays on h2..h5, the exit on h6, the server on h7, so that a
request through three hops crosses four paths. Figures are medians [min .. max]; CPU is user +
system of all six daemons. ALLIUM=PROGRAM measures another program than build/allium. No port is
fixed.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from lab import ROOT, BenchError, Lab, program, running

PARALLEL = 4


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "n": len(values)}


def show(number):
    """Three figures that mean something, and no exponent."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def progress(text):
    print(f"netbench: {text}", file=sys.stderr, flush=True)


def latency(lab, args, out):
    progress(f"{args.runs} new circuits and streams")
    first = []
    builds = {}
    for i in range(args.runs):
        first.append(lab.run(f"user{i}", "ping", 1)["first_ms"])
        time.sleep(0.3)
        for c in lab.own_circuits():
            if c["open"]:
                builds[c["circuit"]] = c["build_ms"]
    out["circuit_build_ms"] = spread(list(builds.values()))
    out["new_stream_first_byte_ms"] = spread(first)
    out["request_open_stream_ms"] = spread(lab.run("user0", "ping", 20)["ping_ms"])
    out["direct_request_ms"] = spread(lab.run(None, "ping", 20)["ping_ms"])


def download(lab, users, megabytes):
    """All users at once: Mbit/s of the sum, CPU a MB of each daemon."""
    before = lab.cpu_s()
    got = [lab.begin(u, "get", megabytes * 1000000) for u in users]
    got = [lab.result(p) for p in got]
    after = lab.cpu_s()
    seconds = max(g["end"] for g in got) - min(g["start"] for g in got)
    total = megabytes * len(users)
    cpu = {name: (after[name] - before[name]) * 1e3 / total for name in after}
    return total * 8 / seconds, cpu


def throughput(lab, args, out):
    rates, cpus = [], []
    for i in range(args.downloads):
        progress(f"download {i + 1} of {args.downloads}, {args.megabytes} MB")
        rate, cpu = download(lab, [f"user{i}"], args.megabytes)
        rates.append(rate)
        cpus.append(cpu)
    out["download_mbit_s"] = spread(rates)
    out["cpu_ms_per_mb"] = spread([sum(c.values()) for c in cpus])
    out["cpu_ms_per_mb_by_node"] = {n: statistics.median(c[n] for c in cpus) for n in cpus[0]}
    progress(f"{PARALLEL} downloads at once")
    rate, cpu = download(lab, [f"user{i}" for i in range(PARALLEL)], args.megabytes)
    out["parallel_mbit_s"] = spread([rate])
    out["parallel_cpu_ms_per_mb"] = spread([sum(cpu.values())])
    rate, _ = download(lab, [None], args.megabytes)
    out["direct_download_mbit_s"] = spread([rate])


def idle(lab, out):
    progress("idle")
    out["idle_rss_kib"] = spread([n.rss_kib() for n in lab.nodes])
    before, t0 = lab.cpu_s(), time.monotonic()
    time.sleep(3)
    span = time.monotonic() - t0
    after = lab.cpu_s()
    out["idle_cpu_ms_s"] = spread([(after[n] - before[n]) * 1e3 / span for n in after])


def late_packets():
    """What netlab says of itself: delays are to be trusted only when next to nothing was late."""
    done = subprocess.run([ROOT / "netlab" / "netlab", "-l", os.environ["NETLAB"], "status"],
                          capture_output=True, text=True)
    words = dict(w.split("=", 1) for w in done.stdout.split() if "=" in w)
    got = {k: words.get(k, "?") for k in ("delivered", "late>1ms", "late_max", "no_buffer")}
    if got["late>1ms"] != "0" or got["no_buffer"] != "0":
        progress("netlab was late or short of room: " + json.dumps(got))
    return got


def measure(lab, args):
    out = {"load_before": os.getloadavg()[0]}
    idle(lab, out)
    latency(lab, args, out)
    throughput(lab, args, out)
    out["busy_rss_kib"] = spread([n.rss_kib() for n in lab.nodes])
    out["load_after"] = os.getloadavg()[0]
    if not args.loopback:
        out["netlab"] = late_packets()
    return out


def parse():
    p = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--loopback", action="store_true", help="all on this machine, no netlab")
    p.add_argument("--megabytes", type=int, default=50, metavar="N", help="of a download (50)")
    p.add_argument("--runs", type=int, default=9, metavar="N", help="new circuits (9)")
    p.add_argument("--downloads", type=int, default=3, metavar="N", help="one by one (3)")
    p.add_argument("--name", default="", help="goes into the JSON")
    p.add_argument("--json", metavar="FILE", help="write the figures there")
    p.add_argument("--counters", action="store_true", help="print all counters at the end")
    p.add_argument("--keep", action="store_true", help="keep logs and state")
    args = p.parse_args()
    if min(args.megabytes, args.runs, args.downloads) < 1 or args.runs < args.downloads:
        raise BenchError("--runs >= --downloads >= 1 and --megabytes >= 1")
    if args.runs < PARALLEL:
        raise BenchError(f"--runs is at least {PARALLEL}: so many download at once")
    if not args.loopback and "NETLAB" not in os.environ:
        raise BenchError("run it inside `netlab/netlab run 7 ... --`, or give --loopback")
    return args


def report(result, args):
    for key, v in result.items():
        if isinstance(v, dict) and "median" in v:
            print(f"{key:26} {show(v['median']):>8}  [{show(v['min'])} .. {show(v['max'])}], "
                  f"n={v['n']}")
    nodes = result["cpu_ms_per_mb_by_node"]
    print("cpu_ms_per_mb_by_node      " + ", ".join(f"{n} {show(v)}" for n, v in nodes.items()))
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


def main():
    args = parse()
    with running(lambda folder: Lab(args.loopback, folder), "netbench", args.keep) as lab:
        lab.start()
        result = measure(lab, args)
        if args.counters:
            for key, values in sorted(lab.counters().items()):
                print(f"{key:60} {values}")
    result["name"] = args.name or ("loopback" if args.loopback else "netlab")
    report(result, args)


if __name__ == "__main__":
    program("netbench", main)
