// A real browser against the real program: node handshake.mjs PATH-OF-ALLIUM PATH-OF-LINK.WASM.
// The page runs the link module in WebAssembly and shakes hands with `allium node` over its port.
import { execFile, spawn } from 'node:child_process';
import { openSync, readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installLink } from './link_page.mjs';
import { call, ok, run, runCases, sleep, startBrowser } from './tap.mjs';

const [allium, wasm] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'allium-interop-'));
const SECRET = '5a'.repeat(32), OTHER_SECRET = '5b' + '5a'.repeat(31), NETWORK = 'interop';
const SHUTDOWN = 1, SHAKE_TIMEOUT = 129, DEAD = 130, FRAMES_FETCH = 4;
const FRAMES_HANDSHAKE = FRAMES_FETCH + 11;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

function unbase32(text) {
  const out = [];
  let bits = 0, value = 0;
  for (const c of text)
    for (value = (value << 5 | ALPHABET.indexOf(c)) & 0xfff, bits += 5; bits >= 8; bits -= 8)
      out.push(value >> (bits - 8) & 255);
  return Buffer.from(out);
}

function base32(bytes) {
  const bits = [...bytes].map(b => b.toString(2).padStart(8, '0')).join('');
  return bits.match(/.{1,5}/g).map(b => ALPHABET[parseInt(b.padEnd(5, '0'), 2)]).join('');
}

// What a page needs of allium:HOST:PORT/SECRET/NODEID (PROTOCOL.md 3.2).
function parseAddress(text) {
  const [, ip, port, secret] = text.match(/^allium:([\d.]+):(\d+)\/([a-z2-7]+)(\/|$)/);
  const bytes = unbase32(secret), hash = bytes.subarray(0, 32);
  return { ip, port: Number(port), password: bytes.subarray(32, 50).toString('base64'),
    fingerprint: [...hash].map(b => b.toString(16).padStart(2, '0').toUpperCase()).join(':') };
}

class Daemon {
  started = [];
  constructor() {
    this.state = join(dir, 'node');
    this.secretFile = join(dir, 'secret');
    writeFileSync(this.secretFile, base32(Buffer.from(SECRET, 'hex')) + '\n', { mode: 0o600 });
    this.log = openSync(join(dir, 'log'), 'a');
    const drop = /^(ALLIUM_|XDG_|NOTIFY|MALLOC_)/;
    this.env = Object.fromEntries(Object.entries(process.env).filter(([k]) => !drop.test(k)));
    this.env.HOME = dir;
  }
  async start() {
    const args = ['node', '--state', this.state, '--listen', '127.0.0.1', '--port', '0', '--socks',
      'off', '--network', NETWORK, '--network-secret-file', this.secretFile];
    this.process = spawn(allium, args, { stdio: ['ignore', this.log, this.log], env: this.env });
    this.started.push(this.process);
    this.ended = new Promise(r => this.process.on('exit', (code, signal) => r(code ?? signal)));
    for (let i = 0; i < 200; i++, await sleep(50)) {
      if (!await this.ask('/v1/id').catch(() => null)) continue;
      this.id = (await this.says('id')).id;
      this.address = parseAddress((await this.says('address')).addresses[0]);
      return;
    }
    throw new Error('the daemon did not start: ' + readFileSync(join(dir, 'log'), 'utf8'));
  }
  // A verb of the program, as a person would type it.
  async says(verb) {
    const args = [verb, '--json', '--state', this.state];
    return JSON.parse((await promisify(execFile)(allium, args, { env: this.env })).stdout);
  }
  ask(path) {
    return new Promise((yes, no) => {
      const socketPath = join(this.state, 'control.sock');
      request({ socketPath, path }, r => {
        let text = '';
        r.on('data', d => { text += d; });
        r.on('end', () => yes(text));
      }).on('error', no).end();
    });
  }
  async count(name) {
    const m = (await this.ask('/metrics')).match(new RegExp(`^allium_${name} (\\d+)$`, 'm'));
    if (!m) throw new Error(`no metric ${name}`);
    return Number(m[1]);
  }
  drops(name) { return this.count(`core_link_${name}_total`); }
  // Waits until the metric is `want`.
  async becomes(name, want, ms = 3000) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(20))
      if (await this.count(name) === want) return true;
    console.log(`# ${name} is ${await this.count(name)}, want ${want}`);
    return false;
  }
  signal(name) { this.process.kill(name); }
}

const network = { network: NETWORK, secret: SECRET };

async function meet(t, o = {}) {
  const r = await call(t.page, 'meet', t.node.address, { ...network, ...o });
  if (r.error) throw new Error(r.error);
  return r;
}

async function met(t, o = {}) {
  const r = await meet(t, o);
  const seen = await call(t.page, 'until', r.id, { up: true }, 5000);
  if (!seen.up) throw new Error('no handshake: ' + JSON.stringify(seen));
  return r;
}

const peer = async (t, id) => (await t.node.says('peers')).peers.find(p => p.id === id);
const answers = (t, l) => call(t.page, 'answers', l.id, 3000);

// A handshake that must fail, and which counter of the daemon says why.
const refusals = [
  ['another network name', { network: 'interop2' }, 'handshake_auth'],
  ['another network secret', { secret: OTHER_SECRET }, 'handshake_auth'],
  ['no network secret', { secret: null }, 'handshake_auth'],
  ['another certificate in the binding', { binding: 'other' }, 'handshake_auth'],
  ['a FETCH with one bit bent', { alter: 'fetch' }, 'handshake_auth'],
  ['a FETCH of 99 fragments', { alter: 'fetch count' }, 'handshake_parse'],
  ['an INIT with one bit bent', { alter: 'init' }, 'handshake_auth'],
  ["another link's INIT", { alter: 'other init' }, 'handshake_auth'],
];
const learnsRecord = what => /INIT/.test(what);

async function refused(t, [what, o, counter], of) {
  const before = await t.node.drops(counter);
  const more = counter === 'handshake_parse' ? FRAMES_FETCH : 1;
  const l = await meet(t, { ...o, of });
  ok(await t.node.becomes(`core_link_${counter}_total`, before + more),
    `${what}: link_${counter} counts ${more}`);
  return { ...l, what };
}

async function stillRefused(t, l) {
  const s = await call(t.page, 'until', l.id, { closed: true }, 13000);
  ok(!s.up && !s.open && [-1, SHAKE_TIMEOUT].includes(s.dead), `${l.what}: no link`);
  ok(s.closed, `${l.what}: the daemon closes`);
  ok(s.records === (learnsRecord(l.what) ? 1 : 0), `${l.what}: descriptors learnt: ${s.records}`);
  ok(await peer(t, l.own) === undefined, `${l.what}: the daemon did not take ours`);
}

const cases = {
  async 'a handshake'(t) {
    const l = t.good = await met(t);
    const s = await call(t.page, 'until', l.id, { digested: true }, 3000);
    ok(s.up && s.open, `authenticated ${s.ms.toFixed(1)} ms after the dial`);
    ok(s.peer === t.node.id, `the page proved the daemon's ID, ${s.peer.slice(0, 8)}`);
    ok(s.records === 1, 'it has its descriptor');
    ok(s.digest >= 1, `it has its digest, ${s.digest} entries`);
    ok(await answers(t, l), 'WANT is answered by a descriptor with a good signature');
    const pong = await call(t.page, 'until', l.id, { ponged: true }, 3000);
    ok(pong.ponged, `the page's PING was answered, ${(pong.rtt / 1000).toFixed(1)} ms`);
    const status = await t.node.says('status');
    let p = await peer(t, l.own);
    ok(status.links_up === 1 && status.peers === 1, 'the daemon counts one neighbour more');
    ok(p?.linked && !p.link.initiator, 'and lists its ID as linked');
    ok(p?.addresses === 0 && !p.relay && !p.exit, 'no addresses, no relay, no exit');
    for (let i = 0; i < 30 && !p?.link?.rtt_ms; i++, await sleep(100)) p = await peer(t, l.own);
    ok(p?.link?.rtt_ms > 0, `the daemon's PING was answered, ${p?.link?.rtt_ms.toFixed(1)} ms`);
  },
  async 'a second page'(t) {
    const l = await met(t);
    ok(await t.node.becomes('links_up', 2), 'two neighbours');
    ok(await call(t.page, 'leave', l.id, 0) === 0, 'CLOSE is said');
    ok(await t.node.becomes('links', 1), 'the daemon takes it');
    const s = await call(t.page, 'until', l.id, { closed: true }, 3000);
    ok(s.closed, 'and closes the transport');
  },
  async 'garbage before the handshake'(t) {
    const size = await t.node.drops('frame_size'), state = await t.node.drops('state');
    const l = await met(t, { garbage: true });
    ok(true, 'the handshake completes');
    ok(await t.node.becomes('core_link_frame_size_total', size + 8), 'another size: counted');
    ok(await t.node.becomes('core_link_state_total', state + 6), 'no key for it: counted');
    ok(await answers(t, l), 'the link lives');
    t.second = l;
  },
  async 'garbage after the handshake'(t) {
    const size = await t.node.drops('frame_size'), auth = await t.node.drops('auth');
    await call(t.page, 'garbage', t.second.id);
    ok(await t.node.becomes('core_link_frame_size_total', size + 8), 'another size: counted');
    ok(await t.node.becomes('core_link_auth_total', auth + 6), 'not authentic: counted');
    const state = await t.node.drops('state'), n = await call(t.page, 'repeat', t.second.id);
    ok(n === FRAMES_HANDSHAKE, `the page repeats its handshake, ${n} frames`);
    ok(await t.node.becomes('core_link_state_total', state + n), 'out of turn: counted');
    ok(await answers(t, t.second), 'the link lives');
    const fed = await call(t.page, 'feed', t.second.id);
    ok(fed[0] === 50, `the page drops 50 forged frames: ${fed[0]}`);
    ok(fed[1] === 4, `and 4 of another size, two too long: ${fed[1]}`);
    ok(fed[2] === fed[3], `and a handshake out of turn: ${fed[2]}`);
    ok(await answers(t, t.second), 'the link lives');
  },
  async 'an oversize frame'(t) {
    await call(t.page, 'misbehave', t.second.id, 'oversize');
    const s = await call(t.page, 'until', t.second.id, { closed: true }, 3000);
    ok(s.closed, 'the daemon closes that link');
    ok(await t.node.becomes('links', 1), 'and forgets it');
    ok(await answers(t, t.good), 'another link is not touched');
  },
  async 'refused handshakes'(t) {
    const late = await t.node.drops('handshake_timeout'), tried = [];
    for (const r of refusals) tried.push(await refused(t, r, t.good.id));
    ok(await t.node.count('links_up') === 1, 'none of them is up');
    ok(await answers(t, t.good), 'meanwhile another link is not touched');
    for (const l of tried) await stillRefused(t, l);
    const more = await t.node.drops('handshake_timeout') - late;
    ok(more === tried.length, `${more} handshakes were not finished in time`);
    ok(await t.node.becomes('links', 1), 'nothing is left of them');
    ok(await answers(t, t.good), 'the other link lives');
  },
  async 'a descriptor that is not valid'(t) {
    for (const [what, bend] of [['signature', -1], ['puzzle', 40]]) {
      const auth = await t.node.drops('handshake_auth'), l = await meet(t, { bend });
      const s = await call(t.page, 'until', l.id, { closed: true }, 3000);
      ok(s.closed && !s.up, `a bent ${what}: the daemon closes at once`);
      ok(await t.node.becomes('core_link_handshake_auth_total', auth + 1), `${what}: counted`);
      ok(await peer(t, l.own) === undefined, `${what}: the daemon did not take it`);
    }
    ok(await answers(t, t.good), 'another link is not touched');
  },
  async 'the page hangs up'(t) {
    const l = await met(t);
    ok(await t.node.becomes('links_up', 2), 'a link');
    await call(t.page, 'hangUp', l.id);
    ok(await t.node.becomes('links', 1), 'without CLOSE, the daemon notices');
    ok(await answers(t, t.good), 'another link is not touched');
  },
  async 'the daemon ends'(t) {
    t.node.signal('SIGTERM');
    const s = await call(t.page, 'until', t.good.id, { code: SHUTDOWN }, 5000);
    ok(s.code === SHUTDOWN, `the page hears CLOSE, code ${s.code}`);
    ok(await t.node.ended === 0, 'the daemon ends with 0');
  },
  async 'the daemon is killed'(t) {
    const id = t.node.id;
    await t.node.start();
    const l = await met(t);
    ok(t.node.id === id && (await call(t.page, 'look', l.id)).peer === id, 'it is back, the same');
    ok(await answers(t, l), 'a link');
    t.node.signal('SIGKILL');
    await t.node.ended;
    const killed = Date.now(), s = await call(t.page, 'until', l.id, { dead: DEAD }, 10000);
    ok(s.dead === DEAD, `its only neighbour is dead, the page finds: ${Date.now() - killed} ms`);
    ok(!s.failure, 'without a failed assertion');
  },
  async 'the browser is killed'(t) {
    await t.node.start();
    const l = await met(t);
    ok(await answers(t, l), 'a link');
    process.kill(t.browserPid, 'SIGKILL');
    ok(await t.node.becomes('links', 0, 12000), 'the daemon notices');
    t.node.signal('SIGTERM');
    ok(await t.node.ended === 0, 'the daemon ends with 0');
  },
};

run(async () => {
  if (!wasm) throw new Error('usage: node handshake.mjs PATH-OF-ALLIUM PATH-OF-LINK.WASM');
  const node = new Daemon();
  process.on('exit', () => {
    for (const p of node.started) p.kill('SIGKILL'); // those that are gone are passed over
    rmSync(dir, { recursive: true, force: true });
  });
  process.on('SIGTERM', () => process.exit(143));
  await node.start();
  const { server, page, pid } = await startBrowser(installLink);
  const imports = await call(page, 'load', readFileSync(wasm).toString('base64'));
  ok(imports.length === 1 && imports[0] === 'page.assert_failed', `imports: ${imports}`);
  await runCases(cases, { node, page, browserPid: pid });
  await server.kill();
});
