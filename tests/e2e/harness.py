"""harness.py: real nodes on this machine, and TAP. What is started here is ended here."""
import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ALLIUM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "build/allium"
DIR = tempfile.mkdtemp(prefix="allium-e2e-")
_count = 0
_failed = 0
_processes = []


# ---- TAP ----

def ok(good, text):
    """One test point; returns whether it is good."""
    global _count, _failed
    _count += 1
    print(f"{'ok' if good else 'not ok'} {_count} - {text}", flush=True)
    if not good:
        _failed += 1
        frame = sys._getframe(1)
        print(f"# failed at {frame.f_code.co_filename}:{frame.f_lineno}", flush=True)
    return bool(good)


def equal(got, want, text):
    return ok(got == want, text) or print(f"# got {got!r}, want {want!r}", flush=True)


def done():
    print(f"1..{_count}", flush=True)
    if _failed:
        for name in sorted(os.listdir(DIR)):
            if name.endswith(".log"):
                with open(os.path.join(DIR, name), errors="replace") as f:
                    for line in f.read().splitlines()[-15:]:
                        print(f"# {name}: {line}")
    sys.exit(1 if _failed else 0)


def wait_until(condition, seconds=20, step=0.05):
    """True as soon as the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return True
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            pass
        time.sleep(step)
    return False


@atexit.register
def _cleanup():
    for p in _processes:
        if p.poll() is None:
            p.kill()
    for p in _processes:
        p.wait()
    shutil.rmtree(DIR, ignore_errors=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


# ---- the program ----

def clean_env(**more):
    """Without settings of the user; and without MALLOC_PERTURB_, which would write to every page of
    windows that are megabytes and mostly unused."""
    drop = ("ALLIUM_", "XDG_", "NOTIFY", "MALLOC_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    env["HOME"] = DIR
    env.update(more)
    return env


def run(*args, env=None, timeout=60, **more):
    """Run a verb to its end: (status, stdout, stderr)."""
    p = subprocess.run([ALLIUM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env=env or clean_env(), timeout=timeout, **more)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=40)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Node:
    """`allium node` in a state folder of its own."""

    def __init__(self, name, *options, join=None, env=None, ready=True, before=None):
        self.name = name
        self.state = os.path.join(DIR, name)
        self.log = os.path.join(DIR, name + ".log")
        self.options = options
        self.env = env
        self.before = before
        self.start(join, ready)

    def start(self, join=None, ready=True):
        args = [ALLIUM, "node", "--state", self.state, *self.options]
        for flag, value in (("--listen", "127.0.0.1"), ("--port", "0"), ("--socks", "127.0.0.1:0")):
            if flag not in self.options:
                args += [flag, value]
        if join:
            args += ["--join", join]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(args, stdout=log, stderr=log,
                                            env=self.env or clean_env(), preexec_fn=self.before)
        _processes.append(self.process)
        if ready and not wait_until(lambda: self.ask("/v1/id"), 10):
            print(f"# {self.name} did not start: {self.said()[-500:]}")

    def ask(self, path, method="GET", body=None):
        c = UnixHTTP(os.path.join(self.state, "control.sock"))
        c.request(method, path, body)
        r = c.getresponse()
        text = r.read().decode()
        self.status = r.status
        c.close()
        return json.loads(text) if path.startswith("/v1/") else text

    def id(self):
        return self.ask("/v1/id")["id"]

    def address(self):
        return self.ask("/v1/address")["addresses"][0]

    def socks(self):
        host, port = self.ask("/v1/status")["socks"][0].rsplit(":", 1)
        return host, int(port)

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def circuits(self, role="own"):
        return [c for c in self.ask("/v1/circuits")["circuits"] if c["role"] == role]

    def metric(self, name):
        for line in self.ask("/metrics").splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return None

    def rss_mib(self):
        return self.ask("/v1/status")["rss_kib"] / 1024

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, seconds=10):
        """The exit status, or None when it did not end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, seconds=15):
        self.signal(signal.SIGTERM)
        return self.end(seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()


def network(count, exit_policy, *options):
    """Nodes that all know each other; the first is the exit, the last the client."""
    nodes = [Node("node0", "--exit-policy", exit_policy, *options)]
    for i in range(1, count):
        nodes.append(Node(f"node{i}", *options, join=nodes[0].address()))
    ok(wait_until(lambda: all(n.ask("/v1/status")["peers"] == count - 1 for n in nodes), 30),
       f"{count} nodes know each other")
    ok(wait_until(lambda: any(c["open"] for c in nodes[-1].circuits()), 30),
       "the client has a circuit")
    return nodes


# ---- SOCKS, as an application speaks it ----

NAME, IPV4, IPV6 = 3, 1, 4


def socks_request(host, port, kind=NAME, command=1):
    if kind == NAME:
        address = bytes([len(host)]) + host.encode()
    else:
        address = socket.inet_pton(socket.AF_INET if kind == IPV4 else socket.AF_INET6, host)
    return bytes([5, command, 0, kind]) + address + struct.pack(">H", port)


def recv_exact(s, count):
    data = b""
    while len(data) < count:
        more = s.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def socks_open(proxy, timeout=30):
    s = socket.create_connection(proxy, timeout=timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def socks_connect(proxy, host, port, kind=NAME, command=1, login=None, early=b"", timeout=30):
    """(socket, reply code); the reply code is None when the proxy hung up."""
    s = socks_open(proxy, timeout)
    if login:
        user, password = login
        s.sendall(b"\5\1\2")
        if recv_exact(s, 2) != b"\5\2":
            return s, None
        s.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        if recv_exact(s, 2) != b"\1\0":
            return s, None
        s.sendall(socks_request(host, port, kind, command) + early)
    else:
        s.sendall(b"\5\1\0" + socks_request(host, port, kind, command) + early)
        if recv_exact(s, 2) != b"\5\0":
            return s, None
    reply = recv_exact(s, 10)
    return s, reply[1] if len(reply) == 10 else None


def read_all(s):
    data = bytearray()
    while True:
        more = s.recv(1 << 16)
        if not more:
            return bytes(data)
        data += more


# ---- targets ----

class Server:
    """A TCP server whose connections are handled by a function in a thread each."""

    def __init__(self, handle, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.create_server((host, 0), family=family, backlog=512)
        self.port = self.socket.getsockname()[1]
        self.handle = handle
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        try:
            with s:
                self.handle(s)
        except OSError:
            pass


def echo(s):
    while True:
        data = s.recv(1 << 16)
        if not data:
            return
        s.sendall(data)


def closed_port():
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port
