// wasi-run.mjs: run one WASI program under Node, with its arguments, environment and exit code.
//   node tools/wasi-run.mjs program.wasm [arguments]
// It sees the file system (test vectors, corpora) as the caller does.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [program, ...rest] = process.argv.slice(2);
if (program === undefined) {
  console.error('usage: wasi-run.mjs program.wasm [arguments]');
  process.exit(2);
}
// wasi-libc takes '/' and '.' for the same empty prefix, so only one can be there: the one that the
// arguments use.
const preopens = rest.some((a) => a.startsWith('/')) ? { '/': '/' } : { '.': '.' };
const wasi = new WASI({
  version: 'preview1',
  args: [program, ...rest],
  env: process.env,
  preopens,
  returnOnExit: true,
});
const module = await WebAssembly.compile(await readFile(program));
// Debian 12's Node.js 18 has no wasi.getImportObject().
const imports = { wasi_snapshot_preview1: wasi.wasiImport };
const instance = await WebAssembly.instantiate(module, imports);
let code;
try {
  code = wasi.start(instance);
} catch (error) {
  // A trap: what a native program would report as a signal.
  console.error(`${program}: ${error.stack ?? error}`);
  code = 134;
}
// At once: Node 20 now and then crashes while it takes a large memory apart. WASI has written.
process.reallyExit(code);
