// The page of docs/clients/urql.md.

import { useState } from "react";
import { gql, Provider, useClient } from "urql";

import { createClient } from "../clients/graphql-ws/client.js";
import { useOrders, useSteps } from "../clients/urql/orders.jsx";
import { createUrqlClient } from "../clients/urql/urql.js";
import { api, Order, Screen, SignIn, start, useSignedIn } from "./screen.jsx";

const tiffin = createClient(api, { keepAlive: 1_000 });

const NAME = gql`
  query Name {
    me { id name }
  }
`;

/** Another person has another client: what one was shown is nobody else's. */
function App() {
  const [client, signIn] = useSignedIn(tiffin.session, () => createUrqlClient(api, tiffin));
  if (!client) return <SignIn signIn={signIn} />;
  return (
    <Provider value={client}>
      <Page />
    </Provider>
  );
}

function Page() {
  const client = useClient();
  const { me, orders, showMore, error } = useOrders();
  const [order, setOrder] = useState();
  if (error) console.error(String(error));
  const asked = async () => (await client.query(NAME, {}, { requestPolicy: "network-only" }).toPromise()).data.me.name;
  return (
    <Screen name={me?.name} orders={orders.map(({ id }) => id)} showMore={showMore} show={setOrder} asked={asked}>
      {order && <FollowedOrder key={order} id={order} close={() => setOrder(undefined)} />}
    </Screen>
  );
}

function FollowedOrder({ id, close }) {
  const { steps, isOver, error } = useSteps(id);
  return <Order id={id} steps={steps} isOver={isOver} problem={error} close={close} />;
}

start(<App />);
