"""Services between real nodes: exposed by one, reached by address from another, over a relay that
dies half-way; stable over a restart; exported and imported; for authorised clients only."""
import hashlib
import os
import socket
import time

from harness import (DIR, Server, closed_port, done, echo, equal, network, ok, read_all,
                     recv_exact, run, socks_connect, wait_until)

SIZE = 24 << 20
DATA = b"".join(hashlib.sha256(i.to_bytes(4, "little")).digest() for i in range(SIZE // 32))
HASH = hashlib.sha256(DATA).hexdigest()


def verb(node, *words):
    return run(*words, "--state", node.state)


def serve(s):
    if s.recv(4096):
        s.sendall(DATA)


def published(node, name):
    return any(s["name"] == name and s["published"] and s["introduction_points"] > 0
               for s in node.ask("/v1/services")["services"])


def echoes(client, address, port):
    s, reply = socks_connect(client.socks(), address, port)
    if reply != 0:
        s.close()
        return reply
    s.sendall(b"hello")
    good = recv_exact(s, 5) == b"hello"
    s.close()
    return good


def reached(nodes, address):
    client = nodes[-1]
    start = time.monotonic()
    ok(echoes(client, address, 80) is True, "a client reaches it by its address")
    print(f"# first connection, to the answer: {(time.monotonic() - start) * 1e3:.0f} ms")
    times = []
    for _ in range(5):
        start = time.monotonic()
        ok(echoes(client, address, 80) is True, "and again")
        times.append((time.monotonic() - start) * 1e3)
    print("# later ones: " + " ".join(f"{t:.1f}" for t in times) + " ms")
    label = address[:-len(".allium")]
    ok(echoes(client, f"www.{label[:40]}.{label[40:]}.allium", 80) is True,
       "also with a dot in it, and a name in front")
    equal(echoes(client, address, 81), 5, "another port is refused")
    wrong = ("b" if label[0] == "a" else "a") + label[1:]
    equal(echoes(client, wrong + ".allium", 80), 4, "a mistyped address cannot be")


def ahead(nodes):
    """A client is answered ahead only for what was accepted last."""
    service, client = nodes[1], nodes[-1]
    server = Server(echo)
    status, out, err = verb(service, "expose", f"127.0.0.1:{server.port}", "--name", "brief",
                            "--port", "7")
    ok(status == 0 and wait_until(lambda: published(service, "brief"), 30), f"a service {err}")
    address = out.strip()
    ok(echoes(client, address, 7) is True and echoes(client, address, 7) is True, "it is there")
    s, reply = socks_connect(client.socks(), address, 7, early=b"pipelined")
    ok(reply == 0 and recv_exact(s, 9) == b"pipelined", "bytes sent before the reply")
    s.close()
    s, reply = socks_connect(client.socks(), address, 7)
    time.sleep(0.3)
    s.sendall(b"late")
    ok(reply == 0 and recv_exact(s, 4) == b"late", "bytes sent long after it")
    s.close()
    server.socket.shutdown(socket.SHUT_RDWR)
    server.socket.close()
    s, reply = socks_connect(client.socks(), address, 7)
    try:
        s.sendall(b"anybody?")
        got = s.recv(1)
    except ConnectionResetError:
        got = "reset"
    ok(reply == 0 and got == "reset", f"its server is gone: answered ahead, then reset ({got})")
    s.close()
    equal(echoes(client, address, 7), 5, "after that a refusal is exact")
    equal(verb(service, "unexpose", "brief")[0], 0, "it is taken back")


def killed(nodes, address, port):
    client, service = nodes[-1], nodes[1]
    s, reply = socks_connect(client.socks(), address, port)
    equal(reply, 0, "a download begins")
    s.sendall(b"go")
    got = recv_exact(s, SIZE // 3)
    ids = {n.id(): n for n in nodes}
    busy = max((c for c in client.circuits() if c["open"]), key=lambda c: c["cells_received"])
    victim = next((ids[h] for h in reversed(busy["path"]) if ids[h] not in (client, service)), None)
    if ok(victim is not None, "a relay of its path is found"):
        start = time.monotonic()
        victim.kill()
        got += recv_exact(s, 1 << 20)
        print(f"# the next megabyte came {(time.monotonic() - start) * 1e3:.0f} ms after the kill")
    s.settimeout(60)
    got += read_all(s)
    s.close()
    equal(hashlib.sha256(got).hexdigest(), HASH, "every byte comes, though that relay was killed")
    if victim is not None:
        victim.start(join=client.address())


def main():
    nodes = network(8, "reject *:*")
    service, other, client = nodes[1], nodes[2], nodes[-1]
    target, files = Server(echo), Server(serve)
    status, out, err = verb(service, "expose", f"127.0.0.1:{target.port}", "--name", "echo",
                            "--port", "80")
    address = out.strip()
    ok(status == 0 and address.endswith(".allium") and len(address) == 95, f"an address: {err}")
    ok(wait_until(lambda: published(service, "echo"), 30), "it is published")
    reached(nodes, address)
    ahead(nodes)
    status, out, _ = verb(service, "expose", f"127.0.0.1:{files.port}", "--name", "files", "--port",
                          "80")
    ok(wait_until(lambda: published(service, "files"), 30), "a second service of the same node")
    killed(nodes, out.strip(), 80)
    service.stop()
    service.start(join=client.address())
    ok(wait_until(lambda: published(service, "echo"), 40), "after a restart it is published again")
    ok(wait_until(lambda: echoes(client, address, 80) is True, 60),
       "and reached by the same address")
    service.kill()
    service.start(join=client.address())
    ok(wait_until(lambda: published(service, "echo"), 40), "after kill -9 it is published again")
    start = time.monotonic()
    ok(wait_until(lambda: echoes(client, address, 80) is True, 60), "and reached")
    print(f"# after {(time.monotonic() - start) * 1e3:.0f} ms, though it forgot the session")
    mode = os.stat(os.path.join(service.state, "services", "echo.key")).st_mode & 0o777
    equal(mode, 0o600, "its key is nobody else's")
    status, key, _ = verb(service, "service", "export", "echo")
    equal(verb(service, "unexpose", "echo")[0], 0, "it is taken back")
    status, out, err = verb(other, "service", "import", key.strip(), f"127.0.0.1:{target.port}",
                            "--name", "moved", "--port", "80")
    equal(out.strip(), address, f"its key makes it the same elsewhere {err}")
    status, public, err = verb(client, "service", "client-key", address)
    ok(status == 0 and len(public.strip()) == 1946, f"a client has a key {err}")
    path = os.path.join(DIR, "clients")
    with open(path, "w") as f:
        f.write("# who may\nclient " + public)
    equal(verb(other, "expose", f"127.0.0.1:{target.port}", "--name", "moved", "--port", "80",
               "--clients", path)[0], 0, "only that client may connect")
    ok(wait_until(lambda: published(other, "moved"), 30), "published for it")
    ok(wait_until(lambda: echoes(client, address, 80) is True, 60), "it connects")
    ok(echoes(nodes[3], address, 80) in (2, 4), "another node does not")
    equal(verb(other, "expose", f"127.0.0.1:{closed_port()}", "--name", "closed", "--port", "9")[0],
          0, "a service whose server is not there")
    closed = [s for s in other.ask("/v1/services")["services"] if s["name"] == "closed"][0]
    ok(wait_until(lambda: published(other, "closed"), 30), "is published")
    equal(echoes(client, closed["address"], 9), 5, "and refuses")
    done()


main()
