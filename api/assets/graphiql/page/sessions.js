// Signs in as the demo's people the way an app does: `signIn` once, `refreshSession` before the access token expires. The tokens are
// in memory only. In the header `Authorization`, `{{e-mail address}}` stands for the access token of that account.

import { post } from './post.js';

const SESSION = 'session { accessToken accessTokenExpiresAt refreshToken }';
const SIGN_IN = `mutation SignIn($input: SignInInput!) { signIn(input: $input) { ${SESSION} } }`;
const REFRESH = `mutation RefreshSession($input: RefreshSessionInput!) { refreshSession(input: $input) { ${SESSION} } }`;

const ACCOUNT = /\{\{(.+?)\}\}/;
const MARGIN = 30_000; // milliseconds before it expires that an access token is renewed
const PATIENCE = 5_000; // milliseconds for one answer

const ask = async (query, input) => (await post({ query, variables: { input } }, {}, AbortSignal.timeout(PATIENCE))).answer;

async function signIn(email, password) {
  const { data, errors } = await ask(SIGN_IN, { email, password });
  if (!data) throw new Error(`${email} cannot sign in: ${errors[0].message}`);
  return data.signIn.session;
}

async function refresh({ refreshToken }) {
  const { data } = await ask(REFRESH, { refreshToken });
  return data?.refreshSession.session; // none where it has ended
}

const isFresh = ({ accessToken, accessTokenExpiresAt }, refused) =>
  Date.parse(accessTokenExpiresAt) - Date.now() > MARGIN && !refused?.includes(accessToken);

/** The header of whoever acts as that account. */
export const actingAs = (email) => ({ Authorization: `Bearer {{${email}}}` });

/**
 * Gives a function that fills in the value of an `Authorization` header. `refused` is what the server did not take the last time: a
 * restart or a revocation makes a token worthless before its time.
 */
export function sessions(password) {
  const opened = new Map(); // by e-mail address, a promise: who asks meanwhile waits for the same session

  async function continued(email, previous, refused) {
    const session = await previous?.catch(() => undefined);
    if (session && isFresh(session, refused)) return session;
    return (session && (await refresh(session))) ?? signIn(email, password);
  }

  return async (authorization, refused = undefined) => {
    const email = password && authorization?.match(ACCOUNT)?.[1].trim();
    if (!email) return authorization;
    const session = continued(email, opened.get(email), refused);
    opened.set(email, session);
    return authorization.replace(ACCOUNT, (await session).accessToken);
  };
}
