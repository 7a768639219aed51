"""ML-KEM-768 (FIPS 203) and X-Wing (draft-connolly-cfrg-xwing-kem) over it."""
import hashlib

from . import curve
from .symmetric import sha3, shake256

Q, N, K, ETA, DU, DV = 3329, 256, 3, 2, 10, 4


def _bitrev7(i):
    return int(f'{i:07b}'[::-1], 2)


ZETAS = [pow(17, _bitrev7(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * _bitrev7(i) + 1, Q) for i in range(128)]


def ntt(f):
    f, i, size = f[:], 1, 128
    while size >= 2:
        for start in range(0, N, 2 * size):
            for j in range(start, start + size):
                t = ZETAS[i] * f[j + size]
                f[j + size], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
            i += 1
        size //= 2
    return f


def ntt_inv(f):
    f, i, size = f[:], 127, 2
    while size <= 128:
        for start in range(0, N, 2 * size):
            for j in range(start, start + size):
                t = f[j]
                f[j] = (t + f[j + size]) % Q
                f[j + size] = ZETAS[i] * (f[j + size] - t) % Q
            i -= 1
        size *= 2
    return [x * 3303 % Q for x in f]


def ntt_mul(f, g):
    h = []
    for i in range(128):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h += [(a0 * b0 + a1 * b1 * GAMMAS[i]) % Q, (a0 * b1 + a1 * b0) % Q]
    return h


def add(*polys):
    return [sum(x) % Q for x in zip(*polys)]


def sub(f, g):
    return [(x - y) % Q for x, y in zip(f, g)]


def encode(d, f):
    v = sum(x << d * i for i, x in enumerate(f))
    return v.to_bytes(32 * d, 'little')


def decode(d, b):
    v = int.from_bytes(b, 'little')
    return [v >> d * i & (1 << d) - 1 for i in range(N)]


def compress(d, f):
    return [((x << d + 1) + Q) // (2 * Q) % (1 << d) for x in f]


def decompress(d, f):
    return [(2 * Q * x + (1 << d)) >> d + 1 for x in f]


def sample_ntt(seed):
    b, out, at = hashlib.shake_128(seed).digest(2016), [], 0
    while len(out) < N:
        d1, d2 = b[at] + 256 * (b[at + 1] % 16), b[at + 1] // 16 + 16 * b[at + 2]
        out += [d for d in (d1, d2) if d < Q]
        at += 3
    return out[:N]


def cbd(seed, n):
    v = int.from_bytes(shake256(seed + bytes([n]), 64 * ETA), 'little')
    out = []
    for i in range(N):
        bits = v >> 4 * i
        out.append(((bits & 1) + (bits >> 1 & 1) - (bits >> 2 & 1) - (bits >> 3 & 1)) % Q)
    return out


def _g(data):
    h = hashlib.sha3_512(data).digest()
    return h[:32], h[32:]


def _matrix(rho):
    return [[sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]


def _dot(a, b):
    return add(*(ntt_mul(x, y) for x, y in zip(a, b)))


def keygen(d, z):
    rho, sigma = _g(d + bytes([K]))
    a = _matrix(rho)
    s = [ntt(cbd(sigma, i)) for i in range(K)]
    e = [ntt(cbd(sigma, K + i)) for i in range(K)]
    t = [add(_dot(a[i], s), e[i]) for i in range(K)]
    ek = b''.join(encode(12, x) for x in t) + rho
    return ek, b''.join(encode(12, x) for x in s) + ek + sha3(ek) + z


def _encrypt(ek, m, r):
    t = [decode(12, ek[384 * i:384 * i + 384]) for i in range(K)]
    a = _matrix(ek[384 * K:])
    y = [ntt(cbd(r, i)) for i in range(K)]
    u = [add(ntt_inv(_dot([a[j][i] for j in range(K)], y)), cbd(r, K + i)) for i in range(K)]
    v = add(ntt_inv(_dot(t, y)), cbd(r, 2 * K), decompress(1, decode(1, m)))
    return b''.join(encode(DU, compress(DU, x)) for x in u) + encode(DV, compress(DV, v))


def encaps(ek, m):
    """Returns (ciphertext, secret); refuses a key that is not reduced (7.2)."""
    for i in range(K):
        assert all(x < Q for x in decode(12, ek[384 * i:384 * i + 384]))
    k, r = _g(m + sha3(ek))
    return _encrypt(ek, m, r), k


def decaps(dk, c):
    s, ek, h, z = dk[:384 * K], dk[384 * K:768 * K + 32], dk[-64:-32], dk[-32:]
    u = [decompress(DU, decode(DU, c[320 * i:320 * i + 320])) for i in range(K)]
    v = decompress(DV, decode(DV, c[320 * K:]))
    w = sub(v, ntt_inv(_dot([decode(12, s[384 * i:384 * i + 384]) for i in range(K)],
                            [ntt(x) for x in u])))
    m = encode(1, compress(1, w))
    k, r = _g(m + h)
    return k if _encrypt(ek, m, r) == c else shake256(z + c, 32)


XWING_LABEL = b'\\.//^\\'


def xwing_keygen(seed):
    """Returns (public key, secret key as a tuple)."""
    x = shake256(seed, 96)
    ek, dk = keygen(x[:32], x[32:64])
    pk_x = curve.public(x[64:])
    return ek + pk_x, (dk, x[64:], pk_x)


def xwing_encaps(pk, coins):
    ct_m, ss_m = encaps(pk[:1184], coins[:32])
    ct_x, ss_x = curve.public(coins[32:]), curve.x25519(coins[32:], pk[1184:])
    return ct_m + ct_x, sha3(ss_m, ss_x, ct_x, pk[1184:], XWING_LABEL)


def xwing_decaps(sk, ct):
    dk, sk_x, pk_x = sk
    ss_m, ss_x = decaps(dk, ct[:1088]), curve.x25519(sk_x, ct[1088:])
    return sha3(ss_m, ss_x, ct[1088:], pk_x, XWING_LABEL)
