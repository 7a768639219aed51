"""messages.py: cells of a link, messages in pieces, DIGEST and WANT, questions through a circuit
(PROTOCOL.md 4.3, 4.4, 7.1, 7.4), from the document."""
import struct

PAYLOAD = 1084


def cell(number, kind, flags=0, counter=0, payload=b''):
    """The plaintext of a data frame; the payload is filled with zeros."""
    assert len(payload) <= PAYLOAD
    head = struct.pack('<IBB', number, kind, flags) + counter.to_bytes(6, 'little')
    return head + payload + bytes(PAYLOAD - len(payload))


def pieces(number, kind, message):
    """The MESSAGE cells that carry a message."""
    count = -(-len(message) // PAYLOAD)
    return [cell(number, 4, kind, len(message) | i << 32, message[i * PAYLOAD:(i + 1) * PAYLOAD])
            for i in range(count)]


def digest(entries):
    return struct.pack('<H', len(entries)) + b''.join(
        node + struct.pack('<Q', sequence) for node, sequence in entries)


def want(nodes):
    return struct.pack('<H', len(nodes)) + b''.join(nodes)


def question(op, quorum, key, lifetime=0, record=b''):
    return struct.pack('<BBBB', 1, op, quorum, 0) + key + struct.pack(
        '<II', len(record), lifetime) + record


def reply(status, answers, hops, nodes, lifetime=0, record=b''):
    """nodes are (ID, verdict); a lifetime travels with a record only."""
    body = struct.pack('<I', lifetime) + record if record else b''
    out = struct.pack('<BBBBBBHI', 1, status, answers, hops, len(nodes), 0, 0, len(body))
    for node, verdict in nodes:
        out += node + bytes([verdict])
    return out + body
