// The events of the open tab's subscription, the newest first, in the place of the result.

import { KEPT, brief } from './events.js';

const { React, GraphiQL } = window;
const element = React.createElement;
const { useEditorContext } = GraphiQL.React;

const clock = (at) => at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

function EventEntry({ event: { number, at, result }, open, onToggle }) {
  function toggle(click) {
    click.preventDefault();
    onToggle(number, !open);
  }
  return element(
    'li',
    { className: result.errors ? 'event failed' : 'event' },
    element(
      'details',
      { open },
      element(
        'summary',
        { onClick: toggle },
        element('b', null, `${number}`),
        element('time', { dateTime: at.toISOString() }, clock(at)),
        element('code', null, brief(result)),
      ),
      element('pre', null, JSON.stringify(result, null, 2)),
    ),
  );
}

/** Nothing where the tab followed nothing. The newest event is open, unless somebody closed it, and the others are one line each. */
export function EventList({ log }) {
  const { tabs, activeTabIndex } = useEditorContext();
  const tab = tabs[activeTabIndex].id;
  const followed = React.useSyncExternalStore(log.subscribe, log.all)[tab];
  const [toggled, setToggled] = React.useState({});
  if (!followed) return null;
  const { following, told, events } = followed;
  const isOpen = (number) => toggled[`${tab} ${number}`] ?? number === told;
  const counted = told === 1 ? '1 event' : `${told} events`;
  return element(
    'section',
    { className: 'events', 'aria-label': 'Events' },
    element(
      'header',
      null,
      element('span', { className: following ? 'state following' : 'state' }, following ? 'Following' : 'Ended'),
      element('span', { role: 'status' }, told > KEPT ? `${counted}, the last ${KEPT} are kept` : counted),
      element('button', { type: 'button', className: 'graphiql-button', onClick: () => log.clear(tab) }, 'Clear'),
    ),
    events.length === 0
      ? element('p', null, 'Nothing was told yet.')
      : element(
          'ol',
          { tabIndex: 0, 'aria-label': 'Newest first' },
          events.map((event) =>
            element(EventEntry, {
              key: event.number,
              event,
              open: isOpen(event.number),
              onToggle: (number, open) => setToggled((before) => ({ ...before, [`${tab} ${number}`]: open })),
            }),
          ),
        ),
  );
}
