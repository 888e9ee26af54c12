"""A client of Tiffin: exact decimals, moments with their zone, and the code of an error."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from gql import Client
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.utilities import update_schema_scalars
from graphql import GraphQLScalarType, GraphQLSchema, build_schema


def written_decimal(value: Decimal | int) -> str:
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        raise TypeError(f"{value!r} is not exact: take decimal.Decimal")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def written_moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise TypeError(f"{value!r} has no zone: take datetime.now(timezone.utc), say")
    return value.isoformat()


def read_schema(path: str) -> GraphQLSchema:
    schema = build_schema(Path(path).read_text())
    update_schema_scalars(
        schema,
        [
            GraphQLScalarType("Decimal", serialize=written_decimal, parse_value=Decimal),
            GraphQLScalarType("DateTime", serialize=written_moment, parse_value=datetime.fromisoformat),
            GraphQLScalarType("Date", serialize=date.isoformat, parse_value=date.fromisoformat),
        ],
    )
    return schema


def create_client(url: str, schema: GraphQLSchema, access_token: str | None = None) -> Client:
    """Documents are held against the schema before they are sent; Decimals and datetimes go in and come out."""
    headers = {"authorization": f"Bearer {access_token}"} if access_token else {}
    transport = HTTPXAsyncTransport(url=url, headers=headers, timeout=30)
    return Client(transport=transport, schema=schema, serialize_variables=True, parse_results=True)


def codes(problem: TransportQueryError) -> set[str]:
    """What an answer says went wrong, as docs/errors.md lists it."""
    return {error.get("extensions", {}).get("code") for error in problem.errors or []}
