#!/usr/bin/env bash
# Python's gql speaks the older websocket protocol to a server that chose the newer one, when the header's name came in lower case.
#
# Versions: gql 4.4.0, websockets 17.4, aiohttp 3.14.5, graphql-core 3.3.2 (Python 3.11 or later).
# Guess:    names of headers have no case (RFC 9110, section 5.1), so `sec-websocket-protocol: graphql-transport-ws` is as good as any.
# Is:       WebsocketsTransport offers `graphql-ws` and `graphql-transport-ws`. Below it websockets accepts the choice, but gql looks for it
#           anew in a plain dict of the headers as they were spelt, finds none, and takes the older protocol for chosen: it sends `start`
#           where `subscribe` is due, and the server hangs up with 4400. What is raised names no protocol. Whoever offers the newer one only
#           is served, and so is AIOHTTPWebsocketsTransport, with the same lines in gql: aiohttp's parser in C spells known names its own way
#           (its parser in Python, with AIOHTTP_NO_EXTENSIONS=1, does not, and the same comes of it).
# Matters:  servers on Rust's hyper write names in lower case unless told otherwise (`title_case_headers`). A restaurant's script that
#           followed its orders is told "Error trying to receive data" from the day on which such a server takes the place of another.
# Source:   gql/transport/websockets_protocol.py (`_after_connect`) and gql/transport/common/adapters/websockets.py (`response_headers`);
#           what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check gql==4.4.0 websockets==17.4 aiohttp==3.14.5 graphql-core==3.3.2
cat >ask.py <<'SCRIPT'
import asyncio
import json

from gql import Client, gql
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.websockets import WebsocketsTransport
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

NEWER = "graphql-transport-ws"


async def ask(transport, name, **options):
    heard = []

    def spell(connection, request, response):
        chosen = response.headers["Sec-WebSocket-Protocol"]
        del response.headers["Sec-WebSocket-Protocol"]
        response.headers[name] = chosen

    async def speak(socket):
        try:
            async for text in socket:
                message = json.loads(text)
                heard.append(message["type"])
                if message["type"] == "connection_init":
                    await socket.send(json.dumps({"type": "connection_ack"}))
                elif message["type"] == "subscribe":
                    payload = {"data": {"status": "DELIVERED"}}
                    await socket.send(json.dumps({"id": message["id"], "type": "next", "payload": payload}))
                    await socket.send(json.dumps({"id": message["id"], "type": "complete"}))
                else:
                    await socket.close(4400, "no such message")
        except ConnectionClosed:
            pass

    async with serve(speak, "127.0.0.1", 0, subprotocols=[NEWER], process_response=spell) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            async with Client(transport=transport(url=url, **options)) as client:
                told = " ".join([step["status"] async for step in client.subscribe(gql("subscription { status }"))])
        except Exception as problem:
            told = problem
    offered = " ".join(options.get("subprotocols", ["both"]))
    print(f"{transport.__name__}, {offered} offered, {name}: {' '.join(heard)} -> {told}")


async def main():
    for transport in [WebsocketsTransport, AIOHTTPWebsocketsTransport]:
        for name in ["Sec-WebSocket-Protocol", "sec-websocket-protocol"]:
            await ask(transport, name)
    await ask(WebsocketsTransport, "sec-websocket-protocol", subprotocols=[NEWER])


asyncio.run(main())
SCRIPT
venv/bin/python ask.py | tee said
# Seen on 2026-12-01.
diff said - <<'EXPECTED'
WebsocketsTransport, both offered, Sec-WebSocket-Protocol: connection_init subscribe -> DELIVERED
WebsocketsTransport, both offered, sec-websocket-protocol: connection_init start -> Error trying to receive data: ConnectionClosedError
AIOHTTPWebsocketsTransport, both offered, Sec-WebSocket-Protocol: connection_init subscribe -> DELIVERED
AIOHTTPWebsocketsTransport, both offered, sec-websocket-protocol: connection_init subscribe -> DELIVERED
WebsocketsTransport, graphql-transport-ws offered, sec-websocket-protocol: connection_init subscribe -> DELIVERED
EXPECTED
echo "it is still so"
