// One address for everything: queries and mutations by POST, subscriptions by graphql-transport-ws.

const address = new URL('/graphql', window.location.href);
const socketAddress = Object.assign(new URL(address), { protocol: address.protocol === 'https:' ? 'wss:' : 'ws:' });

/** Sends one operation by POST; an answer that is not JSON becomes an error that shows it. */
export async function post(request, headers = {}, signal = undefined) {
  const response = await fetch(address, {
    method: 'POST',
    headers: { accept: 'application/graphql-response+json, application/json', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
    signal,
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${response.status} ${response.statusText}: ${text.slice(0, 500)}`);
  }
}

/**
 * Browsers cannot set headers on a websocket, so they travel in `connection_init`:
 * `X-Development-User` as `developmentUser`, `Authorization` as `authorization`.
 */
function connectionParameters(headers) {
  const named = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase().replace(/^x-/, '').replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const sockets = new Map();
const FORBIDDEN = 4403; // what the server closes with when it does not accept who acts: asking again would change nothing

/** The client of this set of headers: it opens its socket with its first subscription, and closes it after the last. */
function socket(headers) {
  const connectionParams = connectionParameters(headers);
  const key = JSON.stringify(connectionParams);
  if (!sockets.has(key)) {
    const shouldRetry = (cause) => cause instanceof CloseEvent && cause.code !== FORBIDDEN;
    const options = { url: socketAddress.href, connectionParams, lazyCloseTimeout: 2_000, shouldRetry };
    sockets.set(key, window.graphqlWs.createClient(options));
  }
  return sockets.get(key);
}

/** What ended a subscription, as GraphiQL can show it: a failed socket gives its close event, the server a list of errors. */
function explained(cause) {
  if (cause instanceof CloseEvent) return [{ message: `The socket closed: ${cause.code} ${cause.reason}` }];
  if (cause instanceof Event) return [{ message: 'The socket could not be opened: is the server running?' }];
  return cause;
}

function subscribe(request, headers) {
  return {
    subscribe: (observer) => ({
      unsubscribe: socket(headers).subscribe(request, {
        next: (result) => observer.next(result),
        error: (cause) => observer.error(explained(cause)),
        complete: () => observer.complete(),
      }),
    }),
  };
}

function isSubscription({ query, operationName }) {
  const { parse, getOperationAST } = window.GraphiQL.GraphQL;
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    return false; // the server says what is wrong with it
  }
}

export const fetcher = (request, { headers = {} } = {}) =>
  isSubscription(request) ? subscribe(request, headers) : post(request, headers);
