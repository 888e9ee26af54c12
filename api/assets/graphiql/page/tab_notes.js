// What the page knows of each tab beside what GraphiQL keeps: its name, and as whom it acts. Kept in the browser, as the tabs are.

import { read } from './storage.js';

const NOTES = 'graphiql:tabNotes';

/** The notes in this storage, by the tabs' ids, for React's `useSyncExternalStore`. */
export function tabNotes(storage) {
  let notes = read(storage, NOTES) ?? {};
  const listeners = new Set();

  function write(next) {
    notes = next;
    storage.setItem(NOTES, JSON.stringify(notes));
    listeners.forEach((listener) => listener());
  }

  return {
    all: () => notes,
    of: (id) => notes[id] ?? {},
    change: (id, part) => write({ ...notes, [id]: { ...notes[id], ...part } }),
    /** Forgets those of tabs that are closed. */
    keep: (ids) => write(Object.fromEntries(Object.entries(notes).filter(([id]) => ids.includes(id)))),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
