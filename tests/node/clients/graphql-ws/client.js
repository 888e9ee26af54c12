import { createLiveClient, follow, SignedOut } from "./live.mjs";
import { createSession, send } from "./session.js";

/** Queries and mutations over HTTP, subscriptions over one websocket, both as whoever is signed in. */
export function createClient(url, options) {
  const session = createSession(url);
  const live = createLiveClient({ url: url.replace(/^http/, "ws"), getAccessToken: session.getAccessToken, ...options });

  // The socket was opened with a token, and outlives it when it is told of newer ones.
  const renewing = setInterval(async () => {
    try {
      if (session.isSignedIn()) live.renew(await session.getAccessToken());
    } catch {
      // Whatever needs the token next will say it.
    }
  }, 5_000);

  return {
    session,

    async request(query, variables) {
      const token = session.isSignedIn() ? await session.getAccessToken() : undefined;
      try {
        return await send(url, query, variables, token);
      } catch (problem) {
        if (!problem.isRefusal || !token) throw problem;
        return send(url, query, variables, await session.getAccessToken(token));
      }
    },

    /** Each event of a subscription that has `after`, once and in order, whatever happens on the way. */
    follow: (subscription, sink) => follow(live, subscription, sink),

    dispose() {
      clearInterval(renewing);
      live.dispose();
    },
  };
}

export { SignedOut };
