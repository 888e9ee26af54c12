// PostGraphile on the benchmark's database: what its documentation recommends, without rights, and with the functions of functions.sql.

import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import subscription from "./subscription.mjs";

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [subscription],
  // Sorting is asked for as Tiffin sorts, whether an index serves it or not.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  grafserv: { graphqlPath: "/graphql", websockets: true, graphiql: false, watch: false },
  grafast: { explain: false },
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL,
      schemas: ["public"],
      poolConfig: { max: Number(process.env.CONNECTIONS) },
    }),
  ],
};

const instance = postgraphile(preset).createServ(grafserv);
const server = createServer();
server.once("listening", () => server.on("error", (error) => console.error(error)));
await instance.addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
