// node money.mjs <currencies>: shows amounts of each currency, a JSON list of [digits after the point, code], with the code of docs/clients/money.md
// in many locales, and fails where a digit is lost or added.
//
// Prints in JSON the codes of those that Intl.NumberFormat shows otherwise when it is not told how many digits there are.

import assert from "node:assert/strict";

import { formatMoney } from "./clients/money/money.mjs";

const LOCALES = ["en", "en-IN", "de", "de-CH", "fr", "es-CO", "hu", "pl", "pt-CV", "vi", "id", "ja", "ko", "ar-EG", "fa", "hi", "bn", "my", "ur"];
const WHOLE = ["0", "7", "990", "50000", "12345678", "99999999"];

const rounded = [];
for (const [digits, currency] of JSON.parse(process.argv[2])) {
  const amounts = digits === 0 ? WHOLE : WHOLE.flatMap((whole) => ["00", "05", "90", "99"].map((cents) => `${whole}.${cents}`));
  for (const amount of amounts.flatMap((amount) => [amount, `-${amount}`])) {
    for (const locale of LOCALES) {
      const shown = formatMoney(amount, currency, locale);
      assert.equal(digitsOf(shown, locale), amount.replace(/\D/g, ""), `${amount} ${currency} in ${locale} is shown as ${shown}`);
    }
  }
  const alone = new Intl.NumberFormat("en", { style: "currency", currency });
  if (amounts.some((amount) => alone.format(amount) !== formatMoney(amount, currency, "en"))) rounded.push(currency);
}
console.log(JSON.stringify(rounded));

/** The digits of a text, in the writing of ASCII. */
function digitsOf(text, locale) {
  const own = [...new Intl.NumberFormat(locale, { useGrouping: false }).format(9876543210)].reverse();
  return [...text].map((character) => own.indexOf(character)).filter((digit) => digit >= 0).join("");
}
