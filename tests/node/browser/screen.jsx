// What every page shows, whichever client brings it, so that one scenario drives them all (`tests/it/clients_in_a_browser.rs`).

import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

/** The GraphQL endpoint. */
export const api = new URL(location).searchParams.get("api");

/** Its address for websockets. */
export const liveApi = api.replace(/^http/, "ws");

/** Shows the page. Whatever it does not take care of itself is an error of the page's. */
export function start(page) {
  createRoot(document.querySelector("main")).render(page);
}

/** What `make()` gives for whoever is signed in, none before that; and what signs in. */
export function useSignedIn(session, make) {
  const [made, setMade] = useState();
  const open = () => setMade(make());
  useEffect(() => {
    if (session.isSignedIn()) open();
  }, []);
  async function signIn(email, password) {
    await session.signIn(email, password);
    open();
  }
  return [made, signIn];
}

/** Asks who it is, until `signIn(email, password)` has succeeded. */
export function SignIn({ signIn }) {
  const submit = async (form) => {
    form.preventDefault();
    const { email, password } = form.target.elements;
    await signIn(email.value, password.value);
  };
  return (
    <form id="sign-in" onSubmit={submit}>
      <input name="email" />
      <input name="password" type="password" />
      <button>Sign in</button>
    </form>
  );
}

/**
 * What somebody sees who is signed in: the name, the pages of the orders so far (their ids), and one of them with its steps.
 * `showMore` is there where there are more. `asked()` asks anew for who it is, and gives the name.
 */
export function Screen({ name, orders, showMore, show, asked, children }) {
  const [answers, setAnswers] = useState([]);
  const askThrice = async () => setAnswers(await Promise.all([asked(), asked(), asked()]));
  return (
    <>
      <h1 id="name">{name}</h1>
      <ul id="orders">
        {orders.map((order) => (
          <li key={order}>
            <button id={order} onClick={() => show(order)}>
              {order}
            </button>
          </li>
        ))}
      </ul>
      {showMore && (
        <button id="more" onClick={showMore}>
          More
        </button>
      )}
      <button id="ask" onClick={askThrice}>
        Ask three times at once
      </button>
      <button id="forget" onClick={() => setAnswers([])}>
        Forget
      </button>
      <p id="answers">{answers.map((answer, number) => <span key={number}>{answer}</span>)}</p>
      {children}
    </>
  );
}

/** One order, with the steps that it was told. */
export function Order({ id, steps, isOver, problem, close }) {
  return (
    <section id="order" data-order={id} data-steps={steps.length}>
      <ol>
        {steps.map(({ sequence, status }, number) => (
          <li key={number}>{`${sequence} ${status}`}</li>
        ))}
      </ol>
      <p id="over">{isOver ? "over" : "under way"}</p>
      {problem && <p id="problem">{Array.isArray(problem) ? JSON.stringify(problem) : said(problem)}</p>}
      <button id="close" onClick={close}>
        Close
      </button>
    </section>
  );
}

function said({ constructor, message }) {
  return `${constructor.name}: ${message}`;
}
