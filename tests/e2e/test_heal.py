"""A relay that carries a download is killed: the download goes on, byte for byte.
How long it pauses is measured by bench/net/healbench.py, not here."""
import hashlib
import threading
import time

from harness import Server, done, network, ok, recv_exact, socks_connect, wait_until

RATE, SECONDS = 2_000_000, 14  # bytes a second: slow enough to be killed in the middle
CHUNK = 40_000


def block(i):
    return hashlib.sha256(i.to_bytes(8, 'little')).digest() * (CHUNK // 32)


def feed(s):
    """Sends numbered blocks at RATE, then ends."""
    begun = time.monotonic()
    for i in range(RATE * SECONDS // CHUNK):
        s.sendall(block(i))
        time.sleep(max(0, begun + (i + 1) * CHUNK / RATE - time.monotonic()))


def busiest(client):
    """The own circuit that has received most, as the client tells it."""
    circuits = [c for c in client.circuits() if c.get('open', True)]
    return max(circuits, key=lambda c: c['cells_received'])


def test(hop, what):
    nodes = network(7, 'accept 127.0.0.0/8:*')
    client, server = nodes[-1], Server(feed)
    wait_until(lambda: len(client.circuits()) >= 2)
    s = socks_connect(client.socks(), '127.0.0.1', server.port)[0]
    got, longest, last, killed = 0, 0.0, time.monotonic(), None
    right = True
    while got < RATE * SECONDS:
        right = recv_exact(s, CHUNK) == block(got // CHUNK) and right
        now = time.monotonic()
        longest = max(longest, now - last) if killed else longest
        last, got = now, got + CHUNK
        if killed is None and got > RATE * 5:
            path = busiest(client)['path']
            killed = next(n for n in nodes if n.id() == path[hop])
            killed.kill()
    ok(right and killed is not None, f'kill -9 of the {what}: every byte once and in order')
    print(f'# the longest pause: {longest:.2f} s')
    ok(client.metric('allium_core_resume_joined_total') >= 1, '  over a circuit that joined')
    for n in nodes:
        n.kill()


test(0, 'guard')
test(1, 'middle')
done()
