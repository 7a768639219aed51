// TAP on stdout, processes that speak JSON lines, and the browser.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { install } from './page.mjs';

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
let count = 0, failed = 0;

export function ok(good, what) {
  console.log(`${good ? '' : 'not '}ok ${++count} - ${what}`);
  if (!good) failed++;
  return good;
}

// Runs the test to its end; whatever it throws ends it.
export async function run(main) {
  try {
    await main();
  } catch (e) {
    console.log(`Bail out! ${e.message}`);
    process.exit(1);
  }
  console.log(`1..${count}`);
  process.exit(failed ? 1 : 0);
}

export async function runCases(cases, t) {
  for (const [name, one] of Object.entries(cases)) {
    console.log(`# ${name}`);
    try { await one(t); } catch (e) { ok(false, `${name}: ${e.message}`); }
  }
}

export const sleep = ms => new Promise(r => setTimeout(r, ms));

export const call = (page, name, ...args) =>
  page.evaluate(([n, a]) => window.al[n](...a), [name, args])
    .catch(e => ({ error: e.message.split('\n')[0] }));

// A browser with one page that holds window.al; `more` are further functions to install there.
export async function startBrowser(...more) {
  if (!existsSync(browserPath)) throw new Error(`${browserPath} is missing (package chromium)`);
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const server = await chromium.launchServer({ executablePath: browserPath, headless: true, args });
  const browser = await chromium.connect(server.wsEndpoint());
  const page = await browser.newPage();
  page.on('pageerror', e => console.log(`# page: ${e.message}`));
  for (const f of [install, ...more]) await page.evaluate(`(${f})()`);
  console.log(`# Chromium ${browser.version()}`);
  return { server, page, pid: server.process().pid };
}
