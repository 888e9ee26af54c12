"""python_client.py <url> <schema> <tokens> <basket>: orders and follows the order with the code of docs/clients/python.md.

<tokens> is a JSON list of access tokens: the last is good, each connection takes the next one until then. <basket> is an input of placeOrder.
Prints one JSON object a line: { quoted }, { refused: [code] }, { placed: [order, the same with its key] }, { step } for each step and "complete".
"""

import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "clients" / "python"))

from follow import follow  # noqa: E402
from gql.transport.exceptions import TransportQueryError  # noqa: E402
from order import place, quote  # noqa: E402
from tiffin import codes, create_client, read_schema  # noqa: E402


def say(message) -> None:
    print(json.dumps(message, default=repr), flush=True)


async def main(url: str, schema_path: str, tokens: list[str], basket: dict) -> None:
    client = create_client(url, read_schema(schema_path), tokens[-1])
    quoted = await quote(client, basket)
    say({"quoted": quoted})
    refused = []
    try:
        await place(client, basket, quoted["totalAmount"] + Decimal("0.01"), "another total")
    except TransportQueryError as problem:
        refused.append(codes(problem).pop())
    try:
        await place(client, basket, float(quoted["totalAmount"]), "a float")
    except TypeError as problem:
        refused.append(type(problem).__name__)
    say({"refused": refused})
    placed = [await place(client, basket, quoted["totalAmount"], "a key") for _ in range(2)]
    say({"placed": placed})

    async def get_access_token() -> str:
        return tokens.pop(0) if len(tokens) > 1 else tokens[0]

    async for step in follow(url.replace("http", "ws"), get_access_token, placed[0]["id"], after=0):
        say({"step": step})
    say("complete")


asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])))
