#!/usr/bin/env python3
"""healbench.py: real daemons that die in the middle of a download, measured.

usage: netlab/netlab run 10 rate=100mbit delay=25ms -- bench/net/healbench.py [options]
       bench/net/healbench.py --loopback [options]         (kill only)

The client is on h1, six relays on h2..h7, two exits on h8 and h9, the server on h10. In each round
an application downloads; when it has a part of it, a hop of the circuit that carries it is killed
(kill -9: its host lives on) or its host is cut off silently. What is measured: the longest time
without a byte from then on, and whether every byte came once and in order; how soon each neighbour
held the dead one for dead; when the exit dies, how soon the application is told, and when a new
connection through another exit has its first byte. With --service the server is reached as a
service of the first exit: the hops are those of the client's circuit, its last one the relay where
the circuits meet. Without a download (--idle) only detection is measured. Figures are medians
[min .. max]. ALLIUM=PROGRAM measures another program than build/allium. No port is fixed.
"""
import argparse
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from lab import ROOT, BenchError, Lab, program, running

RELAYS, EXITS = 6, 2
HOPS = ("guard", "middle", "exit")
FAULTS = ("kill", "cut")
SHORT = 8  # characters of an ID in the log
PERIOD = 1000003  # bytes; a prime, so that no block of a stream is where another one should be
STARE_S = 75  # longer than the minute for which an end waits
SEEN_S = 8  # by then every neighbour has seen a death

# Answers each request of 8 bytes, a length, with so many bytes that tell their place.
SERVER = r"""
import random, socket, struct, sys, threading
listener = socket.create_server((sys.argv[1], 0), backlog=64)
print(listener.getsockname()[1], flush=True)
period = %d
pattern = random.Random(1).randbytes(period)
def serve(c):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while True:
            ask = c.recv(8, socket.MSG_WAITALL)
            if len(ask) < 8:
                return c.close()
            left, at = struct.unpack("<Q", ask)[0], 0
            while left > 0:
                n = c.send(pattern[at:at + min(left, 65536)])
                left, at = left - n, (at + n) %% period
    except OSError:
        c.close()
while True:
    c, _ = listener.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
""" % PERIOD

# One application: proxy port, target, port, user, amount, when to say that it has a part. Says
# `first`, `part`, then how it ended, with all pauses of 20 ms and more.
CLIENT = r"""
import json, random, socket, struct, sys, time
proxy, target, port, user = sys.argv[1:5]
amount, part, patience = (int(a) for a in sys.argv[5:8])
pattern = random.Random(1).randbytes(%d)
def say(**what): print(json.dumps(what), flush=True)
c = socket.create_connection(("127.0.0.1", int(proxy)))
c.settimeout(patience)
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
got, pauses, error, last = 0, [], "", time.monotonic()
try:
    c.sendall(b"\x05\x01\x02")
    c.recv(2, socket.MSG_WAITALL)
    u = user.encode()
    c.sendall(b"\x01" + bytes([len(u)]) + u + b"\x01x")
    c.recv(2, socket.MSG_WAITALL)
    host = target.encode()
    c.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host + struct.pack(">H", int(port)))
    reply = c.recv(10, socket.MSG_WAITALL)
    if len(reply) < 10 or reply[1] != 0:
        raise OSError("SOCKS reply %%d" %% (reply[1] if len(reply) > 1 else -1))
    c.sendall(struct.pack("<Q", amount))
    while got < amount:
        data = c.recv(1 << 16)
        now = time.monotonic()
        if got == 0: say(first=now)
        if not data: raise OSError("the connection was closed")
        at = 0
        while at < len(data):
            place = (got + at) %% len(pattern)
            piece = data[at:at + len(pattern) - place]
            if piece != pattern[place:place + len(piece)]: raise ValueError("a byte is wrong")
            at += len(piece)
        if got < part <= got + len(data): say(part=now)
        if now - last > 0.02 and got: pauses.append((last, now))
        got, last = got + len(data), now
except (OSError, ValueError) as e:
    error = str(e) or type(e).__name__
say(got=got, error=error, last=last, ended=time.monotonic(), pauses=pauses)
""" % PERIOD


def progress(text):
    print(f"healbench: {text}", file=sys.stderr, flush=True)


def spread(values):
    values = sorted(values)
    if not values:
        return {"n": 0}
    return {"median": statistics.median(values), "min": values[0], "max": values[-1],
            "p95": values[math.ceil(len(values) * 0.95) - 1], "n": len(values)}


class Download:
    """An application under way."""

    def __init__(self, lab, user, megabytes, part):
        self.lab, self.begun = lab, time.monotonic()
        self.amount = int(megabytes * 1000000)
        target = lab.service or lab.target
        self.process = subprocess.Popen(
            lab.hosts[0].command(sys.executable, "-c", CLIENT, lab.proxy, *target, user,
                                 self.amount, int(part * 1000000), STARE_S),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def next(self):
        line = self.process.stdout.readline()
        if not line:
            raise BenchError("the application failed: " + self.process.stderr.read().strip())
        return json.loads(line)

    def until(self, key):
        """None when it ended before."""
        while True:
            said = self.next()
            if key in said:
                return said[key]
            if "got" in said:
                raise BenchError(f"the download ended too early: {said['error']}")

    def result(self):
        while "got" not in (said := self.next()):
            pass
        self.process.wait()
        return said

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class HealLab(Lab):
    def __init__(self, args, folder):
        super().__init__(args.loopback, folder, RELAYS, EXITS, ("--log-level", "debug"))
        self.args, self.service, self.count = args, None, 0

    def begin(self):
        self.start(SERVER)
        self.ids = {}
        for n in self.nodes:
            self.ids[n.ask("status")["id"]] = n
        if self.args.service:
            self.expose()

    def expose(self):
        node = next(n for n in self.nodes if n.name == "exit")
        out = node.call("expose", ":".join(self.target), "--name", "bench", "--port", "80")
        if out.returncode != 0:
            raise BenchError("expose: " + out.stderr.strip())
        self.service = (out.stdout.strip(), "80")
        self.server_node = node
        self.until(lambda: any(s["published"] for s in node.ask("services")["services"]),
                   "the service is not published")

    def until(self, condition, why, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.2)
        raise BenchError(f"{why} after {seconds} s")

    def user(self):
        self.count += 1
        return f"user{self.count}"

    def carrying(self):
        """The path of the own circuit that moves most, and of those that stand by for it."""
        before = {c["circuit"]: c["cells_received"] for c in self.own_circuits()}
        time.sleep(0.1)
        moved = [(c["cells_received"] - before.get(c["circuit"], 0), c)
                 for c in self.own_circuits() if c["open"]]
        main = max(moved, key=lambda m: m[0])[1]
        return main["path"], [c["path"] for _, c in moved
                              if c["streams"] and c["circuit"] != main["circuit"]]

    def netlab(self, what, node):
        done = subprocess.run([ROOT / "netlab" / "netlab", "-l", os.environ["NETLAB"], what,
                               f"h{node.host.index}"], capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f"netlab {what}: {done.stderr.strip()}")

    def strike(self, node, fault):
        if fault == "cut":
            self.netlab("cut", node)
        else:
            node.process.kill()
            node.process.wait()

    def mend(self, node, fault):
        if fault == "cut":
            self.netlab("heal", node)
        else:
            node.start()
            node.address()
        self.until(self.whole, "the network is not whole again", 90)
        if node is getattr(self, "server_node", None):
            self.until(lambda: any(s["published"] for s in node.ask("services")["services"]),
                       "the service is not published")

    def whole(self):
        """Everybody has links to most, and the client has spare circuits over guards that live."""
        if len([c for c in self.own_circuits() if c["open"]]) < 2:
            return False
        return all(n.ask("status")["links_up"] >= len(self.nodes) - 3 for n in self.nodes)


# ---- what the logs say ----

LINE = re.compile(r"^(\d\d:\d\d:\d\d\.\d\d\d) \w+ +neighbour (\w+) is (up|gone)(.*)")


def log_time(text, near):
    """Unix time of a time of day, the one nearest to `near`."""
    day = datetime.fromtimestamp(near)
    t = datetime.strptime(text, "%H:%M:%S.%f")
    stamp = day.replace(hour=t.hour, minute=t.minute, second=t.second,
                        microsecond=t.microsecond).timestamp()
    return min((stamp + d for d in (-86400, 0, 86400)), key=lambda s: abs(s - near))


def seen_after(lab, victim, struck):
    """{node: seconds after which it held the victim for dead; None: it did not} for those that
    were its neighbours."""
    short = next(i for i, n in lab.ids.items() if n is victim)[:SHORT]
    out = {}
    for n in lab.nodes:
        if n is victim:
            continue
        linked, gone = 0, None  # there may be two links; one of them is closed as redundant
        for line in n.log_path.read_text(errors="replace").splitlines():
            m = LINE.match(line)
            if not m or not m[2].startswith(short):
                continue
            at = log_time(m[1], struck)
            if at < struck - 0.002:
                linked = max(0, linked + (1 if m[3] == "up" else -1))
            elif linked > 0 and gone is None and m[3] == "gone" and "closed" not in m[4]:
                gone = at - struck
        if linked > 0:
            out[n.name] = gone
    return out


# ---- rounds ----

def again(lab, struck):
    """Seconds after `struck` at which a new connection has its first byte."""
    while time.monotonic() < struck + 120:
        d = Download(lab, lab.user(), 0.001, 0.001)
        try:
            r = d.result()
            if r["got"] == d.amount:
                return r["last"] - struck
        finally:
            d.stop()
        time.sleep(0.1)
    return None


def one(lab, fault, hop, args):
    d = Download(lab, lab.user(), args.megabytes, args.part)
    try:
        d.until("part")
        path, others = lab.carrying()
        victim = lab.ids[path[min(HOPS.index(hop), len(path) - 1)]]
        if lab.service and victim is lab.server_node:
            return None
        struck, wall = time.monotonic(), time.time()
        lab.strike(victim, fault)
        new = again(lab, struck) if hop == "exit" and not lab.service else None
        r = d.result()
    finally:
        d.stop()
    pauses = [b - max(a, struck) for a, b in r["pauses"] if b > struck]
    time.sleep(max(0, struck + SEEN_S - time.monotonic()))
    seen = seen_after(lab, victim, wall)
    at = path.index(next(i for i, n in lab.ids.items() if n is victim))
    beside = {lab.ids[i].name for k, i in enumerate(path) if abs(k - at) == 1}
    if hop == "guard":
        beside.add("client")
    lab.mend(victim, fault)
    apart = sum(path[at] not in p for p in others)
    whole = r["got"] == d.amount and not r["error"]
    return {"fault": fault, "hop": hop, "victim": victim.name, "whole": whole, "got": r["got"],
            "error": r["error"], "pause_s": max(pauses, default=0.0) if whole else None,
            "told_s": None if whole else r["ended"] - struck, "new_s": new,
            "seconds": r["last"] - d.begun, "standing_by": len(others), "apart": apart,
            "seen_busy_s": {k: v for k, v in seen.items() if k in beside},
            "seen_other_s": {k: v for k, v in seen.items() if k not in beside}}


def asleep(lab, fault, args):
    """A relay dies while nothing but background is there."""
    relays = [n for n in lab.nodes if n.name.startswith("relay")]
    victim = random.choice(relays)
    victim_id = next(i for i, n in lab.ids.items() if n is victim)
    links = {}
    for n in lab.nodes:
        if n is victim:
            continue
        for p in n.ask("peers")["peers"]:
            if p["id"] == victim_id and p["linked"]:
                links[n.name] = p["link"]["circuits"]
    wall = time.time()
    lab.strike(victim, fault)
    time.sleep(args.watch)
    seen = seen_after(lab, victim, wall)
    lab.mend(victim, fault)
    time.sleep(3)
    return {"fault": fault, "hop": "idle", "victim": victim.name, "whole": True, "got": 0,
            "error": "", "pause_s": None, "told_s": None, "new_s": None, "seconds": 0,
            "standing_by": 0, "apart": 0,
            "seen_busy_s": {k: v for k, v in seen.items() if links.get(k, 0) > 0},
            "seen_other_s": {k: v for k, v in seen.items() if links.get(k, 0) == 0}}


def rounds(lab, args):
    out = []
    hops = ["idle"] if args.idle else args.hop or HOPS
    faults = ["kill"] if args.loopback else args.fault or FAULTS
    for k in range(args.rounds):
        for fault in faults:
            for hop in hops:
                got = asleep(lab, fault, args) if hop == "idle" else one(lab, fault, hop, args)
                if got is None:
                    continue
                out.append(got)
                progress(f"{k + 1} of {args.rounds}: {fault} {hop}: " + brief(got))
    return out


def brief(r):
    bits = []
    if r["pause_s"] is not None:
        bits.append(f"longest pause {r['pause_s']:.2f} s ({r['standing_by']} stood by, "
                    f"{r['apart']} without the victim)")
    if r["told_s"] is not None:
        bits.append(f"{r['got']} bytes, then told after {r['told_s']:.2f} s: {r['error']}")
    if r["new_s"] is not None:
        bits.append(f"a new one works after {r['new_s']:.2f} s")
    for key in ("seen_busy_s", "seen_other_s"):
        v = [f"{k} {'-' if t is None else f'{t:.2f}'}" for k, t in r[key].items()]
        bits.append(f"{key[5:-2]}: " + " ".join(v))
    return "; ".join(bits)


def summary(all_rounds):
    out = {}
    for fault in FAULTS:
        for hop in (*HOPS, "idle"):
            some = [r for r in all_rounds if r["fault"] == fault and r["hop"] == hop]
            if not some:
                continue
            seen = {k: [v for r in some for v in r[f"seen_{k}_s"].values()]
                    for k in ("busy", "other")}
            row = {"rounds": len(some), "whole": sum(r["whole"] for r in some)}
            for key in ("pause_s", "told_s", "new_s"):
                row[key] = spread([r[key] for r in some if r[key] is not None])
            for k, v in seen.items():
                row[f"seen_{k}_s"] = spread([t for t in v if t is not None])
                row[f"unseen_{k}"] = v.count(None)
            first = [min(t for t in (*r["seen_busy_s"].values(), *r["seen_other_s"].values())
                         if t is not None) for r in some
                     if any(t is not None for t in (*r["seen_busy_s"].values(),
                                                    *r["seen_other_s"].values()))]
            row["seen_first_s"] = spread(first)
            out[f"{fault}_{hop}"] = row
    return out


def show(s):
    if s["n"] == 0:
        return "-"
    return f"{s['median']:.2f} [{s['min']:.2f} .. {s['max']:.2f}], {s['n']}"


def report(result):
    print("seconds: median [min .. max], n")
    for name, row in result["faults"].items():
        print(f"{name:14} whole {row['whole']}/{row['rounds']}")
        for key in ("pause_s", "told_s", "new_s", "seen_busy_s", "seen_other_s", "seen_first_s"):
            if row[key]["n"]:
                print(f"    {key[:-2]:12} {show(row[key])}, p95 {row[key]['p95']:.2f}")


def late_packets():
    """What netlab says of itself: delays are to be trusted only when next to nothing was late."""
    done = subprocess.run([ROOT / "netlab" / "netlab", "-l", os.environ["NETLAB"], "status"],
                          capture_output=True, text=True)
    words = dict(w.split("=", 1) for w in done.stdout.split() if "=" in w)
    return {k: words.get(k, "?") for k in ("delivered", "late>1ms", "late_max", "no_buffer")}


def parse():
    p = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--loopback", action="store_true", help="without netlab: kill only")
    p.add_argument("--rounds", type=int, default=5, metavar="N", help="of each fault (5)")
    p.add_argument("--hop", action="append", choices=HOPS, help="this hop; may be repeated")
    p.add_argument("--fault", action="append", choices=FAULTS, help="this fault; may be repeated")
    p.add_argument("--megabytes", type=float, default=50, metavar="N", help="a download (50)")
    p.add_argument("--part", type=float, default=16, metavar="N", help="MB before the fault (16)")
    p.add_argument("--service", action="store_true", help="the server is a service")
    p.add_argument("--idle", action="store_true", help="no download: detection alone")
    p.add_argument("--watch", type=float, default=12, metavar="S", help="--idle: so long (12)")
    p.add_argument("--name", default="", help="written into the JSON")
    p.add_argument("--json", metavar="FILE", help="write the figures there")
    p.add_argument("--keep", action="store_true", help="keep logs and state")
    args = p.parse_args()
    if not args.loopback and "NETLAB" not in os.environ:
        raise BenchError("run me inside netlab (see --help), or with --loopback")
    return args


def main():
    args = parse()
    with running(lambda folder: HealLab(args, folder), "healbench", args.keep) as lab:
        load = os.getloadavg()[0]
        lab.begin()
        got = rounds(lab, args)
        result = {"name": args.name, "faults": summary(got), "rounds": got,
                  "load": [load, os.getloadavg()[0]]}
        if not args.loopback:
            result["netlab"] = late_packets()
    report(result)
    if "netlab" in result:
        print("netlab: " + json.dumps(result["netlab"]) + f", load {result['load']}")
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    program("healbench", main)
