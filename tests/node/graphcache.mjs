// node graphcache.mjs <schema.graphql>: has urql's graphcache, as docs/clients/urql.md configures it, keep an answer with an object of each
// type that queries lead to, and the answers to all mutations and subscriptions.
//
// Prints in JSON which of them it does not give back as they were, what it warned of, and the same of each type of its keys without that
// key: { changed: [<document>, …], warnings: [<text>, …], without: { <type>: [<text>, …] } }.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import { makeResult } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { buildSchema, introspectionFromSchema, parse } from "graphql";
import { Client, createRequest } from "urql";
import { filter, map, pipe, take, toPromise } from "wonka";

import { cache } from "./clients/urql/cache.js";
import { answer, operationsOf, queriesOf } from "./every_type.mjs";

const schema = buildSchema(readFileSync(process.argv[2], "utf8"));
const introspection = introspectionFromSchema(schema);

/** Asks with the cache in between; gives what it gave back, and what it warned of. */
async function keep(config, kind, text) {
  const warnings = [];
  const logger = (severity, message) => severity !== "debug" && warnings.push(message);
  const server = () => (operations) =>
    pipe(
      operations,
      filter(({ kind }) => kind !== "teardown"),
      map((operation) => makeResult(operation, answer(schema, operation.query))),
    );
  const exchanges = [cacheExchange({ ...config, schema: introspection, logger }), server];
  const client = new Client({ url: "https://api.example", exchanges });
  const operation = client.createRequestOperation(kind, createRequest(text, {}));
  const { data } = await pipe(client.executeRequestOperation(operation), take(1), toPromise);
  return { data, warnings };
}

const queries = queriesOf(schema);
const documents = [
  ...queries.map(([, selections]) => ["query", `query ${selections}`]),
  ...operationsOf(schema.getMutationType(), 2).map(([, selections]) => ["mutation", `mutation ${selections}`]),
  ...operationsOf(schema.getSubscriptionType(), 1).map(([, selections]) => ["subscription", `subscription ${selections}`]),
];
const changed = [];
const warnings = [];
for (const [kind, text] of documents) {
  const kept = await keep(cache, kind, text);
  warnings.push(...kept.warnings);
  const told = JSON.parse(JSON.stringify(answer(schema, parse(text)).data));
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(kept.data)), told)) changed.push(text);
}

const without = {};
for (const type of Object.keys(cache.keys)) {
  const { [type]: _, ...keys } = cache.keys;
  const [, selections] = queries.find(([name]) => name === type) ?? [];
  without[type] = selections ? (await keep({ ...cache, keys }, "query", `query ${selections}`)).warnings : [];
}
console.log(JSON.stringify({ changed, warnings, without }));
