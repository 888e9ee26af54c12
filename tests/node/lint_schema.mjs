// node lint_schema.mjs <schema.graphql>: holds the schema against all rules of graphql-eslint for schemas (`schema-all`), but for the
// exceptions that are listed here with their reasons.
//
// Prints in JSON what the rules say of it, and which exceptions are needed for nothing: { problems: ["<rule>: <message>", …], unneeded: [<exception>, …] }.

import graphqlPlugin from "@graphql-eslint/eslint-plugin";
import { ESLint } from "eslint";

import { cache } from "./clients/urql/cache.js";

const [file] = process.argv.slice(2);
if (!file) {
  console.error("usage: node lint_schema.mjs <schema.graphql>");
  process.exit(2);
}

/** Rules that are not for this schema. */
const OFF = {
  alphabetize: "the order of fields and values tells what belongs together, and of a status what comes next",
  "no-root-type": "there are mutations and subscriptions",
  "require-field-of-type-query-in-mutation-result": "a payload has the objects that changed; a client reads on by their ids",
};

/** Types without an id: parts of the object that holds them, where docs/clients/urql.md keeps them, and those that are in no answer to a query. */
const PARTS = [...Object.keys(cache.keys), "PageInfo", "Session", "ClaimableOrderChange", "PostedReview"];

/** What is promised not to be null: it is older than docs/decisions/0035, by which root fields and mutations that are new may be. */
const NOT_NULL = {
  Query: `PersonalData UserConnection AuditEventConnection RestaurantConnection DishConnection OrderConnection CustomerConnection
    DriverConnection`,
  Mutation: `SignUpPayload SignInPayload StartOpenIdSignInPayload CompleteOpenIdSignInPayload RefreshSessionPayload SignOutPayload
    RequestEmailVerificationPayload VerifyEmailPayload RequestPasswordResetPayload ResetPasswordPayload ChangePasswordPayload
    RevokeSessionPayload RevokeAllSessionsPayload DeleteAccountPayload SetUserRolePayload SetUserActivePayload CreateRestaurantPayload
    UpdateRestaurantPayload DeactivateRestaurantPayload AddRestaurantMemberPayload RemoveRestaurantMemberPayload UpdateMenuPayload
    CreateDishPayload UpdateDishPayload DeleteDishPayload UpdateCustomerPayload CreateDriverPayload UpdateDriverPayload
    SetDriverStatusPayload UpdateDriverLocationPayload UpdateDriverLocationsPayload PlaceOrderPayload UpdateOrderStatusPayload
    CancelOrderPayload AssignDriverPayload ReleaseDriverPayload PostReviewPayload UpdateReviewPayload DeleteReviewPayload`,
};

/** What the rules may say, word by word. */
const EXCEPTIONS = new Set([
  // The ERD's own name.
  'no-typename-prefix: Field "orderTime" starts with the name of the parent type "Order"',
  ...Object.entries(NOT_NULL).flatMap(([root, types]) =>
    types.split(/\s+/).map((type) => `require-nullable-result-in-root: Unexpected non-null result type "${type}" in type "${root}"`),
  ),
]);

const rules = Object.fromEntries(
  Object.entries(graphqlPlugin.configs["flat/schema-all"].rules).filter(([rule]) => !(rule.split("/").at(-1) in OFF)),
);
rules["@graphql-eslint/strict-id-in-types"] = ["error", { exceptions: { types: PARTS, suffixes: ["Connection", "Edge", "Payload"] } }];

const eslint = new ESLint({
  cwd: "/",
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ["**/*.graphql"],
      languageOptions: { parser: graphqlPlugin.parser, parserOptions: { graphQLConfig: { schema: file } } },
      plugins: { "@graphql-eslint": graphqlPlugin },
      rules,
    },
  ],
});
const results = await eslint.lintFiles([file]);
const said = results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId?.split("/").at(-1)}: ${message}`));
const problems = said.filter((one) => !EXCEPTIONS.has(one));
const unneeded = [...EXCEPTIONS].filter((one) => !said.includes(one));
console.log(JSON.stringify({ problems, unneeded }));
