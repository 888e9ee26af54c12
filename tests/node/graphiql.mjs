// node graphiql.mjs <url> <password> <authorization> <operations>: runs operations as the GraphiQL page does, one after the other.
//
// <authorization> is what stands in the page's Headers pane, <operations> a JSON list of documents. Prints a JSON list of the
// answers, `{ failed: <why> }` where there was none.

const [url, password, authorization, operations] = process.argv.slice(2);
if (!operations) {
  console.error("usage: node graphiql.mjs <url> <password> <authorization> <operations as JSON>");
  process.exit(2);
}

globalThis.location = { href: url };
const { connect } = await import("../../api/assets/graphiql/page/fetcher.js");
const { send } = connect(password);

const answers = [];
for (const query of JSON.parse(operations)) {
  const answer = send({ query }, { Authorization: authorization });
  answers.push(await answer.catch(({ message }) => ({ failed: message })));
}
console.log(JSON.stringify(answers));
