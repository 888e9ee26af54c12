// What subscriptions told: the last events of each tab, while the page is open.

/** How many events of a tab are kept. */
export const KEPT = 50;

/** The events by the tabs' ids, for React's `useSyncExternalStore`. */
export function eventLog() {
  let logs = {};
  const listeners = new Set();

  function write(tab, log) {
    logs = { ...logs, [tab]: log };
    listeners.forEach((listener) => listener());
  }

  const of = (tab) => logs[tab];

  return {
    of,
    all: () => logs,
    begin: (tab) => write(tab, { following: true, told: 0, events: [] }),
    /** Puts the newest first. */
    add(tab, result) {
      const log = of(tab);
      if (!log) return;
      const event = { number: log.told + 1, at: new Date(), result };
      write(tab, { ...log, told: event.number, events: [event, ...log.events].slice(0, KEPT) });
    },
    end(tab) {
      const log = of(tab);
      if (log?.following) write(tab, { ...log, following: false });
    },
    /** Leaves no event. Where nothing follows, the result pane has its place again. */
    clear(tab) {
      const log = of(tab);
      if (log) write(tab, log.following ? { ...log, events: [] } : undefined);
    },
    drop(tab) {
      if (of(tab)) write(tab, undefined);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** An event in one line: what the one field of the subscription gave, or else all of it. */
export function brief({ data, errors }) {
  if (errors) return errors.map(({ message }) => message).join(' ');
  const values = Object.values(data ?? {});
  return JSON.stringify(values.length === 1 ? values[0] : (data ?? null));
}
