// node schema.mjs schema.graphql __generated__/schema.json
import { readFileSync, writeFileSync } from "node:fs";

import { buildSchema, introspectionFromSchema } from "graphql";

const [from, to] = process.argv.slice(2);
const schema = buildSchema(readFileSync(from, "utf8"));
writeFileSync(to, JSON.stringify(introspectionFromSchema(schema, { descriptions: false })));
