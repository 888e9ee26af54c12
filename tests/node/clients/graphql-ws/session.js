import { SignedOut } from "./live.mjs";

const TOKENS = "session { accessToken accessTokenExpiresAt refreshToken }";
const SIGN_IN = `mutation SignIn($input: SignInInput!) { signIn(input: $input) { ${TOKENS} } }`;
const REFRESH = `mutation RefreshSession($input: RefreshSessionInput!) { refreshSession(input: $input) { ${TOKENS} } }`;
const SIGN_OUT = `mutation SignOut($input: SignOutInput!) { signOut(input: $input) { __typename } }`;

/** What the server answered instead of data: `errors` as docs/errors.md describes them. */
export class GraphQLErrors extends Error {
  constructor(errors, data) {
    super(errors[0].message);
    this.errors = errors;
    /** What could be had all the same; undefined where nothing of the operation was done. */
    this.data = data;
    this.code = errors[0].extensions?.code;
    /** Whether the token was refused, before anything of the operation was done. */
    this.isRefusal = this.code === "UNAUTHENTICATED" && data === undefined;
  }
}

/** Sends one operation over HTTP. */
export async function send(url, query, variables, accessToken) {
  const headers = {
    accept: "application/graphql-response+json, application/json;q=0.9",
    "content-type": "application/json",
    ...(accessToken && { authorization: `Bearer ${accessToken}` }),
  };
  // On a connection that has died without a word there would never be an answer.
  const signal = AbortSignal.timeout(30_000);
  const response = await fetch(url, { method: "POST", headers, signal, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) throw new GraphQLErrors(errors, data);
  return data;
}

/** Who is signed in, in all tabs of the app: the tokens lie in the browser's storage, and are renewed by one tab at a time. */
export function createSession(url) {
  const read = () => JSON.parse(localStorage.getItem("session"));

  function keep(session) {
    // By a clock that is fast every token has expired: then it is good until the server says otherwise.
    const isBelieved = new Date(session.accessTokenExpiresAt) > Date.now() + 10_000;
    localStorage.setItem("session", JSON.stringify({ ...session, isBelieved }));
    return session.accessToken;
  }

  /** A token that is good, if there is one at once. */
  function goodToken(refused) {
    const { accessToken, accessTokenExpiresAt, isBelieved } = read() ?? {};
    const isGood = accessToken !== refused && (!isBelieved || new Date(accessTokenExpiresAt) > Date.now() + 10_000);
    return isGood ? accessToken : undefined;
  }

  return {
    isSignedIn: () => read() !== null,

    async signIn(email, password) {
      const { signIn } = await send(url, SIGN_IN, { input: { email, password } });
      keep(signIn.session);
    },

    signOut: () =>
      // Not while the session is renewed, which would bring it back.
      navigator.locks.request("session", async () => {
        const session = read();
        localStorage.removeItem("session");
        if (session) await send(url, SIGN_OUT, { input: { refreshToken: session.refreshToken } });
      }),

    goodToken,

    /** A token that is good. `refused` is one that the server did not take: then another one. */
    async getAccessToken(refused) {
      const present = goodToken(refused);
      if (present) return present;
      // Only the first one to come here renews; those who waited find what it has brought.
      return navigator.locks.request("session", async () => {
        const session = read();
        if (!session) throw new SignedOut();
        const renewed = goodToken(refused);
        if (renewed) return renewed;
        try {
          const { refreshSession } = await send(url, REFRESH, { input: { refreshToken: session.refreshToken } });
          return keep(refreshSession.session);
        } catch (problem) {
          if (problem.code !== "UNAUTHENTICATED") throw problem;
          localStorage.removeItem("session");
          throw new SignedOut();
        }
      });
    },
  };
}
