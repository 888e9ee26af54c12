// node verdicts.mjs <schema.graphql> <random documents> <seed>: what graphql-js 16 and 17 make of documents over a schema, a line of
// JSON for each: those of verdicts/cases.mjs, and random ones (verdicts/random.mjs).

import { readFileSync } from "node:fs";

import * as sixteen from "graphql";
import * as seventeen from "graphql-17";

import { cases, executed } from "./verdicts/cases.mjs";
import { Documents } from "./verdicts/random.mjs";

const [file, count, seed] = process.argv.slice(2);
if (!seed) {
  console.error("usage: node verdicts.mjs <schema.graphql> <random documents> <seed>");
  process.exit(2);
}

const isDay = (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);
/** What the schema's own scalars take, which its text does not say. */
const SCALARS = {
  Date: ({ kind, value }) => kind === "StringValue" && isDay(value),
  DateTime: ({ kind, value }) => kind === "StringValue" && /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value)),
  Decimal: ({ kind, value }) => (kind === "StringValue" || kind === "IntValue") && /^-?\d{1,28}(\.\d{1,28})?$/.test(value),
};

const libraries = [sixteen, seventeen].map((library) => {
  const schema = library.buildSchema(readFileSync(file, "utf8"));
  for (const [name, takes] of Object.entries(SCALARS)) {
    const read = (literal) => {
      if (!takes(literal)) throw new library.GraphQLError(`This is no ${name}.`);
      return literal.value;
    };
    Object.assign(schema.getType(name), { parseLiteral: read, coerceInputLiteral: read });
  }
  return { library, schema };
});

/** Whether a document is valid, and else what is wrong with it. */
function judged({ library, schema }, text) {
  try {
    const errors = library.validate(schema, library.parse(text));
    return errors.length > 0 ? errors[0].message : null;
  } catch (error) {
    return error.message;
  }
}

const print = (line) => console.log(JSON.stringify(line));
const verdicts = (document) => libraries.map((each) => judged(each, document));

for (const { rule, valid, invalid, differing = [] } of cases) {
  for (const document of valid) print({ rule, document, intended: true, problems: verdicts(document) });
  for (const document of invalid) print({ rule, document, intended: false, problems: verdicts(document) });
  for (const { document, valid, why } of differing) print({ rule, document, intended: valid, why, problems: verdicts(document) });
}
executed.push({ document: sixteen.getIntrospectionQuery({ specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true }) });
for (const { document, variables = {}, operationName } of executed) {
  const answers = libraries.map(({ library, schema }) =>
    library.executeSync({ schema, document: library.parse(document), variableValues: variables, operationName, rootValue: {} }),
  );
  print({ rule: "Answers", document, variables, operationName, intended: true, problems: verdicts(document), answers: answers.map(({ data, errors }) => (errors ? null : data)) });
}
const documents = new Documents(libraries[0].schema, Number(seed));
for (let number = 0; number < Number(count); number++) {
  const document = documents.document();
  print({ rule: "Random", document, problems: verdicts(document) });
}
print({ rule: "End", document: "", problems: [null, null] });
