"""ChaCha20, Poly1305 and their AEAD (RFC 8439), HKDF (RFC 5869), hashes, and the wide block."""
import hashlib
import hmac
import struct


def sha3(*parts):
    return hashlib.sha3_256(b''.join(parts)).digest()


def shake256(data, size):
    return hashlib.shake_256(data).digest(size)


def xor(a, b):
    assert len(a) == len(b)
    return bytes(x ^ y for x, y in zip(a, b))


def _rotl(x, n):
    return (x << n | x >> (32 - n)) & 0xffffffff


def _quarter(s, a, b, c, d):
    for p, q, r, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[p] = (s[p] + s[q]) & 0xffffffff
        s[r] = _rotl(s[r] ^ s[p], n)


def chacha_block(key, counter, nonce):
    start = list(struct.unpack('<16I', b'expand 32-byte k' + key + struct.pack('<I', counter)
                               + nonce))
    s = start[:]
    for _ in range(10):
        for i in range(4):
            _quarter(s, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            _quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack('<16I', *((x + y) & 0xffffffff for x, y in zip(start, s)))


def stream(key, size, nonce=bytes(12), counter=0):
    """The first bytes of the ChaCha20 key stream."""
    blocks = (chacha_block(key, counter + i, nonce) for i in range((size + 63) // 64))
    return b''.join(blocks)[:size]


def mac(key, msg):
    """Poly1305."""
    r = int.from_bytes(key[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    acc = 0
    for at in range(0, len(msg), 16):
        acc = (acc + int.from_bytes(msg[at:at + 16] + b'\1', 'little')) * r % (2**130 - 5)
    return ((acc + int.from_bytes(key[16:], 'little')) % 2**128).to_bytes(16, 'little')


def seal(key, number, ad, text):
    """ChaCha20-Poly1305 with the nonce 4 zero bytes ‖ u64 number: ciphertext ‖ tag."""
    nonce = bytes(4) + struct.pack('<Q', number)
    ct = xor(text, stream(key, len(text), nonce, 1))

    def padded(b):
        return b + bytes(-len(b) % 16)

    tag = mac(chacha_block(key, 0, nonce)[:32],
              padded(ad) + padded(ct) + struct.pack('<QQ', len(ad), len(ct)))
    return ct + tag


def extract(salt, ikm):
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def kdf(key, label, context, size):
    """HKDF-Expand with info = label ‖ 0x00 ‖ context."""
    info, out, t = label.encode() + b'\0' + context, b'', b''
    while len(out) < size:
        t = hmac.new(key, t + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += t
    return out[:size]


def wide(secret, tweak, block):
    """PROTOCOL.md 2.4."""
    keys = kdf(secret, 'allium wide block v1', b'', 192)
    r1, r3, k1, k3, k2, k4 = (keys[i:i + 32] for i in range(0, 192, 32))
    t = struct.pack('<QQ', tweak, len(block))
    left, right = block[:16], block[16:]

    def prf(key, x):
        return chacha_block(key, int.from_bytes(x[:4], 'little'), x[4:])

    for r, k, s in ((r1, k1, k2), (r3, k3, k4)):
        left = xor(left, prf(k, mac(r, t + right))[:16])
        right = xor(right, stream(prf(s, left)[:32], len(right)))
    return left + right


def selftest():
    """RFC 8439 2.3.2, 2.5.2 and RFC 5869 A.1."""
    block = chacha_block(bytes(range(32)), 1, bytes.fromhex('000000090000004a00000000'))
    assert block.hex().startswith('10f1e7e4d13b5915500fdd1fa32071c4')
    key = '85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b'
    tag = mac(bytes.fromhex(key), b'Cryptographic Forum Research Group')
    assert tag.hex() == 'a8061dc1305136c6c22b8baf0c0127a9'
    prk = extract(bytes(range(13)), b'\x0b' * 22)
    assert prk.hex().startswith('077709362c2e32df0ddc3f0dc47bba63')
