import { Environment, Network, Observable, RecordSource, Store } from "relay-runtime";

import { GraphQLErrors } from "./session.js";

/** What was thrown or told, as the error that Relay expects. */
function errorOf(problem) {
  if (problem instanceof Error) return problem;
  return Array.isArray(problem) ? new GraphQLErrors(problem) : new Error(`The connection was closed: ${problem.code} ${problem.reason}`);
}

// The server's data were restored from a backup: what the store holds may be true no more.
const beginAnew = () => location.reload();

/** Queries, mutations and subscriptions by the client of graphql-ws.md, as whoever is signed in there. */
export function createEnvironment({ request, follow }) {
  async function ask({ text }, variables) {
    try {
      return { data: await request(text, variables) };
    } catch (problem) {
      // There may be data beside the errors, which are for Relay to look at.
      if (problem instanceof GraphQLErrors) return { data: problem.data, errors: problem.errors };
      throw problem;
    }
  }
  const subscribe = ({ text }, variables, { metadata: { position } = {} }) =>
    Observable.create((sink) =>
      follow(
        { query: text, variables, position },
        {
          restart: beginAnew,
          next: (data) => sink.next({ data }),
          complete: () => sink.complete(),
          error: (problem) => sink.error(errorOf(problem)),
        },
      ),
    );
  return new Environment({ network: Network.create(ask, subscribe), store: new Store(new RecordSource()) });
}
