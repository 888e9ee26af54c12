#!/usr/bin/env bash
# graphcache with relayPagination() answers a list that was asked without arguments by nothing at all, and by no error.
#
# Versions: @urql/core 6.0.3, @urql/exchange-graphcache 9.0.2, graphql 16.15.0.
# Guess:    `first` may be left out where the server has a length of its own for pages: that is one page like any other.
# Is:       what the server has said is thrown away: `data` is null, without an error or a warning. With any argument, `first: 20` or one that
#           says nothing of pages, the page is there.
# Matters:  `restaurants { nodes { name } }` is the first query that a front end sends. Nothing is shown, the answer in the network's log is right,
#           and it begins when somebody adds pagination to the cache.
# Source:   extras/relayPagination.ts (a field whose arguments are null is passed over); what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

npm install --silent --no-audit --no-fund --prefix "$directory" @urql/core@6.0.3 @urql/exchange-graphcache@9.0.2 graphql@16.15.0 >/dev/null
cat >ask.mjs <<'SCRIPT'
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { buildSchema, execute, parse } from "graphql";

const schema = buildSchema(`
  type Query { restaurants(first: Int, search: String): RestaurantConnection! }
  type RestaurantConnection { nodes: [Restaurant!]! pageInfo: PageInfo! }
  type Restaurant { id: ID! name: String! }
  type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
`);
const pageInfo = { hasNextPage: false, hasPreviousPage: false, startCursor: "1", endCursor: "1" };
const rootValue = { restaurants: { nodes: [{ id: "1", name: "Phở Thìn" }], pageInfo } };
async function answer(_url, { body }) {
  return Response.json(await execute({ schema, document: parse(JSON.parse(body).query), rootValue }));
}
for (const list of ["restaurants", "restaurants(first: 20)", 'restaurants(search: "")']) {
  const cache = cacheExchange({ resolvers: { Query: { restaurants: relayPagination() } } });
  const client = new Client({ url: "http://shop.example", preferGetMethod: false, fetch: answer, exchanges: [cache, fetchExchange] });
  const { data, error } = await client.query(`{ ${list} { nodes { id name } } }`, {}).toPromise();
  const told = data && data.restaurants.nodes.map(({ name }) => name).join();
  console.log(`${list}: ${told}, error: ${error}`);
}
SCRIPT
node ask.mjs | tee said
# Seen on 2026-12-01.
diff said - <<'EXPECTED'
restaurants: null, error: undefined
restaurants(first: 20): Phở Thìn, error: undefined
restaurants(search: ""): Phở Thìn, error: undefined
EXPECTED
echo "it is still so"
