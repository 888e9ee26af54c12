// node federation.mjs <url> <ids> <queries>: composes the subgraph at the address with one of its own, which knows the hygiene of restaurants
// and has inspected these, and answers the queries ({query, variables, token}) through a gateway over both.
//
// Prints in JSON what composing objected to, which types Tiffin can be asked for by a key, and the answers.

import { getStitchedSchemaFromSupergraphSdl } from "@graphql-tools/federation";
import { composeServices } from "@theguild/federation-composition";
import { buildSchema, execute, graphql, parse, print, visit } from "graphql";

const [url, ids, queries] = process.argv.slice(2);

async function askTiffin(query, variables, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  return response.json();
}

const HYGIENE = `
  type Restaurant @key(fields: "id") {
    id: ID!
    hygieneRating: Int
  }
  type Query {
    inspected: [Restaurant]
  }
`;
const inspected = JSON.parse(ids);
const rating = (id) => ({ __typename: "Restaurant", id, hygieneRating: inspected.includes(id) ? 5 : null });
const hygiene = buildSchema(`
  scalar _Any
  union _Entity = Restaurant
  directive @key(fields: String!) on OBJECT
  ${HYGIENE}
  extend type Query {
    _entities(representations: [_Any!]!): [_Entity]!
  }
`);
const root = {
  inspected: () => inspected.map(rating),
  _entities: ({ representations }) => representations.map(({ id }) => rating(id)),
};

const { data } = await askTiffin("{ _service { sdl } }");
const composed = composeServices([
  { name: "tiffin", url, typeDefs: parse(data._service.sdl) },
  {
    name: "hygiene",
    url: "http://hygiene.example",
    typeDefs: parse(`
      extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
      ${HYGIENE}
    `),
  },
]);
const errors = (composed.errors ?? []).map(({ message }) => message);
const keys = [];
const answers = [];
if (composed.supergraphSdl) {
  visit(parse(composed.supergraphSdl), {
    ObjectTypeDefinition(type) {
      const joins = type.directives.filter(({ name }) => name.value === "join__type").map(print);
      if (joins.some((join) => join.includes("TIFFIN") && join.includes('key: "id"'))) keys.push(type.name.value);
    },
  });
  const schema = getStitchedSchemaFromSupergraphSdl({
    supergraphSdl: composed.supergraphSdl,
    onSubschemaConfig(subschema) {
      subschema.executor =
        subschema.name.toLowerCase() === "tiffin"
          ? ({ document, variables, context }) => askTiffin(print(document), variables, context.token)
          : ({ document, variables }) =>
              execute({ schema: hygiene, document, variableValues: variables, rootValue: root });
    },
  });
  for (const { query, variables, token } of JSON.parse(queries)) {
    answers.push(await graphql({ schema, source: query, variableValues: variables, contextValue: { token } }));
  }
}
console.log(JSON.stringify({ errors, keys: keys.sort(), answers }));
