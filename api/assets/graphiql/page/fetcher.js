// Runs what GraphiQL plays. Both transports are asked again where the session was refused and there is another one to be had.

import { address, post } from './post.js';
import { sessions } from './sessions.js';

const UNAUTHENTICATED = 401;
const FORBIDDEN = 4403; // what the server closes a socket with when it does not accept who asks

/** The headers without `Authorization`, and its value, in whatever case it is written. */
function split(headers = {}) {
  const entries = Object.entries(headers);
  const isAuthorization = ([name]) => name.toLowerCase() === 'authorization';
  return [Object.fromEntries(entries.filter((entry) => !isAuthorization(entry))), entries.find(isAuthorization)?.[1]];
}

/** What ended a subscription, as GraphiQL can show it: a failed socket gives its close event, the server a list of errors. */
function explained(cause) {
  if (cause instanceof CloseEvent) return [{ message: `The socket closed: ${cause.code} ${cause.reason}` }];
  if (cause instanceof Event) return [{ message: 'The socket could not be opened: is the server running?' }];
  return cause;
}

function isSubscription({ query, operationName }) {
  const { parse, getOperationAST } = window.GraphiQL.GraphQL;
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    return false; // the server says what is wrong with it
  }
}

/** `send` for one query or mutation, `fetcher` for GraphiQL. `password` is that of the demo's accounts, where there are any. */
export function connect(password) {
  const fillIn = sessions(password);

  async function send(request, headers, signal) {
    const [others, authorization] = split(headers);
    const attempt = (value) => post(request, value ? { ...others, authorization: value } : others, signal);
    const first = await fillIn(authorization);
    const { status, answer } = await attempt(first);
    if (status !== UNAUTHENTICATED) return answer;
    const second = await fillIn(authorization, first);
    return second === first ? answer : (await attempt(second)).answer;
  }

  const sockets = new Map();

  /** The client of whoever asks: it opens its socket with its first subscription, and closes it after the last. */
  function socket(authorization) {
    if (!sockets.has(authorization)) sockets.set(authorization, openSocket(authorization));
    return sockets.get(authorization);
  }

  function openSocket(authorization) {
    let sent;
    let refusals = 0; // in a row
    return window.graphqlWs.createClient({
      url: Object.assign(new URL(address), { protocol: address.protocol === 'https:' ? 'wss:' : 'ws:' }).href,
      // Browsers cannot set headers on a websocket.
      connectionParams: async () => {
        sent = await fillIn(authorization, refusals > 0 ? sent : undefined);
        return { authorization: sent };
      },
      on: {
        connected: () => (refusals = 0),
        closed: ({ code }) => (refusals += code === FORBIDDEN ? 1 : 0),
      },
      shouldRetry: (cause) => cause instanceof CloseEvent && refusals < 2,
      lazyCloseTimeout: 2_000,
    });
  }

  const subscribe = (request, headers) => ({
    subscribe: (observer) => ({
      unsubscribe: socket(split(headers)[1]).subscribe(request, {
        next: (result) => observer.next(result),
        error: (cause) => observer.error(explained(cause)),
        complete: () => observer.complete(),
      }),
    }),
  });

  const fetcher = (request, { headers } = {}) => (isSubscription(request) ? subscribe(request, headers) : send(request, headers));
  return { send, fetcher };
}
