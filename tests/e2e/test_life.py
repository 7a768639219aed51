"""A node's life: restart, kill, drain, reload, service manager, control socket, metrics, log."""
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time

from harness import (ALLIUM, DIR, Node, Server, clean_env, done, echo, equal, ok, read_all,
                     recv_exact, run, socks_connect, wait_until)


def hold(s):
    """Sends a byte every 50 ms for two seconds, then the end."""
    for _ in range(40):
        s.sendall(b"x")
        time.sleep(0.05)


echo_port, hold_port = Server(echo).port, Server(hold).port
conf = os.path.join(DIR, "exit.conf")


def configure(policy, more=""):
    with open(conf, "w") as f:
        f.write(f"[exit]\nexit-policy = {policy}\n{more}")


configure(f"accept 127.0.0.1:{hold_port}")
nodes = [Node("exit", "--config", conf)]
for i in range(3):
    nodes.append(Node(f"relay{i}", join=nodes[0].address()))
nodes.append(Node("client", join=nodes[0].address()))
exit_node, client = nodes[0], nodes[-1]
proxy = client.socks()
ok(wait_until(lambda: all(n.ask("/v1/status")["peers"] == 4 for n in nodes), 30), "a network of 5")
ok(wait_until(lambda: any(c["open"] for c in client.circuits()), 30), "with a circuit")


def reply_of(port):
    s, reply = socks_connect(proxy, "127.0.0.1", port)
    s.close()
    return reply


def test_verbs():
    here = ("--state", client.state)
    status, out, _ = run("status", *here)
    ok(status == 0 and f"node        {client.id()[:8]}, relay" in out, "status")
    ok("5" not in out.split("peers", 1)[1].split(":")[0] and "4 relays, 1 exit" in out, "its peers")
    status, out, _ = run("peers", *here)
    lines = out.splitlines()
    ok(status == 0 and len(lines) == 5 and lines[0].split()[0] == "ID", "peers is a table of 4")
    ok(exit_node.id()[:8] in out and "exit" in out, "which names the exit")
    ok(len({len(line.rstrip()) for line in lines}) <= 2, "in columns")
    status, out, _ = run("circuits", *here)
    ok(status == 0 and out.count(" > ") >= 2 and "own" in out, "circuits shows paths")
    equal(run("id", *here)[1].strip(), client.id(), "id")
    equal(run("address", *here)[1].strip(), client.address(), "address")
    for verb in ("status", "peers", "circuits", "id", "address"):
        status, out, _ = run(verb, "--json", *here)
        ok(status == 0 and isinstance(json.loads(out), dict), f"{verb} --json")
    env = clean_env(ALLIUM_STATE=client.state)
    equal(run("id", env=env)[1].strip(), client.id(), "found by the environment")
    with open(os.path.join(DIR, "c.conf"), "w") as f:
        f.write(f"[node]\nstate = {client.state}\n")
    equal(run("id", "--config", f.name)[1].strip(), client.id(), "found by the configuration")
    p = subprocess.run(f"{ALLIUM} help | head -n 1", shell=True, capture_output=True, check=False)
    ok(p.stdout.startswith(b"Usage"), "into a pipe that closes")
    with open("/dev/full", "w") as full:
        p = subprocess.run([ALLIUM, "help"], stdout=full, check=False)
    equal(p.returncode, 1, "output that cannot be written is a failure")


def test_control():
    mode = os.stat(os.path.join(client.state, "control.sock")).st_mode
    equal(stat.S_IMODE(mode), 0o600, "the control socket is private")
    for path, method, body, want in (("/v1/nothing", "GET", None, 404), ("/", "GET", None, 404),
                                     ("/v1/status", "POST", "{}", 405),
                                     ("/v1/join", "GET", None, 405),
                                     ("/v1/join", "POST", "", 400), ("/v1/join", "POST", "[1", 400),
                                     ("/v1/join", "POST", '{"address": 5}', 400),
                                     ("/v1/join", "POST", '{"address": "allium:x"}', 400),
                                     ("/v1/join", "POST", "x" * 100000, 400)):
        try:
            client.ask(path, method, body)
        except (ValueError, http.client.HTTPException):
            pass
        equal(client.status, want, f"{method} {path} {str(body)[:20]}: {want}")
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(client.state, "control.sock"))
    s.sendall(os.urandom(3000) + b"\r\n\r\n")
    s.close()
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(client.state, "control.sock"))
    body = json.dumps({"address": "allium:192.0.2.1:9/" + client.address().split("/")[1]})
    head = f"POST /v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    s.sendall((head + body).encode())
    time.sleep(0.2)
    s.close()
    equal(client.ask("/v1/id")["id"], client.id(), "garbage and a caller that leaves do no harm")
    text = client.ask("/metrics")
    lines = [x for x in text.splitlines() if not x.startswith("#")]
    good = re.compile(r"^[a-z][a-z0-9_]*(\{[a-z]+=\"[^\"]*\"\})? -?[0-9.e+]+$")
    ok(len(lines) > 60 and all(map(good.match, lines)), f"{len(lines)} metrics, well formed")
    names = [x.split("{")[0].split(" ")[0] for x in lines]
    equal(len(names), len(set(names)), "each once")
    ok(all(f"# TYPE {n} " in text and f"# HELP {n} " in text for n in names), "with type and help")
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "allium_links_up",
                 "allium_transport_packets_in_total", "allium_core_link_auth_total"):
        ok(client.metric(name) is not None, name)


def test_reload():
    equal(reply_of(echo_port), 2, "the policy refuses the target")
    configure(f"accept 127.0.0.1:{hold_port}, accept 127.0.0.1:{echo_port}")
    exit_node.signal(signal.SIGHUP)
    ok(wait_until(lambda: reply_of(echo_port) == 0), "after SIGHUP it accepts it")
    ok("settings reloaded" in exit_node.said(), "and says that it read the settings")
    configure("accept nonsense")
    exit_node.signal(signal.SIGHUP)
    ok(wait_until(lambda: "settings not reloaded" in exit_node.said()), "a bad file is refused")
    ok(f"{conf}:2: exit-policy" in exit_node.said(), "with its line")
    equal(reply_of(echo_port), 0, "and changes nothing")
    configure(f"accept 127.0.0.1:{hold_port}", "[socks]\nsocks-connections = 5\n[node]\nhops = 2\n")
    exit_node.signal(signal.SIGHUP)
    ok(wait_until(lambda: "socks-connections: changed; takes a restart" in exit_node.said()),
       "what takes a restart is named")
    ok(wait_until(lambda: reply_of(echo_port) == 2), "the rest is taken over")
    equal(exit_node.ask("/v1/status")["hops"], 2, "the number of hops too")


def test_drain():
    s, reply = socks_connect(proxy, "127.0.0.1", hold_port)
    equal(reply, 0, "a stream of two seconds")
    got = []

    def read():
        got.append(read_all(s))
        s.close()

    reader = threading.Thread(target=read)
    reader.start()
    begin = time.monotonic()
    client.signal(signal.SIGTERM)
    ok(wait_until(lambda: refused(proxy), 2), "SIGTERM: no new connections")
    equal(client.end(15), 0, "it ends with status 0")
    reader.join(5)
    equal(len(got[0]) if got else None, 40, "after the stream has finished")
    ok(1 < time.monotonic() - begin < 8, f"{time.monotonic() - begin:.1f} s")
    ok(not os.path.exists(os.path.join(client.state, "control.sock")), "its socket is gone")
    client.start()
    ok(wait_until(lambda: client.ask("/v1/status")["links_up"] > 0), "started again without --join")
    ok(wait_until(lambda: any(c["open"] for c in client.circuits())), "it has circuits again")
    at = client.socks()
    s, reply = socks_connect(at, "127.0.0.1", hold_port)
    equal(reply, 0, "a stream again")
    begin = time.monotonic()
    client.signal(signal.SIGINT)
    time.sleep(0.2)
    client.signal(signal.SIGINT)
    equal(client.end(5), 0, "a second signal ends it")
    ok(time.monotonic() - begin < 1.5, "at once")
    s.close()


def refused(at):
    try:
        socket.create_connection(at, timeout=2).close()
        return False
    except ConnectionRefusedError:
        return True


def test_kill():
    identity = client.id() if client.process.poll() is None else None
    for round_number in range(3):
        client.start()
        identity = identity or client.id()
        ok(wait_until(lambda: client.ask("/v1/status")["peers"] == 4), f"start {round_number + 1}")
        time.sleep(0.1 * round_number)
        client.kill()
    client.start()
    equal(client.id(), identity, "killed three times, it is the same node")
    ok(wait_until(lambda: client.ask("/v1/status")["links_up"] > 0), "and finds its peers")
    ok(wait_until(lambda: any(c["open"] for c in client.circuits()), 40), "and has circuits")
    s, reply = socks_connect(client.socks(), "127.0.0.1", hold_port, timeout=60)
    ok(reply == 0 and recv_exact(s, 3) == b"xxx", "and streams")
    s.close()


def test_service():
    path = os.path.join(DIR, "notify.sock")
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(10)
    state = os.path.join(DIR, "service")
    env = clean_env(NOTIFY_SOCKET=path, STATE_DIRECTORY=state, RUNTIME_DIRECTORY=DIR)
    args = [ALLIUM, "node", "--listen", "127.0.0.1", "--port", "0", "--socks", "off"]
    p = subprocess.Popen(args, env=env, stderr=subprocess.PIPE)
    try:
        equal(s.recv(100), b"READY=1", "the service manager is told that it is ready")
        ok(os.path.exists(os.path.join(state, "identity.key")), "state where it says")
        ok(os.path.exists(os.path.join(DIR, "control.sock")), "control socket where it says")
        p.send_signal(signal.SIGTERM)
        equal(s.recv(100), b"STOPPING=1", "and that it stops")
        equal(p.wait(10), 0, "ends")
    finally:
        p.kill()
        p.wait()
        p.stderr.close()


def test_log():
    address = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b|\[[0-9a-f:]+\]")
    own = re.compile(r"socks on ")
    bad = [line for n in nodes for line in n.said().splitlines()
           if address.search(line) and not own.search(line) and "exit-policy" not in line]
    equal(bad, [], "no address in the log but that of the own proxy")
    text = client.said()
    for want in ("listening on udp port", "joined, ", "first circuit, 3 hops, "):
        ok(want in text, f"the log says `{want}`")


test_verbs()
test_control()
test_reload()
test_drain()
test_kill()
test_service()
test_log()
for node in nodes:
    equal(node.stop(), 0, f"{node.name} ends with status 0")
done()
