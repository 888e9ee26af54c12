import type { TypedDocumentString } from "./gql/graphql";

export interface Api {
  url: string;
  accessToken?: string;
  /** Whether the server has the manifest of this build: then documents are named and not sent. */
  hasManifest: boolean;
}

/** What an answer says went wrong: `code` is one of docs/errors.md. */
export class Refusal extends Error {
  constructor(readonly errors: { message: string; extensions?: { code?: string; reason?: string } }[]) {
    super(errors[0]?.message);
  }

  get code(): string | undefined {
    return this.errors[0]?.extensions?.code;
  }
}

export async function execute<Result, Variables>(
  api: Api,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const name = { documentId: `sha256:${document.__meta__?.["hash"]}` };
  const request = api.hasManifest ? name : { query: document.toString() };
  const response = await fetch(api.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json",
      ...(api.accessToken && { authorization: `Bearer ${api.accessToken}` }),
    },
    body: JSON.stringify({ ...request, variables }),
    // Without it, an answer that never comes is waited for.
    signal: AbortSignal.timeout(30_000),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Refusal(errors);
  return data;
}
