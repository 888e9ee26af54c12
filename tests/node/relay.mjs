// node relay.mjs <schema.graphql> <an empty folder>: has Relay's compiler, configured as in docs/clients/relay.md, take a query for each
// object type that queries lead to, and all mutations and subscriptions, and Relay's store keep the answers.
//
// Prints in JSON which documents it does not give back as they were told: { changed: [<document>, …] }.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";

import { buildSchema, parse } from "graphql";
import relay from "relay-runtime";

import { answer, operationsOf, queriesOf } from "./every_type.mjs";

const [path, folder] = process.argv.slice(2);
const schema = buildSchema(readFileSync(path, "utf8"));

const named = (kind, documents) => documents.map(([name, selections]) => ({ kind, name: `all${name}${kind}`, selections }));
const documents = [
  ...named("Query", queriesOf(schema)),
  ...named("Mutation", operationsOf(schema.getMutationType(), 2)),
  ...named("Subscription", operationsOf(schema.getSubscriptionType(), 1)),
].map((document) => ({ ...document, kind: document.kind.toLowerCase() }));

mkdirSync(`${folder}/src`);
writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
writeFileSync(`${folder}/schema.graphql`, readFileSync(path));
const config = JSON.parse(readFileSync("clients/relay/relay.config.json", "utf8"));
writeFileSync(`${folder}/relay.config.json`, JSON.stringify({ ...config, src: "./src", schema: "./schema.graphql" }));
const tags = documents.map(({ kind, name, selections }) => `graphql\`${kind} ${name} ${selections}\`;\n`);
writeFileSync(`${folder}/src/all.js`, tags.join(""));
const compiler = new URL("node_modules/.bin/relay-compiler", import.meta.url).pathname;
execFileSync(compiler, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });

const plain = (data) => JSON.parse(JSON.stringify(data));

/** What the store gives back of an answer that it has kept. */
async function kept(kind, request) {
  const ask = ({ text }) => relay.Observable.from(plain(answer(schema, parse(text))));
  const network = relay.Network.create(ask, ask);
  const environment = new relay.Environment({ network, store: new relay.Store(new relay.RecordSource()) });
  if (kind === "subscription") {
    return new Promise((onNext, onError) =>
      relay.requestSubscription(environment, { subscription: request, variables: {}, onNext, onError }),
    );
  }
  const operation = relay.createOperationDescriptor(request, {});
  await environment[kind === "query" ? "execute" : "executeMutation"]({ operation }).toPromise();
  const { data, isMissingData } = environment.lookup(operation.fragment);
  return isMissingData ? undefined : data;
}

const changed = [];
for (const { kind, name, selections } of documents) {
  const { default: request } = await import(pathToFileURL(`${folder}/src/__generated__/${name}.graphql.js`));
  const told = answer(schema, parse(`${kind} ${selections}`)).data;
  if (!isDeepStrictEqual(plain((await kept(kind, request)) ?? null), plain(told))) changed.push(`${kind} ${selections}`);
}
console.log(JSON.stringify({ documents: documents.length, changed }));
