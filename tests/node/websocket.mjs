// node websocket.mjs <url> <operations>: runs operations with the graphql-ws client, one after the other on one socket.
//
// <operations> is a JSON list of { query, variables, events }. Of a subscription so many events are awaited, and then it is
// completed by the client; an operation without `events` is run until the server completes it. Prints a JSON list of what came:
// { results: [...] } or { refused: [...] } for each.

import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, operations] = process.argv.slice(2);
if (!operations) {
  console.error("usage: node websocket.mjs <url of the websocket> <operations as JSON>");
  process.exit(2);
}

const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, lazyCloseTimeout: 1000 });

async function run({ query, variables, events }) {
  const results = [];
  try {
    for await (const result of client.iterate({ query, variables })) {
      results.push(result);
      if (results.length === events) break;
    }
    return { results };
  } catch (error) {
    if (Array.isArray(error)) return { refused: error };
    throw new Error(`the socket closed: ${error.code} ${error.reason}`);
  }
}

const outcomes = [];
for (const operation of JSON.parse(operations)) outcomes.push(await run(operation));
await client.dispose();
console.log(JSON.stringify(outcomes));
