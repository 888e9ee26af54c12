// node openid_provider.mjs [claims-in-token | tls <certificate> <key>]: an OpenID provider on a free port, until its standard input ends.
//
// Prints { port }. It knows one client, which has to use PKCE. What tests do with it, besides signing people in:
//
//   PUT  /people/<subject>  with the claims of somebody, as JSON
//   POST /keys              makes a new key, and forgets the old one
//
// Whoever arrives at /interaction/<id>?subject=… is signed in as that person, who consents. Unless it is told otherwise, claims of the
// person are given at the userinfo endpoint only, as OpenID Connect Core has it; Google and others put them into the ID token.

import { generateKeyPair, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { promisify } from "node:util";

import Provider from "oidc-provider";

const [kind, certificate, keyFile] = process.argv.slice(2);
const claimsInToken = kind === "claims-in-token";
const isOverTls = kind === "tls";
console.info = console.error; // Standard output is for the test.

const people = new Map();
let provider;

async function makeProvider(issuer) {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: "jwk" }), use: "sig", kid: randomUUID() };
  provider = new Provider(issuer, {
    claims: { email: ["email", "email_verified"], profile: ["name"] },
    clients: [{ client_id: "tiffin", client_secret: "hunter2", redirect_uris: ["https://app.example/signed-in"] }],
    conformIdTokenClaims: !claimsInToken,
    cookies: { keys: ["of the tests"] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, subject) => ({ accountId: subject, claims: () => ({ sub: subject, ...people.get(subject) }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    jwks: { keys: [key] },
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
    pkce: { required: () => true },
    // A minute, as it would be otherwise, may pass on a busy machine before a test uses its code.
    ttl: { AuthorizationCode: 600 },
  });
}

async function handle(request, response) {
  const url = new URL(request.url, "http://localhost");
  const [, place, name] = url.pathname.split("/");
  if (place === "people" && request.method === "PUT") {
    let body = "";
    for await (const chunk of request) body += chunk;
    people.set(decodeURIComponent(name), JSON.parse(body));
    response.writeHead(204).end();
  } else if (place === "keys" && request.method === "POST") {
    await makeProvider(provider.issuer);
    response.writeHead(204).end();
  } else if (place === "interaction") {
    const login = { accountId: url.searchParams.get("subject") };
    await provider.interactionFinished(request, response, { login });
  } else {
    provider.callback()(request, response);
  }
}

function serve(request, response) {
  handle(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}

const server = isOverTls
  ? createTlsServer({ cert: readFileSync(certificate), key: readFileSync(keyFile) }, serve)
  : createServer(serve);
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  await makeProvider(isOverTls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`);
  console.log(JSON.stringify({ port }));
});
process.stdin.resume().on("end", () => process.exit(0));
