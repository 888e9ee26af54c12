// The page of docs/clients/relay.md.

import { Suspense, useState } from "react";
import { fetchQuery, RelayEnvironmentProvider, useRelayEnvironment } from "react-relay";

import { createClient } from "../clients/graphql-ws/client.js";
import { createEnvironment } from "../clients/relay/environment.js";
import { ORDERS, useDriverLocation, useOrder, useOrders, useStatus, useSteps } from "../clients/relay/orders.jsx";
import { api, Order, Screen, SignIn, start, useSignedIn } from "./screen.jsx";

const tiffin = createClient(api, { keepAlive: 1_000 });

function App() {
  const [environment, signIn] = useSignedIn(tiffin.session, () => createEnvironment(tiffin));
  if (!environment) return <SignIn signIn={signIn} />;
  return (
    <RelayEnvironmentProvider environment={environment}>
      <Suspense fallback="…">
        <Page />
      </Suspense>
    </RelayEnvironmentProvider>
  );
}

function Page() {
  const { me, orders, showMore } = useOrders();
  const [id, setId] = useState();
  const [details, setDetails] = useState();
  const environment = useRelayEnvironment();
  const asked = async () => (await fetchQuery(environment, ORDERS, {}).toPromise()).me.name;
  return (
    <Screen name={me.name} orders={orders.map(({ id }) => id)} showMore={showMore} show={setId} asked={asked}>
      {id && <FollowedOrder key={id} id={id} close={() => setId(undefined)} />}
      <button id="details" onClick={() => setDetails(id)}>
        Details
      </button>
      <button id="unknown" onClick={() => setDetails("Order:999999")}>
        An order that is not there
      </button>
      {details && (
        <Suspense fallback="…">
          <Details key={details} id={details} />
        </Suspense>
      )}
    </Screen>
  );
}

function FollowedOrder({ id, close }) {
  const { steps, isOver, error } = useSteps(id);
  return <Order id={id} steps={steps} isOver={isOver} problem={error} close={close} />;
}

function Details({ id }) {
  const { order, code } = useOrder(id);
  return order ? <Status id={id} order={order} /> : <p id="code">{code}</p>;
}

function Status({ id, order }) {
  const [{ status, driver }, refetch] = useStatus(order);
  useDriverLocation(id);
  return (
    <p>
      <span id="status">{status}</span>
      <span id="place">{driver?.location?.lat}</span>
      <button id="refetch" onClick={refetch}>
        Read again
      </button>
    </p>
  );
}

start(<App />);
