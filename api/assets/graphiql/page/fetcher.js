// Runs what GraphiQL plays. Both transports are asked again where the session was refused and there is another one to be had.

import { address, post } from './post.js';
import { actingAs, sessions } from './sessions.js';

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

function parsed(query) {
  try {
    return window.GraphiQL.GraphQL.parse(query);
  } catch {
    return { definitions: [] }; // the server says what is wrong with it
  }
}

/** The request, and what kind of operation it is. Right after another tab was opened GraphiQL still names an operation of the one before. */
function understood({ operationName, ...request }) {
  const operations = parsed(request.query).definitions.filter(({ kind }) => kind === 'OperationDefinition');
  const named = operations.find(({ name }) => name && name.value === operationName);
  const isOfAnother = operations.length > 0 && !named;
  return {
    request: isOfAnother ? request : { ...request, operationName },
    isSubscription: (named ?? operations[0])?.operation === 'subscription',
  };
}

/**
 * `send` for one query or mutation, `fetcher` for GraphiQL. `password` is that of the demo's accounts, where there are any; `present` gives
 * the open tab's id and the e-mail address of whom it acts as; `log` takes what subscriptions tell.
 */
export function connect(password, present = () => ({}), log = undefined) {
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

  /** Tells the log what GraphiQL is told, which shows the last event alone. */
  function subscribe(request, headers, tab) {
    log?.begin(tab);
    return {
      subscribe(observer) {
        const unsubscribe = socket(split(headers)[1]).subscribe(request, {
          next(result) {
            log?.add(tab, result);
            observer.next(result);
          },
          error(cause) {
            const errors = explained(cause);
            log?.add(tab, { errors: Array.isArray(errors) ? errors : [{ message: String(errors?.message ?? errors) }] });
            log?.end(tab);
            observer.error(errors);
          },
          complete() {
            log?.end(tab);
            observer.complete();
          },
        });
        return {
          unsubscribe() {
            log?.end(tab);
            unsubscribe();
          },
        };
      },
    };
  }

  function fetcher(asked, { headers } = {}) {
    // What GraphiQL itself asks concerns nobody.
    if (asked.operationName === 'IntrospectionQuery') return send(asked, headers);
    const { request, isSubscription } = understood(asked);
    const { tab, email } = present();
    const acting = email && !split(headers)[1] ? { ...headers, ...actingAs(email) } : headers;
    if (isSubscription) return subscribe(request, acting, tab);
    log?.drop(tab);
    return send(request, acting);
  }

  return { send, fetcher };
}
