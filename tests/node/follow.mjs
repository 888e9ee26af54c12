// node follow.mjs <url> <tokens> <follows>: follows subscriptions with the code of docs/live-updates.md, until its
// standard input ends.
//
// <tokens> is a JSON list of access tokens: where one is refused, the next is taken. <follows> is a JSON list of { query, variables,
// position, by }, each with a root field called `step`, and by "socket", "apollo" or "eventStream". Prints one JSON object a line:
// { event: { follow: <number>, step } }, { completed: { follow } }, { failed: { follow, problem } }, and of the socket "connected",
// { closed: { code } } and { renewed: { expiresAt } }. A line of the standard input is a newer token for the socket.

import { createInterface } from "node:readline";

import { ApolloClient, gql, InMemoryCache } from "@apollo/client";
import WebSocket from "ws";

import { LiveLink } from "./live-apollo.mjs";
import { createEventStreamClient } from "./live-sse.mjs";
import { createLiveClient, follow, SignedOut } from "./live.mjs";

const [url, tokens, follows] = process.argv.slice(2);
if (!follows) {
  console.error("usage: node follow.mjs <url of the GraphQL endpoint> <tokens as JSON> <follows as JSON>");
  process.exit(2);
}

const say = (message) => console.log(JSON.stringify(message));
const left = JSON.parse(tokens);
async function getAccessToken(refused) {
  if (refused === left[0]) left.shift();
  if (left.length === 0) throw new SignedOut();
  return left[0];
}

class SpokenWebSocket extends WebSocket {
  constructor(...options) {
    super(...options);
    this.on("message", (text) => {
      const { type, payload } = JSON.parse(text);
      if (type === "connection_ack") say("connected");
      if (type === "pong" && payload) say({ renewed: payload });
    });
    this.on("close", (code) => say({ closed: { code } }));
  }
}

const socket = createLiveClient({ url: url.replace("http", "ws"), getAccessToken, webSocketImpl: SpokenWebSocket });
const eventStream = createEventStreamClient({ url, getAccessToken });
const apollo = new ApolloClient({ link: new LiveLink(socket), cache: new InMemoryCache() });
JSON.parse(follows).forEach(({ query, variables, position, by }, number) => {
  const restart = async () => say({ restarted: { follow: number } });
  const sink = {
    restart,
    next: ({ step }) => say({ event: { follow: number, step } }),
    complete: () => say({ completed: { follow: number } }),
    error: (problem) => say({ failed: { follow: number, problem: problem?.message ?? problem } }),
  };
  if (by !== "apollo") return follow({ socket, eventStream }[by], { query, variables, position }, sink);
  const results = apollo.subscribe({ query: gql(query), variables, context: { position, restart }, fetchPolicy: "no-cache" });
  results.subscribe({ ...sink, next: ({ data, error }) => (error ? sink.error(error) : sink.next(data)) });
});
createInterface({ input: process.stdin })
  .on("line", (newer) => socket.renew(newer))
  .on("close", () => process.exit(0));
