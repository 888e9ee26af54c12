// Keeps the open ready tab about what is in the demo now: orders end, and what watches one would have nothing to tell.

import { examples } from './examples.js';
import { follow, untouchedExample } from './tabs.js';

const { React, GraphiQL } = window;
const { useEditorContext, useExecutionContext } = GraphiQL.React;

/** Milliseconds between two looks. */
const PAUSE = 15_000;

/** Gives the open tab new variables when it is opened and now and then, while it is as it was given and nothing runs. */
export function ReadyTabs({ settings, storage, send }) {
  const { tabs, activeTabIndex, variableEditor } = useEditorContext();
  const { isFetching, isSubscribed } = useExecutionContext();
  const id = tabs[activeTabIndex].id;
  const present = React.useRef();
  present.current = { tab: tabs[activeTabIndex], variableEditor, isRunning: isFetching || isSubscribed };

  React.useEffect(() => {
    document.querySelector('.graphiql-tab-active')?.scrollIntoView({ inline: 'nearest', block: 'nearest' });
    if (!settings.accounts) return undefined;
    let left = false;

    // Who reads a result wants to see what it was asked with.
    const isRead = ({ response, query }) => response && !/^subscription\b/m.test(query);

    async function refresh() {
      const { tab, isRunning } = present.current;
      if (isRunning || document.hidden || isRead(tab) || !untouchedExample(storage, settings.examples, tab)) return;
      const ready = await examples(settings, send, { guesses: false }).catch(() => []);
      // It may have been touched, or have begun to run, while the server was asked.
      const now = present.current;
      const example = untouchedExample(storage, ready, now.tab);
      if (left || now.isRunning || isRead(now.tab) || !example || example.variables === (now.tab.variables ?? '')) return;
      follow(storage, example);
      now.variableEditor?.setValue(example.variables);
    }

    const timer = setInterval(refresh, PAUSE);
    const soon = setTimeout(refresh, 300); // when the panes show this tab
    document.addEventListener('visibilitychange', refresh);
    return () => {
      left = true;
      clearInterval(timer);
      clearTimeout(soon);
      document.removeEventListener('visibilitychange', refresh);
    };
  }, [id, settings, storage, send]);
  return null;
}
