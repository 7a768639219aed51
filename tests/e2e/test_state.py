"""What is on disk and who may come in: damaged, locked or full state, ports in use, foreigners."""
import os
import resource
import shutil
import socket
import stat

from harness import DIR, Node, closed_port, done, equal, ok, run, wait_until


def read(path):
    with open(path, "rb") as f:
        return f.read()


def refuses(node, status, want, *options, timeout=10):
    """`allium node` on this state must end with one clear line."""
    args = ["node", "--state", node.state, "--listen", "127.0.0.1", "--port", "0", "--socks", "off"]
    got, _, err = run(*args, *options, timeout=timeout)
    line = err.strip().splitlines()[-1] if err.strip() else ""
    ok(got == status and want in line and line.startswith("allium: "), f"status {got}: {line}")


def test_damage():
    node = Node("damage")
    identity = node.id()
    equal(node.stop(), 0, "a node makes its state")
    for name in ("identity.key", "password.key", "webrtc.pem"):
        mode = stat.S_IMODE(os.stat(os.path.join(node.state, name)).st_mode)
        equal(mode, 0o600, f"{name} is private")
    for name in ("identity.key", "password.key", "store.db", "webrtc.pem"):
        path = os.path.join(node.state, name)
        good = read(path)
        for what, bad in (("empty", b"" if name != "store.db" else b"x"),
                          ("cut", good[:len(good) // 2]),
                          ("changed", good[:20] + bytes(64) + good[84:])):
            with open(path, "wb") as f:
                f.write(bad)
            refuses(node, 5, name)
            ok(read(path) == bad, f"{what} {name} is left as it is")
        with open(path, "wb") as f:
            f.write(good)
    path = os.path.join(node.state, "identity.key")
    os.chmod(path, 0o644)
    refuses(node, 5, "others may read it")
    os.chmod(path, 0o600)
    keys = os.path.join(node.state, "keys")
    for name in os.listdir(keys):
        path = os.path.join(keys, name)
        good = read(path)
        with open(path, "wb") as f:
            f.write(good.replace(b" ", b"_"))
        refuses(node, 5, "damaged")
        with open(path, "wb") as f:
            f.write(good)
    os.chmod(node.state, 0o777)
    refuses(node, 5, "others may write to it")
    os.chmod(node.state, 0o700)
    node.start()
    equal(node.id(), identity, "put right again, it is the same node")
    refuses(node, 5, f"in use by another `allium node`, process {node.process.pid}")
    equal(node.stop(), 0, "which was not disturbed")
    shutil.rmtree(node.state)
    with open(node.state, "w") as f:
        f.write("a file")
    refuses(node, 5, "")


def test_in_use():
    node = Node("one", "--control", os.path.join(DIR, "one.sock"), ready=False)
    ok(wait_until(lambda: os.path.exists(os.path.join(DIR, "one.sock"))), "a node on its socket")
    other = Node.__new__(Node)
    other.state = os.path.join(DIR, "two")
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    refuses(other, 6, "in use", "--port", str(udp.getsockname()[1]))
    udp.close()
    tcp = socket.create_server(("127.0.0.1", 0))
    at = f"127.0.0.1:{tcp.getsockname()[1]}"
    refuses(other, 6, f"cannot listen on {at}: the port is in use", "--socks", at)
    tcp.close()
    refuses(other, 6, "another program listens there", "--control", os.path.join(DIR, "one.sock"))
    refuses(other, 6, "cannot listen on", "--control", "/nonexistent/x.sock")
    refuses(other, 6, "192.0.2.1", "--listen", "192.0.2.1")
    node.kill()
    third = Node("three", "--control", os.path.join(DIR, "one.sock"), ready=False)
    ok(wait_until(lambda: run("id", "--control", os.path.join(DIR, "one.sock"))[0] == 0),
       "a socket left by a killed node is replaced")
    equal(third.stop(), 0, "ends")


def secret(name, letter):
    path = os.path.join(DIR, name)
    with open(path, "w") as f:
        f.write(letter * 51 + "a\n")
    os.chmod(path, 0o600)
    return path


def join(node, address):
    return run("join", address, "--state", node.state)


def test_foreigners():
    good, bad = secret("good.secret", "b"), secret("bad.secret", "c")
    a = Node("inside", "--network-secret-file", good)
    b = Node("friend", "--network-secret-file", good)
    c = Node("stranger", "--network-secret-file", bad)
    d = Node("elsewhere", "--network", "elsewhere")
    status, out, err = join(b, a.address())
    ok(status == 0 and out.startswith(f"joined by {a.id()[:8]} in "), f"a friend: {out.strip()}")
    for node, text in ((c, "a wrong secret"), (d, "another network")):
        status, out, err = join(node, a.address())
        ok(status == 1 and err.startswith("allium: ") and err.count("\n") == 1,
           f"{text}: status {status}: {err.strip()}")
        equal(node.ask("/v1/status")["links_up"], 0, "and no link")
        equal(node.ask("/v1/status")["peers"], 0, "nothing was learnt")
    equal(a.ask("/v1/status")["peers"], 1, "the inside knows its friend only")
    head, tail = a.address().split("/", 1)
    port = head.rsplit(":", 1)[1]
    password = tail.split("/")[0]
    wrong = ("b" if tail[0] == "a" else "a") + tail[1:]
    e = Node("late", "--network-secret-file", good)
    for address, want in ((f"{head}/{wrong}", "is not the node"),
                          (f"allium:127.0.0.1:{closed_port()}/{tail}", "nobody answers"),
                          (f"allium:no-such-host.invalid:9251/{tail}", "no-such-host"),
                          (f"{head}/{password}/{b.id()}", "not the node that the address names")):
        status, _, err = join(e, address)
        ok(status == 1 and want in err, f"refused: {err.strip()}")
    f = Node("later", "--network-secret-file", good)
    status, _, err = join(f, f"allium:localhost:{port}/{password}")
    equal(status, 0, f"an address with a name, and without an ID: {err.strip()}")
    status, _, err = join(f, a.address())
    equal(status, 0, f"a neighbour already: {err.strip()}")
    os.chmod(good, 0o644)
    refuses(b, 4, "others may read it",
            "--network-secret-file", good)
    for n in (a, b, c, d, e, f):
        equal(n.stop(), 0, f"{n.name} ends")


def tight():
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))


def test_full_disk():
    """A limit on file sizes stands for a full disk; lifting it is making room."""
    first = Node("room")
    address = first.address()

    node = Node("full", join=address)
    ok(wait_until(lambda: node.ask("/v1/status")["peers"] == 1), "a node with a peer")
    node.stop()
    node.before = tight
    node.start(join=address)
    others = [Node(f"more{i}", join=address) for i in range(3)]
    ok(wait_until(lambda: node.ask("/v1/status")["peers"] == 4), "it runs on a full disk")
    ok(wait_until(lambda: node.ask("/v1/status")["store_errors"] > 0, 30), "and counts what fails")
    ok("cannot be written" in node.said(), "and says so")
    equal(node.said().count("cannot be written; trying again"), 1, "once")
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ok(wait_until(lambda: node.ask("/v1/status")["store_pending"] == 0, 30),
       "with room again everything is written")
    node.kill()
    for n in (first, *others):
        n.stop()
    node.before = None
    node.start()
    equal(node.ask("/v1/status")["peers"], 4, "and is there after a restart")
    equal(node.stop(), 0, "ends")


test_damage()
test_in_use()
test_foreigners()
test_full_disk()
done()
