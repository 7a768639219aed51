#!/usr/bin/env python3
"""compare.py: two builds in turn (A B A B ...), so that a slow moment falls on both.

usage: bench/compare.py [--rounds N] [--json] [--only TEXT] BENCH BUILD_A BUILD_B [-- ARGUMENT...]

BENCH    micro/bench_cell, net/bench_link, path/bench_path ...: the program BUILD/bench/BENCH;
         netbench: real daemons on loopback, BUILD/allium; or the same inside `netlab run 7 ...`
ARGUMENT of the program; default: --json (bench_link: --pair --bulk 3; netbench: --megabytes 20
         --runs 4 --downloads 1)

Prints the medians over the rounds (5) and the ratio of medians, B / A. The spread is that of A's
rounds, (max - min) / median: a ratio nearer to 1 than that says nothing.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

NETBENCH = Path(__file__).resolve().parent / "net" / "netbench.py"
DEFAULTS = {"netbench": ["--megabytes", "20", "--runs", "4", "--downloads", "1"],
            "net/bench_link": ["--pair", "--bulk", "3"]}
LABELS = ("bench", "provider", "operation", "op", "name")


def flatten(value, path, into):
    """Every number of a JSON value by a name; rows of lists are named by what they say they are."""
    if isinstance(value, bool):
        return
    if isinstance(value, (int, float)):
        into[path] = float(value)
    elif isinstance(value, dict) and "median" in value and "n" in value:
        into[path] = float(value["median"])
    elif isinstance(value, dict):
        own = [str(value[k]) for k in LABELS if isinstance(value.get(k), str)]
        for k, v in value.items():
            flatten(v, ".".join(x for x in [path, *own, k] if x and x != "results"), into)
    elif isinstance(value, list):
        for v in value:
            if isinstance(v, dict):
                flatten(v, path, into)


def numbers(text):
    into = {}
    try:
        flatten(json.loads(text), "", into)
    except ValueError:  # a line each
        for line in text.splitlines():
            flatten(json.loads(line), "", into)
    return into


def run(bench, build, arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        if bench == "netbench":
            env["ALLIUM"] = str(build / "allium")
            where = [] if "NETLAB" in env else ["--loopback"]
            command = [sys.executable, NETBENCH, "--json", file.name, *where, *arguments]
        else:
            command = [build / "bench" / bench, *arguments]
            if not os.access(command[0], os.X_OK):
                sys.exit(f"compare: {command[0]} is not built")
        done = subprocess.run([str(c) for c in command], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            why = done.stderr.strip().splitlines()
            sys.exit(f"compare: {build}: {why[-1] if why else done.returncode}")
        try:
            return numbers(file.read() if bench == "netbench" else done.stdout)
        except ValueError:
            sys.exit(f"compare: {bench} did not print JSON; its arguments are wanted after --")


def summary(rounds):
    """{name: {a, b, ratio, spread}} of what both builds measured."""
    out = {}
    for key in rounds[0][0]:
        if not all(key in got for pair in rounds for got in pair):
            continue
        a, b = ([pair[i][key] for pair in rounds] for i in (0, 1))
        ma, mb = statistics.median(a), statistics.median(b)
        if ma:
            out[key] = {"a": ma, "b": mb, "ratio": mb / ma, "spread": (max(a) - min(a)) / ma}
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=5, metavar="N", help="of each build (5)")
    p.add_argument("--json", action="store_true", help="print JSON")
    p.add_argument("--only", default="", metavar="TEXT", help="figures whose name contains it")
    p.add_argument("bench")
    p.add_argument("a", type=Path, metavar="BUILD_A")
    p.add_argument("b", type=Path, metavar="BUILD_B")
    own, given = sys.argv[1:], []
    if "--" in own:
        own, given = own[:own.index("--")], own[own.index("--") + 1:]
    args = p.parse_args(own)
    if args.rounds < 1:
        sys.exit("compare: --rounds is at least 1")
    arguments = given or DEFAULTS.get(args.bench, ["--json"])
    rounds = []
    for i in range(args.rounds):
        print(f"compare: round {i + 1} of {args.rounds}", file=sys.stderr, flush=True)
        rounds.append([run(args.bench, build.resolve(), arguments) for build in (args.a, args.b)])
    out = {k: v for k, v in summary(rounds).items() if args.only in k}
    if not out:
        sys.exit(f"compare: no figure is called {args.only!r}")
    if args.json:
        print(json.dumps(out, indent=1))
        return
    width = max(len(k) for k in out)
    print(f"{'':{width}} {'A':>12} {'B':>12} {'B / A':>7}  spread of A")
    for k, v in out.items():
        print(f"{k:{width}} {v['a']:12.5g} {v['b']:12.5g} {v['ratio']:7.3f}  {v['spread']:.1%}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
