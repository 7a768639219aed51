#!/usr/bin/env python3
"""gen_protocol.py: vectors of records, link handshake, set-up packets and circuits, from the model
in model/. All coins are SHAKE256 of their names, so that a run gives the same bytes for ever.

  gen_protocol.py            write records, link, sphinx, circuit, dht, overlay, bundle and
                             messages.txt here
  gen_protocol.py --check    compare them with what the model says
"""
import pathlib
import sys

sys.dont_write_bytecode = True
from model import allium as al  # noqa: E402
from model import bundle, curve, messages, mldsa, mlkem, overlay, selftest  # noqa: E402
from model.symmetric import sha3, shake256  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def coins(name, size=32):
    return shake256(b'allium vector ' + name.encode(), size)


class File:
    """Lines `name hex`; the empty string is `-`."""

    def __init__(self, name):
        self.name, self.lines = name, [f'# {name}: made by gen_protocol.py; frozen']

    def add(self, name, value):
        if isinstance(value, int):
            value = al.u64(value)
        self.lines.append(f'{name} {value.hex() or "-"}')
        return value

    def text(self):
        return '\n'.join(self.lines) + '\n'


def fields(name, **changed):
    """A small descriptor's fields."""
    d = {'flags': 1, 'capacity': 0, 'sequence': 1, 'published': 1700000000,
         'expiry': 1700086400, 'epoch': 78703, 'puzzle': 0, 'addresses': [], 'rules': [],
         'software': b'', 'rnd': coins(name + ' signature'),
         'onion': [mlkem.xwing_keygen(coins(f'{name} onion {i}'))[0] for i in range(2)]}
    d.update(changed)
    return d


def records():
    f = File('records.txt')
    me = al.Identity(f.add('identity.root', coins('identity')))
    f.add('identity.sig_seed', me.sig_seed)
    f.add('identity.sig_pk', me.sig_pk)
    f.add('identity.link_pk', me.link_pk)
    f.add('identity.id', me.id)
    number = f.add('puzzle.number', al.solve(me.id))
    addresses = []
    for name, ip in (('ip4', bytes([192, 0, 2, 7])), ('ip6', bytes.fromhex('20010db8') + bytes(11)
                                                      + b'\1')):
        cert, pwd = coins(name + ' cert'), coins(name + ' pwd', 18)
        f.add(f'address.{name}.ip', ip)
        f.add(f'address.{name}.port', 4433)
        f.add(f'address.{name}.cert', cert)
        f.add(f'address.{name}.pwd', pwd)
        addresses.append(f.add(f'address.{name}.record', al.address(ip, 4433, cert, pwd)))
    rules = [al.rule(0, 4, 8, b'\x0a', 0, 65535), al.rule(1, 6, 32, bytes.fromhex('20010db8'), 25,
                                                          25), al.rule(1, 0, 0, b'', 80, 443)]
    d = fields('descriptor', flags=3, capacity=250, sequence=0x0102030405060708,
               puzzle=int.from_bytes(number, 'little'), addresses=addresses, rules=rules,
               software=b'allium/0.1.0')
    f.add('descriptor.rnd', d['rnd'])
    f.add('descriptor.onion0', d['onion'][0])
    f.add('descriptor.onion1', d['onion'][1])
    f.add('descriptor.record', al.descriptor(me, d))
    small = fields('small')
    f.add('small.rnd', small['rnd'])
    f.add('small.record', al.descriptor(me, small))
    return f


def link_case(f, name, fetch, secret):
    sides = [al.Identity(f.add(f'{name}.root.{s}', coins(f'{name} {s}'))) for s in 'ir']
    desc = [f.add(f'{name}.descriptor.{s}', al.descriptor(side, fields(f'{name} {s}')))
            for s, side in zip('ir', sides)]
    network = f.add(f'{name}.network', b'allium')
    f.add(f'{name}.secret', secret)
    binding = f.add(f'{name}.binding', coins(f'{name} binding'))
    c = {k: f.add(f'{name}.coins.{k}', coins(f'{name} {k}', n))
         for k, n in (('fetch', 32), ('record', 64), ('init', 96), ('accept', 128))}
    c['sequence'] = 77
    t = al.Transcript(network, secret or bytes(32), binding)
    for kind, message in al.handshake(t, *sides, desc, c, fetch).items():
        f.add(f'{name}.{kind}', message)

    def keys(phase):
        for what, value in zip(('i2r', 'r2i', 'root'), (*t.frame_keys(), t.root)):
            f.add(f'{name}.{phase}.{what}', value)

    keys('phase0')
    payload = f.add(f'{name}.frame.payload', coins(f'{name} payload', 1084))
    plain = f.add(f'{name}.frame.cell', al.cell(0x80000001, 1, 0, 0x0000fedcba987654, payload))
    f.add(f'{name}.frame', al.data_frame(t.frame_keys()[0], 3, 0x1122334455, plain))
    seed = f.add(f'{name}.coins.rekey', coins(f'{name} rekey'))
    e, ct = al.rekey(t, seed, f.add(f'{name}.coins.rekeyed', coins(f'{name} rekeyed', 64)))
    f.add(f'{name}.rekey', e)
    f.add(f'{name}.rekeyed', ct)
    keys('phase1')


def link():
    f = File('link.txt')
    link_case(f, 'known', False, b'')
    link_case(f, 'unknown', True, coins('network secret'))
    return f


def sphinx():
    f = File('sphinx.txt')
    for r in (1, 3, 5):
        name, hops, secrets = f'hops{r}', [], []
        for i in range(r):
            pk, sk = mlkem.xwing_keygen(f.add(f'{name}.{i}.seed', coins(f'{name} seed {i}')))
            node_id = f.add(f'{name}.{i}.id', coins(f'{name} id {i}'))
            hops.append((pk, node_id, f.add(f'{name}.{i}.x', coins(f'{name} x {i}'))))
            secrets.append(sk)
        c = {'kem': [f.add(f'{name}.{i}.coins', coins(f'{name} kem {i}', 64)) for i in range(r)],
             'beta_pad': f.add(f'{name}.beta_pad', coins(f'{name} beta', 4864)),
             'body_pad': f.add(f'{name}.body_pad', coins(f'{name} body', 1472))}
        data = f.add(f'{name}.data', coins(f'{name} data', 100 * (r - 1)))
        packet, keys, bodies = al.sphinx_create(hops, data, c)
        f.add(f'{name}.packet', packet)
        for i, sk in enumerate(secrets):
            got, route, header = al.sphinx_header_step(packet[:-al.BODY], sk)
            assert got == keys[i]
            packet = header + bodies[i + 1]
            f.add(f'{name}.{i}.tag', got['tag'])
            f.add(f'{name}.{i}.secret', got['secret'])
            f.add(f'{name}.{i}.route', route)
            f.add(f'{name}.{i}.peeled', sha3(packet))
    return f


def circuit():
    f = File('circuit.txt')
    hops, ys = [], []
    for i in range(3):
        node_id, secret, x_sk, y_sk = (f.add(f'{i}.{k}', coins(f'circuit {i} {k}'))
                                       for k in ('id', 'secret', 'x_sk', 'y_sk'))
        x, y = f.add(f'{i}.x', curve.public(x_sk)), f.add(f'{i}.y', curve.public(y_sk))
        assert curve.x25519(x_sk, y) == curve.x25519(y_sk, x)
        k = al.hop_keys(node_id, secret, x, y, curve.x25519(x_sk, y))
        for what, value in k.items():
            f.add(f'{i}.{what}', value)
        hops.append(k)
        ys.append(y)
    payload = f.add('created.end', coins('created end', 1036))
    for i in (2, 1, 0):
        payload = f.add(f'created.{i}', al.created(hops[i], ys[i], payload))
    plain = f.add('forward.plain', bytes(16) + coins('forward', 1068))
    start = int.from_bytes(f.add('forward.counter', 2**48 - 2), 'little')
    for i, (w, body) in enumerate(al.forward(hops, start, plain)):
        f.add(f'forward.{i}.counter', w)
        f.add(f'forward.{i}.body', body)
    plain = f.add('backward.plain', bytes(16) + coins('backward', 1068))
    start = int.from_bytes(f.add('backward.counter', 41), 'little')
    for i, (v, body) in zip((2, 1, 0), al.backward(hops, start, plain)):
        f.add(f'backward.{i}.counter', v)
        f.add(f'backward.{i}.body', body)
    for op, name in ((1, 'join'), (2, 'joined')):
        f.add(f'resume.{name}', al.resume_payload(op, hops[2]['resume'], hops[1]['resume']))
    return f


def dht():
    f = File('dht.txt')

    def out(name, made):
        f.add(f'{name}.record', made[0])
        f.add(f'{name}.key', made[1])

    for name, size in (('empty', 0), ('immutable', 100), ('large', 8192)):
        out(name, al.record_immutable(f.add(f'{name}.value', coins(f'dht {name}', size))))
    seed = f.add('signer.seed', coins('dht signer', 64))
    pk = f.add('signer.pk', curve.ed_public(seed[:32]) + mldsa.keygen(seed[32:])[0])
    for name, salt, size in (('mutable', b'', 57), ('salted', b'notes', 0),
                             ('full', coins('dht salt'), 8192)):
        r = {'salt': f.add(f'{name}.salt', salt), 'sequence': 0x0102030405060708,
             'value': f.add(f'{name}.value', coins(f'dht {name}', size)),
             'expiry': 1700086400, 'rnd': f.add(f'{name}.rnd', coins(f'dht {name} rnd'))}
        out(name, al.record_mutable(seed, pk, r))
    ed = f.add('blinded.seed', coins('dht blinded'))
    f.add('blinded.pk', curve.ed_public(ed))
    r = {'sequence': 3, 'expiry': 1700086400, 'period': 19675,
         'value': f.add('blinded.value', coins('dht blinded value', 300))}
    blinded = al.record_blinded(ed, r)
    out('blinded', blinded)
    for i in range(3):
        f.add(f'blinded.place.{i}', al.record_place(blinded[1], i))
    near = [(n, b'') for n in [al.h('allium node id v1', pk)] +
            [coins(f'dht near {i}') for i in range(8)]]
    f.add('signed.answer', overlay.answer_signed(seed, pk, 2, 0x0123456789abcdef, near))
    return f


def lookups():
    f = File('overlay.txt')
    number = 0x0123456789abcdef
    f.add('number', number)
    target, ids = coins('overlay target'), [coins(f'overlay id {i}') for i in range(16)]
    addresses = [b'', coins('overlay address 4', 58), coins('overlay address 6', 70)]
    payload = coins('overlay payload', 300)
    f.add('target', target)
    for i, n in enumerate(ids):
        f.add(f'id.{i}', n)
    for i, a in enumerate(addresses):
        f.add(f'address.{i}', a)
    f.add('payload', payload)
    f.add('state', overlay.state(1))
    f.add('state.client', overlay.state(0))
    f.add('find', overlay.query(1, 0, 23, 2, number, target))
    f.add('find.local', overlay.query(1, 1, 0, 0, number, target))
    f.add('put', overlay.query(3, 2, 24, 3, number, target, payload))
    f.add('ack', overlay.ack(0, 1, number))
    f.add('ack.far', overlay.ack(4, 0, number))
    f.add('answer', overlay.answer(0, 1, 4, number, [(ids[0], addresses[1])]))
    f.add('answer.full', overlay.answer(1, 0, 31, number, [(n, addresses[i % 3]) for i, n in
                                                           enumerate(ids)], payload))
    f.add('rumour', overlay.rumours([(3, 24, ids[0], number)]))
    f.add('rumours', overlay.rumours([(1 + i % 3, i % 25, ids[i % 16], 1700000000 + i)
                                      for i in range(25)]))
    f.add('keep', overlay.keep(True))
    f.add('keep.not', overlay.keep(False))
    return f


def bundles():
    f = File('bundle.txt')
    name, v6, text = b'example.org', coins('bundle host', 16), coins('bundle data', 300)
    f.add('name', name)
    f.add('v6', v6)
    f.add('text', text)
    frames = [
        f.add('ack', bundle.ack(500, 77, 4)),
        f.add('ack.runs', bundle.ack(0x01020304, 0x0506, 4, [(3, 1), (0, 9)])),
        f.add('open.name', bundle.open_(6, 0xfffffffe, 80, 1, name)),
        f.add('open.self', bundle.open_(8, 65536, 1, 2, b'')),
        f.add('open.v4', bundle.open_(0x0a0b0c0e, 1, 443, 4, bytes([192, 0, 2, 10]))),
        f.add('open.v6', bundle.open_(2, 3, 65535, 6, v6)),
        f.add('opened', bundle.opened(6, 65536)),
        f.add('data', bundle.data(9, 0x010203040506, text)),
        f.add('fin', bundle.data(9, 12, b'', True)),
        f.add('reset', bundle.reset(0xfffffffe, 11)),
        f.add('credit', bundle.credit(2, 0xffffffffffff)),
        f.add('ping', bundle.ping()),
        f.add('have', bundle.have(3, 0x0a0b0c0d0e0f))]
    f.add('packet', bundle.packet(0x01020304, frames))
    node = coins('probe node')
    f.add('node', node)
    for op in range(1, 6):
        f.add(f'probe.{op}', bundle.probe(op, 0 if op == 5 else 0x0123456789abcdef, node))
    return f


def neighbours():
    f = File('messages.txt')
    ids = [f.add(f'id.{i}', coins(f'message id {i}')) for i in range(3)]
    onion, text = f.add('onion', coins('message onion', 1084)), coins('message text', 2500)
    f.add('text', text)
    f.add('cell.padding', messages.cell(0, 0))
    f.add('cell.circuit', messages.cell(0x80000001, 1, 0, 0x010203040506, onion))
    f.add('cell.created', messages.cell(7, 2, 0, 0, onion[:176]))
    f.add('cell.destroy', messages.cell(7, 3, 11))
    f.add('cell.ping', messages.cell(0, 5, 0, 0, onion[:8]))
    f.add('cell.pong', messages.cell(0, 6, 0, 0, onion[:8]))
    f.add('cell.close', messages.cell(0, 7, 4))
    for i, piece in enumerate(messages.pieces(0x0a0b0c0d, 7, text)):
        f.add(f'piece.{i}', piece)
    f.add('digest.empty', messages.digest([]))
    f.add('digest', messages.digest([(n, 0x0102030405060708 + i) for i, n in enumerate(ids)]))
    f.add('want.empty', messages.want([]))
    f.add('want', messages.want(ids))
    record = f.add('record', coins('message record', 40))
    f.add('locate', messages.question(1, 0, ids[0]))
    f.add('fetch', messages.question(2, 8, ids[0]))
    f.add('publish', messages.question(3, 3, ids[1], 7200, record))
    f.add('describe', messages.question(4, 1, ids[2]))
    f.add('reply.none', messages.reply(1, 0, 5, []))
    f.add('reply.nodes', messages.reply(0, 2, 4, [(ids[0], 0), (ids[1], 3), (ids[2], 255)]))
    f.add('reply.record', messages.reply(0, 1, 24, [(ids[2], 0)], 86400, record))
    return f


def main():
    selftest.run()
    wrong = []
    for f in (records(), link(), sphinx(), circuit(), dht(), lookups(), bundles(),
              neighbours()):
        path = HERE / f.name
        if sys.argv[1:] == ['--check']:
            if path.read_text('ascii') != f.text():
                wrong.append(f.name)
        else:
            path.write_text(f.text(), 'ascii')
    if wrong:
        sys.exit('not what the model makes: ' + ' '.join(wrong))


main()
