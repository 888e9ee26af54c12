#!/usr/bin/env bash
# urql gives the last event of a subscription twice: once more when the subscription ends.
#
# Versions: @urql/core 6.0.3, @urql/exchange-graphcache 9.0.2, graphql 16.15.0, wonka 6.3.6.
# Guess:    three events and the end are three results, and then nothing.
# Is:       the end is a fourth result with the data of the third, and `hasNext: false`. graphcache follows its `updates` for that one as well,
#           and gives it as another object, so that the function of `useSubscription` which gathers events is called with it again.
# Matters:  an order's page that gathers its steps shows the last one, DELIVERED, twice; whatever is counted at an event is counted once
#           too often, and only for what ends.
# Source:   core/src/exchanges/subscription.ts (`complete`: nextResult({ hasNext: false })); what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

npm install --silent --no-audit --no-fund --prefix "$directory" \
  @urql/core@6.0.3 @urql/exchange-graphcache@9.0.2 graphql@16.15.0 wonka@6.3.6 >/dev/null
cat >follow.mjs <<'SCRIPT'
import { Client, gql, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { onEnd, pipe, subscribe } from "wonka";

const orders = subscriptionExchange({
  forwardSubscription: () => ({
    subscribe(sink) {
      for (const status of ["READY", "PICKED_UP", "DELIVERED"]) sink.next({ data: { step: { __typename: "Step", id: status, status } } });
      sink.complete();
      return { unsubscribe() {} };
    },
  }),
});
let updates = 0;
const cache = cacheExchange({ updates: { Subscription: { step: () => updates++ } } });
for (const [name, exchanges] of [["alone", [orders]], ["with graphcache", [cache, orders]]]) {
  const client = new Client({ url: "http://shop.example/graphql", exchanges });
  let before;
  await new Promise((resolve) =>
    pipe(
      client.subscription(gql`subscription { step { id status } }`, {}),
      onEnd(resolve),
      subscribe(({ data, hasNext }) => {
        console.log(`${name}: ${data.step.status}, hasNext: ${hasNext}, the same object as before: ${data === before}`);
        before = data;
      }),
    ),
  );
}
console.log(`updates followed: ${updates}`);
SCRIPT
node follow.mjs | tee said
# Seen on 2026-12-01.
diff said - <<'EXPECTED'
alone: READY, hasNext: true, the same object as before: false
alone: PICKED_UP, hasNext: true, the same object as before: false
alone: DELIVERED, hasNext: true, the same object as before: false
alone: DELIVERED, hasNext: false, the same object as before: true
with graphcache: READY, hasNext: true, the same object as before: false
with graphcache: PICKED_UP, hasNext: true, the same object as before: false
with graphcache: DELIVERED, hasNext: true, the same object as before: false
with graphcache: DELIVERED, hasNext: false, the same object as before: false
updates followed: 4
EXPECTED
echo "it is still so"
