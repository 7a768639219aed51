#!/usr/bin/env python3
"""gen_wide.py: an independent model of the wide-block cipher (docs/decisions/0001-wide-block.md) in
plain Python, from the RFCs. Without arguments it prints wide.txt; with --check FILE it compares."""
import hashlib
import hmac
import struct
import sys


def chacha_block(key, counter, nonce):
    """RFC 8439 2.3."""
    def rot(x, n):
        return (x << n | x >> (32 - n)) & 0xffffffff

    def quarter(s, a, b, c, d):
        s[a] = (s[a] + s[b]) & 0xffffffff
        s[d] = rot(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & 0xffffffff
        s[b] = rot(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b]) & 0xffffffff
        s[d] = rot(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & 0xffffffff
        s[b] = rot(s[b] ^ s[c], 7)

    start = list(struct.unpack('<4I', b'expand 32-byte k') + struct.unpack('<8I', key)
                 + (counter,) + struct.unpack('<3I', nonce))
    s = list(start)
    for _ in range(10):
        quarter(s, 0, 4, 8, 12)
        quarter(s, 1, 5, 9, 13)
        quarter(s, 2, 6, 10, 14)
        quarter(s, 3, 7, 11, 15)
        quarter(s, 0, 5, 10, 15)
        quarter(s, 1, 6, 11, 12)
        quarter(s, 2, 7, 8, 13)
        quarter(s, 3, 4, 9, 14)
    return struct.pack('<16I', *((a + b) & 0xffffffff for a, b in zip(s, start)))


def poly1305(key, msg):
    """RFC 8439 2.5."""
    r = int.from_bytes(key[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    acc = 0
    for i in range(0, len(msg), 16):
        acc = (acc + int.from_bytes(msg[i:i + 16] + b'\x01', 'little')) * r % (2**130 - 5)
    return ((acc + int.from_bytes(key[16:], 'little')) % 2**128).to_bytes(16, 'little')


def kdf(key, label, context, size):
    """HKDF-Expand (RFC 5869 2.3), info = label, a zero byte, context."""
    out, t = b'', b''
    while len(out) < size:
        t = hmac.new(key, t + label + b'\0' + context + bytes([len(out) // 32 + 1]),
                     hashlib.sha256).digest()
        out += t
    return out[:size]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def prf(key, x):
    return chacha_block(key, int.from_bytes(x[:4], 'little'), x[4:16])


def encrypt(secret, tweak, block):
    keys = kdf(secret, b'allium wide block v1', b'', 192)
    mac, mask, stream = ((keys[i:i + 32], keys[i + 32:i + 64]) for i in (0, 64, 128))
    t = struct.pack('<QQ', tweak, len(block))
    left, right = block[:16], block[16:]
    for i in range(2):
        left = xor(left, prf(mask[i], poly1305(mac[i], t + right))[:16])
        sub = prf(stream[i], left)[:32]
        pad = b''.join(chacha_block(sub, n, bytes(12)) for n in range((len(right) + 63) // 64))
        right = xor(right, pad)
    return left + right


def selftest():
    """RFC 8439 2.3.2 and 2.5.2."""
    block = chacha_block(bytes(range(32)), 1, bytes.fromhex('000000090000004a00000000'))
    assert block.hex().startswith('10f1e7e4d13b5915500fdd1fa32071c4')
    tag = poly1305(bytes.fromhex('85d6be7857556d337f4452fe42d506a8'
                                 '0103808afb0db2fd4abff6af4149f51b'),
                   b'Cryptographic Forum Research Group')
    assert tag.hex() == 'a8061dc1305136c6c22b8baf0c0127a9'


def lines():
    yield '# wide: secret tweak plain cipher; made by gen_wide.py'
    sizes = [32, 33, 47, 48, 63, 64, 79, 80, 81, 144, 208, 272, 336, 528, 529, 1024, 1068, 1084,
             1084, 1084, 1490, 2064, 4095, 4096]
    tweaks = [0, 1, 2**32, 2**63, 2**64 - 1]
    for i, size in enumerate(sizes):
        seed = hashlib.shake_256(b'wide vector %d' % i).digest(32 + size)
        secret, plain = seed[:32], seed[32:]
        if i == 18:
            plain = bytes(size)
        tweak = tweaks[i % len(tweaks)]
        yield f'wide {i} valid {secret.hex()} {tweak} {plain.hex()} ' \
              f'{encrypt(secret, tweak, plain).hex()}'


selftest()
text = '\n'.join(lines()) + '\n'
if len(sys.argv) == 3 and sys.argv[1] == '--check':
    with open(sys.argv[2], encoding='ascii') as f:
        sys.exit(0 if f.read() == text else 'wide.txt is not what gen_wide.py makes')
sys.stdout.write(text)
