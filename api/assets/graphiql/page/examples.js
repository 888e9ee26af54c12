// The ready tabs: the server gives the operations and who acts, this file the variables, from what is in the demo now.

import { actingAs } from './sessions.js';

const questions = {
  customer: `{
    me { customer { addresses { line1 city } } }
    orders(first: 20, filter: { status: [PENDING, CONFIRMED, PREPARING, READY, PICKED_UP] }) { nodes { id status driver { id } } }
  }`,
  merchant: `{
    me {
      restaurants {
        id
        location { lat lng }
        menu { dishes(first: 2, filter: { isAvailable: true }) { nodes { id } } }
        orders(first: 20, filter: { status: [PENDING, CONFIRMED, PREPARING, READY] }) { nodes { id nextStatuses } }
      }
    }
  }`,
  driver: `{
    me { driver { id } }
    orders(first: 1, filter: { status: [CONFIRMED, PREPARING, READY, PICKED_UP] }) { nodes { id } }
    claimableOrders(first: 1) { nodes { id } }
  }`,
};

/** Asks as each demo account what it could act on; whoever gets no answer in time goes with guesses, where these will do. */
async function lookAround(send, accounts, guesses) {
  const answers = Object.entries(questions).map(async ([role, query]) => {
    const answer = await send({ query }, actingAs(accounts.people[role]), AbortSignal.timeout(5_000)).catch(() => ({}));
    if (!answer.data && !guesses) throw new Error(`the ${role} got no answer`);
    return [role, answer.data ?? {}];
  });
  return Object.fromEntries(await Promise.all(answers));
}

const nodes = (connection) => connection?.nodes ?? [];
const forward = (order) => order.nextStatuses?.find((status) => status !== 'CANCELLED');

/** What the variables are made of. The ids that nothing was found for are those of a fresh database. */
function choose({ customer, merchant, driver }) {
  const open = nodes(customer.orders);
  // The newest first: it is on its way for longest.
  const carried = open.find((order) => order.status === 'PICKED_UP') ?? open.find((order) => order.driver);
  const restaurants = merchant.me?.restaurants ?? [];
  const movable = (restaurant) => nodes(restaurant.orders).find(forward);
  const restaurant = restaurants.find(movable) ?? restaurants[0] ?? {};
  const toMove = movable(restaurant);
  const dishes = nodes(restaurant.menu?.dishes).map((dish) => dish.id);
  return {
    address: customer.me?.customer?.addresses?.[0] ?? { line1: '1 Market Street', city: 'Tiffin' },
    watched: open[0]?.id ?? 'Order:1',
    carried: carried?.id ?? open[0]?.id ?? 'Order:1',
    restaurant: restaurant.id ?? 'Restaurant:1',
    dishes: dishes.length > 0 ? dishes : ['Dish:1'],
    toMove: toMove?.id ?? 'Order:1',
    nextStatus: (toMove && forward(toMove)) ?? 'CONFIRMED',
    driver: driver.me?.driver?.id ?? 'Driver:1',
    toCarry: nodes(driver.orders)[0]?.id ?? nodes(driver.claimableOrders)[0]?.id ?? 'Order:1',
    position: restaurant.location ?? { lat: 0, lng: 0 },
  };
}

const variables = {
  welcome: () => ({ cuisine: null }),
  sign_in: (found, accounts) => ({
    account: { email: accounts?.people.customer ?? '', password: accounts?.password ?? '' },
    refreshToken: '',
    newAccount: accounts
      ? { email: 'ann@example.com', password: 'ten characters or more', name: 'Ann' }
      : { email: '', password: '', name: '' },
  }),
  search: () => ({ text: 'rice' }),
  who_am_i: () => null,
  place_order: (found) => ({
    input: {
      restaurantId: found.restaurant,
      items: found.dishes.map((dishId, index) => ({ dishId, quantity: index + 1 })),
      deliveryAddress: found.address,
    },
  }),
  kitchen: (found) => ({ restaurant: found.restaurant, order: found.toMove, status: found.nextStatus }),
  driver: (found) => ({ order: found.toCarry, driver: found.driver, position: found.position }),
  watch_order: (found) => ({ order: found.watched, after: null }),
  watch_my_orders: () => ({ after: null }),
  watch_kitchen: (found) => ({ restaurant: found.restaurant, after: null }),
  watch_claimable_orders: () => ({ after: null }),
  driver_on_the_map: (found) => ({ order: found.carried }),
  revenue: (found) => ({ restaurant: found.restaurant, period: 'DAY' }),
};

const pretty = (value) => (value ? JSON.stringify(value, null, 2) : '');

const title = (name) => name.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase());

/** The tabs for this server: `{ name, title, person, query, variables }`, the last one as the text of its pane. */
export async function examples({ accounts, examples }, send, { guesses = true } = {}) {
  const found = accounts ? choose(await lookAround(send, accounts, guesses)) : {};
  return examples.map(({ name, acts_as: person, query }) => ({
    name,
    title: title(name),
    person: person ?? '',
    query,
    variables: pretty(variables[name](found, accounts)),
  }));
}
