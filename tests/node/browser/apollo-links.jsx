// Apollo Client's own links, in place of those of docs/clients/apollo.md.

import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { BatchHttpLink } from "@apollo/client/link/batch-http";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import { useState } from "react";

import { api, liveApi, start } from "./screen.jsx";

const ORDER_STATUS_CHANGED = gql`
  subscription OrderStatusChanged($id: ID!, $after: Int) {
    orderStatusChanged(orderId: $id, after: $after) {
      id
      status
    }
  }
`;

const LINKS = {
  GraphQLWsLink: (authorization) => new GraphQLWsLink(createClient({ url: liveApi, connectionParams: { authorization } })),
  HttpLink: (authorization) => new HttpLink({ uri: api, headers: { authorization } }),
  BatchHttpLink: (authorization) => new BatchHttpLink({ uri: api, headers: { authorization }, batchMax: 3 }),
};

const apollo = (link, token) =>
  new ApolloClient({ link: LINKS[link](`Bearer ${token}`), cache: new InMemoryCache(), clientAwareness: { name: "orders" } });

function Page() {
  const [token, setToken] = useState("");
  const [order, setOrder] = useState("");
  const [told, setTold] = useState([]);
  const tell = (what) => setTold((before) => [...before, what]);

  function follow(link) {
    setTold([]);
    const subscription = { query: ORDER_STATUS_CHANGED, variables: { id: order, after: 0 } };
    const results = apollo(link, token).subscribe(subscription);
    results.subscribe({
      next: ({ data, error }) => tell(error?.message ?? data.orderStatusChanged.status),
      error: ({ message }) => tell(message),
      complete: () => tell("over"),
    });
  }

  async function ask() {
    setTold([]);
    const client = apollo("BatchHttpLink", token);
    const queries = ["A", "B", "C"].map((name) => gql(`query Name${name} { me { id name } }`));
    const answers = await Promise.all(queries.map((query) => client.query({ query })));
    answers.forEach(({ data }) => tell(data.me.name));
  }

  return (
    <>
      <input name="token" value={token} onChange={({ target }) => setToken(target.value)} />
      <input name="order" value={order} onChange={({ target }) => setOrder(target.value)} />
      <button id="GraphQLWsLink" onClick={() => follow("GraphQLWsLink")} />
      <button id="HttpLink" onClick={() => follow("HttpLink")} />
      <button id="BatchHttpLink" onClick={ask} />
      <ol id="told">
        {told.map((what, number) => (
          <li key={number}>{what}</li>
        ))}
      </ol>
    </>
  );
}

start(<Page />);
