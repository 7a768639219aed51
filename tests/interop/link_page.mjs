// A node's end of a link inside the browser: link.wasm over the two channels of page.mjs. Adds to
// window.al; `id` is that of al.dial. Installed by handshake.mjs.
export function installLink() {
  const sleep = ms => new Promise(r => setTimeout(r, ms));
  const now = () => performance.now() * 1000;
  const FRAME = 1120, SHORT = 40, FETCH = 1, INIT = 3;
  const PROBE_US = 1e6; // AL_NODE_PROBE_US
  const DROP = 0, MESSAGE = 4, CLOSED = 5, DIGEST = 2, DESCRIPTOR = 4;
  let module;
  const nodes = new Map();

  async function load(base64) {
    module = await WebAssembly.compile(Uint8Array.from(atob(base64), c => c.charCodeAt(0)));
    return WebAssembly.Module.imports(module).map(i => `${i.module}.${i.name}`);
  }

  const unhex = text => Uint8Array.from(text.match(/../g) ?? [], x => parseInt(x, 16));
  const random = n => crypto.getRandomValues(new Uint8Array(n));
  const handshakeType = f => (f.subarray(0, 8).every(b => b === 255) ? f[8] : 0);

  function base32(bytes) {
    let text = '', bits = 0, value = 0;
    for (const b of bytes)
      for (value = (value << 8 | b) & 0xfff, bits += 8; bits >= 5; bits -= 5)
        text += 'abcdefghijklmnopqrstuvwxyz234567'[value >> (bits - 5) & 31];
    return bits ? text + 'abcdefghijklmnopqrstuvwxyz234567'[value << (5 - bits) & 31] : text;
  }

  class Node {
    constructor(o) {
      Object.assign(this, { o, sent: [], drops: 0, frames: 0, records: 0, answers: 0, digest: -1,
        up: false, code: -1, dead: -1, failure: '' });
      const fail = (expr, file, line) => { this.failure = this.text(expr) + ' line ' + line; };
      const instance = new WebAssembly.Instance(module, { page: { assert_failed: fail } });
      this.x = instance.exports;
      this.x._initialize();
      const name = new TextEncoder().encode(o.network), secret = unhex(o.secret ?? '');
      this.put([...random(64), ...secret, ...new Uint8Array(32 - secret.length), ...name]);
      const e = this.x.link_init(name.length, secret.length ? 1 : 0, Date.now() / 1000, now());
      if (e) throw new Error('link_init: ' + e);
      if (o.bend) this.x.link_bend(o.bend);
      this.own = base32(new Uint8Array(this.x.memory.buffer, this.x.link_own_id(), 32));
    }
    buffer() { return new Uint8Array(this.x.memory.buffer, this.x.link_buffer(), 32768); }
    put(bytes) { this.buffer().set(bytes); }
    text(ptr) {
      const all = new Uint8Array(this.x.memory.buffer, ptr);
      return new TextDecoder().decode(all.subarray(0, all.indexOf(0)));
    }
    start(link, hashes) {
      this.link = link;
      link.got = { push: m => this.rx(m) };
      this.put(hashes);
      if (this.x.link_start(now())) throw new Error('link_start');
      this.probeAt = now() + PROBE_US;
      this.timer = setInterval(() => this.tick(), 20);
      this.pump();
    }
    send(channel, frame) {
      const ch = channel ? this.link.rt : this.link.bulk;
      if (ch.readyState === 'open') ch.send(frame);
    }
    pump() {
      for (let len; (len = this.x.link_next(now())) !== 0;) {
        const frame = this.buffer().slice(0, Math.abs(len));
        if (handshakeType(frame)) this.sent.push(frame.slice());
        this.alter(frame);
        this.send(len < 0 ? 1 : 0, frame);
      }
    }
    alter(frame) {
      const type = handshakeType(frame), how = this.o.alter;
      if (how === 'fetch count' && type === FETCH) frame[10] = 99;
      if (how === 'fetch' && type === FETCH) frame[20] ^= 1;
      if (how === 'init' && type === INIT && frame[9] === 5) frame[500] ^= 1;
      if (how === 'other init' && type === INIT) {
        const before = nodes.get(this.o.of).sent.filter(f => handshakeType(f) === INIT);
        frame.set(before.find(f => f[9] === frame[9]));
      }
    }
    rx(m) {
      if (this.dead >= 0 || this.code >= 0) return DROP;
      this.frames++;
      this.put(m);
      const v = this.x.link_rx(m.length, now());
      if (v === DROP) this.drops++;
      if (this.x.link_in_up()) {
        this.up = true;
        this.ms = performance.now() - this.since;
      }
      if (this.x.link_in_record()) this.records++;
      if (v === CLOSED) this.code = this.x.link_in_code();
      if (v === MESSAGE) this.message(this.x.link_in_kind(), this.x.link_in_bytes());
      this.pump();
      return v;
    }
    message(kind, bytes) {
      if (kind === DIGEST && this.digest < 0) this.digest = this.x.link_digest(bytes);
      if (kind === DESCRIPTOR && this.x.link_is_record(bytes)) this.answers++;
    }
    tick() {
      if (now() >= this.probeAt) {
        this.probeAt = now() + PROBE_US;
        this.x.link_probe(now());
      }
      for (let e; (e = this.x.link_tick(now()));) if (e >= 2) this.dead = e - 2;
      this.pump();
      if (this.dead >= 0 || this.code >= 0 || this.link.closed) clearInterval(this.timer);
    }
    peer() { return this.x.link_peer() ? base32(this.buffer().subarray(0, 32)) : ''; }
    count(name) {
      this.put([...new TextEncoder().encode(name), 0]);
      return this.x.link_count();
    }
  }

  // Not a handshake's; of the first phase or of one that never was; ahead of the replay window.
  function forged(bytes, phase) {
    const frame = random(bytes);
    if (bytes >= 8) frame.set([0, phase], 6);
    return frame;
  }

  // Frames that are no node's: of several lengths, on both channels; four lengths are no frame's.
  const lengths = [1, SHORT - 1, SHORT + 1, FRAME - 1, SHORT, FRAME, FRAME];
  function garbage(n) {
    for (const bytes of lengths)
      for (const channel of [0, 1]) n.send(channel, forged(bytes, channel ? 0 : 200));
  }

  // Dial, then shake hands as o says: {network, secret, binding: 'other', bend, garbage, alter,
  // of}.
  async function meet(a, o) {
    const n = new Node(o);
    const certificate = await RTCPeerConnection.generateCertificate(
      { name: 'ECDSA', namedCurve: 'P-256' });
    const print = certificate.getFingerprints().find(f => f.algorithm === 'sha-256').value;
    const hashes = [print, a.fingerprint].map(f => [...unhex(f.replaceAll(':', ''))]).flat();
    if (o.binding === 'other') hashes[0] ^= 1;
    n.since = performance.now();
    const { id } = await al.dial({ ...a, certificate });
    nodes.set(id, n);
    n.link = al.links.get(id);
    if (o.garbage) garbage(n);
    n.start(n.link, hashes);
    return { id, own: n.own };
  }

  function look(id) {
    const n = nodes.get(id), { up, code, dead, digest, records, answers, failure, drops } = n;
    const rtt = n.x.link_rtt_us();
    return { up, code, dead, digest, records, answers, failure, drops, rtt, ms: n.ms,
      closed: n.link.closed, open: n.x.link_is_up() === 1, ponged: rtt > 0, digested: digest >= 0,
      peer: n.peer(), own: n.own };
  }

  // Waits until one of the fields is as wanted; the last look.
  async function until(id, want, ms) {
    const end = performance.now() + ms;
    for (;;) {
      const seen = look(id);
      if (Object.entries(want).some(([k, v]) => seen[k] === v)) return seen;
      if (performance.now() > end) return seen;
      await sleep(10);
    }
  }

  // The other end answers a message: its own descriptor, asked for and verified.
  async function answers(id, ms) {
    const n = nodes.get(id), before = n.answers;
    if (n.x.link_want()) return false;
    n.pump();
    for (const end = performance.now() + ms; performance.now() < end; await sleep(10))
      if (n.answers > before) return true;
    return false;
  }

  // As if the other end had sent it: garbage, too long, and what it never says after a handshake.
  function feed(id) {
    const n = nodes.get(id), names = ['link_auth', 'link_frame_size', 'link_state'];
    const before = names.map(k => n.count(k));
    for (let i = 0; i < 50; i++) n.rx(forged(i % 5 ? FRAME : SHORT, i % 2 * 200));
    for (const bytes of [1, SHORT + 1, FRAME + 1, 16384]) n.rx(random(bytes));
    for (const frame of n.sent) n.rx(frame.slice());
    return names.map((k, i) => n.count(k) - before[i]).concat(n.sent.length);
  }

  function repeat(id) {
    const n = nodes.get(id);
    for (const frame of n.sent) n.send(0, frame);
    return n.sent.length;
  }

  function leave(id, code) {
    const n = nodes.get(id), e = n.x.link_close(now(), code);
    n.pump();
    return e;
  }

  Object.assign(window.al, { load, meet, look, until, answers, feed, repeat, leave,
    garbage: id => garbage(nodes.get(id)) });
}
