import { createClient } from "graphql-ws";

/** Thrown by `getAccessToken` when nobody is signed in any more: then there is nothing to try again. */
export class SignedOut extends Error {}

/**
 * The page's client: all its subscriptions share one socket, which comes back by itself.
 *
 * `getAccessToken(refused)` is asked before each connection, and gives a promise of a token that is still good. `refused` is the
 * token that the server did not take the last time, if there was one: give another.
 */
export function createLiveClient({ url, getAccessToken, ...options }) {
  let token, refused, socket, silence;
  const client = createClient({
    url,
    connectionParams: async () => {
      token = await getAccessToken(refused);
      return { authorization: `Bearer ${token}` };
    },
    retryAttempts: Infinity,
    // A connection that cannot be made is worth another try; somebody who is signed out is not.
    shouldRetry: (problem) => !(problem instanceof SignedOut),
    retryWait,
    // A connection that has died without a word is noticed by a ping that nothing answers.
    keepAlive: 10_000,
    ...options,
    on: {
      connected: (connected) => {
        refused = undefined;
        socket = connected;
      },
      closed: ({ code }) => {
        clearTimeout(silence);
        if (code === 4403) refused = token;
      },
      ping: (received) => {
        if (!received) silence = setTimeout(() => client.terminate(), 5_000);
      },
      pong: (received) => {
        if (received) clearTimeout(silence);
      },
    },
  });
  return {
    subscribe: client.subscribe,
    dispose: client.dispose,
    /** Tells the server of a newer token, so that the socket outlives the one it was opened with. */
    renew: (newer) => {
      if (newer === token) return;
      token = newer;
      if (socket?.readyState === 1) {
        socket.send(JSON.stringify({ type: "ping", payload: { authorization: `Bearer ${newer}` } }));
      }
    },
  };
}

/** Waits before another try: at most a second at first and half a minute in the end, and never all clients at the same moment. */
export function retryWait(retries) {
  const longest = Math.min(1_000 * 2 ** retries, 30_000);
  return new Promise((resolve) => setTimeout(resolve, longest * Math.random()));
}

/** What may be different the next time: whether another token helps is for `getAccessToken` to say. */
const PASSING = ["UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "UNAUTHENTICATED"];

/**
 * Follows a subscription that has `after`, and gives each of its events once and in order, whatever happens on the way. `position`
 * names the event's field that `after` takes: `sequence` for one order, `cursor` for the feeds.
 *
 * `sink.next(data)` is called for each event, `sink.complete()` when there will be no more, `sink.error(problem)` when there is no
 * use in trying again. `sink.restart()`, if there is one, is called when the server's data were restored from a backup: what was told
 * may not be true any more, so forget what is shown. The present follows, as at the first start without `after`; what it does not tell
 * is read anew after its first event: what ends after a reading and before the first event is in neither. A promise that it gives is
 * waited for. The function that is returned ends it.
 */
export function follow(client, { query, variables, position }, sink) {
  // It is sent anew after each interruption, and so begins after the last event that came.
  const request = { query, variables: { ...variables } };
  let retries = 0;
  let isOver = false;
  let stop;

  function start() {
    let problem;
    stop = client.subscribe(request, {
      next: ({ data, errors }) => {
        if (problem) return;
        if (errors) {
          // Also half an event is asked for again.
          problem = errors;
          return stop();
        }
        const [event] = Object.values(data);
        request.variables.after = event[position];
        retries = 0;
        sink.next(data);
      },
      error: (reason) => end(reason),
      complete: () => end(problem),
    });
  }

  async function end(problem) {
    if (isOver) return;
    if (!problem) return sink.complete();
    if (!isExpired(problem) && !isPassing(problem)) return sink.error(problem);
    await retryWait(retries++);
    try {
      if (!isOver && isExpired(problem)) {
        delete request.variables.after;
        await sink.restart?.();
      }
    } catch (failure) {
      return sink.error(failure);
    }
    if (!isOver) start();
  }

  start();
  return () => {
    isOver = true;
    stop();
  };
}

function isExpired(problem) {
  return Array.isArray(problem) && problem.some(({ extensions }) => extensions?.reason === "CURSOR_EXPIRED");
}

function isPassing(problem) {
  if (Array.isArray(problem)) return problem.every(({ extensions }) => PASSING.includes(extensions?.code));
  // The server's own failure, which the client of graphql-ws does not try again after.
  return problem?.code === 1011;
}
