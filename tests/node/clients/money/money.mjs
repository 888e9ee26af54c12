/**
 * An amount of the API, such as `"12.50"` of `"USD"`, as people of a place read it: with the digits that the text has. Without a locale it is
 * the one of the browser or the phone.
 */
export function formatMoney(amount, currency, locale) {
  const digits = amount.split(".")[1]?.length ?? 0;
  return moneyFormat(currency, digits, locale).format(amount);
}

// To make one takes longer than to use it a hundred times.
const formats = new Map();

function moneyFormat(currency, digits, locale) {
  const key = `${currency} ${digits} ${locale}`;
  let format = formats.get(key);
  if (!format) {
    const options = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
    format = new Intl.NumberFormat(locale, options);
    formats.set(key, format);
  }
  return format;
}
