"""Asks for a quote, agrees to its total and places the order."""

from decimal import Decimal

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed

QUOTE = """
query ($input: PlaceOrderInput!) { orderQuote(input: $input) { totalAmount currency } }
"""

PLACE = """
mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { id status totalAmount currency orderTime } } }
"""


async def quote(client: Client, basket: dict) -> dict:
    async with client as session:
        answer = await session.execute(GraphQLRequest(QUOTE, variable_values={"input": basket}))
        return answer["orderQuote"]


async def place(client: Client, basket: dict, agreed: Decimal, key: str) -> dict:
    """Places it once, however often it is sent with the same key (`str(uuid4())`, kept until there is an answer)."""
    placed = {**basket, "expectedTotalAmount": agreed, "idempotencyKey": key}
    request = GraphQLRequest(PLACE, variable_values={"input": placed})
    async with client as session:
        try:
            answer = await session.execute(request)
        except TransportConnectionFailed:
            # No answer does not mean no order.
            answer = await session.execute(request)
    return answer["placeOrder"]["order"]
