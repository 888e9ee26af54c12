// Random documents over a schema: most of them valid, the others the same with a few tokens changed.

import { getNamedType, isAbstractType, isCompositeType, isEnumType, isInputObjectType, isListType, isNonNullType, isRequiredArgument, isRequiredInputField, isUnionType } from "graphql";

/** The same numbers for the same seed. */
export class Chance {
  constructor(seed) {
    this.state = seed >>> 0;
  }
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  below(count) {
    return Math.floor(this.next() * count);
  }
  is(probability) {
    return this.next() < probability;
  }
  of(list) {
    return list[this.below(list.length)];
  }
}

/** Literals of the scalars: some that are good, and in front of them one that is not, which comes seldom. */
const LITERALS = {
  Int: ["1.5", "0", "1", "-7", "2147483647"],
  Float: ['"1.5"', "0", "-1.5", "2e3"],
  String: ["1", '""', '"a\\n\\u{1F355}\\uD83C\\uDF55"', '"""\n  block \\""" "\n"""', '"é"'],
  Boolean: ["1", "true", "false"],
  ID: ["1.5", '"Dish:1"', "1", '""'],
  Date: ['"2026-11-31"', '"2026-11-20"'],
  DateTime: ['"soon"', '"2026-11-20T18:30:00Z"'],
  Decimal: ['"1e3"', '"12.50"', "12"],
  JSON: ["{ a: [1, ENUM] }", "{}"],
};
const WORDS = ["query", "fragment", "on", "true", "null", "subscription", "__typename", "Unknown", "__schema", "if"];
const PUNCTUATORS = ["!", "$", "(", ")", "...", ":", "=", "@", "[", "]", "{", "}", "|", "&", '"', "#", "@skip(if: true)", "$a0", "\\", "..."];

export class Documents {
  constructor(schema, seed) {
    this.schema = schema;
    this.chance = new Chance(seed);
    const types = Object.values(schema.getTypeMap());
    this.pool = [...WORDS, ...Object.values(LITERALS).flat()];
    for (const type of types) {
      this.pool.push(type.name);
      if (isEnumType(type)) this.pool.push(...type.getValues().map(({ name }) => name));
      if (isInputObjectType(type) || isCompositeType(type)) this.pool.push(...Object.keys(type.getFields?.() ?? {}));
    }
  }

  document() {
    this.fragments = [];
    this.aliases = 0;
    const count = this.chance.is(0.85) ? 1 : 2;
    const operations = Array.from({ length: count }, (_, number) => this.operation(count > 1 || this.chance.is(0.3) ? `Q${number}` : ""));
    const parts = [...operations, ...this.fragments.map(({ name, on, set }) => `fragment ${name} on ${on}${set}`)];
    const text = parts.join(this.chance.is(0.2) ? "\n\n# more\n" : " ");
    return this.chance.is(0.5) ? text : this.changed(text);
  }

  operation(name) {
    const kind = this.chance.is(0.8) ? "query" : this.chance.of(["mutation", "subscription"]);
    const root = { query: this.schema.getQueryType(), mutation: this.schema.getMutationType(), subscription: this.schema.getSubscriptionType() }[kind];
    // Those of an operation; a fragment that used them would oblige the others that spread it.
    this.variables = [];
    const set = this.set(root, kind === "subscription" ? 1 : 0);
    const variables = this.variables.length > 0 ? `(${this.variables.join(this.chance.is(0.5) ? ", " : " ")})` : "";
    return kind === "query" && !name && !variables && this.chance.is(0.5) ? set : `${kind} ${name}${variables}${set}`;
  }

  set(type, depth) {
    const most = depth === 1 && type === this.schema.getSubscriptionType() ? 1 : 4;
    const selections = Array.from({ length: 1 + this.chance.below(most) }, () => this.selection(type, depth, most === 1));
    return ` { ${selections.join(" ")} }`;
  }

  selection(type, depth, alone) {
    if (isUnionType(type) && depth >= 5) return "__typename";
    // A union has no fields of its own.
    const draw = alone ? 1 : this.chance.next() * (isUnionType(type) ? 0.2 : 1);
    if (draw < 0.08) return `__typename${this.condition()}`;
    if (draw < 0.2) {
      const on = this.chance.of([type, ...(isAbstractType(type) ? this.schema.getPossibleTypes(type) : (type.getInterfaces?.() ?? []))]);
      return `...${this.chance.is(0.8) ? ` on ${on.name}` : ""}${this.condition()}${this.set(this.chance.is(0.8) ? on : type, depth + 1)}`;
    }
    if (draw < 0.28 && depth < 6) return `...${this.fragment(type)}${this.condition()}`;
    const fields = Object.values(type.getFields()).filter((field) => depth < 5 || !isCompositeType(getNamedType(field.type)));
    if (fields.length === 0) return "__typename";
    const field = this.chance.of(fields);
    const named = getNamedType(field.type);
    // Most have a key of their own, so that they can be merged.
    const alias = (field.args.length > 0 || isCompositeType(named) || this.chance.is(0.2)) && this.chance.is(0.95) ? `x${this.aliases++}: ` : "";
    const given = field.args.filter((argument) => isRequiredArgument(argument) || this.chance.is(0.3));
    const values = given.map((argument) => `${argument.name}: ${this.value(argument.type, true, argument.defaultValue !== undefined)}`);
    const set = isCompositeType(named) ? this.set(named, depth + 1) : "";
    return `${alias}${field.name}${values.length > 0 ? `(${values.join(", ")})` : ""}${alone ? "" : this.condition()}${set}`;
  }

  fragment(type) {
    const known = this.fragments.filter(({ on, isWhole }) => isWhole && on === type.name);
    if (known.length > 0 && this.chance.is(0.5)) return this.chance.of(known).name;
    const fragment = { name: `F${this.fragments.length}`, on: type.name };
    this.fragments.push(fragment);
    const variables = this.variables;
    this.variables = undefined;
    fragment.set = this.set(type, 4);
    fragment.isWhole = true;
    this.variables = variables;
    return fragment.name;
  }

  condition() {
    if (!this.chance.is(0.08)) return "";
    const value = this.variables && this.chance.is(0.5) ? this.variable("Boolean!") : this.literalOf("Boolean");
    return ` @${this.chance.of(["skip", "include"])}(if: ${value})`;
  }

  variable(type) {
    const name = `a${this.variables.length}`;
    this.variables.push(`$${name}: ${type}`);
    return `$${name}`;
  }

  value(type, mayVary, hasDefault) {
    if (mayVary && this.variables && this.chance.is(0.25)) {
      const nullable = isNonNullType(type) ? type.ofType : type;
      const draw = this.chance.next();
      if (draw < 0.4) return this.variable(type);
      if (draw < 0.7) return this.variable(`${nullable}!`);
      if (draw < 0.75 || hasDefault) return this.variable(nullable);
      const variables = this.variables;
      this.variables = undefined;
      const value = this.value(isNonNullType(type) ? type : nullable, false);
      this.variables = variables;
      return this.variable(`${nullable} = ${value}`);
    }
    if (isNonNullType(type)) return this.literal(type.ofType, mayVary);
    return this.chance.is(0.07) ? "null" : this.literal(type, mayVary);
  }

  literal(type, mayVary) {
    if (isListType(type)) {
      if (this.chance.is(0.1)) return this.literal(isNonNullType(type.ofType) ? type.ofType.ofType : type.ofType, mayVary);
      return `[${Array.from({ length: this.chance.below(3) }, () => this.value(type.ofType, mayVary)).join(", ")}]`;
    }
    if (isEnumType(type)) return this.chance.of(type.getValues()).name;
    if (!isInputObjectType(type)) return this.literalOf(type.name);
    const fields = Object.values(type.getFields()).filter((field) => isRequiredInputField(field) || this.chance.is(0.4));
    return `{ ${fields.map((field) => `${field.name}: ${this.value(field.type, mayVary, field.defaultValue !== undefined)}`).join(", ")} }`;
  }

  literalOf(scalar) {
    const [bad, ...good] = LITERALS[scalar];
    return this.chance.is(0.01) ? bad : this.chance.of(good);
  }

  /** The document with one to three of its tokens left out, doubled, moved or replaced. */
  changed(text) {
    const tokens = text.match(/"""[^]*?"""|"(?:\\.|[^"\\\n])*"|#.*\n|\.\.\.|\w+|-?\d[\w.]*|[^\s,]/g);
    for (let changes = 1 + this.chance.below(3); changes > 0; changes--) {
      const at = this.chance.below(tokens.length);
      const drawn = () => this.chance.of([this.chance.of(tokens), this.chance.of(tokens), this.chance.of(this.pool), this.chance.of(PUNCTUATORS)]);
      const change = this.chance.below(7);
      if (change === 0) tokens.splice(at, 1);
      else if (change === 1) tokens.splice(at, 0, tokens[at]);
      else if (change === 2) tokens.splice(at, 0, ...tokens.splice(this.chance.below(tokens.length), 1));
      else if (change === 3) tokens.splice(at, 0, drawn());
      else tokens[at] = drawn();
    }
    return tokens.join(" ");
  }
}
