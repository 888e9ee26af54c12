// node graphcache_updates.mjs <url> <people's tokens> <what there is>: what urql's graphcache, as docs/clients/urql.md configures it, makes of
// a server's answers. The tokens are { customer, staff, driver }, and there are { restaurant, menu, dish, order }: an order on its way, one
// that was delivered, and a few more.
//
// Prints in JSON what was shown of each thing in turn, orders by their place in time.

import { readFileSync } from "node:fs";

import { cacheExchange } from "@urql/exchange-graphcache";
import { buildSchema, introspectionFromSchema } from "graphql";
import { createClient } from "graphql-ws";
import { Client, fetchExchange, subscriptionExchange } from "urql";
import { pipe, subscribe } from "wonka";
import WebSocket from "ws";

import { cache } from "./clients/urql/cache.js";

const [url, tokens, there] = process.argv.slice(2);
const { restaurant, menu, dish, order } = JSON.parse(there);
const schema = introspectionFromSchema(buildSchema(readFileSync("../../schema.graphql", "utf8")));

/** Somebody's client, which counts its requests. */
function open(token) {
  const authorization = `Bearer ${token}`;
  const live = createClient({ url: url.replace("http", "ws"), webSocketImpl: WebSocket, connectionParams: { authorization } });
  const person = { requests: 0 };
  person.client = new Client({
    url,
    fetchOptions: { headers: { authorization } },
    fetch: (...request) => (person.requests++, fetch(...request)),
    exchanges: [
      cacheExchange({ schema, ...cache }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({ subscribe: (sink) => ({ unsubscribe: live.subscribe(request, sink) }) }),
      }),
    ],
  });
  return person;
}

const { customer, staff, driver } = Object.fromEntries(Object.entries(JSON.parse(tokens)).map(([name, token]) => [name, open(token)]));

const codes = ({ graphQLErrors }) => graphQLErrors.map(({ extensions }) => extensions.code);

/** Watches a query, or a subscription: what a page would show of its data in turn, by `pick`. */
function watch({ client }, kind, document, variables, pick) {
  const shown = [];
  let look = () => {};
  pipe(
    client[kind](document, variables),
    subscribe(({ data, error, stale }) => {
      // What is shown while the rest is read.
      if (stale) return;
      const now = error ? codes(error) : pick(data);
      if (JSON.stringify(now) === JSON.stringify(shown.at(-1))) return;
      shown.push(now);
      look();
    }),
  );
  const until = (number) => new Promise((resolve) => (look = () => shown.length >= number && resolve())());
  return { shown, until };
}

/** Does something, and waits until what is watched has changed. */
async function act({ client }, document, input, watched) {
  const before = watched.shown.length;
  const { data, error } = await client.mutation(document, { input }).toPromise();
  if (error) throw error;
  await watched.until(before + 1);
  return Object.values(data)[0];
}

// Lists: whoever looks at them is shown what comes and goes, on whichever page.
const ORDER_IN_LIST = "fragment OrderInList on Order { id status customerName restaurantName totalAmount currency }";
const ORDERS = `query ($after: String) {
  orders(first: 2, after: $after) { nodes { ...OrderInList } pageInfo { endCursor hasNextPage } }
} ${ORDER_IN_LIST}`;
const KITCHEN = `query ($id: ID!) { restaurant(id: $id) { id orders(first: 10) { nodes { ...OrderInList } } } } ${ORDER_IN_LIST}`;
const STEPS = `subscription ($id: ID!) {
  restaurantOrderChanged(restaurantId: $id) { id sequence order { ...OrderInList } }
} ${ORDER_IN_LIST}`;
const PLACE = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { order { ...OrderInList } } } ${ORDER_IN_LIST}`;
const MENU = "query ($id: ID!) { node(id: $id) { id ... on Menu { dishes(first: 10) { nodes { id name } } } } }";
const CREATE_DISH = "mutation ($input: CreateDishInput!) { createDish(input: $input) { dish { id name } } }";
const UPDATE_DISH = "mutation ($input: UpdateDishInput!) { updateDish(input: $input) { dish { id name } } }";
const DELETE_DISH = "mutation ($input: DeleteDishInput!) { deleteDish(input: $input) { deletedDishId menu { id } } }";
const REVIEWS = "query ($id: ID!) { restaurant(id: $id) { id reviewCount reviews(first: 5) { nodes { id rating } } } }";
const POST = "mutation ($input: PostReviewInput!) { postReview(input: $input) { review { id rating } restaurant { id reviewCount } } }";
const DELETE = "mutation ($input: DeleteReviewInput!) { deleteReview(input: $input) { deletedReviewId restaurant { id reviewCount } } }";

const numberOf = ({ id }) => Number(id.split(":")[1]);

const dishes = watch(staff, "query", MENU, { id: menu }, ({ node }) => node.dishes.nodes.map(({ name }) => name));
await dishes.until(1);
const added = await act(staff, CREATE_DISH, { menuId: menu, name: "Added", price: "1.00", category: "Z" }, dishes);
await act(staff, UPDATE_DISH, { id: added.dish.id, name: "Renamed" }, dishes);

const firstOrders = watch(customer, "query", ORDERS, {}, (data) => data.orders);
await firstOrders.until(1);
const { endCursor } = firstOrders.shown[0].pageInfo;
const orders = watch(customer, "query", ORDERS, { after: endCursor }, (data) => data.orders.nodes.map(numberOf));
await orders.until(1);
const ofKitchen = watch(staff, "query", KITCHEN, { id: restaurant }, (data) => data.restaurant.orders.nodes.map(numberOf));
await ofKitchen.until(1);
await watch(staff, "subscription", STEPS, { id: restaurant }, (data) => data.restaurantOrderChanged.id).until(1);
let asked = customer.requests + staff.requests;
const basket = { restaurantId: restaurant, items: [{ dishId: dish, quantity: 1 }], deliveryAddress: { line1: "1", city: "2" } };
await act(customer, PLACE, basket, orders);
await ofKitchen.until(2);

const reviews = watch(customer, "query", REVIEWS, { id: restaurant }, ({ restaurant: { reviewCount, reviews } }) => [
  reviewCount,
  reviews.nodes.map(({ rating }) => rating),
]);
await reviews.until(1);
const { review } = await act(customer, POST, { restaurantId: restaurant, rating: 4 }, reviews);
await act(customer, DELETE, { id: review.id }, reviews);
await act(staff, DELETE_DISH, { id: added.dish.id }, dishes);
// Each mutation was one request, the reviews another, and the kitchen's list was read anew.
asked = customer.requests + staff.requests - asked;

// What is known already is asked for by nobody again, and what is not there is no endless question.
const before = customer.requests;
const known = watch(customer, "query", "query ($id: ID!) { order(id: $id) { id status } }", { id: order }, (data) => data.order.status);
await known.until(1);
const askedForKnown = customer.requests - before;
const unknown = watch(customer, "query", 'query { order(id: "Order:999999") { id status } }', {}, (data) => data.order);
await unknown.until(1);

// Where the driver is.
const WHERE = "query ($id: ID!) { order(id: $id) { id driver { id location { lat } } } }";
const place = watch(customer, "query", WHERE, { id: order }, (data) => data.order.driver.location?.lat ?? null);
await place.until(1);
const MOVED = "subscription ($id: ID!) { driverLocationChanged(orderId: $id) { driver { id } lat lng heading speed recordedAt } }";
const moved = watch(customer, "subscription", MOVED, { id: order }, (data) => data.driverLocationChanged.lat);
const MOVE = "mutation ($input: UpdateDriverLocationInput!) { updateDriverLocation(input: $input) { location { lat } } }";
await act(driver, MOVE, { lat: 21.5, lng: 105 }, moved);
await place.until(2);

const outcome = { dishes, orders, ofKitchen, reviews, known, unknown, place };
const shown = Object.entries(outcome).map(([name, watched]) => [name, watched.shown]);
console.log(JSON.stringify({ ...Object.fromEntries(shown), asked, askedForKnown }));
process.exit(0);
