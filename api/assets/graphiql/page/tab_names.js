// The tabs' names. GraphiQL calls a tab after the operation that the cursor is in, or that ran last; here a tab keeps the name that it was given.

const { React, GraphiQL } = window;
const element = React.createElement;
const { Dialog, EditorContext, PenIcon, ToolbarButton, useEditorContext } = GraphiQL.React;

/**
 * Gives the tabs their names, and tells `onTab` which one is open. GraphiQL has no place for either: what it reads its tabs from is wrapped
 * here, before it is first rendered.
 */
export function nameTabs(notes, onTab) {
  const { Provider } = EditorContext;

  EditorContext.Provider = function NamedTabs({ value, children }) {
    const all = React.useSyncExternalStore(notes.subscribe, notes.all);
    const named = React.useMemo(() => {
      const withName = (tab) => (all[tab.id]?.name ? { ...tab, title: all[tab.id].name } : tab);
      // What GraphiQL keeps are its own tabs.
      const own = ({ id }) => value.tabs.find((tab) => tab.id === id);
      return { ...value, tabs: value.tabs.map(withName), moveTab: (order) => value.moveTab(order.map(own)) };
    }, [value, all]);
    onTab(value.tabs[value.activeTabIndex]);
    return element(Provider, { value: named }, children);
  };
}

/** The button that names the open tab. An empty name gives GraphiQL its way again. */
export function NameButton({ notes }) {
  const { tabs, activeTabIndex } = useEditorContext();
  const [asks, setAsks] = React.useState(false);
  const tab = tabs[activeTabIndex];

  function save(submit) {
    submit.preventDefault();
    notes.change(tab.id, { name: new FormData(submit.target).get('name').trim().slice(0, 60) });
    setAsks(false);
  }

  return element(
    React.Fragment,
    null,
    element(
      ToolbarButton,
      { onClick: () => setAsks(true), label: 'Name this tab' },
      element(PenIcon, { className: 'graphiql-toolbar-icon', 'aria-hidden': true }),
    ),
    element(
      Dialog,
      { open: asks, onOpenChange: setAsks },
      element(
        'div',
        { className: 'graphiql-dialog-header' },
        element(Dialog.Title, { className: 'graphiql-dialog-title' }, 'Name this tab'),
        element(Dialog.Close),
      ),
      element(
        'form',
        { className: 'graphiql-dialog-section tab-name', onSubmit: save },
        element('input', { name: 'name', defaultValue: tab.title, maxLength: 60, 'aria-label': 'Name', autoFocus: true }),
        element('button', { type: 'submit', className: 'graphiql-button' }, 'Save'),
      ),
    ),
  );
}
