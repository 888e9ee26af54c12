// The page of docs/clients/apollo.md.

import { gql } from "@apollo/client";
import { ApolloProvider, useQuery } from "@apollo/client/react";
import { useState } from "react";

import { createClient } from "../clients/apollo/client.js";
import { useOrder, useOrders } from "../clients/apollo/orders.js";
import { api, Order, Screen, SignIn, start } from "./screen.jsx";

const { apollo, session } = createClient(api, {
  liveOptions: { keepAlive: 1_000 },
  clientAwareness: { name: "orders", version: "1.2.3" },
});

// Several documents, for Apollo asks the same one only once at a time.
const NAMES = ["A", "B", "C"].map((name) => gql(`query Name${name} { me { id name } }`));
let round = 0;

async function asked() {
  const query = NAMES[round++ % NAMES.length];
  const { data } = await apollo.query({ query, fetchPolicy: "network-only" });
  return data.me.name;
}

const ME = gql`
  query Me {
    me {
      id
      name
    }
  }
`;

function Page() {
  const [isSignedIn, setSignedIn] = useState(session.isSignedIn());
  async function signIn(email, password) {
    await session.signIn(email, password);
    setSignedIn(true);
  }
  return isSignedIn ? <Orders /> : <SignIn signIn={signIn} />;
}

function Orders() {
  const [shown, setShown] = useState();
  const { data } = useQuery(ME);
  const { orders, showMore } = useOrders();
  if (!data || !orders) return null;
  return (
    <Screen name={data.me.name} orders={orders.map(({ id }) => id)} showMore={showMore} show={setShown} asked={asked}>
      {shown && <FollowedOrder key={shown} id={shown} close={() => setShown(undefined)} />}
    </Screen>
  );
}

function FollowedOrder({ id, close }) {
  const [problem, setProblem] = useState();
  const { order, error } = useOrder(id, setProblem);
  if (!order && !error) return null;
  const isOver = ["DELIVERED", "CANCELLED"].includes(order?.status);
  return <Order id={id} steps={order?.events ?? []} isOver={isOver} problem={problem ?? error} close={close} />;
}

start(
  <ApolloProvider client={apollo}>
    <Page />
  </ApolloProvider>,
);
