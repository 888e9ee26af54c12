#!/usr/bin/env bash
# Apollo Client answers `{ __typename }` by itself, so that a server that is away seems to be there.
#
# Versions: @apollo/client 4.3.8, graphql 16.15.0, rxjs 7.8.2.
# Guess:    a cache that is empty answers nothing, and the first query of a new client asks the server.
# Is:       the cache takes the type at the root to be called Query, and gives its `__typename` without having been told anything. A query
#           for nothing else, by an alias or not, is answered at once, and no request is sent. With one more field, or with
#           `fetchPolicy: "network-only"`, the server is asked, but the answer is "Query" even then, where the server has said "Root".
# Matters:  `{ __typename }` is what one asks to learn whether a GraphQL server answers, since it is valid with every schema. A courier's page
#           that asks it with the client that it has anyhow is told that all is well while nothing can be reached.
# Source:   cache/inmemory/entityStore.js (`get`: "__typename" and `rootTypenamesById`); what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

npm install --silent --no-audit --no-fund --prefix "$directory" @apollo/client@4.3.8 graphql@16.15.0 rxjs@7.8.2 >/dev/null
cat >ask.mjs <<'SCRIPT'
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";

const answers = {
  away: async () => {
    throw new TypeError("nobody is there");
  },
  there: async () => Response.json({ data: { alive: "Root", open: true } }),
};
for (const [state, answer] of Object.entries(answers)) {
  for (const [query, options] of [
    ["{ __typename }", {}],
    ["{ alive: __typename }", {}],
    ["{ alive: __typename }", { fetchPolicy: "network-only" }],
    ["{ alive: __typename open }", {}],
  ]) {
    let requests = 0;
    const fetch = (...request) => {
      requests++;
      return answer(...request);
    };
    const link = new HttpLink({ uri: "http://shop.example/graphql", fetch });
    const client = new ApolloClient({ cache: new InMemoryCache(), link });
    const told = await client.query({ query: gql(query), ...options }).then(
      ({ data }) => JSON.stringify(data),
      (problem) => problem.message,
    );
    console.log(`${state}, ${[query, ...Object.values(options)].join(" ")}: ${told}, requests: ${requests}`);
  }
}
SCRIPT
node ask.mjs | tee said
# Seen on 2026-12-01.
diff said - <<'EXPECTED'
away, { __typename }: {"__typename":"Query"}, requests: 0
away, { alive: __typename }: {"alive":"Query"}, requests: 0
away, { alive: __typename } network-only: nobody is there, requests: 1
away, { alive: __typename open }: nobody is there, requests: 1
there, { __typename }: {"__typename":"Query"}, requests: 0
there, { alive: __typename }: {"alive":"Query"}, requests: 0
there, { alive: __typename } network-only: {"alive":"Query"}, requests: 1
there, { alive: __typename open }: {"alive":"Query","open":true}, requests: 1
EXPECTED
echo "it is still so"
