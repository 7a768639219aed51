"""overlay.py: messages of the DHT between neighbours (PROTOCOL.md 7.2), from the document."""
import struct

from . import curve
from .allium import h


def state(contact):
    return bytes([1, contact, 0, 0])


def query(op, flags, ttl, path, number, target, payload=b''):
    return struct.pack('<BBBBB3xQ', 2, op, flags, ttl, path, number) + target + payload


def ack(code, path, number):
    return struct.pack('<BBBBQ', 3, code, path, 0, number)


def answer(status, path, hops, number, entries, payload=b''):
    out = struct.pack('<BBBBB3xQ', 4, status, path, hops, len(entries), number)
    for node, address in entries:
        out += node + bytes([len(address)]) + address
    return out + payload


def answer_signed(seed, pk, path, number, entries):
    """An answer *closest* that its first node has signed: the Ed25519 part of seed and pk."""
    named = answer(0, path, 0, number, entries)[16:]
    said = h('allium dht answer v1', struct.pack('<QBB', number, path, len(entries)), named)
    proof = bytes([len(entries)]) + pk + curve.ed_sign(seed[:32], said)
    return answer(0, path, 0, number, entries, proof)


def rumours(entries):
    """SAMPLE (PROTOCOL.md 7.1): entries are (kind, hops, node ID, stamp)."""
    out = bytes([1, len(entries)])
    for kind, hops, node, stamp in entries:
        out += struct.pack('<BB', kind, hops) + node + struct.pack('<Q', stamp)
    return out


def keep(wanted):
    return bytes([2, 1 if wanted else 0])
