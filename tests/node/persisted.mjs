// node persisted.mjs <url> <query>: asks the same query three times with Apollo Client and three times with urql, each with its own
// exchange for automatic persisted queries, by POST and by GET.
//
// Prints in JSON what each of them was told, and what each request held: "hash", "hash and query" or "query".

import { createHash } from "node:crypto";

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

const [uri, query] = process.argv.slice(2);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

let sent = [];
async function spokenFetch(url, options = {}) {
  const parameters = new URL(url, uri).searchParams;
  const body = options.body ? JSON.parse(options.body) : Object.fromEntries(parameters);
  const extensions = typeof body.extensions === "string" ? JSON.parse(body.extensions) : body.extensions;
  const held = [extensions?.persistedQuery && "hash", body.query && "query"].filter(Boolean);
  sent.push(held.join(" and "));
  return fetch(url, options);
}

async function ask(asking) {
  sent = [];
  const told = [];
  for (let round = 0; round < 3; round++) {
    const { data, error } = await asking(round);
    told.push(error?.message ?? Object.keys(data).filter((key) => key !== "__typename"));
  }
  return { told, sent };
}

function byApollo(useGETForHashedQueries) {
  const link = ApolloLink.from([
    new PersistedQueryLink({ sha256, useGETForHashedQueries }),
    new HttpLink({ uri, fetch: spokenFetch }),
  ]);
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  // The name makes it another document for each way to ask.
  const document = gql(query.replace("query", `query Apollo${useGETForHashedQueries ? "ByGet" : "ByPost"}`));
  return ask(() => client.query({ query: document, fetchPolicy: "no-cache" }));
}

function byUrql(preferGetForPersistedQueries) {
  const client = new Client({
    url: uri,
    fetch: spokenFetch,
    preferGetMethod: false,
    exchanges: [persistedExchange({ preferGetForPersistedQueries, generateHash: async (text) => sha256(text) }), fetchExchange],
  });
  const document = query.replace("query", `query Urql${preferGetForPersistedQueries ? "ByGet" : "ByPost"}`);
  return ask(() => client.query(document, {}).toPromise());
}

console.log(
  JSON.stringify({
    apollo: await byApollo(false),
    apolloByGet: await byApollo(true),
    urql: await byUrql(false),
    urqlByGet: await byUrql(true),
  }),
);
