#!/usr/bin/env python3
"""gen_service.py: vectors of services, from the model in model/. All coins are SHAKE256 of their
names, so that a run gives the same bytes for ever.

  gen_service.py            write service.txt beside this file
  gen_service.py --check    compare it with what the model says
"""
import pathlib
import sys

sys.dont_write_bytecode = True
from model import allium as al  # noqa: E402
from model import mlkem, selftest, service  # noqa: E402
from model.symmetric import shake256  # noqa: E402

PATH = pathlib.Path(__file__).resolve().parent / 'service.txt'
NOW = 1700000000
lines = ['# service.txt: made by gen_service.py; frozen']


def coins(name, size=32):
    return shake256(b'allium vector service ' + name.encode(), size)


def add(name, value):
    if isinstance(value, int):
        value = al.u64(value)
    lines.append(f'{name} {value.hex() or "-"}')
    return value


def make():
    s = service.Service(add('root', coins('root')))
    add('address', s.address)
    period = s.period(NOW)
    add('period', period)
    client_seed = add('client.seed', coins('client'))
    client_pk = mlkem.xwing_keygen(client_seed)[0]
    for name, client in (('blinded', None), ('blinded_client', client_pk)):
        pk, sign = s.blinded(s.factor(period, client))
        add(f'{name}.pk', pk)
        add(f'{name}.sig', sign(bytes(range(32))))
    kem_seed = add('kem.seed', coins('kem'))
    kem_pk = mlkem.xwing_keygen(kem_seed)[0]
    secret = add('listen', coins('listen'))
    to_id = add('intro', service.intro_id(secret))
    d = {'bits': 12, 'published': NOW, 'kem_pk': kem_pk, 'salt': add('salt', coins('salt', 16)),
         'rnd': add('rnd', coins('rnd')), 'intros': [(coins('relay'), to_id)] * 3}
    cookie = add('cookie', coins('cookie'))
    add('descriptor', s.descriptor(period, d))
    add('descriptor.clients', s.descriptor(period, d, cookie))
    add('box', service.client_box(client_pk, cookie, add('box.coins', coins('box', 64))))
    resume = None
    session = bytes(16)
    for name in ('first', 'again'):
        r = {'relay': coins(f'{name} rendezvous'), 'cookie': coins(f'{name} cookie', 20),
             'x_sk': add(f'{name}.x_sk', coins(f'{name} x')), 'time': NOW, 'session': session,
             'kem': add(f'{name}.kem', coins(f'{name} kem', 64))}
        add(f'{name}.relay', r['relay'])
        add(f'{name}.cookie', r['cookie'])
        req, secrets = service.request(s.address, to_id, kem_pk, r, resume)
        add(f'{name}.request', req)
        y_sk = add(f'{name}.y_sk', coins(f'{name} y'))
        ans, keys = service.answer(secrets, r['x_sk'], y_sk, resume)
        add(f'{name}.answer', ans)
        for what, value in keys.items():
            add(f'{name}.{what}', value)
        if resume is None:
            resume, session = keys['resume'], keys['id']
    nonce = 0
    while service.work(to_id, al.u64(nonce) + bytes(8), req[16:])[0] != 0:
        nonce += 1
    add('puzzle.nonce', nonce)
    text = add('sealed.text', coins('text', 1045))
    add('sealed.payload', service.sealed(keys['to_service'], 0, text))


def main():
    selftest.run()
    make()
    text = '\n'.join(lines) + '\n'
    if sys.argv[1:] == ['--check']:
        if PATH.read_text('ascii') != text:
            sys.exit('service.txt is not what the model makes')
    else:
        PATH.write_text(text, 'ascii')


main()
