"""Applications through three hops: every kind of request, many at once, slow, hostile."""
import hashlib
import os
import random
import socket
import struct
import threading
import time

from harness import (ALLIUM, IPV4, IPV6, NAME, Server, closed_port, done, echo, equal, network, ok,
                     read_all, recv_exact, socks_connect, socks_open, wait_until)

BLOB = os.urandom(48 << 20)
with open(ALLIUM, "rb") as program:
    # AddressSanitizer keeps freed memory for a while.
    GROWTH_MIB = 200 if b"__asan_init" in program.read() else 40


def blob(s):
    s.sendall(BLOB)


def after_end(s):
    """Answers only when the client has ended its side."""
    s.sendall(hashlib.sha256(read_all(s)).digest())


def end_first(s):
    """Ends its side at once and then reads."""
    s.sendall(b"bye")
    s.shutdown(socket.SHUT_WR)
    got.append(read_all(s))


def abort(s):
    s.recv(1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


got = []
servers = {f.__name__: Server(f).port for f in (echo, blob, after_end, end_first, abort)}
outside = Server(echo).port
try:
    echo6 = Server(echo, "::1").port
except OSError:
    echo6 = None
closed = closed_port()
ports = [*servers.values(), closed] + ([echo6] if echo6 else [])
rules = [f"accept 127.0.0.1:{p}" for p in [*servers.values(), closed]]
if echo6:
    rules.append(f"accept [::1]:{echo6}")
nodes = network(4, ", ".join(rules))
client, exit_node = nodes[-1], nodes[0]
proxy = client.socks()


def talk(s, text):
    s.sendall(text)
    return recv_exact(s, len(text)) == text


def test_kinds():
    s, reply = socks_connect(proxy, "127.0.0.1", servers["echo"], IPV4)
    ok(reply == 0 and talk(s, b"four"), "CONNECT to IPv4")
    s.close()
    s, reply = socks_connect(proxy, "localhost", servers["echo"], NAME)
    ok(reply == 0 and talk(s, b"name"), "CONNECT to a name")
    s.close()
    if echo6:
        s, reply = socks_connect(proxy, "::1", echo6, IPV6)
        ok(reply == 0 and talk(s, b"six"), "CONNECT to IPv6")
        s.close()
    s, reply = socks_connect(proxy, "127.0.0.1", servers["echo"], early=b"early")
    ok(reply == 0 and recv_exact(s, 5) == b"early", "bytes sent before the reply")
    s.close()


def test_refused():
    table = [("127.0.0.1", outside, IPV4, 2, "a target outside of the policy"),
             ("127.0.0.2", servers["echo"], IPV4, 2, "an address outside of the policy"),
             ("::ffff:127.0.0.2", servers["echo"], IPV6, 2, "the same in disguise"),
             ("0.0.0.0", servers["echo"], IPV4, 2, "the unspecified address"),
             ("127.0.0.1", closed, IPV4, 5, "a port where nobody listens"),
             ("no-such-host.invalid", servers["echo"], NAME, 4, "a name that does not exist")]
    for host, port, kind, want, text in table:
        s, reply = socks_connect(proxy, host, port, kind)
        equal(reply, want, f"{text}: reply {want}")
        equal(s.recv(1), b"", "and then the end")
        s.close()
    for command, name in ((2, "BIND"), (3, "UDP ASSOCIATE")):
        s, reply = socks_connect(proxy, "127.0.0.1", servers["echo"], IPV4, command=command)
        equal(reply, 7, f"{name}: reply 7")
        s.close()


def paths():
    return {tuple(c["path"]) + (c["circuit"],) for c in client.circuits() if c["streams"]}


def test_isolation():
    a, r1 = socks_connect(proxy, "127.0.0.1", servers["echo"], login=(b"alice", b"x"))
    b, r2 = socks_connect(proxy, "127.0.0.1", servers["echo"], login=(b"alice", b"x"))
    ok(r1 == 0 and r2 == 0 and talk(a, b"a") and talk(b, b"b"), "the same login twice")
    equal(len(paths()), 1, "shares a circuit")
    c, r3 = socks_connect(proxy, "127.0.0.1", servers["echo"], login=(b"alice", b"y"))
    ok(r3 == 0 and talk(c, b"c"), "another login")
    equal(len(paths()), 2, "gets a circuit of its own")
    for s in (a, b, c):
        s.close()


def test_half_close():
    data = os.urandom(300000)
    s, reply = socks_connect(proxy, "127.0.0.1", servers["after_end"])
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
    ok(reply == 0 and read_all(s) == hashlib.sha256(data).digest(),
       "the client ends first, the answer still comes")
    s.close()
    s, reply = socks_connect(proxy, "127.0.0.1", servers["end_first"])
    equal(read_all(s), b"bye", "the target ends first")
    s.sendall(data)
    s.close()
    ok(wait_until(lambda: got and got[-1] == data), "and still gets everything")
    s, reply = socks_connect(proxy, "127.0.0.1", servers["abort"])
    s.sendall(b"x")
    try:
        s.recv(1)
        ok(False, "a target's reset is a reset here")
    except ConnectionResetError:
        ok(True, "a target's reset is a reset here")
    s.close()


def test_slow_reader():
    s, reply = socks_connect(proxy, "127.0.0.1", servers["blob"], timeout=60)
    before = client.rss_mib(), exit_node.rss_mib()
    time.sleep(3)
    grown = client.rss_mib() - before[0], exit_node.rss_mib() - before[1]
    ok(max(grown) < GROWTH_MIB, f"a reader that stops costs {grown[0]:.0f} and {grown[1]:.0f} MiB")
    t, other = socks_connect(proxy, "127.0.0.1", servers["echo"])
    ok(other == 0 and talk(t, b"not held up"), "and holds up nobody else")
    t.close()
    data = bytearray()
    while len(data) < 1 << 20:
        data += s.recv(5000)
        time.sleep(0.001)
    data += read_all(s)
    ok(bytes(data) == BLOB, "all bytes are there in the end")
    s.close()


def test_many():
    results = []

    def one(i):
        r = random.Random(i)
        data = r.randbytes(20000 + r.randrange(40000))
        try:
            s, reply = socks_connect(proxy, "127.0.0.1", servers["after_end"], timeout=100)
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            answer = read_all(s)
            good = reply == 0 and answer == hashlib.sha256(data).digest()
            results.append(good or f"reply {reply}, {len(answer)} bytes")
            s.close()
        except OSError as e:
            results.append(str(e))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(200)]
    begin = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(sum(r is True for r in results), 200, "200 connections at once")
    print(f"# {time.monotonic() - begin:.1f} s; {[r for r in results if r is not True][:3]}")
    ok(wait_until(lambda: client.ask("/v1/status")["socks_connections"] == 0), "all are gone")
    ok(wait_until(lambda: exit_node.metric("allium_exit_connections") == 0), "at the exit too")


def test_garbage():
    r = random.Random(1)
    begin = client.metric("allium_socks_accepted_total")
    for i in range(300):
        s = socks_open(proxy)
        s.sendall(r.randbytes(r.randrange(1, 600)) if i % 2 else b"\5" + r.randbytes(40))
        if i % 3 == 0:
            s.shutdown(socket.SHUT_WR)
        s.close()
    silent = [socks_open(proxy) for _ in range(20)]
    half = socks_open(proxy)
    half.sendall(b"\5\1\0\5\1")
    ok(wait_until(lambda: client.metric("allium_socks_accepted_total") >= begin + 321),
       "300 handshakes of garbage and 21 that never end")
    s, reply = socks_connect(proxy, "127.0.0.1", servers["echo"])
    ok(reply == 0 and talk(s, b"still here"), "the proxy goes on")
    for x in (*silent, half, s):
        x.close()
    http = socks_open(proxy)
    http.sendall(b"GET / HTTP/1.1\r\n\r\n")
    try:
        equal(http.recv(100), b"", "HTTP is hung up on")
    except ConnectionResetError:
        ok(True, "HTTP is hung up on")
    http.close()


def test_lost_exit():
    s, reply = socks_connect(proxy, "127.0.0.1", servers["blob"], timeout=60)
    ok(reply == 0 and len(recv_exact(s, 100000)) == 100000, "a download begins")
    exit_node.kill()
    begin = time.monotonic()
    try:
        data = read_all(s)
        ok(len(data) + 100000 == len(BLOB), "the download had arrived already")
    except ConnectionResetError:
        ok(True, "the exit is killed: the download is reset, not ended")
    except TimeoutError:
        ok(False, "the exit is killed: the download is reset, not ended")
    ok(time.monotonic() - begin < 30, f"after {time.monotonic() - begin:.1f} s")
    s.close()
    s, reply = socks_connect(proxy, "127.0.0.1", servers["echo"], timeout=90)
    ok(reply in (1, 2, 6), f"without an exit: reply {reply}")
    s.close()


test_kinds()
test_refused()
test_isolation()
test_half_close()
test_slow_reader()
test_many()
test_garbage()
test_lost_exit()
for n in nodes[1:]:
    equal(n.stop(), 0, f"{n.name} ends with status 0")
done()
