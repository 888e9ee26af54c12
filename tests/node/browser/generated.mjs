// What the pages of docs/clients have made from schema.graphql by tools of their own, before they are put together.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { promisify } from "node:util";

import { transformAsync } from "@babel/core";

const run = promisify(execFile);
const pathOf = (name) => new URL(name, import.meta.url).pathname;
const clients = pathOf("../clients/");

/** Makes what is to lie in `__generated__` of a page, in another folder, for other tests do the same at the same time. */
const generators = {
  async urql(folder) {
    await run("node", [`${clients}urql/schema.mjs`, pathOf("../../../schema.graphql"), `${folder}/schema.json`]);
  },
  async relay(folder) {
    const config = JSON.parse(await readFile(`${clients}relay/relay.config.json`, "utf8"));
    const file = `${folder}/relay.config.json`;
    const inPlace = { ...config, src: `${clients}relay`, schema: new URL(config.schema, `file://${clients}relay/`).pathname };
    await writeFile(file, JSON.stringify({ ...inPlace, artifactDirectory: folder }));
    await run(pathOf("../node_modules/.bin/relay-compiler"), [file]);
  },
};

const made = new Map();

async function make(client) {
  const folder = await mkdtemp(`${tmpdir()}/generated-`);
  await generators[client](folder);
  return folder;
}

export const generated = {
  name: "generated",
  setup(build) {
    build.onResolve({ filter: /^\.\/__generated__\// }, async ({ path, resolveDir }) => {
      const client = resolveDir.slice(clients.length);
      if (!made.has(client)) made.set(client, make(client));
      const file = `${await made.get(client)}/${path.slice("./__generated__/".length)}`;
      return { path: file.endsWith(".graphql") ? `${file}.js` : file };
    });
    // Documents of Relay are read by its compiler; what stands in their place imports what that has made.
    build.onLoad({ filter: /\/clients\/relay\/.*\.jsx$/ }, async ({ path }) => {
      const options = { filename: path, plugins: [["relay", { eagerEsModules: true }]], parserOpts: { plugins: ["jsx"] } };
      const { code } = await transformAsync(await readFile(path, "utf8"), { ...options, babelrc: false, configFile: false });
      return { contents: code, loader: "jsx" };
    });
  },
};
