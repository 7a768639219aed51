// What runs inside the browser. A page knows nothing but the address of a node; it fabricates the
// answer (ICE-lite, passive) and nothing is munged. Installed as window.al by interop.mjs.
export function install() {
  const sleep = ms => new Promise(r => setTimeout(r, ms));
  const within = (promise, ms, what) =>
    Promise.race([promise, sleep(ms).then(() => { throw new Error('timeout: ' + what); })]);
  const links = new Map();
  let last = 0;

  const answer = a => ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'a=ice-lite',
    'a=group:BUNDLE 0', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0',
    'a=ice-ufrag:allium', 'a=ice-pwd:' + a.password, 'a=fingerprint:sha-256 ' + a.fingerprint,
    'a=setup:passive', 'a=mid:0', 'a=sctp-port:5000',
    'a=max-message-size:' + (a.max ?? 262144),
    `a=candidate:1 1 udp 2130706431 ${a.ip} ${a.port} typ host`,
    'a=end-of-candidates', ''].join('\r\n');

  async function dial(a) {
    const certificates = a.certificate && [a.certificate];
    const started = performance.now(), pc = new RTCPeerConnection({ certificates });
    const rt = { ordered: false, maxRetransmits: 0 }, bulk = { ordered: false };
    const open = (label, id, init) =>
      pc.createDataChannel(label, a.inBand ? init : { ...init, negotiated: true, id });
    const l = { pc, bulk: open('bulk', 0, bulk), rt: open('rt', 1, rt), got: [], closed: false };
    for (const ch of [l.bulk, l.rt]) {
      ch.binaryType = 'arraybuffer';
      ch.onmessage = e => { l.got.push(new Uint8Array(e.data)); l.wake?.(); };
      ch.onclose = () => { l.closed = true; l.wake?.(); };
    }
    const id = ++last;
    links.set(id, l);
    await pc.setLocalDescription();
    await pc.setRemoteDescription({ type: 'answer', sdp: answer(a) });
    const up = Promise.all([l.bulk, l.rt].map(ch => new Promise((ok, no) => {
      ch.onopen = ok;
      ch.onerror = e => no(e.error ?? new Error('channel error'));
      pc.onconnectionstatechange = () =>
        pc.connectionState === 'failed' && no(new Error('failed'));
    })));
    await within(up, a.wait ?? 6000, 'open, ice ' + pc.iceConnectionState);
    return { id, ms: performance.now() - started };
  }

  const pattern = (n, seed) =>
    Uint8Array.from({ length: n }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255);

  async function receive(l, n, ms) {
    const end = performance.now() + ms;
    while (l.got.length < n && !l.closed) {
      const left = end - performance.now();
      if (left <= 0) throw new Error(`timeout: ${l.got.length} of ${n} messages`);
      await Promise.race([new Promise(ok => { l.wake = ok; }), sleep(left)]);
    }
    return l.got.splice(0, n);
  }

  // Every message comes back byte for byte, in whatever order.
  async function echo(id, sizes, channel = 'bulk') {
    const l = links.get(id), waiting = new Map();
    sizes.forEach((n, i) => {
      const m = pattern(n, i), k = m.join();
      waiting.set(k, (waiting.get(k) ?? 0) + 1);
      l[channel].send(m);
    });
    for (const m of await receive(l, sizes.length, 8000)) {
      const k = m.join(), left = (waiting.get(k) ?? 0) - 1;
      if (left < 0) throw new Error('a message that was not sent');
      if (left) waiting.set(k, left); else waiting.delete(k);
    }
    return waiting.size === 0;
  }

  async function closes(id, ms) {
    const l = links.get(id), end = performance.now() + ms;
    while (!l.closed && performance.now() < end) await sleep(5);
    return l.closed;
  }

  function misbehave(id, how) {
    const l = links.get(id);
    if (how === 'oversize') l.bulk.send(new Uint8Array(1121));
    else if (how === 'huge') l.bulk.send(new Uint8Array(200000));
    else if (how === 'text') l.bulk.send('hello');
    else if (how === 'empty') l.bulk.send(new Uint8Array(0));
    else if (how === 'channel') l.pc.createDataChannel('intruder');
    else if (how === 'stray') {
      const ch = l.pc.createDataChannel('stray', { negotiated: true, id: 40 });
      ch.onopen = () => ch.send(new Uint8Array(10));
      if (ch.readyState === 'open') ch.onopen();
    } else if (how === 'close-one') l.rt.close();
    else throw new Error(how);
  }

  async function dtls(id) {
    for (const s of (await links.get(id).pc.getStats()).values())
      if (s.type === 'transport') return `${s.tlsVersion} ${s.dtlsCipher} ${s.dtlsRole}`;
    return '';
  }

  const hangUp = id => links.get(id).pc.close();
  window.al = { links, dial, echo, closes, misbehave, dtls, hangUp };
}
