"""Records of the DHT with real nodes: `allium dht put|get|lookup`, directly and through circuits,
across restarts, with a store that is locked or corrupt."""
import base64
import json
import os
import sqlite3

from harness import DIR, Node, done, equal, ok, run, wait_until


def dht(node, *args, status=0, text=None, data=None):
    got, out, err = run("dht", *args, "--state", node.state, input=data)
    ok(got == status, f"dht {' '.join(a[:30] for a in args)}: status {got} {err.strip()[:90]}")
    if text is not None:
        ok(text in (out + err), f"it says `{text}`")
    return out


def network(count):
    nodes = [Node("node0")]
    for i in range(1, count):
        nodes.append(Node(f"node{i}", join=nodes[0].address()))
    ok(wait_until(lambda: all(n.ask("/v1/status")["peers"] == count - 1 for n in nodes), 30),
       f"{count} nodes know each other")
    ok(wait_until(lambda: all(n.ask("/v1/status")["links_up"] >= count - 1 for n in nodes), 30),
       "and are linked to each other")
    return nodes


def database(node):
    return sqlite3.connect(os.path.join(node.state, "store.db"), isolation_level=None)


def records_of(node):
    """Keys of the records in the store of a node that has ended."""
    db = database(node)
    rows = db.execute("select key from kv").fetchall()
    db.close()
    return [k for (k,) in rows if bytes(k).startswith(b"record/")]


def test_put_get(nodes):
    key = dht(nodes[1], "put", "--direct", "hello, world").strip()
    equal(len(key), 52, "put prints the key")
    equal(dht(nodes[4], "get", "--direct", key), "hello, world", "get finds it elsewhere")
    answer = json.loads(dht(nodes[3], "get", "--json", key))
    equal(base64.b64decode(answer["value"]), b"hello, world", "through a circuit, as JSON")
    ok(not answer["mutable"] and 86000 < answer["lifetime_s"] <= 86400 and answer["key"] == key,
       "with what is known of it")
    far = dht(nodes[2], "put", "--json", "-", data=bytes(range(256)) * 32)
    far = json.loads(far)
    ok(len(far["nodes"]) == len(nodes) and
       all(n["verdict"] in ("taken", "same") for n in far["nodes"]),
       "8,192 bytes through a circuit: every node keeps them")
    got = run("dht", "get", "--json", far["key"], "--state", nodes[5].state)[1]
    equal(base64.b64decode(json.loads(got)["value"]), bytes(range(256)) * 32, "byte for byte")
    again = dht(nodes[0], "put", "--direct", "hello, world").strip()
    equal(again, key, "the same value has the same key")
    dht(nodes[0], "get", "--direct", "a" * 52, status=1, text="not found")
    dht(nodes[0], "get", "a" * 51, status=2, text="52 characters")
    return key


def test_mutable(nodes):
    path = os.path.join(DIR, "signer.key")
    put = ["put", "--mutable", "--key", path, "--salt", "site"]
    key = dht(nodes[1], *put, "--direct", "first").strip()
    equal(os.stat(path).st_mode & 0o777, 0o600, "the signer's key is made, for its owner alone")
    equal(dht(nodes[2], *put, "second").strip(), key, "a later value has the same key")
    equal(dht(nodes[3], "get", "--direct", key), "second", "and is what is found")
    other = dht(nodes[1], "put", "--mutable", "--key", path, "--direct", "x").strip()
    ok(other != key, "another salt, another key")
    answer = json.loads(dht(nodes[4], "get", "--json", key))
    ok(answer["mutable"] and base64.b64decode(answer["salt"]) == b"site" and
       answer["sequence"] > 1600000000000, "sequence and salt are told")
    with open(path, "a") as f:
        f.write("x")
    dht(nodes[1], *put, "third", status=5)


def test_lookup(nodes):
    listed = dht(nodes[1], "lookup", "--direct", nodes[2].id()).split()
    equal(listed[1], nodes[2].id(), "lookup of a node's ID: it is the closest")
    equal(len(listed) - 1, len(nodes), "every node of a small network")


def test_control(nodes):
    n = nodes[0]
    n.ask("/v1/dht", "GET")
    equal(n.status, 405, "only POST")
    for body in ("", "[]", "{", '{"op": "frob"}', '{"op": "put", "record": "AAAA"}',
                 '{"op": "get", "key": "zz"}', '{"op": "put", "lifetime_s": 86401}'):
        n.ask("/v1/dht", "POST", body)
        equal(n.status, 400, f"POST {body}")
    bad = bytearray(b"ALR1\x01\x00\x03\x00abc")
    n.ask("/v1/dht", "POST", json.dumps({"op": "put", "record": base64.b64encode(bad).decode(),
                                         "direct": True}))
    equal(n.status, 200, "a record made by hand")


def test_restart(nodes, key):
    for n in nodes:
        n.stop()
    kept = [len(records_of(n)) for n in nodes]
    ok(min(kept) >= 3, f"records are in the stores: {kept}")
    db = database(nodes[1])  # every record of one node is another one now
    db.execute("update kv set value = zeroblob(length(value)) where key >= ? and key < ?",
               (b"record/", b"record0"))
    db.close()
    db = database(nodes[2])  # half of another's is cut short
    db.execute("update kv set value = substr(value, 1, 40) where key >= ? and key < ?",
               (b"record/", b"record7"))
    db.close()
    for i, n in enumerate(nodes):
        n.start(join=None if i == 0 else nodes[0].address())
    ok(wait_until(lambda: all(n.ask("/v1/status")["links_up"] > 0 for n in nodes), 30),
       "all are back")
    ok(wait_until(lambda: run("dht", "get", "--direct", key, "--state",
                              nodes[3].state)[1] == "hello, world", 30),
       "after a restart of all nodes the record is found")
    damaged = [n.metric("allium_core_record_expired_total") +
               n.metric("allium_core_record_bad_total") for n in nodes[1:3]]
    ok(damaged[0] >= kept[1] and damaged[1] >= 1,
       f"what was changed on disk is not believed: {damaged}")
    nodes[1].stop()
    db = database(nodes[1])
    values = [len(v) for k, v in db.execute("select key, value from kv").fetchall()
              if bytes(k).startswith(b"record/") and not any(v)]
    db.close()
    equal(values, [], "and not kept")
    nodes[1].start(join=nodes[0].address())


def test_locked(node):
    """Somebody else has the database: the node does not start and says why; then it does."""
    node.stop()
    db = database(node)
    db.execute("begin exclusive")
    node.start(ready=False)
    ok(node.end(20) not in (0, None) and "lock" in node.said()[-300:], "a locked store is told")
    db.execute("rollback")
    db.close()
    node.start()
    ok(node.id(), "and the node starts when it is free")


nodes = network(6)
key = test_put_get(nodes)
test_mutable(nodes)
test_lookup(nodes)
test_control(nodes)
test_restart(nodes, key)
test_locked(nodes[5])
for n in nodes:
    n.stop()
done()
