"""Follows an order: each step once and in order, whatever happens on the way."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tiffin import codes

STEPS = """
subscription ($id: ID!, $after: Int) {
  orderStatusChanged(orderId: $id, after: $after) { sequence status note at }
}
"""

PASSING = {"UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "UNAUTHENTICATED"}


async def follow(
    url: str, get_access_token: Callable[[], Awaitable[str]], order: str, after: int | None = None
) -> AsyncIterator[dict]:
    """Gives the order's steps after the one with this `sequence`: with 0 all, with None the latest and what follows.

    `get_access_token` gives a token that is still good, and is asked before each connection. What it raises ends it all.
    """
    tries = 0
    while True:
        transport = WebsocketsTransport(
            url=url,
            init_payload={"authorization": f"Bearer {await get_access_token()}"},
            # Alone: offered both, gql does not see which one the server has chosen.
            subprotocols=["graphql-transport-ws"],
            # A connection that has died without a word is noticed by a ping that nothing answers.
            ping_interval=10,
            pong_timeout=5,
        )
        try:
            async with Client(transport=transport) as session:
                request = GraphQLRequest(STEPS, variable_values={"id": order, "after": after})
                async for answer in session.subscribe(request):
                    step = answer["orderStatusChanged"]
                    after, tries = step["sequence"], 0
                    yield step
                return
        except TransportQueryError as problem:
            if not codes(problem) <= PASSING:
                raise
        except (TransportConnectionFailed, TimeoutError):
            pass
        # At most a second at first and half a minute in the end, and never all clients at the same moment.
        await asyncio.sleep(random.uniform(0, min(2**tries, 30)))
        tries += 1
