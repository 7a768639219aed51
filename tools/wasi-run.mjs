// wasi-run.mjs: run one WASI program under Node, with its arguments, environment and exit code.
//   node tools/wasi-run.mjs program.wasm [arguments]
// It sees the file system (test vectors, corpora) as the caller does.
//
// The program runs in a Node of its own, which tells its exit code over descriptor 3: Node 20 now
// and then crashes at its own end, after a program with a large memory has ended. That must not
// turn a verdict round; a crash before the end has no verdict and counts as a failure.
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { WASI } from 'node:wasi';

const CHILD = 'ALLIUM_WASI_CHILD';
const CRASHED = 134;

async function run([program, ...rest]) {
  // wasi-libc takes '/' and '.' for the same empty prefix, so only one can be there: the one that
  // the arguments use.
  const preopens = rest.some((a) => a.startsWith('/')) ? { '/': '/' } : { '.': '.' };
  const { [CHILD]: mark, ...env } = process.env;
  const wasi = new WASI({
    version: 'preview1',
    args: [program, ...rest],
    env,
    preopens,
    returnOnExit: true,
  });
  const module = await WebAssembly.compile(await readFile(program));
  // Debian 12's Node.js 18 has no wasi.getImportObject().
  const imports = { wasi_snapshot_preview1: wasi.wasiImport };
  const instance = await WebAssembly.instantiate(module, imports);
  try {
    return wasi.start(instance);
  } catch (error) {
    // A trap: what a native program would report as a signal.
    console.error(`${program}: ${error.stack ?? error}`);
    return CRASHED;
  }
}

const words = process.argv.slice(2);
if (words.length === 0) {
  console.error('usage: wasi-run.mjs program.wasm [arguments]');
  process.exit(2);
}
if (process.env[CHILD]) {
  const code = await run(words);
  writeSync(3, String(code));
  process.exitCode = code;
} else {
  const done = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), ...words],
    { env: { ...process.env, [CHILD]: '1' }, stdio: ['inherit', 'inherit', 'inherit', 'pipe'] },
  );
  const told = String(done.output?.[3] ?? '');
  process.exitCode = told === '' ? CRASHED : Number(told);
}
