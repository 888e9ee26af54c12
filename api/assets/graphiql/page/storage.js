/** The JSON of a key; `undefined` where there is none, or something else. */
export function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key)) ?? undefined;
  } catch {
    return undefined;
  }
}
