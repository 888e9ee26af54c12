// node mobile.mjs follow <url> <access token> <order>: follows the order with the code of docs/clients/mobile.md in an app that is put away and taken
// out as the lines of the standard input say ("background", "inactive", "active").
//
// Prints one JSON object a line: "connected", { closed: code }, "refreshed", { step: { sequence, status } }, and "complete".
//
// node mobile.mjs order <url> <access token> <storage> <basket> (answered | killed | unwanted): starts the app, which sends again what its storage, a file,
// holds unanswered and is still wanted, or else places this basket; "killed" ends it when the answer has come, before it is read. Prints { resumed },
// { placed }, { lost } or "forgotten".

import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import WebSocket from "ws";

import { createForegroundClient } from "./clients/mobile/foreground.mjs";
import { placeOrder, resumeOrder } from "./clients/mobile/outbox.mjs";
import { createLiveClient, follow } from "./live.mjs";

const say = (message) => console.log(JSON.stringify(message));
const [act, url, accessToken, ...rest] = process.argv.slice(2);
if (act === "follow") followed(...rest);
else await ordered(...rest);

function followed(order) {
  const states = new EventEmitter();
  const appState = {
    currentState: "active",
    addEventListener(type, listener) {
      states.on(type, listener);
      return { remove: () => states.off(type, listener) };
    },
  };
  const open = () =>
    createLiveClient({
      url: url.replace("http", "ws"),
      getAccessToken: async () => accessToken,
      webSocketImpl: class extends WebSocket {
        constructor(...options) {
          super(...options);
          this.on("open", () => say("connected"));
          this.on("close", (code) => say({ closed: code }));
        }
      },
    });
  const client = createForegroundClient({ appState, open, follow, refresh: () => say("refreshed") });
  const query = `subscription ($id: ID!, $after: Int) {
    orderStatusChanged(orderId: $id, after: $after) { sequence status }
  }`;
  client.follow(
    { query, variables: { id: order, after: 0 }, position: "sequence" },
    {
      next: ({ orderStatusChanged: step }) => say({ step }),
      complete: () => say("complete"),
      error: (problem) => say({ failed: String(problem) }),
    },
  );
  createInterface({ input: process.stdin })
    .on("line", (state) => {
      appState.currentState = state;
      states.emit("change", state);
    })
    .on("close", () => process.exit(0));
}

async function ordered(path, basket, end) {
  const file = (key) => `${path}-${key}`;
  const storage = {
    getItem: (key) => readFile(file(key), "utf8").catch(() => null),
    setItem: (key, text) => writeFile(file(key), text),
    removeItem: (key) => rm(file(key)),
  };
  const query = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id } } }";
  const send = async (input) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${accessToken}` };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables: { input } }) });
    if (end === "killed") process.exit(0);
    return response.json();
  };
  try {
    const resumed = await resumeOrder(storage, send, async () => end !== "unwanted");
    if (resumed) return say({ resumed });
    if (end === "unwanted") return say("forgotten");
    say({ placed: await placeOrder(storage, send, JSON.parse(basket), randomUUID()) });
  } catch (problem) {
    say({ lost: problem.message });
  }
}
