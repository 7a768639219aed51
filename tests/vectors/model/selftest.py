"""The model against published vectors (the other files of tests/vectors)."""
import pathlib

from . import curve, mldsa, mlkem, symmetric

HERE = pathlib.Path(__file__).resolve().parent.parent


def _lines(name, op, most):
    found = []
    for line in (HERE / name).read_text('ascii').splitlines():
        f = line.split()
        if f and f[0] == op and f[2] == 'valid':
            found.append([b'' if x == '-' else bytes.fromhex(x) if len(x) % 2 == 0 else x
                          for x in f[3:]])
    assert found, (name, op)
    return found[:most]


def run():
    symmetric.selftest()
    for sk, pk, ss in _lines('x25519.txt', 'x25519', 6):
        assert curve.x25519(sk, pk) == ss
    for seed, pk, msg, sig in _lines('ed25519.txt', 'ed25519s', 3):
        assert curve.ed_public(seed) == pk and curve.ed_sign(seed, msg) == sig
    for dz, ek, dk in _lines('mlkem768.txt', 'kemkg', 2):
        assert mlkem.keygen(dz[:32], dz[32:]) == (ek, dk)
    for m, ek, c, k in _lines('mlkem768.txt', 'kemenc', 2):
        assert mlkem.encaps(ek, m) == (c, k)
    for dk, c, k in _lines('mlkem768.txt', 'kemdec', 3):
        assert mlkem.decaps(dk, c) == k
    for seed, eseed, pk, ct, ss in _lines('xwing.txt', 'xwing', 3):
        got_pk, sk = mlkem.xwing_keygen(seed)
        assert got_pk == pk and mlkem.xwing_encaps(pk, eseed) == (ct, ss)
        assert mlkem.xwing_decaps(sk, ct) == ss
    for seed, pk, sk in _lines('mldsa65.txt', 'dsakg', 2):
        assert mldsa.keygen(seed) == (pk, sk)
    for sk, rnd, msg, ctx, sig in _lines('mldsa65.txt', 'dsasign', 3):
        assert mldsa.sign(sk, msg, ctx, rnd) == sig
    for line in (HERE / 'wide.txt').read_text('ascii').splitlines()[1:6]:
        secret, tweak, plain, cipher = line.split()[3:]
        assert symmetric.wide(bytes.fromhex(secret), int(tweak),
                              bytes.fromhex(plain)).hex() == cipher
