import { ApolloLink } from "@apollo/client";
import { print } from "graphql";
import { Observable } from "rxjs";

import { follow } from "./live.mjs";

/**
 * Carries the subscriptions of an ApolloClient. Their context says, as `position`, what `after` takes, and may say, as `restart`, what
 * to do when the server's data were restored.
 */
export class LiveLink extends ApolloLink {
  constructor(client) {
    super(({ query, variables, getContext }) => {
      const { position, restart } = getContext();
      const subscription = { query: print(query), variables, position };
      return new Observable((observer) =>
        follow(client, subscription, {
          restart,
          next: (data) => observer.next({ data }),
          complete: () => observer.complete(),
          error: (problem) => {
            if (!Array.isArray(problem)) return observer.error(problem);
            observer.next({ errors: problem });
            observer.complete();
          },
        }),
      );
    });
  }
}
