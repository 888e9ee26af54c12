import { authExchange } from "@urql/exchange-auth";
import { cacheExchange } from "@urql/exchange-graphcache";
import { persistedExchange } from "@urql/exchange-persisted";
import { Client, fetchExchange, subscriptionExchange } from "urql";

import schema from "./__generated__/schema.json";
import { cache } from "./cache.js";

/** Sends operations with the session's token, and has it renewed: before it expires, and where the server has refused it. */
const asWhoeverIsSignedIn = (session) =>
  authExchange(async ({ appendHeaders }) => {
    let refused;
    return {
      addAuthToOperation(operation) {
        const token = session.goodToken(refused);
        return token ? appendHeaders(operation, { authorization: `Bearer ${token}` }) : operation;
      },
      willAuthError: () => session.isSignedIn() && !session.goodToken(refused),
      didAuthError({ graphQLErrors }, { context }) {
        // What was sent without a token was refused for another reason, such as a wrong password.
        const sent = context.fetchOptions?.headers?.authorization;
        if (!sent || !graphQLErrors.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED")) return false;
        refused = sent.slice("Bearer ".length);
        return true;
      },
      // It rejects with SignedOut where there is nobody to renew it for: that is the `networkError` of all that waited for it.
      refreshAuth: () => session.getAccessToken(refused),
    };
  });

// The server's data were restored from a backup: what the cache holds may be true no more.
const beginAnew = () => location.reload();

/** Queries and mutations over HTTP, and subscriptions by the client of graphql-ws.md, as whoever is signed in there. */
export function createUrqlClient(url, { session, follow }) {
  const subscriptions = subscriptionExchange({
    forwardSubscription: ({ query, variables }, { context: { position } }) => ({
      subscribe: (sink) => ({
        unsubscribe: follow(
          { query, variables, position },
          {
            restart: beginAnew,
            next: (data) => sink.next({ data }),
            complete: () => sink.complete(),
            error: (problem) => sink.error(problem),
          },
        ),
      }),
    }),
  });
  return new Client({
    url,
    exchanges: [
      cacheExchange({ schema, ...cache }),
      asWhoeverIsSignedIn(session),
      // What anybody may see is asked for by GET, so that caches can keep it; with a token each URL would be asked about by OPTIONS first.
      persistedExchange({ preferGetForPersistedQueries: session.isSignedIn() ? false : "within-url-limit" }),
      fetchExchange,
      subscriptions,
    ],
  });
}
