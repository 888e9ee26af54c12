// The page of docs/clients/graphql-ws.md.

import { useEffect, useState } from "react";

import { createClient } from "../clients/graphql-ws/client.js";
import { api, Order, Screen, SignIn, start } from "./screen.jsx";

// Here the pings come more often, for the tests not to wait so long.
const client = createClient(api, { keepAlive: 1_000 });

const ORDERS = `query Orders($after: String) {
  me { name }
  orders(first: 5, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } }
}`;

const ORDER_STATUS_CHANGED = `subscription OrderStatusChanged($id: ID!, $after: Int) {
  orderStatusChanged(orderId: $id, after: $after) { sequence status }
}`;

async function asked() {
  const { me } = await client.request("query Name { me { name } }");
  return me.name;
}

function Page() {
  const [pages, setPages] = useState([]);
  const [order, setOrder] = useState();
  const last = pages.at(-1);

  async function showMore() {
    const page = await client.request(ORDERS, { after: last?.orders.pageInfo.endCursor });
    setPages([...pages, page]);
  }
  async function signIn(email, password) {
    await client.session.signIn(email, password);
    await showMore();
  }
  useEffect(() => {
    if (client.session.isSignedIn()) showMore();
  }, []);

  if (!last) return <SignIn signIn={signIn} />;
  const orders = pages.flatMap((page) => page.orders.edges.map(({ node }) => node.id));
  return (
    <Screen
      name={last.me.name}
      orders={orders}
      showMore={last.orders.pageInfo.hasNextPage ? showMore : undefined}
      show={setOrder}
      asked={asked}
    >
      {order && <FollowedOrder key={order} id={order} close={() => setOrder(undefined)} />}
    </Screen>
  );
}

function FollowedOrder({ id, close }) {
  const [steps, setSteps] = useState([]);
  const [isOver, setOver] = useState(false);
  const [problem, setProblem] = useState();
  useEffect(() => {
    // After 0 comes the whole history.
    const subscription = { query: ORDER_STATUS_CHANGED, variables: { id, after: 0 }, position: "sequence" };
    return client.follow(subscription, {
      next: ({ orderStatusChanged }) => setSteps((before) => [...before, orderStatusChanged]),
      restart: () => setSteps([]),
      complete: () => setOver(true),
      error: setProblem,
    });
  }, [id]);
  return <Order id={id} steps={steps} isOver={isOver} problem={problem} close={close} />;
}

start(<Page />);
