// node audit.mjs <url>: runs every audit of graphql-http on the server. All must be ok, the recommended ones included.

import { serverAudits } from "graphql-http";

const [url] = process.argv.slice(2);
if (!url) {
  console.error("usage: node audit.mjs <url of the GraphQL endpoint>");
  process.exit(2);
}

const audits = serverAudits({ url, fetchFn: fetch });
let passed = 0;
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status === "ok") {
    passed += 1;
  } else {
    console.error(`${result.status}: ${audit.name}: ${result.reason}`);
  }
}
console.log(`${passed} of ${audits.length} passed`);
process.exit(audits.length > 0 && passed === audits.length ? 0 : 1);
