/** Where the API is: queries and mutations by POST, subscriptions by graphql-transport-ws. */
export const address = new URL('/graphql', globalThis.location.href);

/** Sends one operation; gives the answer and its status. An answer that is not JSON becomes an error that shows it. */
export async function post(request, headers = {}, signal = undefined) {
  const response = await fetch(address, {
    method: 'POST',
    headers: { accept: 'application/graphql-response+json, application/json', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
    signal,
  });
  const text = await response.text();
  try {
    return { status: response.status, answer: JSON.parse(text) };
  } catch {
    throw new Error(`The server answered ${response.status} ${response.statusText}: ${text.slice(0, 500)}`);
  }
}
