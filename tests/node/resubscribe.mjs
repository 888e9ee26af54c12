// node resubscribe.mjs <url> <HTTP version> <connection_init's payload> <operation> <times>: what a page does at each change of what it
// shows. Subscribes with the graphql-ws client as it is by default, waits for an event, unsubscribes, which closes the socket, and
// subscribes again, so many times. <HTTP version> is 1 or 2, <operation> is { query, variables } in JSON.
//
// Prints in JSON how each socket was closed, { code, reason, wasClean }, and how many of them the client opened as a retry.

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { closeSessions, Http2WebSocket } from "./http2_socket.mjs";

const [url, version, payload, operation, times] = process.argv.slice(2);
if (!times) {
  console.error("usage: node resubscribe.mjs <url of the websocket> <1 or 2> <payload as JSON> <operation as JSON> <times>");
  process.exit(2);
}

const closes = [];
let retries = 0;
let closed;
const client = createClient({
  url,
  webSocketImpl: version === "2" ? Http2WebSocket : WebSocket,
  connectionParams: JSON.parse(payload),
  on: {
    connecting: (isRetry) => (retries += isRetry),
    closed: ({ code, reason, wasClean }) => {
      closes.push({ code, reason, wasClean });
      closed();
    },
  },
});

for (let round = 0; round < Number(times); round++) {
  const closing = new Promise((resolve) => (closed = resolve));
  await new Promise((resolve, reject) => {
    const unsubscribe = client.subscribe(JSON.parse(operation), {
      next: ({ errors }) => {
        if (errors) return reject(new Error(JSON.stringify(errors)));
        unsubscribe();
        resolve();
      },
      error: reject,
      complete: () => {},
    });
  });
  await closing;
}
await client.dispose();
await closeSessions();
console.log(JSON.stringify({ closes, retries }));
