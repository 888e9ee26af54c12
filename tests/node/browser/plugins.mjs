// How pages are put together, beyond what esbuild does by itself.

import { existsSync } from "node:fs";
import { basename } from "node:path";

import { generated } from "./generated.mjs";

/**
 * An app has the modules of several documents in one folder. Here each lies with its own document: those of docs/live-updates.md in
 * `tests/node`, and those that other pages of docs/clients take from docs/clients/graphql-ws.md with that.
 */
const modulesOfDocuments = {
  name: "modules of documents",
  setup(build) {
    build.onResolve({ filter: /^\.\/[\w-]+\.m?js$/ }, ({ path, resolveDir }) => {
      const places = [`${resolveDir}/`, new URL("../", import.meta.url).pathname, new URL("../clients/graphql-ws/", import.meta.url).pathname];
      const place = places.find((place) => existsSync(`${place}${basename(path)}`));
      return place && { path: `${place}${basename(path)}` };
    });
  },
};

export const plugins = [modulesOfDocuments, generated];
