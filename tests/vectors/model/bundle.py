"""bundle.py: packets of a bundle, their frames (PROTOCOL.md 8.1), PROBE (4.7), by the document."""
import struct

PACKET_BYTES = 1068  # a relay payload, its kind byte included


def u48(value):
    return value.to_bytes(6, 'little')


def ack(largest, delay, first_run, runs=()):
    pairs = b''.join(struct.pack('<HH', gap, run) for gap, run in runs)
    return struct.pack('<BIHBH', 1, largest, delay, len(runs), first_run) + pairs


def open_(stream, credit, port, kind, host):
    return struct.pack('<BIIHBB', 2, stream, credit, port, kind, len(host)) + host


def opened(stream, credit):
    return struct.pack('<BII', 3, stream, credit)


def data(stream, offset, content, fin=False):
    head = struct.pack('<BI', 5 if fin else 4, stream) + u48(offset)
    return head + struct.pack('<H', len(content)) + content


def reset(stream, reason):
    return struct.pack('<BIB', 6, stream, reason)


def credit(stream, offset):
    return struct.pack('<BI', 7, stream) + u48(offset)


def ping():
    return bytes([8])


def have(stream, offset):
    return struct.pack('<BI', 9, stream) + u48(offset)


def packet(number, frames):
    out = struct.pack('<BI', 1, number) + b''.join(frames)
    return out + bytes(PACKET_BYTES - len(out))


def probe(op, nonce, node):
    return struct.pack('<BQ', op, nonce) + node
