// node codegen.mjs <folder> generates: makes a project of docs/clients/graphql-codegen.md in the folder, lets graphql-codegen generate its types
// from schema.graphql, and TypeScript check them. Prints the path of the manifest as JSON.
//
// node codegen.mjs <folder> <url> <access token> <basket>: asks the server twice with the project's app, with documents named and with
// documents sent. Prints as JSON what each was told.

import { execFile } from "node:child_process";
import { cp, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [folder, ...rest] = process.argv.slice(2);
if (rest.length === 1) await generate();
else await run(...rest);

async function generate() {
  await cp(join(here, "clients/graphql-codegen"), folder, { recursive: true });
  await cp(join(here, "../../schema.graphql"), join(folder, "schema.graphql"));
  await symlink(join(here, "node_modules"), join(folder, "node_modules"));
  await tool("@graphql-codegen/cli", "graphql-codegen", "--config", "codegen.ts");
  await tool("typescript", "tsc", "--noEmit", "--strict", "--project", ".");
  const entryPoints = [join(folder, "app.ts"), join(folder, "execute.ts")];
  await build({ entryPoints, outdir: join(folder, "built"), bundle: true, splitting: true, format: "esm", outExtension: { ".js": ".mjs" } });
  console.log(JSON.stringify(join(folder, "gql/persisted-documents.json")));
}

async function tool(name, binary, ...options) {
  const description = createRequire(import.meta.url).resolve(`${name}/package.json`);
  const { bin } = createRequire(import.meta.url)(description);
  try {
    await promisify(execFile)(process.execPath, [join(dirname(description), bin[binary] ?? bin), ...options], { cwd: folder });
  } catch ({ message, stdout, stderr }) {
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
}

async function run(url, accessToken, basket) {
  // Node.js 18 has it in a module only.
  globalThis.crypto ??= (await import("node:crypto")).webcrypto;
  const [{ allRestaurants, order }, { Refusal }] = await Promise.all(
    ["app", "execute"].map((name) => import(pathToFileURL(join(folder, `built/${name}.mjs`)))),
  );
  const told = {};
  for (const [how, hasManifest] of [["named", true], ["sent", false]]) {
    const api = { url, accessToken, hasManifest };
    try {
      const restaurants = (await allRestaurants(api)).map(({ name, deliveryFee }) => ({ name, deliveryFee }));
      let shown;
      const declined = await order(api, JSON.parse(basket), () => false);
      const { totalAmount, status } = await order(api, JSON.parse(basket), (...quote) => ((shown = quote), true));
      told[how] = { restaurants, declined: declined ?? null, shown, totalAmount, status };
    } catch (problem) {
      if (!(problem instanceof Refusal)) throw problem;
      told[how] = problem.code;
    }
  }
  console.log(JSON.stringify(told));
}
