// A real browser against the transport: node interop.mjs PATH-OF-ECHO. TAP on stdout.
// Each case is one entry of `cases`. The link handshake is handshake.mjs's.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { call, ok, run, runCases, sleep, startBrowser } from './tap.mjs';

const CLOSED = 1, PEER = 2, TIMEOUT = 3, PROTOCOL = 6;
class Peer {
  constructor(path, silence) {
    this.events = [];
    this.waiting = [];
    const stdio = ['pipe', 'pipe', 'inherit'];
    this.process = spawn(path, ['127.0.0.1', String(silence)], { stdio });
    createInterface({ input: this.process.stdout }).on('line', line => {
      this.events.push(JSON.parse(line));
      for (const w of this.waiting.splice(0)) w();
    });
  }
  async event(match, ms = 3000) {
    const end = Date.now() + ms;
    for (;;) {
      const i = this.events.findIndex(e => Object.entries(match).every(([k, v]) => e[k] === v));
      if (i >= 0) return this.events.splice(i, 1)[0];
      const left = end - Date.now();
      if (left <= 0) return null;
      await new Promise(r => { this.waiting.push(r); setTimeout(r, left); });
    }
  }
  say(line) { this.process.stdin.write(line + '\n'); }
  async stop() {
    const gone = new Promise(r => this.process.on('exit', code => r(code)));
    this.process.stdin.end();
    return gone;
  }
}

async function linked(t, extra = {}) {
  const up = t.peer.event({ event: 'up' }, 6000);
  const r = await call(t.page, 'dial', { ...t.address, ...extra });
  const e = await up;
  if (r.error || !e) throw new Error(`no link: ${r.error ?? 'the peer did not see it'}`);
  return { id: r.id, ms: r.ms, link: e.link };
}

const many = (n, size) => Array.from({ length: n }, () => size);
const sizes = [1, 2, 100, 1023, 1119, 1120];

async function offence(t, how) {
  const good = await linked(t), bad = await linked(t);
  await call(t.page, 'misbehave', bad.id, how);
  const down = await t.peer.event({ event: 'down', link: bad.link });
  ok(down?.reason === PROTOCOL, `${how}: the link is ended for breaking the protocol`);
  ok(await call(t.page, 'closes', bad.id, 3000) === true, `${how}: the browser sees it closed`);
  ok(await call(t.page, 'echo', good.id, sizes) === true, `${how}: another link is not touched`);
  await call(t.page, 'hangUp', good.id);
  await t.peer.event({ event: 'down', link: good.link });
}

const cases = {
  async 'negotiated channels'(t) {
    const l = await linked(t);
    ok(true, `dialled with no signalling in ${l.ms.toFixed(1)} ms`);
    console.log(`# ${await call(t.page, 'dtls', l.id)}`);
    ok(await call(t.page, 'echo', l.id, sizes) === true, 'bulk: every size comes back');
    ok(await call(t.page, 'echo', l.id, sizes, 'rt') === true, 'rt: every size comes back');
    ok(await call(t.page, 'echo', l.id, many(2000, 1120)) === true, 'bulk: 2,000 full frames');
    await call(t.page, 'hangUp', l.id);
    const down = await t.peer.event({ event: 'down', link: l.link });
    ok(down?.reason === PEER, 'the browser hangs up: the peer hears it');
  },
  async 'channels opened in band'(t) {
    const l = await linked(t, { inBand: true });
    ok(await call(t.page, 'echo', l.id, sizes) === true, 'in band: bulk frames come back');
    ok(await call(t.page, 'echo', l.id, sizes, 'rt') === true, 'in band: rt frames come back');
    await call(t.page, 'misbehave', l.id, 'close-one');
    const down = await t.peer.event({ event: 'down', link: l.link });
    ok(down?.reason === PEER, 'closing one channel ends the link');
  },
  async 'set-up time'(t) {
    const ms = [];
    for (let i = 0; i < 20; i++) {
      const l = await linked(t);
      ms.push(l.ms);
      await call(t.page, 'hangUp', l.id);
      await t.peer.event({ event: 'down', link: l.link });
    }
    ms.sort((a, b) => a - b);
    console.log(`# dial: median ${ms[10].toFixed(1)} ms, most ${ms[19].toFixed(1)} ms`);
    ok(ms[10] < 100, 'twenty dials, median below 100 ms');
  },
  'a frame that is too long': t => offence(t, 'oversize'),
  'a message of 200,000 bytes': t => offence(t, 'huge'),
  'a text message': t => offence(t, 'text'),
  'an empty message': t => offence(t, 'empty'),
  'a channel with another name': t => offence(t, 'channel'),
  'a frame on no channel of ours': t => offence(t, 'stray'),
  async 'the peer closes'(t) {
    const l = await linked(t);
    t.peer.say(`close ${l.link}`);
    ok(await call(t.page, 'closes', l.id, 3000) === true, 'the browser sees it');
    const down = await t.peer.event({ event: 'down', link: l.link });
    ok(down?.reason === CLOSED, 'and so does the peer');
  },
  async 'a wrong fingerprint'(t) {
    const fingerprint = t.address.fingerprint.replace(/^../, x => (x === '00' ? '01' : '00'));
    const r = await call(t.page, 'dial', { ...t.address, fingerprint });
    ok(Boolean(r.error), `the browser refuses: ${r.error}`);
    ok(await t.peer.event({ event: 'up' }, 200) === null, 'the peer never sees a link');
  },
  async 'a wrong password'(t) {
    const password = 'A' + t.address.password.slice(1).split('').reverse().join('');
    const r = await call(t.page, 'dial', { ...t.address, password, wait: 2500 });
    t.peer.say('count');
    const c = await t.peer.event({ event: 'count' });
    ok(Boolean(r.error) && c.drop_password > 0, `no answer: drop_password ${c.drop_password}`);
    ok(c.sessions === 0, 'no session was made');
  },
  async 'twelve idle seconds'(t) {
    const l = await linked(t);
    await sleep(12000);
    ok(await call(t.page, 'echo', l.id, sizes) === true, 'the link lives');
    t.peer.say('count');
    const c = await t.peer.event({ event: 'count' });
    ok(c.checks_answered > 2, `${c.checks_answered} checks were answered`);
    await call(t.page, 'hangUp', l.id);
  },
  async 'the browser dies'(t) {
    const l = await linked(t);
    process.kill(t.browserPid, 'SIGKILL');
    const down = await t.peer.event({ event: 'down', link: l.link }, 12000);
    ok(down && [PEER, TIMEOUT].includes(down.reason), `the peer notices: reason ${down?.reason}`);
  },
};

run(async () => {
  const path = process.argv[2];
  if (!path || !existsSync(path)) throw new Error('usage: node interop.mjs PATH-OF-ECHO');
  const peer = new Peer(path, 8000);
  const hello = await peer.event({ event: 'listening' }, 5000);
  if (!hello) throw new Error('the peer did not start');
  const { server, page, pid } = await startBrowser();
  const { port, password, fingerprint } = hello;
  const address = { ip: '127.0.0.1', port, password, fingerprint };
  await runCases(cases, { peer, page, address, browserPid: pid });
  await server.kill();
  ok(await peer.stop() === 0, 'the peer ends cleanly');
});
