"""The wall clock of every node is stepped by a day while they run: streams, circuits and links live
on. clock_step.c does it, loaded in front of libc; the last argument is that library."""
import os
import struct
import subprocess
import sys
import time

from harness import DIR, Node, Server, clean_env, done, echo, ok, socks_connect, wait_until

STEP = os.path.join(DIR, "step")
DAY = 86400


def step(seconds):
    with open(STEP, "r+b") as f:
        f.write(struct.pack("q", seconds))


with open(STEP, "wb") as f:
    f.write(bytes(8))
port = Server(echo).port
env = clean_env(LD_PRELOAD=os.path.abspath(sys.argv[2]), CLOCK_STEP_FILE=STEP,
                ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
step(DAY)
there = subprocess.run([sys.executable, "-c", "import time; print(time.time())"], env=env,
                       capture_output=True, check=True).stdout
ok(abs(float(there) - time.time() - DAY) < 60, "a process of such a clock is a day ahead")
step(0)
nodes = [Node("exit", "--exit-policy", f"accept 127.0.0.1:{port}", env=env)]
nodes += [Node(f"node{i}", join=nodes[0].address(), env=env) for i in range(3)]
client = nodes[-1]
ok(wait_until(lambda: all(n.ask("/v1/status")["peers"] == 3 for n in nodes), 30), "a network of 4")
ok(wait_until(lambda: any(c["open"] for c in client.circuits()), 30), "with a circuit")


def echoes(s, count):
    """So many bytes there and back."""
    data = os.urandom(count)
    s.settimeout(20)
    got = b""
    try:
        for at in range(0, count, 65536):
            s.sendall(data[at:at + 65536])
            want = min(65536, count - at)
            part = b""
            while len(part) < want:
                more = s.recv(want - len(part))
                if not more:
                    return False
                part += more
            got += part
    except OSError as e:
        print(f"# {e}")
        return False
    return got == data


def connected(user):
    s, reply = socks_connect(client.socks(), "127.0.0.1", port, login=(user.encode(), b"x"))
    return s if reply == 0 else None


held = connected("held")
ok(held and echoes(held, 100000), "a stream")
for seconds, what in ((DAY, "a day on"), (0, "a day back, where it was"),
                      (-DAY, "a day before that"), (3600, "to an hour ahead")):
    step(seconds)
    ok(echoes(held, 500000), f"{what}: the open stream goes on")
    time.sleep(2)  # housekeeping, heartbeats and SCTP's timers see the new time
    ok(echoes(held, 500000), f"{what}: and still does")
    s = connected(f"user{seconds}")
    ok(s and echoes(s, 10000), f"{what}: a new circuit and stream")
    ok(all(n.ask("/v1/status")["peers"] == 3 for n in nodes), f"{what}: everybody is known")
for n in nodes:
    said = n.said()
    ok(n.process.poll() is None and "lost" not in said, f"{n.name} runs and lost no neighbour")
ok(all(n.stop() == 0 for n in nodes), "all end with 0")
done()
