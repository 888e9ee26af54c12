const UNANSWERED = "tiffin.unanswered-order";

/** What will be no different the next time: the order is not placed. After any other error it may be. */
const REFUSED = ["BAD_USER_INPUT", "CONFLICT", "FORBIDDEN", "NOT_FOUND"];

/**
 * Places an order once, also when the app is killed before it hears the answer.
 *
 * `storage` is React Native's `AsyncStorage`. `send(input)` runs `placeOrder` and gives the whole answer, or throws where there is none.
 * `key` is new for each order, such as `randomUUID()` of expo-crypto.
 */
export async function placeOrder(storage, send, input, key) {
  const unanswered = { input: { ...input, idempotencyKey: key }, at: Date.now() };
  // Before it is sent: the next start of the app finds it, whatever becomes of this one.
  await storage.setItem(UNANSWERED, JSON.stringify(unanswered));
  return sendUnanswered(storage, send, unanswered.input);
}

/**
 * At the start of the app: sends again what was not answered, if the customer still wants it. It is the same order if it was placed,
 * and a new one if it was not, so `isWanted(input, at)` asks where it is not from just now.
 */
export async function resumeOrder(storage, send, isWanted) {
  const text = await storage.getItem(UNANSWERED);
  if (!text) return undefined;
  const { input, at } = JSON.parse(text);
  if (await isWanted(input, new Date(at))) return sendUnanswered(storage, send, input);
  await storage.removeItem(UNANSWERED);
  return undefined;
}

async function sendUnanswered(storage, send, input) {
  const answer = await send(input);
  if (!answer.errors || answer.errors.some(isRefusal)) await storage.removeItem(UNANSWERED);
  return answer;
}

function isRefusal({ extensions }) {
  // A conflict of the key is one with itself: the same order, sent a moment ago, is still being placed.
  return REFUSED.includes(extensions?.code) && extensions.field !== "idempotencyKey";
}
