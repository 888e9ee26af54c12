#!/usr/bin/env bash
# A persisted document of graphql-codegen runs the mutations of a fragment in the order of the alphabet.
#
# Versions: @graphql-codegen/cli 6.3.1, @graphql-codegen/client-preset 5.3.0 (with @graphql-tools/documents 1.0.2), graphql 16.15.0.
# Guess:    the root fields of a mutation run one after the other as they are written (September 2025 specification, section 6.2.2), also those
#           that a fragment brings. The preset sorted them once; since that was mended a persisted mutation does what its document says.
# Is:       it was mended for what stands in the operation itself, and in inline fragments. A named fragment on Mutation is still sorted: the
#           definitions are sorted first, fragments before operations, so that the fragment is rewritten before anybody knows that a mutation
#           spreads it. The manifest's document runs `checkOut` before `setAddress` where the app's own text has it the other way. Nothing warns.
# Matters:  an order page sets the address and then checks out, by a fragment that several mutations share. In development, where the text is
#           sent, it works; in production, where the document is named, the meal goes to the address of last week.
# Source:   @graphql-tools/documents, cjs/sort-executable-document.js (`ignoredFragments`); graphql-tools issue 6195 is the part that was mended;
#           what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

npm install --silent --no-audit --no-fund --prefix "$directory" @graphql-codegen/cli@6.3.1 @graphql-codegen/client-preset@5.3.0 \
  @graphql-tools/documents@1.0.2 graphql@16.15.0 typescript@5.9.3 >/dev/null
cat >schema.graphql <<'SCHEMA'
type Query { basket: Int }
type Mutation { setAddress(line: String!): Int, checkOut: Int }
SCHEMA
cat >codegen.yml <<'CONFIG'
schema: schema.graphql
documents: app.graphql
generates:
  gql/:
    preset: client
    presetConfig: { persistedDocuments: true }
    config: { documentMode: string }
CONFIG
cat >app.graphql <<'DOCUMENTS'
mutation Written { setAddress(line: "1 Lake Road") checkOut }
mutation Inline { ... on Mutation { setAddress(line: "1 Lake Road") checkOut } }
mutation Shared { ...Steps }
fragment Steps on Mutation { setAddress(line: "1 Lake Road") checkOut }
DOCUMENTS
npx graphql-codegen --config codegen.yml >/dev/null 2>&1
cat >run.mjs <<'SCRIPT'
import { readFileSync } from "node:fs";

import { buildSchema, graphql } from "graphql";

const schema = buildSchema(readFileSync("schema.graphql", "utf8"));
const app = readFileSync("app.graphql", "utf8");

async function order(source, operationName) {
  const ran = [];
  const field = (name) => async () => ran.push(name);
  await graphql({ schema, source, operationName, rootValue: { setAddress: field("setAddress"), checkOut: field("checkOut") } });
  return ran.join(" ");
}

for (const text of Object.values(JSON.parse(readFileSync("gql/persisted-documents.json", "utf8")))) {
  const [, name] = /mutation (\w+)/.exec(text);
  console.log(`${name}: ${await order(app, name)} by its text, ${await order(text, name)} by its manifest`);
}
SCRIPT
node run.mjs | sort | tee said
# Seen on 2026-12-01.
diff said - <<'EXPECTED'
Inline: setAddress checkOut by its text, setAddress checkOut by its manifest
Shared: setAddress checkOut by its text, checkOut setAddress by its manifest
Written: setAddress checkOut by its text, setAddress checkOut by its manifest
EXPECTED
echo "it is still so"
