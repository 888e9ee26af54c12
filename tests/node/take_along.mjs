// node take_along.mjs <url> <token>: prints everything that is held on whoever has the token, with the code of docs/personal-data.md.
import { exportPersonalData } from "./export.mjs";

const [url, token] = process.argv.slice(2);

async function ask(query, variables) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) {
    throw new Error(JSON.stringify(errors));
  }
  return data;
}

console.log(JSON.stringify(await exportPersonalData(ask)));
