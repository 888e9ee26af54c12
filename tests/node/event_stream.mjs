// node event_stream.mjs <url> <operations>: as websocket.mjs, with the graphql-sse client in its distinct connections mode.

import { createClient } from "graphql-sse";

const [url, operations] = process.argv.slice(2);
if (!operations) {
  console.error("usage: node event_stream.mjs <url of the GraphQL endpoint> <operations as JSON>");
  process.exit(2);
}

const client = createClient({ url, singleConnection: false, retryAttempts: 0 });

async function run({ query, variables, events }) {
  const results = [];
  for await (const result of client.iterate({ query, variables })) {
    results.push(result);
    if (results.length === events) break;
  }
  return { results };
}

const outcomes = [];
for (const operation of JSON.parse(operations)) outcomes.push(await run(operation));
client.dispose();
console.log(JSON.stringify(outcomes));
