"""ML-DSA-65 key generation and signing (FIPS 204)."""
import hashlib

from .symmetric import shake256

Q, N, D = 8380417, 256, 13
K, L, ETA, TAU, OMEGA = 6, 5, 4, 49, 55
GAMMA1, GAMMA2, BETA, C_BYTES = 1 << 19, (Q - 1) // 32, TAU * ETA, 48


def _bitrev8(i):
    return int(f'{i:08b}'[::-1], 2)


ZETAS = [pow(1753, _bitrev8(i), Q) for i in range(256)]


def ntt(f):
    f, m, size = f[:], 0, 128
    while size >= 1:
        for start in range(0, N, 2 * size):
            m += 1
            for j in range(start, start + size):
                t = ZETAS[m] * f[j + size]
                f[j + size], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
        size //= 2
    return f


def ntt_inv(f):
    f, m, size = f[:], 256, 1
    while size < 256:
        for start in range(0, N, 2 * size):
            m -= 1
            for j in range(start, start + size):
                t = f[j]
                f[j] = (t + f[j + size]) % Q
                f[j + size] = (Q - ZETAS[m]) * (t - f[j + size]) % Q
        size *= 2
    return [x * 8347681 % Q for x in f]


def centred(x, m=Q):
    """x mod± m."""
    x %= m
    return x - m if x > m // 2 else x


def add(*polys):
    return [sum(x) % Q for x in zip(*polys)]


def sub(f, g):
    return [(x - y) % Q for x, y in zip(f, g)]


def mul(f, g):
    return [x * y % Q for x, y in zip(f, g)]


def norm(polys):
    return max(abs(centred(x)) for p in polys for x in p)


def pack(f, bits):
    return sum(x << bits * i for i, x in enumerate(f)).to_bytes(32 * bits, 'little')


def unpack(b, bits):
    v = int.from_bytes(b, 'little')
    return [v >> bits * i & (1 << bits) - 1 for i in range(N)]


def pack_signed(f, top, bits):
    """BitPack(f, *, top): top minus each coefficient."""
    return pack([top - centred(x) for x in f], bits)


def _matrix(rho):
    def entry(r, s):
        b, out, at = hashlib.shake_128(rho + bytes([s, r])).digest(1680), [], 0
        while len(out) < N:
            x = b[at] | b[at + 1] << 8 | (b[at + 2] & 127) << 16
            if x < Q:
                out.append(x)
            at += 3
        return out

    return [[entry(r, s) for s in range(L)] for r in range(K)]


def _bounded(seed, n):
    b, out, at = shake256(seed + n.to_bytes(2, 'little'), 1024), [], 0
    while len(out) < N:
        out += [(4 - x) % Q for x in (b[at] & 15, b[at] >> 4) if x < 9]
        at += 1
    return out[:N]


def _power2round(x):
    low = centred(x, 1 << D)
    return (x - low) >> D, low


def _decompose(x):
    low = centred(x, 2 * GAMMA2)
    if x - low == Q - 1:
        return 0, low - 1
    return (x - low) // (2 * GAMMA2), low


def _times(a, v):
    return [ntt_inv(add(*(mul(x, y) for x, y in zip(row, v)))) for row in a]


def keygen(xi):
    """Returns (public key, secret key)."""
    h = shake256(xi + bytes([K, L]), 128)
    rho, seed, key = h[:32], h[32:96], h[96:]
    s1 = [_bounded(seed, i) for i in range(L)]
    s2 = [_bounded(seed, L + i) for i in range(K)]
    a = _matrix(rho)
    t = [add(x, y) for x, y in zip(_times(a, [ntt(p) for p in s1]), s2)]
    split = [[_power2round(x) for x in p] for p in t]
    pk = rho + b''.join(pack([hi for hi, _ in p], 10) for p in split)
    sk = rho + key + shake256(pk, 64) + b''.join(pack_signed(p, ETA, 4) for p in s1 + s2)
    return pk, sk + b''.join(pack_signed([lo for _, lo in p], 1 << D - 1, D) for p in split)


def _in_ball(seed):
    h, c, at = shake256(seed, 1024), [0] * N, 8
    signs = int.from_bytes(h[:8], 'little')
    for i in range(N - TAU, N):
        while h[at] > i:
            at += 1
        j = h[at]
        at += 1
        c[i], c[j] = c[j], (1 - 2 * (signs & 1)) % Q
        signs >>= 1
    return c


def _hint_pack(h):
    out = bytearray(OMEGA + K)
    at = 0
    for i, p in enumerate(h):
        for j, bit in enumerate(p):
            if bit:
                out[at] = j
                at += 1
        out[OMEGA + i] = at
    return bytes(out)


def sign(sk, message, context, rnd):
    """The external, pure interface with `rnd` given; rnd = 32 zero bytes is deterministic."""
    rho, key, tr = sk[:32], sk[32:64], sk[64:128]
    at = 128

    def take(count, bits, top):
        nonlocal at
        out = []
        for _ in range(count):
            out.append(ntt([(top - x) % Q for x in unpack(sk[at:at + 32 * bits], bits)]))
            at += 32 * bits
        return out

    s1, s2, t0 = take(L, 4, ETA), take(K, 4, ETA), take(K, D, 1 << D - 1)
    a = _matrix(rho)
    mu = shake256(tr + bytes([0, len(context)]) + context + message, 64)
    seed = shake256(key + rnd + mu, 64)
    kappa = 0
    while True:
        y = [[(GAMMA1 - x) % Q for x in
              unpack(shake256(seed + (kappa + r).to_bytes(2, 'little'), 640), 20)]
             for r in range(L)]
        kappa += L
        w = _times(a, [ntt(p) for p in y])
        w1 = b''.join(pack([_decompose(x)[0] for x in p], 4) for p in w)
        c_seed = shake256(mu + w1, C_BYTES)
        c = ntt(_in_ball(c_seed))
        z = [add(p, ntt_inv(mul(c, s))) for p, s in zip(y, s1)]
        r = [sub(p, ntt_inv(mul(c, s))) for p, s in zip(w, s2)]
        low = max(abs(_decompose(x)[1]) for p in r for x in p)
        if norm(z) >= GAMMA1 - BETA or low >= GAMMA2 - BETA:
            continue
        ct0 = [ntt_inv(mul(c, t)) for t in t0]
        h = [[_decompose(x)[0] != _decompose((x + d) % Q)[0] for x, d in zip(p, q)]
             for p, q in zip(r, ct0)]
        if norm(ct0) >= GAMMA2 or sum(map(sum, h)) > OMEGA:
            continue
        return c_seed + b''.join(pack_signed(p, GAMMA1, 20) for p in z) + _hint_pack(h)
