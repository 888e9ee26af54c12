// node batch.mjs <url> <number>: asks so many queries at once with Apollo Client's BatchHttpLink, and prints in JSON what each of them
// would show.

import { ApolloClient, gql, InMemoryCache } from "@apollo/client";
import { BatchHttpLink } from "@apollo/client/link/batch-http";

const [uri, number] = process.argv.slice(2);
const client = new ApolloClient({
  link: new BatchHttpLink({ uri, batchMax: Number(number), batchInterval: 60_000 }),
  cache: new InMemoryCache(),
});
const asking = Array.from({ length: Number(number) }, (_, place) =>
  client.query({ query: gql(`{ a${place}: restaurants { totalCount } }`) }).then(
    ({ data, error }) => error?.message ?? `${data[`a${place}`].totalCount} restaurants`,
    (error) => error.message,
  ),
);
console.log(JSON.stringify(await Promise.all(asking)));
// The link keeps a timer for the whole interval, also when the batch has gone.
process.exit();
