// node browser.mjs <patience in milliseconds> <folder>: a Chromium (TEST_CHROMIUM) for pages of `browser/`, which is driven by lines of
// JSON on the standard input, one command each, until that ends. It keeps its files in the folder.
//
// The pages are served from an origin of their own, another one than the API's: the first line that is printed is { port }. Each command is
// answered by a line, { done: <what came of it> } or { failed: <why> }:
//
//   { open: <page>, beside: <tab or none>, search: { api: <url> } }   a tab, by its number; beside another one it shares what that keeps
//   { tab, fill: <selector>, text }     { tab, click: <selector> }     { tab, run: <expression> }
//   { tab, until: <selector>, texts }   waits until the elements have exactly these texts
//   { tab, alternate: [{ click, awaited, subscribes }, …], times }   clicks these elements in turn, each when the last click has brought
//                                       what is awaited and, where it subscribes, another subscription was sent
//   { tab, offline: <whether> }
//   { tab, seen: true }                 what was sent and told so far: { requests, sockets, errors }
//   { close: true }                     ends the browser

import { createServer } from "node:http";
import { createInterface } from "node:readline";

import { build } from "esbuild";
import { chromium } from "playwright-core";

import { plugins } from "./browser/plugins.mjs";

const patience = Number(process.argv[2]);
process.env.TMPDIR = process.argv[3];
if (!process.env.TEST_CHROMIUM) throw new Error("TEST_CHROMIUM is not set: run ./test, which finds or installs Chromium");

const bundles = new Map();

/** A page of `browser/` with all that it imports, in one script. */
async function bundle(page) {
  const { outputFiles } = await build({
    stdin: { contents: `import "./${page}";`, resolveDir: new URL("browser", import.meta.url).pathname },
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "error",
    plugins,
  });
  return outputFiles[0].text;
}

const pages = createServer(async ({ url }, response) => {
  const [, page, script] = new URL(url, "http://pages").pathname.match(/^\/([a-z0-9-]+)(\.js)?$/) ?? [];
  if (!page) return response.writeHead(404).end();
  if (!script) {
    response.setHeader("content-type", "text/html; charset=utf-8");
    return response.end(`<!doctype html><link rel="icon" href="data:,"><title>${page}</title><main></main><script type="module" src="/${page}.js"></script>`);
  }
  if (!bundles.has(page)) bundles.set(page, bundle(page));
  try {
    const text = await bundles.get(page);
    response.setHeader("content-type", "text/javascript; charset=utf-8");
    response.end(text);
  } catch ({ message }) {
    response.writeHead(500).end(message);
  }
});

/**
 * Runs in each page before its own script: adds what Sentry and OpenTelemetry add to requests, and notes how sockets end, which a driver
 * is not told. The clients' own code is as it was published.
 */
function watch() {
  const send = window.fetch;
  window.fetch = (...request) => {
    const traced = new Request(...request);
    if (new URL(traced.url).origin !== location.origin) {
      traced.headers.set("sentry-trace", "771a43a4192642f0b136d5159a501700-b0e6f15b45c36b12-1");
      traced.headers.set("baggage", "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-environment=tests");
      traced.headers.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    }
    return send(traced);
  };
  window.watched = { closes: [], subscriptions: 0 };
  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      const number = watched.closes.push(null) - 1;
      this.addEventListener("close", ({ code, wasClean }) => (watched.closes[number] = { code, wasClean }));
    }

    send(message) {
      super.send(message);
      if (JSON.parse(message).type !== "subscribe") return;
      watched.subscriptions++;
      dispatchEvent(new Event("subscribed"));
    }
  };
}

/** Clicks in turn, and gives the milliseconds that each took to bring what is awaited. */
async function alternate({ steps, times, patience }) {
  const took = [];
  for (let round = 0; round < times; round++) {
    const { click, awaited, subscribes } = steps[round % steps.length];
    const [start, before] = [performance.now(), watched.subscriptions];
    const isThere = () => document.querySelector(awaited) && (!subscribes || watched.subscriptions > before);
    document.querySelector(click).click();
    const looking = new AbortController();
    await new Promise((resolve, reject) => {
      const look = () => isThere() && resolve();
      const observer = new MutationObserver(look);
      observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
      looking.signal.addEventListener("abort", () => observer.disconnect());
      addEventListener("subscribed", look, looking);
      setTimeout(reject, patience, new Error(`${awaited} does not come`));
      look();
    });
    looking.abort();
    took.push(performance.now() - start);
  }
  return took;
}

const tabs = [];
let browser;

async function open({ open: page, beside, search }) {
  const context = beside === null ? await browser.newContext() : tabs[beside].context;
  const tab = { page: await context.newPage(), context, requests: [], sockets: [], errors: [] };
  tabs.push(tab);
  await tab.page.addInitScript(watch);
  tab.page.on("request", (request) => {
    if (request.method() === "OPTIONS" || !request.url().startsWith(search.api)) return;
    const sent = { operation: null, headers: request.headers(), status: null };
    tab.requests.push(sent);
    try {
      const { operationName, query } = request.postDataJSON() ?? {};
      sent.operation = operationName ?? query?.match(/\w+ (\w+)/)?.[1] ?? null;
    } catch {
      // A batch has no one name.
    }
    request.response().then((response) => (sent.status = response?.status() ?? null), () => {});
  });
  tab.page.on("websocket", (socket) => {
    const frames = { sent: [], received: [] };
    tab.sockets.push(frames);
    socket.on("framesent", ({ payload }) => frames.sent.push(JSON.parse(payload)));
    socket.on("framereceived", ({ payload }) => frames.received.push(JSON.parse(payload)));
  });
  tab.page.on("pageerror", ({ message }) => tab.errors.push(message));
  tab.page.on("console", (said) => said.type() === "error" && tab.errors.push(said.text()));
  await tab.page.goto(`http://127.0.0.1:${pages.address().port}/${page}?${new URLSearchParams(search)}`);
  return tabs.length - 1;
}

async function until({ page, errors }, selector, texts) {
  const shown = () => page.$$eval(selector, (elements) => elements.map(({ textContent }) => textContent));
  for (const started = Date.now(); ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const now = await shown();
    if (JSON.stringify(now) === JSON.stringify(texts)) return null;
    if (Date.now() - started > patience) {
      throw new Error(`${selector} shows ${JSON.stringify(now)} and not ${JSON.stringify(texts)}; errors: ${JSON.stringify(errors)}`);
    }
  }
}

async function obey(command) {
  if (command.open) return open(command);
  if (command.close) return browser.close();
  const tab = tabs[command.tab];
  const { page, context } = tab;
  if (command.fill) return page.fill(command.fill, command.text, { timeout: patience });
  if (command.click) return page.click(command.click, { timeout: patience });
  if (command.run) return page.evaluate(command.run);
  if (command.until) return until(tab, command.until, command.texts);
  if (command.alternate) return page.evaluate(alternate, { steps: command.alternate, times: command.times, patience });
  if ("offline" in command) return context.setOffline(command.offline);
  if (command.seen) {
    const closes = await page.evaluate(() => watched.closes);
    const sockets = tab.sockets.map((frames, number) => ({ ...frames, closed: closes[number] ?? null }));
    return { requests: tab.requests, sockets, errors: tab.errors };
  }
  throw new Error(`unknown command: ${JSON.stringify(command)}`);
}

const say = (message) => console.log(JSON.stringify(message));

browser = await chromium.launch({
  executablePath: process.env.TEST_CHROMIUM,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
say({ port: pages.address().port });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say({ done: (await obey(JSON.parse(line))) ?? null });
  } catch ({ message }) {
    say({ failed: message });
  }
}
await browser.close();
process.exit(0);
