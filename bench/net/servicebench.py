#!/usr/bin/env python3
"""servicebench.py: services between real daemons, measured: first and later connections, downloads
beside the exit path.

usage: bench/net/servicebench.py --loopback [options]
       netlab/netlab run 9 rate=100mbit delay=25ms -- bench/net/servicebench.py [options]

The client is on h1, six relays on h2..h7, an exit on h8; on h9 the server, and the node that
exposes it as --runs services. The first connection to each has no descriptor at hand; later ones
are of the same application and share its session; `another application` has a meeting of its own
with the descriptor at hand. Downloads through a service and the exit, from the same server, take
turns. What a download pauses for when a relay dies: healbench.py --service. Figures are medians
[min .. max]. ALLIUM=PROGRAM measures another program than build/allium. No port is fixed.
"""
import argparse
import functools
import json
import os
import sys
import time
from pathlib import Path

from lab import BenchError, Lab, program, running
from netbench import late_packets, show, spread

RELAYS = 6
HOSTS = RELAYS + 3


def progress(text):
    print(f"servicebench: {text}", file=sys.stderr, flush=True)


class ServiceLab(Lab):
    """A node beside the server exposes it."""

    def __init__(self, loopback, folder):
        super().__init__(loopback, folder, relays=RELAYS)
        self.names = []

    def start(self):
        super().start()
        self.web = self.target
        self.service = self.add(HOSTS - 1, "service", "--socks", "off", "--join",
                                self.nodes[0].address())
        self.until_ready()

    def expose(self, count):
        """Services of one node, all of the same server."""
        for i in range(count):
            out = self.service.call("expose", ":".join(self.web), "--name", f"s{i}", "--port", "80")
            if out.returncode != 0:
                raise BenchError(f"expose: {out.stderr.strip()}")
            self.names.append(out.stdout.strip())
        end = time.monotonic() + 60
        while time.monotonic() < end:
            known = self.service.ask("services")["services"]
            if all(s["published"] and s["introduction_points"] == 3 for s in known):
                time.sleep(5)  # a descriptor is put where it belongs
                return
            time.sleep(0.2)
        raise BenchError("the services were not published within 60 s: " + json.dumps(known))

    def get(self, where, user, what, amount):
        """An application of its own; where: a service's name, or None: through the exit."""
        self.target = (where, "80") if where else self.web
        return self.run(user, what, amount)


def connections(lab, args, out):
    first, later, other, pings, direct = [], [], [], [], []
    for i, name in enumerate(lab.names):
        progress(f"service {i + 1} of {len(lab.names)}")
        first.append(lab.get(name, f"a{i}", "ping", 1)["first_ms"])
        for _ in range(args.later):
            got = lab.get(name, f"a{i}", "ping", 1)
            later.append(got["first_ms"])
            pings += got["ping_ms"]
        other.append(lab.get(name, f"b{i}", "ping", 1)["first_ms"])
        direct.append(lab.get(None, f"c{i}", "ping", 1)["first_ms"])
        time.sleep(0.5)
    out["first_ms"] = spread(first)
    out["later_ms"] = spread(later)
    out["another_application_ms"] = spread(other)
    out["request_open_stream_ms"] = spread(pings)
    out["exit_first_byte_ms"] = spread(direct)


def download(lab, where, user, args):
    before = lab.cpu_s()
    got = lab.get(where, user, "get", args.megabytes * 1000000)
    after = lab.cpu_s()
    rate = args.megabytes * 8 / (got["end"] - got["start"])
    return rate, sum(after[n] - before[n] for n in after) * 1e3 / args.megabytes


def goodput(lab, args, out):
    ways = {"service": (lab.names[0], "a0"), "exit": (None, "c0")}
    rates, cpus = {w: [] for w in ways}, {w: [] for w in ways}
    for i in range(args.downloads):
        for way, (where, user) in ways.items():
            progress(f"download {i + 1} of {args.downloads}, {way}, {args.megabytes} MB")
            rate, cpu = download(lab, where, user, args)
            rates[way].append(rate)
            cpus[way].append(cpu)
    for way in ways:
        out[f"{way}_mbit_s"] = spread(rates[way])
        out[f"{way}_cpu_ms_per_mb"] = spread(cpus[way])
    pairs = [s / e for s, e in zip(rates["service"], rates["exit"])]
    out["service_to_exit"] = spread(pairs)


def measure(lab, args):
    out = {"load_before": os.getloadavg()[0]}
    progress(f"{args.runs} services")
    lab.expose(args.runs)
    connections(lab, args, out)
    if args.downloads:
        goodput(lab, args, out)
    out["load_after"] = os.getloadavg()[0]
    if not args.loopback:
        out["netlab"] = late_packets()
    return out


def parse():
    p = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--loopback", action="store_true", help="all on this machine, no netlab")
    p.add_argument("--megabytes", type=int, default=20, metavar="N", help="of a download (20)")
    p.add_argument("--runs", type=int, default=7, metavar="N", help="services (7)")
    p.add_argument("--later", type=int, default=3, metavar="N", help="later ones to each (3)")
    p.add_argument("--downloads", type=int, default=3, metavar="N", help="of each kind (3)")
    p.add_argument("--name", default="", help="goes into the JSON")
    p.add_argument("--json", metavar="FILE", help="write the figures there")
    p.add_argument("--counters", action="store_true", help="print all counters at the end")
    p.add_argument("--keep", action="store_true", help="keep logs and state")
    args = p.parse_args()
    if min(args.megabytes, args.runs, args.later) < 1 or args.downloads < 0:
        raise BenchError("--runs, --later and --megabytes are at least 1")
    if not args.loopback and "NETLAB" not in os.environ:
        raise BenchError(f"run it inside `netlab/netlab run {HOSTS} ... --`, or give --loopback")
    return args


def report(result, args):
    for key, v in result.items():
        if isinstance(v, dict) and "median" in v:
            print(f"{key:26} {show(v['median']):>8}  [{show(v['min'])} .. {show(v['max'])}], "
                  f"n={v['n']}")
    if "netlab" in result:
        print(f"{'netlab':26} {json.dumps(result['netlab'])}")
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


def main():
    args = parse()
    make = functools.partial(ServiceLab, args.loopback)
    with running(make, "servicebench", args.keep) as lab:
        lab.start()
        result = measure(lab, args)
        if args.counters:
            for key, values in sorted(lab.counters().items()):
                print(f"{key:60} {values}")
    result["name"] = args.name or ("loopback" if args.loopback else "netlab")
    report(result, args)


if __name__ == "__main__":
    program("servicebench", main)
