// node big_message.mjs <url> <bytes>: sends a message of so many bytes on a websocket, and prints in JSON how the socket was closed:
// { code, reason, wasClean }.

import WebSocket from "ws";

const [url, bytes] = process.argv.slice(2);
const socket = new WebSocket(url, "graphql-transport-ws");
socket.onopen = () => socket.send(" ".repeat(Number(bytes)));
socket.onclose = ({ code, reason, wasClean }) => console.log(JSON.stringify({ code, reason, wasClean }));
