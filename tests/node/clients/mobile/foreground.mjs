/**
 * Live updates for an app that is put away and taken out again: nothing is open while it is in the background, and everything goes on
 * after its last event when it comes back.
 *
 * `appState` is React Native's `AppState`. `open()` gives a new client, such as `createLiveClient(…)`, and `follow` is the function of
 * docs/live-updates.md. `refresh()` is called each time the app comes back: read anew what is shown and not followed.
 */
export function createForegroundClient({ appState, open, follow, refresh }) {
  const followed = new Set();
  let client;

  function change(state) {
    // "inactive" is a call that comes in or a look at the notifications: the app is still there.
    if (state === "active" && !client) {
      // A new one, for the old one's socket may have died in the pocket without a word.
      client = open();
      for (const one of followed) one.start();
      return true;
    }
    if (state === "background" && client) {
      for (const one of followed) one.stop();
      client.dispose();
      client = undefined;
    }
    return false;
  }

  change(appState.currentState);
  const listening = appState.addEventListener("change", (state) => {
    if (change(state)) refresh?.();
  });

  return {
    /** As `follow(client, …)`, over all the times that the app is put away. */
    follow({ query, variables, position }, sink) {
      let after = variables.after;
      let stop;
      const one = {
        start() {
          stop = follow(client, { query, variables: { ...variables, after }, position }, {
            next(data) {
              after = Object.values(data)[0][position];
              sink.next(data);
            },
            restart() {
              after = undefined;
              return sink.restart?.();
            },
            complete() {
              followed.delete(one);
              sink.complete();
            },
            error(problem) {
              followed.delete(one);
              sink.error(problem);
            },
          });
        },
        stop: () => stop?.(),
      };
      followed.add(one);
      if (client) one.start();
      return () => {
        followed.delete(one);
        one.stop();
      };
    },
    dispose() {
      listening.remove();
      change("background");
    },
  };
}
