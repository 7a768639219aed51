"""PROTOCOL.md sections 2 to 6, from the text."""
import struct

from . import curve, mldsa, mlkem
from .symmetric import extract, kdf, mac, seal, sha3, stream, wide, xor

ZERO_ID = bytes(32)


def u16(x):
    return struct.pack('<H', x)


def u32(x):
    return struct.pack('<I', x)


def u64(x):
    return struct.pack('<Q', x)


def h(label, *parts):
    return sha3(label.encode(), *parts)


# 2.3, 3: signature, identity, records

def sign(seed, context, message, rnd):
    """seed: Ed25519 32 ‖ ML-DSA-65 32."""
    framed = b'allium hybrid signature v1' + bytes([len(context)]) + context + message
    _, sk = mldsa.keygen(seed[32:])
    return curve.ed_sign(seed[:32], framed) + mldsa.sign(sk, framed, context, rnd)


class Identity:
    def __init__(self, root):
        self.sig_seed = kdf(root, 'allium identity sign v1', b'', 64)
        link_seed = kdf(root, 'allium identity link v1', b'', 32)
        self.sig_pk = curve.ed_public(self.sig_seed[:32]) + mldsa.keygen(self.sig_seed[32:])[0]
        self.link_pk, self.link_sk = mlkem.xwing_keygen(link_seed)
        self.id = h('allium node id v1', self.sig_pk)


def solves(node_id, number):
    return h('allium puzzle v1', node_id, u64(number))[:2] == bytes(2)


def solve(node_id):
    number = 0
    while not solves(node_id, number):
        number += 1
    return number


def address(ip, port, cert, pwd):
    assert len(cert) == 32 and len(pwd) == 18
    return bytes([1, {4: 4, 16: 6}[len(ip)]]) + ip + u16(port) + cert + pwd


def rule(accept, family, prefix, addr, low, high):
    return bytes([accept, family, prefix, 0]) + addr.ljust(16, b'\0') + u16(low) + u16(high)


def descriptor(me, d):
    """d: the fields by name; all values as on the wire."""
    body = b'ALD1' + u16(d['flags']) + u16(d['capacity'])
    body += b''.join(u64(d[k]) for k in ('sequence', 'published', 'expiry', 'epoch', 'puzzle'))
    body += me.sig_pk + me.link_pk + d['onion'][0] + d['onion'][1]
    body += bytes([len(d['addresses'])])
    body += b''.join(bytes([len(a)]) + a for a in d['addresses'])
    body += bytes([len(d['rules'])]) + b''.join(d['rules'])
    body += bytes([len(d['software'])]) + d['software']
    return body + sign(me.sig_seed, b'allium descriptor v1', body, d['rnd'])


# 7.3: records of the DHT

def record_immutable(value):
    body = b'ALR1' + bytes([1, 0]) + u16(len(value)) + value
    return body, h('allium record immutable v1', value)


def record_mutable(seed, pk, r):
    """seed, pk: of a hybrid signature. r: the fields by name."""
    body = b'ALR1' + bytes([2, len(r['salt'])]) + u16(len(r['value']))
    body += u64(r['sequence']) + u64(r['expiry']) + pk + r['salt'] + r['value']
    body += sign(seed, b'allium record signature v1', body, r['rnd'])
    return body, h('allium record mutable v1', pk, r['salt'])


def record_blinded(seed, r):
    """seed: of an Ed25519 key."""
    pk = curve.ed_public(seed)
    body = b'ALR1' + bytes([3, 0]) + u16(len(r['value']))
    body += u64(r['sequence']) + u64(r['expiry']) + pk + u64(r['period']) + r['value']
    body += curve.ed_sign(seed, h('allium record ed25519 v1', body))
    return body, h('allium record blinded v1', pk, u64(r['period']))


def record_place(key, which):
    return key if which == 0 else h('allium record place v1', key, bytes([which]))


# 4.2, 4.5: link

class Transcript:
    """h and ck of one side."""

    def __init__(self, network, secret, binding):
        self.h = h('allium link v1', bytes([1, len(network)]), network, binding)
        self.ck = extract(self.h, secret)

    def mix_hash(self, x):
        self.h = h('allium transcript v1', self.h, x)

    def mix_key(self, ss):
        self.ck = extract(self.ck, ss)

    def key(self, label):
        return kdf(self.ck, label, self.h, 32)

    def seal(self, label, text):
        sealed = seal(self.key(label), 0, self.h, text)
        self.mix_hash(sealed)
        return sealed

    def end(self):
        """The secret of phase 0; from now on nothing else is needed."""
        self.root = self.key('allium link root v1')

    def frame_keys(self):
        return tuple(kdf(self.root, f'allium link {way} v1', b'', 32) for way in ('i2r', 'r2i'))


def handshake(t, dialler, answerer, records, coins, fetch):
    """All messages in order. records: descriptors of dialler and answerer; coins: by message."""
    out = {}
    if fetch:
        f, f_sk = mlkem.xwing_keygen(coins['fetch'])
        out['fetch'] = (f + seal(t.key('allium link fetch v1'), 0, f, b'')).ljust(3648, b'\0')
        t.mix_hash(out['fetch'])
        c, ss = mlkem.xwing_encaps(f, coins['record'])
        assert mlkem.xwing_decaps(f_sk, c) == ss
        t.mix_hash(c)
        t.mix_key(ss)
        out['record'] = c + t.seal('allium link record v1', records[1])
    t.mix_hash(answerer.id)
    e, e_sk = mlkem.xwing_keygen(coins['init'][:32])
    c1, ss1 = mlkem.xwing_encaps(answerer.link_pk, coins['init'][32:])
    assert mlkem.xwing_decaps(answerer.link_sk, c1) == ss1
    t.mix_hash(e + c1)
    t.mix_key(ss1)
    out['init'] = e + c1 + t.seal('allium link init v1', records[0])
    c2, ss2 = mlkem.xwing_encaps(e, coins['accept'][:64])
    c3, ss3 = mlkem.xwing_encaps(dialler.link_pk, coins['accept'][64:])
    assert mlkem.xwing_decaps(e_sk, c2) == ss2 and mlkem.xwing_decaps(dialler.link_sk, c3) == ss3
    t.mix_hash(c2 + c3)
    t.mix_key(ss2)
    t.mix_key(ss3)
    confirm = u64(coins['sequence']) + u64(0)
    out['accept'] = c2 + c3 + t.seal('allium link accept v1', confirm)
    t.end()
    return out


def rekey(t, seed, coins):
    """Returns REKEY and REKEYED; t.root is that of the next phase."""
    e, e_sk = mlkem.xwing_keygen(seed)
    c, ss = mlkem.xwing_encaps(e, coins)
    assert mlkem.xwing_decaps(e_sk, c) == ss
    said = h('allium link rekey v1', e, c)
    t.root = kdf(extract(t.root, ss), 'allium link root v1', said, 32)
    return e, c


def cell(cell_id, kind, flags, counter, payload):
    assert len(payload) == 1084
    return u32(cell_id) + bytes([kind, flags]) + u64(counter)[:6] + payload


def data_frame(key, phase, number, plain):
    assert len(plain) == 1096
    counter = phase << 56 | number
    return u64(counter) + seal(key, counter, b'', plain)


# 5: Sphinx

BETA, BLOCK, BODY = 4960, 1216, 1490


def route(command, next_id, x):
    return bytes([command]) + bytes(7) + next_id + x + bytes(8)


def sphinx_keys(ss):
    keys = kdf(ss, 'allium sphinx v1', u16(1), 160)
    return dict(zip(('header', 'mac', 'body', 'tag', 'secret'),
                    (keys[i:i + 32] for i in range(0, 160, 32))))


def sphinx_create(hops, data, coins):
    """hops: (onion public key, id, X) each. Returns the packet, each hop's keys, and the body as
    each hop gets it, the plain one last."""
    r = len(hops)
    sealed = [mlkem.xwing_encaps(pk, coins['kem'][i]) for i, (pk, _, _) in enumerate(hops)]
    keys = [sphinx_keys(ss) for _, ss in sealed]
    streams = [stream(k['header'], BETA + BLOCK) for k in keys]
    phi = b''
    for i in range(1, r):
        start = BETA - BLOCK * (i - 1)
        phi = xor(phi + bytes(BLOCK), streams[i - 1][start:BETA + BLOCK])
    n = BETA - BLOCK * (r - 1)
    last = route(2, ZERO_ID, hops[-1][2]) + bytes(16) + coins['beta_pad'][:n - 96]
    beta = xor(last, streams[-1][:n]) + phi
    tag = mac(keys[-1]['mac'], beta)
    for i in range(r - 2, -1, -1):
        plain = route(1, hops[i + 1][1], hops[i][2]) + tag + sealed[i + 1][0] + beta[:BETA - BLOCK]
        beta = xor(plain, streams[i][:BETA])
        tag = mac(keys[i]['mac'], beta)
    body = bytes(16) + u16(len(data)) + data
    body += coins['body_pad'][:BODY - len(body)]
    bodies = [body]
    for k in reversed(keys):
        bodies.insert(0, wide(k['body'], 0, bodies[0]))
    return u16(1) + sealed[0][0] + tag + beta + bodies[0], keys, bodies


def sphinx_header_step(packet, sk):
    """What a hop does to the header, without the body (whose inverse the vectors of wide cover)."""
    ct, tag, beta = packet[2:1122], packet[1122:1138], packet[1138:1138 + BETA]
    keys = sphinx_keys(mlkem.xwing_decaps(sk, ct))
    assert mac(keys['mac'], beta) == tag
    x = xor(beta + bytes(BLOCK), stream(keys['header'], BETA + BLOCK))
    return keys, x[:80], u16(1) + x[96:1216] + x[80:96] + x[1216:]


# 6: circuit

def hop_keys(node_id, secret, x, y, dh):
    digest = h('allium circuit v1', node_id, x, y)
    ck = extract(digest, secret + dh)
    offsets = kdf(ck, 'allium circuit offset v1', b'', 12)
    return {
        'forward': kdf(ck, 'allium circuit forward v1', b'', 32),
        'backward': kdf(ck, 'allium circuit backward v1', b'', 32),
        'created': kdf(ck, 'allium circuit created v1', b'', 32),
        'confirm': kdf(ck, 'allium circuit confirm v1', b'', 16),
        'resume': kdf(ck, 'allium circuit resume v1', b'', 32),
        'forward_offset': int.from_bytes(offsets[:6], 'little'),
        'backward_offset': int.from_bytes(offsets[6:], 'little'),
    }


def resume_name(secret):
    return kdf(secret, 'allium resume name v1', b'', 16)


def resume_payload(op, secret, new_secret):
    """JOIN (1) or JOINED (2): the bundle's secret proved on the circuit of new_secret."""
    label = {1: 'allium resume join v1', 2: 'allium resume accept v1'}[op]
    tag = kdf(secret, label, resume_name(new_secret), 32)
    return (bytes([3, op]) + resume_name(secret) + tag).ljust(1068, b'\0')


def created(keys, y, rest):
    return y + keys['confirm'] + xor(rest[:1036], stream(keys['created'], 1036))


def forward(hops, counter, body):
    """Returns (counter, body) towards each hop, the first hop's first. Plain body in front."""
    wires = [counter]
    for k in hops[:-1]:
        wires.append((wires[-1] + k['forward_offset']) % 2**48)
    seen = []
    for k, w in reversed(list(zip(hops, wires))):
        body = wide(k['forward'], w, body)
        seen.insert(0, (w, body))
    return seen


def backward(hops, counter, body):
    """Returns (counter, body) as each hop sends it, the speaking (last) hop's first."""
    sent = []
    for k in reversed(hops):
        counter = (counter + k['backward_offset']) % 2**48
        body = wide(k['backward'], counter, body)
        sent.append((counter, body))
    return sent
