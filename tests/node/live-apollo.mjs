import { ApolloLink } from "@apollo/client";
import { print } from "graphql";
import { Observable } from "rxjs";

import { follow } from "./live.mjs";

/** Carries the subscriptions of an ApolloClient. Their context says, as `position`, what `after` takes. */
export class LiveLink extends ApolloLink {
  constructor(client) {
    super(({ query, variables, getContext }) => {
      const subscription = { query: print(query), variables, position: getContext().position };
      return new Observable((observer) =>
        follow(client, subscription, {
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
