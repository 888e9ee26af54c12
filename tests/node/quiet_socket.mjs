// node quiet_socket.mjs <url> <pings>: opens a websocket over HTTP/2 and says nothing until the server has pinged it so often; then asks
// something. Prints the answer's data in JSON.

import { closeSessions, Http2WebSocket } from "./http2_socket.mjs";

const [url, pings] = process.argv.slice(2);
const socket = new Http2WebSocket(url, ["graphql-transport-ws"]);
const say = (message) => socket.send(JSON.stringify(message));
let left = Number(pings);
socket.on("open", () => say({ type: "connection_init" }));
socket.on("ping", () => {
  left -= 1;
  if (left === 0) say({ id: "1", type: "subscribe", payload: { query: "{ __typename }" } });
});
socket.on("message", (text) => {
  const { type, payload } = JSON.parse(text);
  if (type === "next") console.log(JSON.stringify(payload.data));
  if (type === "complete") socket.close(1000);
});
socket.on("close", () => closeSessions());
