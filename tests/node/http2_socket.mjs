// Websockets over HTTP/2 (RFC 8441): the WebSocket of `ws`, which opens none by itself, on a stream of Node.js's own HTTP/2 client.

import { connect } from "node:http2";

import WebSocket from "ws";

const sessions = new Map();

/** The connection to the server, once the server has said that it takes websockets there. All sockets share it. */
function session(origin) {
  if (!sessions.has(origin)) {
    const opening = new Promise((resolve, reject) => {
      const opened = connect(origin);
      opened.on("error", reject);
      opened.once("remoteSettings", ({ enableConnectProtocol }) =>
        enableConnectProtocol ? resolve(opened) : reject(new Error("the server takes no websockets over HTTP/2")),
      );
    });
    sessions.set(origin, opening);
  }
  return sessions.get(origin);
}

/** Ends the connections. */
export async function closeSessions() {
  for (const opening of sessions.values()) (await opening).close();
  sessions.clear();
}

export class Http2WebSocket extends WebSocket {
  constructor(url, protocols) {
    super(null, undefined, { autoPong: true });
    this._isServer = false;
    this._closeTimeout = 30_000;
    this.#open(new URL(url.replace(/^ws/, "http")), protocols).catch((error) => {
      this.emit("error", error);
      this.emitClose();
    });
  }

  async #open({ origin, pathname }, protocols) {
    const request = (await session(origin)).request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": pathname,
      "sec-websocket-version": "13",
      "sec-websocket-protocol": [protocols].flat().join(", "),
    });
    request.on("response", (headers) => {
      const status = headers[":status"];
      if (status !== 200) return this.emit("error", new Error(`the handshake was answered with ${status}`));
      this._protocol = headers["sec-websocket-protocol"] ?? "";
      this.setSocket(request, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 0 });
    });
    request.on("error", (error) => this.emit("error", error));
  }
}
