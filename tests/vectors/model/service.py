"""PROTOCOL.md section 9, from the text."""
import hashlib

from . import curve, mldsa, mlkem
from .allium import h, sign, u16, u64
from .symmetric import extract, kdf, seal


def clamp(factor):
    return int.from_bytes(factor, 'little') & ~7 & (2**255 - 1) | 2**254


class Service:
    """9.1: keys and address of a root secret."""

    def __init__(self, root):
        self.ed_seed = kdf(root, 'allium service ed25519 v1', b'', 32)
        self.sig_seed = kdf(root, 'allium service sign v1', b'', 64)
        a = curve.ed_public(self.ed_seed)
        self.sig_pk = curve.ed_public(self.sig_seed[:32]) + mldsa.keygen(self.sig_seed[32:])[0]
        body = bytes([1]) + a + h('allium service identity v1', a, self.sig_pk)[:20]
        self.address = body + h('allium service checksum v1', body)[:2]

    def period(self, unix_s):
        first = h('allium service period v1', self.address)[:8]
        return (unix_s + int.from_bytes(first, 'little') % 86400) // 86400

    def factor(self, period, client=None):
        if client is None:
            return h('allium service blind v1', self.address, u64(period))
        return h('allium service client v1', self.address, u64(period), client)

    def blinded(self, factor):
        """Public key, and a function that signs for it."""
        a, prefix = curve._expand(self.ed_seed)
        scalar = clamp(factor)
        secret = a * scalar % curve.L
        pk = curve._compress(curve._mul(secret, curve.BASE))
        own = hashlib.sha512(b'allium blinded prefix v1' + scalar.to_bytes(32, 'little')
                             + prefix).digest()[:32]

        def mod(*parts):
            return int.from_bytes(hashlib.sha512(b''.join(parts)).digest(), 'little') % curve.L

        def sign_blinded(msg):
            r = mod(own, msg)
            big_r = curve._compress(curve._mul(r, curve.BASE))
            return big_r + ((r + mod(big_r, pk, msg) * secret) % curve.L).to_bytes(32, 'little')
        return pk, sign_blinded

    def descriptor(self, period, d, cookie=b''):
        """9.2. d: bits, published, kem_pk, intros (relay, id), salt, rnd."""
        body = bytes([1, d['bits'], len(d['intros']), 0]) + u64(d['published'])
        body += self.sig_pk + d['kem_pk'] + b''.join(r + i for r, i in d['intros'])
        body = body.ljust(12 + 1984 + 1216 + 5 * 64, b'\0')
        context = b'allium service record v1' + self.address + u64(period)
        text = body + sign(self.sig_seed, context, body, d['rnd'])
        head = bytes([2 if cookie else 1, 0, 0, 0]) + d['salt']
        key = kdf(extract(d['salt'], self.address + cookie), 'allium service record key v1',
                  u64(period), 32)
        return head + seal(key, 0, head, text)


def client_box(client_pk, cookie, coins):
    ct, ss = mlkem.xwing_encaps(client_pk, coins)
    return ct + seal(kdf(ss, 'allium service client key v1', b'', 32), 0, b'', cookie)


def intro_id(secret):
    return h('allium service listen v1', secret)


def resume_proof(secret, cookie, x):
    return kdf(secret, 'allium service resume v1', cookie + x, 16)


def request(address, to_id, kem_pk, r, resume=None):
    """9.4. r: relay, cookie, x_sk, time, session, kem (coins). -> request, shared secrets."""
    x = curve.public(r['x_sk'])
    proof = resume_proof(resume, r['cookie'], x) if resume else bytes(16)
    text = bytes([1, 1 if resume else 0]) + u16(0) + r['relay'] + r['cookie'] + x
    text += u64(r['time']) + (r['session'] if resume else bytes(16)) + proof
    ct, ss = mlkem.xwing_encaps(kem_pk, r['kem'])
    key = kdf(ss, 'allium service introduce v1', address + to_id, 32)
    rest = ct + seal(key, 0, b'', text)
    return bytes(16) + rest, {'ss': ss, 'x': x, 'transcript': h(
        'allium service session v1', address, to_id, kem_pk, rest)}


def answer(secrets, x_sk, y_sk, resume=None):
    y = curve.public(y_sk)
    dh = curve.x25519(x_sk, y)
    assert dh == curve.x25519(y_sk, secrets['x'])
    prk = extract(secrets['transcript'], secrets['ss'] + dh + (resume or bytes(32)))
    out = kdf(prk, 'allium service keys v1', y, 128)
    keys = {'to_service': out[:32], 'to_client': out[32:64], 'resume': out[64:96],
            'id': out[96:112]}
    return y + out[112:], keys


def work(to_id, nonce, rest):
    return h('allium service work v1', h('allium service puzzle v1', to_id, rest), nonce)


def sealed(key, number, text):
    assert len(text) == 1045
    return bytes([2]) + number.to_bytes(6, 'little') + seal(key, number, b'', text)
