// node multipart.mjs <url> <authorization> <operations>: runs operations with Apollo Client and nothing but its HttpLink, one after the
// other.
//
// <operations> is a JSON list of { query, variables, events }. Of a subscription so many events are awaited, and then it is unsubscribed;
// one without `events` is followed to its end. Prints a line of JSON for each event of a subscription, { event }, and when all is over
// what came of each operation: { results: [...], ended: "completed" | "unsubscribed" | the message of an error }.

import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";

const [uri, authorization, operations] = process.argv.slice(2);
const link = new HttpLink({ uri, headers: authorization ? { authorization } : {} });
const client = new ApolloClient({ link, cache: new InMemoryCache() });

function follow({ query, variables, events }) {
  const results = [];
  return new Promise((resolve) => {
    const subscription = client.subscribe({ query: gql(query), variables, fetchPolicy: "no-cache" }).subscribe({
      next({ data, error }) {
        console.log(JSON.stringify({ event: error?.message ?? data }));
        results.push(error ? { error: error.message } : data);
        if (results.length === events) {
          subscription.unsubscribe();
          resolve({ results, ended: "unsubscribed" });
        }
      },
      error: ({ message }) => resolve({ results, ended: message }),
      complete: () => resolve({ results, ended: "completed" }),
    });
  });
}

async function ask({ query, variables }) {
  const { data } = await client.query({ query: gql(query), variables, fetchPolicy: "no-cache" });
  return { results: [data], ended: "completed" };
}

const outcomes = [];
for (const operation of JSON.parse(operations)) {
  outcomes.push(await (operation.query.trim().startsWith("subscription") ? follow : ask)(operation));
}
console.log(JSON.stringify({ outcomes }));
client.stop();
