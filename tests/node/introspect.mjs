// node introspect.mjs <url>: asks for the whole schema as GraphiQL and code generators do, and builds a client's schema of it.

import { buildClientSchema, getIntrospectionQuery, validateSchema } from "graphql";

const [url] = process.argv.slice(2);
if (!url) {
  console.error("usage: node introspect.mjs <url of the GraphQL endpoint>");
  process.exit(2);
}

const query = getIntrospectionQuery({ specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true });
const response = await fetch(url, {
  method: "POST",
  headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
  body: JSON.stringify({ query, operationName: "IntrospectionQuery" }),
});
const { data, errors } = await response.json();
if (errors) throw new Error(JSON.stringify(errors));
const schema = buildClientSchema(data);
const problems = validateSchema(schema);
if (problems.length > 0) throw new Error(problems.join("\n"));
console.log(`${Object.keys(schema.getTypeMap()).length} types`);
