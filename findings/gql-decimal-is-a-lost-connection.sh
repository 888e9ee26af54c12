#!/usr/bin/env bash
# Python's gql takes a value that JSON cannot hold for a lost connection, and tries it again and again.
#
# Versions: gql 4.4.0, httpx 0.28.1, aiohttp 3.14.5, tenacity 9.2.1, graphql-core 3.3.2 (Python 3.11 or later).
# Guess:    a `decimal.Decimal` among the variables, without a schema that says how it is written, raises json's TypeError at once.
# Is:       nothing is sent, but what is raised is TransportConnectionFailed: the transports wrap whatever happens while they send, the writing of
#           the JSON included. A session of `connect_async(reconnecting=True)` believes it: it connects anew, waits and tries five times in all, some
#           fifteen seconds, and raises tenacity's RetryError, in whose message the TypeError is not to be found.
# Matters:  amounts are Decimals in Python. A script that enters a menu of two hundred dishes is told for most of an hour that the network is bad, and
#           whoever tries again after a TransportConnectionFailed tries again what can never work.
# Source:   gql/transport/httpx.py and aiohttp.py (`execute`: `except Exception`), gql/client.py (`ReconnectingAsyncClientSession`); what is printed
#           below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check gql==4.4.0 httpx==0.28.1 aiohttp==3.14.5 tenacity==9.2.1 graphql-core==3.3.2
cat >ask.py <<'SCRIPT'
import asyncio
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.httpx import HTTPXAsyncTransport

requests = []


class Shop(BaseHTTPRequestHandler):
    def do_POST(self):
        requests.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"data": {"createDish": 1}}')

    def log_message(self, *_):
        pass


CREATE = "mutation ($price: Decimal!) { createDish(price: $price) }"


async def ask(transport, price, reconnecting):
    tries = 0

    class Counting(transport):
        async def execute(self, *arguments, **options):
            nonlocal tries
            tries += 1
            return await super().execute(*arguments, **options)

    requests.clear()
    client = Client(transport=Counting(url=f"http://127.0.0.1:{shop.server_port}/"))
    session = await client.connect_async(reconnecting=reconnecting)
    try:
        told = await session.execute(GraphQLRequest(CREATE, variable_values={"price": price}))
    except Exception as problem:
        told = f"{type(problem).__name__}, the TypeError is told: {'serializable' in str(problem)}"
    try:
        await client.close_async()
    except AssertionError:
        pass  # After five tries aiohttp's session has no connector any more.
    kind = "reconnecting" if reconnecting else "plain"
    print(f"{transport.__name__}, {kind}, {type(price).__name__}: {told}; tries: {tries}, requests: {len(requests)}")


async def main():
    for transport in [HTTPXAsyncTransport, AIOHTTPTransport]:
        await ask(transport, "12.50", True)
        for reconnecting in [False, True]:
            await ask(transport, Decimal("12.50"), reconnecting)


shop = HTTPServer(("127.0.0.1", 0), Shop)
threading.Thread(target=shop.serve_forever, daemon=True).start()
asyncio.run(main())
SCRIPT
venv/bin/python ask.py 2>errors | tee said
# Seen on 2026-12-01.
diff said - <<'EXPECTED'
HTTPXAsyncTransport, reconnecting, str: {'createDish': 1}; tries: 1, requests: 1
HTTPXAsyncTransport, plain, Decimal: TransportConnectionFailed, the TypeError is told: True; tries: 1, requests: 0
HTTPXAsyncTransport, reconnecting, Decimal: RetryError, the TypeError is told: False; tries: 5, requests: 0
AIOHTTPTransport, reconnecting, str: {'createDish': 1}; tries: 1, requests: 1
AIOHTTPTransport, plain, Decimal: TransportConnectionFailed, the TypeError is told: True; tries: 1, requests: 0
AIOHTTPTransport, reconnecting, Decimal: RetryError, the TypeError is told: False; tries: 5, requests: 0
EXPECTED
echo "it is still so"
