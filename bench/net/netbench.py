#!/usr/bin/env python3
"""netbench.py: real daemons, measured.

usage: bench/net/netbench.py [--delay MS | --loopback] [--megabytes N] [--runs N] [--json FILE]

Without --loopback it must run inside `netlab run 7 rate=100mbit delay=...`: client on h1, relays on h2..h5,
exit on h6, server on h7, so that a request through three hops crosses four paths. With --loopback all
processes are on this host. Figures are medians [min .. max]; CPU is user + system of all daemons.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ALLIUM = Path(os.environ.get("ALLIUM", ROOT / "build" / "allium"))
RELAYS = 4
TICK = os.sysconf("SC_CLK_TCK")


class Host:
    """One place to run things: a namespace of netlab, or this machine."""

    def __init__(self, index, loopback):
        self.index, self.loopback = index, loopback
        self.ip = "127.0.0.1" if loopback else f"10.77.0.{index}"

    def command(self, *argv):
        argv = [str(a) for a in argv]
        if self.loopback:
            return argv
        return ["ip", "netns", "exec", f"nl-{os.environ['NETLAB']}-h{self.index}", *argv]


class Node:
    def __init__(self, host, folder, name, *options):
        self.host, self.name = host, name
        self.state = folder / name
        self.state.mkdir()
        self.log = open(folder / f"{name}.log", "wb")
        port = 0 if host.loopback else 9251
        listen = ["--listen", host.ip]
        self.process = subprocess.Popen(
            host.command(ALLIUM, "node", "--state", self.state, "--port", port, *listen, *options),
            stdout=self.log, stderr=self.log)

    def ask(self, verb, *more):
        out = subprocess.run(
            self.host.command(ALLIUM, verb, "--json", "--state", self.state, *more),
            capture_output=True, text=True, timeout=20)
        return json.loads(out.stdout) if out.returncode == 0 else None

    def address(self):
        for _ in range(100):
            try:
                out = subprocess.run(
                    self.host.command(ALLIUM, "address", "--state", self.state),
                    capture_output=True, text=True, timeout=20)
                if out.returncode == 0 and out.stdout.strip():
                    return out.stdout.split()[0]
            except subprocess.TimeoutExpired:
                pass
            time.sleep(0.1)
        sys.exit(f"netbench: {self.name} did not start: see {self.log.name}")

    def cpu_s(self):
        fields = Path(f"/proc/{self.pid()}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss_kib(self):
        for line in Path(f"/proc/{self.pid()}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


SERVER = r"""
import os, socket, struct, sys, threading
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=64)
def serve(c):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        ask = b""
        while len(ask) < 8:
            part = c.recv(8 - len(ask))
            if not part:
                return c.close()
            ask += part
        left = struct.unpack("<Q", ask)[0]
        block = bytes(1 << 16)
        while left > 0:
            n = min(left, len(block))
            c.sendall(block[:n])
            left -= n
while True:
    c, _ = listener.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
"""

CLIENT = r"""
import json, socket, struct, sys, time
proxy, target, port, user, what, amount = sys.argv[1:7]
def take(c, n):
    got = 0
    first = None
    while got < n:
        part = c.recv(min(1 << 20, n - got))
        if not part:
            raise SystemExit("netbench client: the stream ended after %d bytes" % got)
        if first is None:
            first = time.monotonic()
        got += len(part)
    return first
t0 = time.monotonic()
if proxy == "-":
    c = socket.create_connection((target, int(port)))
else:
    c = socket.create_connection((proxy, 9250))
    c.sendall(b"\x05\x01\x02")
    if c.recv(2) != b"\x05\x02": raise SystemExit("netbench client: no SOCKS")
    u = user.encode()
    c.sendall(b"\x01" + bytes([len(u)]) + u + b"\x01x")
    c.recv(2)
    c.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(target) + struct.pack(">H", int(port)))
    reply = b""
    while len(reply) < 10:
        part = c.recv(10 - len(reply))
        if not part: raise SystemExit("netbench client: SOCKS closed")
        reply += part
    if reply[1] != 0: raise SystemExit("netbench client: SOCKS reply %d" % reply[1])
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
out = {}
c.sendall(struct.pack("<Q", 64)); take(c, 64)
out["first_ms"] = (time.monotonic() - t0) * 1e3
if what == "ping":
    out["ping_ms"] = []
    for _ in range(int(amount)):
        time.sleep(0.05)
        t = time.monotonic()
        c.sendall(struct.pack("<Q", 64)); take(c, 64)
        out["ping_ms"].append((time.monotonic() - t) * 1e3)
if what == "get":
    t = time.monotonic()
    c.sendall(struct.pack("<Q", int(amount)))
    first = take(c, int(amount))
    end = time.monotonic()
    out["mbit_s"] = int(amount) * 8 / (end - t) / 1e6
    out["seconds"] = end - t
print(json.dumps(out))
"""


class Lab:
    def __init__(self, loopback, folder):
        self.loopback, self.folder, self.nodes = loopback, folder, []
        count = RELAYS + 3
        self.hosts = [Host(i + 1, loopback) for i in range(count)]
        self.server_host = self.hosts[RELAYS + 2]
        self.server = subprocess.Popen(
            self.server_host.command(sys.executable, "-c", SERVER, self.server_host.ip, 7070))

    def start(self):
        target = f"{self.server_host.ip}:7070"
        off = ["--socks", "off"]
        socks = ["--socks", "127.0.0.1:9250"]
        exit_rule = ["--exit-policy", f"accept {target}"]
        first = Node(self.hosts[1], self.folder, "relay1", *off)
        self.nodes.append(first)
        join = ["--join", first.address()]
        for i in range(1, RELAYS):
            self.nodes.append(Node(self.hosts[1 + i], self.folder, f"relay{i + 1}", *off, *join))
        self.nodes.append(Node(self.hosts[RELAYS + 1], self.folder, "exit", *off, *exit_rule, *join))
        self.client = Node(self.hosts[0], self.folder, "client", *socks, *join)
        self.nodes.append(self.client)
        for _ in range(300):
            status = self.client.ask("status")
            if status and self.ready(status):
                return
            time.sleep(0.2)
        sys.exit("netbench: the network did not come up: " + json.dumps(self.client.ask("status")))

    def ready(self, status):
        circuits = self.client.ask("circuits") or []
        rows = circuits if isinstance(circuits, list) else circuits.get("circuits", [])
        return any(c.get("open") and c.get("role") == "own" for c in rows)

    def circuits(self):
        got = self.client.ask("circuits") or []
        return got if isinstance(got, list) else got.get("circuits", [])

    def run(self, user, what, amount, direct=False):
        proxy = "-" if direct else "127.0.0.1"
        out = subprocess.run(
            self.hosts[0].command(sys.executable, "-c", CLIENT, proxy, self.server_host.ip, 7070, user,
                                  what, amount),
            capture_output=True, text=True, timeout=300)
        if out.returncode != 0:
            sys.exit(out.stderr.strip() or "netbench: the client failed")
        return json.loads(out.stdout)

    def cpu_s(self):
        return sum(n.cpu_s() for n in self.nodes)

    def counters(self):
        """Counters that are not 0, of all daemons together."""
        sums = {}
        for n in self.nodes:
            out = subprocess.run(
                n.host.command("curl", "-s", "--unix-socket", n.state / "control.sock",
                               "http://allium/metrics"), capture_output=True, text=True)
            for line in out.stdout.splitlines():
                if line.startswith("#") or " " not in line:
                    continue
                key, value = line.rsplit(" ", 1)
                sums.setdefault(key, []).append(float(value))
        return {k: v for k, v in sums.items() if any(v)}

    def close(self):
        for n in self.nodes:
            n.stop()
        for n in self.nodes:
            n.wait()
        self.server.kill()
        self.server.wait()


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "n": len(values)}


def measure(lab, args):
    out = {}
    out["idle_rss_kib"] = spread([n.rss_kib() for n in lab.nodes])
    first, builds, pings = [], [], []
    for i in range(args.runs):
        first.append(lab.run(f"build{i}", "ping", 1)["first_ms"])
        time.sleep(0.3)
    seen = {c["circuit"]: c["build_ms"] for c in lab.circuits()
            if c.get("open") and c.get("role") == "own" and c.get("build_ms")}
    builds = list(seen.values())
    got = lab.run("build0", "ping", 20)
    pings = got["ping_ms"]
    out["circuit_build_ms"] = spread(builds)
    out["new_stream_first_byte_ms"] = spread(first)
    out["request_open_stream_ms"] = spread(pings)
    out["direct_request_ms"] = spread(lab.run("-", "ping", 20, direct=True)["ping_ms"])
    rates, cpus = [], []
    for i in range(max(1, args.runs // 3)):
        before = lab.cpu_s()
        got = lab.run(f"build{i}", "get", args.megabytes * 1000000)
        rates.append(got["mbit_s"])
        cpus.append((lab.cpu_s() - before) * 1e3 / args.megabytes)
    out["download_mbit_s"] = spread(rates)
    out["cpu_ms_per_mb"] = spread(cpus)
    out["direct_download_mbit_s"] = spread(
        [lab.run("-", "get", args.megabytes * 1000000, direct=True)["mbit_s"]])
    out["busy_rss_kib"] = spread([n.rss_kib() for n in lab.nodes])
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--loopback", action="store_true")
    p.add_argument("--megabytes", type=int, default=50)
    p.add_argument("--runs", type=int, default=9)
    p.add_argument("--name", default="")
    p.add_argument("--json")
    p.add_argument("--counters", action="store_true", help="print all counters at the end")
    p.add_argument("--keep", action="store_true", help="keep logs and state")
    args = p.parse_args()
    if not args.loopback and "NETLAB" not in os.environ:
        sys.exit("netbench: run it inside `netlab/netlab run 7 ... --`, or give --loopback")
    folder = Path(tempfile.mkdtemp(prefix="netbench-"))
    lab = Lab(args.loopback, folder)
    try:
        lab.start()
        result = measure(lab, args)
        if args.counters:
            for key, values in sorted(lab.counters().items()):
                print(f"{key:60} {values}")
    finally:
        lab.close()
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    result["name"] = args.name or ("loopback" if args.loopback else "netlab")
    for key, v in result.items():
        if isinstance(v, dict):
            print(f"{key:28} {v['median']:10.1f}  [{v['min']:.1f} .. {v['max']:.1f}], n={v['n']}")
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
