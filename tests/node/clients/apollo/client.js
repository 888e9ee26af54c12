import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { RetryLink } from "@apollo/client/link/retry";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { from, switchMap } from "rxjs";

import { LiveLink } from "./live-apollo.mjs";
import { createLiveClient, SignedOut } from "./live.mjs";
import { createSession } from "./session.js";

export function createCache() {
  return new InMemoryCache({
    // An `id` is unique over all types.
    dataIdFromObject: ({ id }) => id,
    typePolicies: {
      Query: {
        fields: {
          // In brackets what makes it another list. `edges` of further pages are appended, `nodes` would be replaced.
          restaurants: relayStylePagination(["filter", "orderBy"]),
          orders: relayStylePagination(["filter"]),
        },
      },
      Restaurant: { fields: { reviews: relayStylePagination() } },
      Menu: { fields: { dishes: relayStylePagination() } },
    },
  });
}

/** What an error is about: `code` of its first error, as docs/errors.md lists them. */
export function codeOf(error) {
  return CombinedGraphQLErrors.is(error) ? error.errors[0].extensions?.code : undefined;
}

export function createClient(url, { liveOptions, ...options } = {}) {
  const session = createSession(url);

  // However many operations are refused at once, the session is renewed by the first of them. What has `data` was not refused.
  const refusals = new ErrorLink(({ error, result, operation, forward }) => {
    const { token } = operation.getContext();
    if (codeOf(error) !== "UNAUTHENTICATED" || result.data !== undefined || !token) return;
    return from(session.getAccessToken(token)).pipe(switchMap(() => forward(operation)));
  });
  const authorization = new SetContextLink(async ({ headers }) => {
    if (!session.isSignedIn()) return {};
    const token = await session.getAccessToken();
    return { token, headers: { ...headers, authorization: `Bearer ${token}` } };
  });
  // A mutation may have been done although its answer was lost: whether to send it again is for the app to say.
  const retries = new RetryLink({
    attempts: {
      max: 8,
      retryIf: (error, { operationType }) =>
        operationType === OperationTypeNode.QUERY && !CombinedGraphQLErrors.is(error) && !(error instanceof SignedOut),
    },
  });
  const names = new PersistedQueryLink({ sha256 });

  const live = createLiveClient({ url: url.replace(/^http/, "ws"), getAccessToken: session.getAccessToken, ...liveOptions });
  const renewing = setInterval(async () => {
    try {
      if (session.isSignedIn()) live.renew(await session.getAccessToken());
    } catch {
      // Whatever needs the token next will say it.
    }
  }, 5_000);

  const apollo = new ApolloClient({
    cache: createCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new LiveLink(live),
      ApolloLink.from([retries, refusals, authorization, names, new HttpLink({ uri: url })]),
    ),
    ...options,
  });
  return {
    apollo,
    session,
    dispose() {
      clearInterval(renewing);
      live.dispose();
      apollo.stop();
    },
  };
}

async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
