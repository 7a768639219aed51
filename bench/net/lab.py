"""lab.py: real daemons to measure, on loopback or in the hosts of netlab. What is started here is
ended here."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ALLIUM = Path(os.environ.get("ALLIUM", ROOT / "build" / "allium")).absolute()
TICK = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """One line for the user."""


def need_program(path=ALLIUM):
    if not os.access(path, os.X_OK) or path.is_dir():
        raise BenchError(f"{path} is not there: run `make` first, or set ALLIUM=PROGRAM")


def clean_env():
    """Without the user's settings, and without MALLOC_PERTURB_, by which a test runner makes every
    allocation write all its pages."""
    drop = ("ALLIUM_", "XDG_", "NOTIFY_", "MALLOC_")
    return {k: v for k, v in os.environ.items() if not k.startswith(drop)}


def rss_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise BenchError(f"process {pid} has no memory: it died")


class Host:
    """One place to run things: a namespace of netlab, or this machine."""

    def __init__(self, index, loopback):
        self.index, self.loopback = index, loopback
        self.ip = "127.0.0.1" if loopback else f"10.77.0.{index}"

    def command(self, *argv):
        argv = [str(a) for a in argv]
        if self.loopback:
            return argv
        name = f"/run/netns/nl-{os.environ['NETLAB']}-h{self.index}"
        if not os.path.exists(name):
            raise BenchError(f"the emulated network has no host h{self.index}: see --help for how "
                             "many there must be")
        return ["nsenter", f"--net={name}", "--", *argv]


class Node:
    """`allium node` with a state folder of its own and free ports."""

    def __init__(self, host, folder, name, *options):
        self.host, self.name = host, name
        self.state = folder / name
        self.state.mkdir(exist_ok=True)
        self.log_path = folder / f"{name}.log"
        self.options = options
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.host.command(ALLIUM, "node", "--state", self.state, "--port", 0, "--listen",
                                  self.host.ip, *self.options),
                stdout=log, stderr=log, env=clean_env())

    def call(self, verb, *more):
        return subprocess.run(
            self.host.command(ALLIUM, verb, "--state", self.state, *more),
            capture_output=True, text=True, timeout=60, env=clean_env())

    def ask(self, verb, *more):
        self.alive()
        out = self.call(verb, "--json", *more)
        if out.returncode != 0:
            raise BenchError(f"{self.name}: {verb}: {out.stderr.strip() or out.returncode}")
        return json.loads(out.stdout)

    def alive(self):
        if self.process.poll() is not None:
            last = self.log_path.read_text(errors="replace").strip().splitlines()
            raise BenchError(f"{self.name} has died: {last[-1] if last else 'no word'}")

    def address(self):
        """How others dial it; waits until it runs."""
        for _ in range(200):
            self.alive()
            if (self.state / "control.sock").exists():
                out = self.call("address")
                if out.returncode == 0 and out.stdout.strip():
                    return out.stdout.split()[0]
            time.sleep(0.02)
        raise BenchError(f"{self.name} did not start within 4 s: see {self.log_path}")

    def cpu_s(self):
        self.alive()
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss_kib(self):
        self.alive()
        return rss_kib(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self):
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# Answers each request of 8 bytes, a length, with so many bytes.
SERVER = r"""
import socket, struct, sys, threading
listener = socket.create_server((sys.argv[1], 0), backlog=64)
print(listener.getsockname()[1], flush=True)
def serve(c):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    block = bytes(1 << 16)
    try:
        while True:
            ask = c.recv(8, socket.MSG_WAITALL)
            if len(ask) < 8:
                return c.close()
            left = struct.unpack("<Q", ask)[0]
            while left > 0:
                left -= c.send(block[:min(left, len(block))])
    except OSError:
        c.close()
while True:
    c, _ = listener.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
"""

# One application: proxy port (0: none), target, port, user, what, amount. Times in s of the clock
# that all processes share.
CLIENT = r"""
import json, socket, struct, sys, time
proxy, target, port, user, what, amount = sys.argv[1:7]
def fail(why): raise SystemExit("client: " + why)
def take(c, n):
    got = 0
    while got < n:
        part = c.recv(min(1 << 20, n - got))
        if not part: fail("the stream ended after %d bytes of %d" % (got, n))
        got += len(part)
def ask(c, n):
    c.sendall(struct.pack("<Q", n)); take(c, n)
t0 = time.monotonic()
if proxy == "0":
    c = socket.create_connection((target, int(port)))
else:
    c = socket.create_connection(("127.0.0.1", int(proxy)))
    c.sendall(b"\x05\x01\x02")
    if c.recv(2, socket.MSG_WAITALL) != b"\x05\x02": fail("no SOCKS server")
    u = user.encode()
    c.sendall(b"\x01" + bytes([len(u)]) + u + b"\x01x")
    if c.recv(2, socket.MSG_WAITALL) != b"\x01\x00": fail("SOCKS refuses the user")
    name = bytes([3, len(target)]) + target.encode()
    where = name if target.endswith(".allium") else b"\x01" + socket.inet_aton(target)
    c.sendall(b"\x05\x01\x00" + where + struct.pack(">H", int(port)))
    reply = c.recv(10, socket.MSG_WAITALL)
    if len(reply) < 10: fail("SOCKS closed the connection")
    if reply[1] != 0: fail("SOCKS reply %d" % reply[1])
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
ask(c, 64)
out = {"first_ms": (time.monotonic() - t0) * 1e3}
if what == "ping":
    out["ping_ms"] = []
    for _ in range(int(amount)):
        time.sleep(0.05)
        t = time.monotonic()
        ask(c, 64)
        out["ping_ms"].append((time.monotonic() - t) * 1e3)
if what == "get":
    out["start"] = time.monotonic()
    ask(c, int(amount))
    out["end"] = time.monotonic()
print(json.dumps(out))
"""


class Lab:
    """Relays, exits, a client and a server: a request crosses client, three relays' links and the
    exit's connection. Hosts: the client, then relays and exits, then the server."""

    def __init__(self, loopback, folder, relays=4, exits=1, options=()):
        self.folder, self.nodes, self.server = folder, [], None
        self.relays, self.exits, self.options = relays, exits, options
        self.hosts = [Host(i + 1, loopback) for i in range(relays + exits + 2)]
        need_program()

    def start(self, server=SERVER):
        place = self.hosts[-1]
        self.server = subprocess.Popen(place.command(sys.executable, "-c", server, place.ip),
                                       stdout=subprocess.PIPE, text=True)
        port = self.server.stdout.readline().strip()
        if not port:
            raise BenchError("the server did not start")
        self.target = (place.ip, port)
        off = ["--socks", "off", *self.options]
        rule = ["--exit-policy", f"accept {place.ip}:{port}"]
        first = self.add(1, "relay1", *off)
        join = ["--join", first.address()]
        for i in range(1, self.relays):
            self.add(1 + i, f"relay{i + 1}", *off, *join)
        for i in range(self.exits):
            name = "exit" if i == 0 else f"exit{i + 1}"
            self.add(self.relays + 1 + i, name, *off, *rule, *join)
        self.client = self.add(0, "client", "--socks", "127.0.0.1:0", *self.options, *join)
        self.client.address()
        self.proxy = self.client.ask("status")["socks"][0].rsplit(":", 1)[1]
        self.until_ready()

    def add(self, host, name, *options):
        node = Node(self.hosts[host], self.folder, name, *options)
        self.nodes.append(node)
        return node

    def until_ready(self):
        """Everybody knows everybody, and the client has a circuit."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            known = self.client.ask("status")["peers"] == len(self.nodes) - 1
            if known and any(c["open"] for c in self.own_circuits()):
                return
            time.sleep(0.2)
        raise BenchError("the network did not come up within 60 s: "
                         + json.dumps(self.client.ask("status")))

    def own_circuits(self):
        return [c for c in self.client.ask("circuits")["circuits"] if c["role"] == "own"]

    def begin(self, user, what, amount):
        """Starts an application; user None: without the network."""
        proxy = "0" if user is None else self.proxy
        return subprocess.Popen(
            self.hosts[0].command(sys.executable, "-c", CLIENT, proxy, *self.target, user or "-",
                                  what, amount),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result(self, process):
        try:
            out, err = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise BenchError("an application got no answer within 300 s") from None
        if process.returncode != 0:
            raise BenchError(err.strip().splitlines()[-1] if err.strip() else "client failed")
        return json.loads(out)

    def run(self, user, what, amount):
        return self.result(self.begin(user, what, amount))

    def cpu_s(self):
        return {n.name: n.cpu_s() for n in self.nodes}

    def counters(self):
        """Counters that are not 0, of each daemon."""
        rows = {}
        for n in self.nodes:
            out = subprocess.run(
                n.host.command("curl", "-s", "--unix-socket", n.state / "control.sock",
                               "http://allium/metrics"), capture_output=True, text=True)
            for line in out.stdout.splitlines():
                if not line.startswith("#") and " " in line:
                    key, value = line.rsplit(" ", 1)
                    rows.setdefault(key, []).append(float(value))
        return {k: v for k, v in rows.items() if any(v)}

    def close(self):
        for n in self.nodes:
            n.stop()
        for n in self.nodes:
            n.wait()
        if self.server:
            self.server.kill()
            self.server.wait()


@contextlib.contextmanager
def running(make, name, keep):
    """A lab of make(folder), closed whatever happens; its folder goes unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    lab = None
    try:
        lab = make(folder)
        yield lab
    finally:
        if lab:
            lab.close()
        if keep:
            print(f"{name}: logs and state are in {folder}", file=sys.stderr, flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def program(name, main):
    """What every benchmark does around its main: one line for an error, and SIGTERM cleans up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except BenchError as e:
        sys.exit(f"{name}: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
