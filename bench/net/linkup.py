#!/usr/bin/env python3
"""linkup.py: links between real daemons on loopback: time from dialling to authenticated, memory.

usage: bench/net/linkup.py [--dials N] [--links N] [--json FILE]

Set-up: a fresh node joins another by its address; the time is the dialler's own, from the first
packet to the end of the link handshake. Memory: a node alone, with N / 4 and with N neighbours,
their records and the circuits they build through it. ALLIUM=PROGRAM measures another program than
build/allium.
"""
import argparse
import json
import math
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lab import BenchError, Host, Node, need_program

PER_ANSWERER = 10  # then a fresh one: it remembers those who dialled and were ended
OFF = ("--socks", "off")


class Nodes:
    """Nodes on this machine, ended together."""

    def __init__(self, folder):
        self.folder, self.started, self.host = folder, [], Host(1, True)

    def add(self, *options):
        node = Node(self.host, self.folder, f"node{len(self.started)}", *OFF, *options)
        self.started.append(node)
        return node

    def end(self, *nodes):
        for n in nodes or self.started:
            n.stop()
        for n in nodes or self.started:
            n.wait()


def progress(text):
    print(f"linkup: {text}", file=sys.stderr, flush=True)


def setup_ms(nodes, dials):
    took = []
    answerer = to = None
    for i in range(dials):
        if i % PER_ANSWERER == 0:
            progress(f"dial {i + 1} of {dials}")
            if answerer:
                nodes.end(answerer)
            answerer = nodes.add()
            to = answerer.address()
        dialler = nodes.add()
        dialler.address()
        took.append(dialler.ask("join", to)["duration_ms"])
        nodes.end(dialler)
    nodes.end(answerer)
    return sorted(took)


def hold(nodes, hub, links):
    """KiB of the hub with so many neighbours, when they have found each other; and its status."""
    progress(f"{links} neighbours")
    to = hub.address()
    while len(nodes.holding) < links:
        nodes.holding.append(nodes.add("--join", to))
    end = time.monotonic() + 60
    while (status := hub.ask("status"))["links_up"] < links or status["peers"] < links:
        if time.monotonic() > end:
            raise BenchError(f"{links} nodes did not link to one within 60 s")
        time.sleep(0.2)
    time.sleep(5)
    return hub.rss_kib(), hub.ask("status")


def memory(nodes, links):
    """What a neighbour takes is the difference between few and many: the first ones fill pools."""
    nodes.holding = []
    hub = nodes.add()
    hub.address()
    time.sleep(2)
    alone = hub.rss_kib()
    few_kib, few = hold(nodes, hub, links // 4)
    many_kib, many = hold(nodes, hub, links)
    circuits = sum(many[k] for k in ("circuits_own", "circuits_relayed", "circuits_ended"))
    return {"idle_rss_kib": alone, "few_links": few["links_up"], "few_rss_kib": few_kib,
            "links": many["links_up"], "rss_kib": many_kib, "circuits": circuits,
            "kib_per_link": (many_kib - few_kib) / (many["links_up"] - few["links_up"])}


def main():
    p = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dials", type=int, default=200, metavar="N", help="set-ups timed (200)")
    p.add_argument("--links", type=int, default=32, metavar="N", help="neighbours held (32)")
    p.add_argument("--json", metavar="FILE", help="write the figures there")
    args = p.parse_args()
    if args.dials < 1 or not 4 <= args.links <= 128:
        raise BenchError("--dials is at least 1, --links 4..128")
    need_program()
    folder = Path(tempfile.mkdtemp(prefix="linkup-"))
    nodes = Nodes(folder)
    try:
        ms = setup_ms(nodes, args.dials)
        out = {"dials": len(ms), "median_ms": statistics.median(ms),
               "p99_ms": ms[math.ceil(len(ms) * 0.99) - 1], "max_ms": ms[-1],
               "memory": memory(nodes, args.links)}
    finally:
        nodes.end()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(out, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except BenchError as e:
        sys.exit(f"linkup: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
