import { createClient } from "graphql-sse";

import { retryWait } from "./live.mjs";

/** A client for `follow` without websockets: each subscription is a request of its own. */
export function createEventStreamClient({ url, getAccessToken, ...options }) {
  let token, refused;
  return createClient({
    url,
    headers: async () => {
      token = await getAccessToken(refused);
      return { authorization: `Bearer ${token}` };
    },
    fetchFn: async (...request) => {
      const response = await fetch(...request);
      refused = response.status === 401 ? token : undefined;
      return response;
    },
    retryAttempts: Infinity,
    retry: retryWait,
    ...options,
  });
}
