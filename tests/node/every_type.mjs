// Documents over the whole schema, and answers to them, for the caches of clients: what they give back has to be what they were told.

import * as graphql from "graphql";

const fieldsOf = (type) => Object.values(type.getFields());

/** Whether objects of the type have ids. */
const isEntity = (type) => graphql.isObjectType(type) && graphql.isNonNullType(type.getFields().id?.type);

/** A value for an argument, in the language of documents. */
function literal(type) {
  if (graphql.isNonNullType(type)) return literal(type.ofType);
  if (graphql.isListType(type)) return `[${literal(type.ofType)}]`;
  if (graphql.isEnumType(type)) return type.getValues()[0].name;
  if (graphql.isInputObjectType(type)) {
    const required = fieldsOf(type).filter(graphql.isRequiredInputField);
    return `{ ${required.map((field) => `${field.name}: ${literal(field.type)}`).join(", ")} }`;
  }
  return { Int: "1", Float: "1.5", Boolean: "true" }[type.name] ?? '"Some:1"';
}

/** A field with the arguments that it needs, and a page's length. */
function call({ name, args }) {
  const needed = args.filter((argument) => argument.name === "first" || graphql.isRequiredArgument(argument));
  const given = needed.map((argument) => `${argument.name}: ${literal(argument.type)}`);
  return given.length ? `${name}(${given.join(", ")})` : name;
}

/** What is selected of a type, down to so many levels, of which the pages of a list are none. */
function selection(type, levels) {
  if (graphql.isUnionType(type)) {
    // Of each only what has no selection of its own: two types may have something else below one key.
    return `{ __typename ${type.getTypes().map((one) => `... on ${one} ${selection(one, 0)}`).join(" ")} }`;
  }
  if (!graphql.isObjectType(type)) return "{ __typename }";
  const isPage = /(Connection|Edge)$/.test(type.name);
  const parts = fieldsOf(type).map((field) => {
    const inner = graphql.getNamedType(field.type);
    if (graphql.isLeafType(inner)) return call(field);
    return levels > 0 || isPage ? `${call(field)} ${selection(inner, isPage ? levels : levels - 1)}` : "";
  });
  return `{ __typename ${parts.join(" ")} }`;
}

/** For each object type that queries lead to, [its name, the selections of a query that leads there by the shortest way]. */
export function queriesOf(schema) {
  const ways = new Map([[schema.getQueryType(), []]]);
  for (const [type, way] of ways) {
    for (const field of fieldsOf(type)) {
      const inner = graphql.getNamedType(field.type);
      if (graphql.isObjectType(inner) && !ways.has(inner)) ways.set(inner, [...way, field]);
    }
  }
  ways.delete(schema.getQueryType());
  return [...ways].map(([type, way]) => {
    const before = way.slice(0, -1).map((field) => `${call(field)} { ${isEntity(graphql.getNamedType(field.type)) ? "id " : ""}`);
    return [type.name, `{ ${before.join("")}${call(way.at(-1))} ${selection(type, 1)} ${"}".repeat(way.length)}`];
  });
}

/** For each field of mutations, or of subscriptions, [its name, the selections of an operation of it, down to so many levels]. */
export function operationsOf(root, levels) {
  return fieldsOf(root).map((field) => [field.name, `{ ${call(field)} ${selection(graphql.getNamedType(field.type), levels)} }`]);
}

/**
 * What a server may answer: of each list two, and null for an id where there may be none. One object says the same wherever it is met, and
 * what has no id says what nothing else says.
 */
export function answer(schema, document) {
  function valueOf(type, keys) {
    if (graphql.isNonNullType(type)) return valueOf(type.ofType, keys);
    if (graphql.isListType(type)) return [0, 1].map((number) => valueOf(type.ofType, [...keys, number]));
    if (!graphql.isLeafType(type)) return { number: keys.findLast((key) => typeof key === "number") ?? 0 };
    if (graphql.isEnumType(type)) return type.getValues()[0].name;
    const text = keys.join(".");
    const number = [...text].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 1_000_003, 7);
    return { Int: number, Float: number / 4, Boolean: number % 2 === 0 }[type.name] ?? text;
  }
  function fieldResolver(source, given, _context, { path, parentType, returnType }) {
    if (path.key === "id") return source.id ?? (isEntity(parentType) ? `${parentType}:${source.number}` : null);
    if (given.id) return { id: given.id };
    const keys = [];
    let step = path;
    for (; step; step = step.prev) {
      keys.unshift(step.key);
      if (step.typename && isEntity(schema.getType(step.typename))) break;
    }
    return valueOf(returnType, [step?.typename ?? "root", ...keys]);
  }
  return graphql.execute({ schema, document, fieldResolver, typeResolver: () => "Restaurant", rootValue: { number: 0 } });
}
