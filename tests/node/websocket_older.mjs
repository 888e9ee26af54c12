// node websocket_older.mjs <url> <operations>: as websocket.mjs, with the client of before, subscriptions-transport-ws.
//
// Prints a JSON list of what came of each operation: { results: [...], ended: "completed" | "unsubscribed" } or { refused }.

import { SubscriptionClient } from "subscriptions-transport-ws";
import WebSocket from "ws";

const [url, operations] = process.argv.slice(2);
if (!operations) {
  console.error("usage: node websocket_older.mjs <url of the websocket> <operations as JSON>");
  process.exit(2);
}

const client = new SubscriptionClient(url, { reconnect: false }, WebSocket);
client.onError((error) => {
  console.error(error);
  process.exit(1);
});

function run({ query, variables, events }) {
  const results = [];
  return new Promise((resolve) => {
    const subscription = client.request({ query, variables }).subscribe({
      next(result) {
        results.push(result);
        if (results.length === events) {
          subscription.unsubscribe();
          resolve({ results, ended: "unsubscribed" });
        }
      },
      error: (refused) => resolve({ refused }),
      complete: () => resolve({ results, ended: "completed" }),
    });
  });
}

const outcomes = [];
for (const operation of JSON.parse(operations)) outcomes.push(await run(operation));
client.close();
console.log(JSON.stringify(outcomes));
