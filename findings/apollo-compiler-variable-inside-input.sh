#!/usr/bin/env bash
# apollo-compiler holds a variable against its place where it is an argument's whole value, and not where it stands inside a list or an object.
#
# Versions: apollo-compiler 1.33.1, graphql (graphql-js) 16.15.0.
# Guess:    "every rule of the specification": All Variable Usages Are Allowed looks at each place of a variable, however deep.
# Is:       `$id: ID` is refused for an argument that wants `ID!`, and taken for an entry of a list that wants `[ID!]`, and for the field of an
#           input object that wants `Int!`. graphql-js refuses all three.
# Matters:  the variables of placeOrder stand in `input: {items: [{dishId: $dish, quantity: $quantity}]}`. A server that trusts the validation
#           meets null where its types have none: after the document has passed, in the middle of the mutation.
# Source:   https://spec.graphql.org/October2021/#sec-All-Variable-Usages-are-Allowed; what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

cat >schema.graphql <<'SCHEMA'
type Query { dish(id: ID!): Int dishes(ids: [ID!]!): Int }
type Mutation { order(item: Item!): Int }
input Item { quantity: Int! }
SCHEMA
cat >documents.txt <<'DOCUMENTS'
query ($id: ID) { dish(id: $id) }
query ($id: ID) { dishes(ids: [$id]) }
mutation ($quantity: Int) { order(item: {quantity: $quantity}) }
query ($id: ID!) { dishes(ids: [$id]) }
DOCUMENTS

npm install --silent --no-audit --no-fund --prefix "$directory" graphql@16.15.0 >/dev/null
cat >judge.cjs <<'SCRIPT'
const { readFileSync } = require("node:fs");
const { buildSchema, parse, validate } = require("graphql");
const schema = buildSchema(readFileSync("schema.graphql", "utf8"));
for (const document of readFileSync("documents.txt", "utf8").trim().split("\n")) {
  console.log(validate(schema, parse(document)).length === 0 ? "taken" : "refused");
}
SCRIPT

mkdir src
cat >Cargo.toml <<'MANIFEST'
[package]
name = "judge"
version = "0.0.0"
edition = "2024"

[dependencies]
apollo-compiler = "=1.33.1"
MANIFEST
cat >src/main.rs <<'RUST'
use apollo_compiler::{ExecutableDocument, Schema};

fn main() {
    let schema = std::fs::read_to_string("schema.graphql").expect("the schema is there");
    let schema = Schema::parse_and_validate(schema, "schema.graphql").expect("the schema is right");
    for document in std::fs::read_to_string("documents.txt").expect("the documents are there").lines() {
        let verdict = ExecutableDocument::parse_and_validate(&schema, document, "document.graphql");
        println!("{}", if verdict.is_ok() { "taken" } else { "refused" });
    }
}
RUST

reference=$(node judge.cjs)
apollo=$(cargo run --quiet --manifest-path Cargo.toml)
paste -d '|' documents.txt <(echo "$reference") <(echo "$apollo") | sed 's/|/ | graphql-js: /; s/|\([a-z]*\)$/ | apollo-compiler: \1/'

[ "$(echo $reference)" = "refused refused refused taken" ] || { echo "graphql-js says something else now"; exit 1; }
[ "$(echo $apollo)" = "refused taken taken taken" ] || { echo "apollo-compiler says something else now"; exit 1; }
