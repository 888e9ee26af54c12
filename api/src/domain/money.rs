//! Money: exact amounts, rounded half-up to the digits of their currency.

use iso_currency::{Currency, Flag};
use rust_decimal::{Decimal, RoundingStrategy};

/// The number of digits after the point that amounts of the currency (ISO 4217) have; 2 for one that is not known, which only
/// a row written by hand can have.
///
/// The library looks through all currencies, and answers ask it for every amount: a twentieth of what twenty orders take. A test holds
/// this to it.
pub fn digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// Whether a restaurant may be opened with the currency: one that people pay with, by ISO 4217, with at most the two digits that the
/// columns hold. What has been replaced, a fund, a metal or a code for tests is none; restaurants that have such a currency already keep it.
pub fn is_supported(currency: &str) -> bool {
    Currency::from_code(currency).is_some_and(|currency| {
        let is_paid_with = !currency.has_flag(Flag::Fund) && !currency.has_flag(Flag::Special);
        // Of the two codes that the bolívar has, neither has been withdrawn.
        let is_in_use = currency.is_superseded().is_none() || currency == Currency::VES;
        is_paid_with && is_in_use && currency.exponent().is_some_and(|digits| digits <= 2)
    })
}

/// What one delivery costs where a restaurant does not say it: an amount that was thought of in US dollars is none in other currencies.
pub fn default_delivery_fee(currency: &str) -> Decimal {
    if currency == "USD" { Decimal::new(299, 2) } else { Decimal::ZERO }
}

/// Rounded half-up (away from zero) to `digits` after the point, and with exactly that many.
pub fn rounded(amount: Decimal, digits: u32) -> Decimal {
    let mut amount = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
    amount.rescale(digits);
    amount
}

/// What an order costs, each part rounded on its own to the currency's digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    pub subtotal: Decimal,
    pub tax: Decimal,
    pub delivery_fee: Decimal,
    pub total: Decimal,
}

impl Charge {
    /// Rounds once per line and once for the tax. `lines` are unit prices with quantities.
    pub fn of(
        lines: impl IntoIterator<Item = (Decimal, i32)>,
        tax_rate: Decimal,
        delivery_fee: Decimal,
        currency: &str,
    ) -> Self {
        let digits = digits(currency);
        let subtotal =
            lines.into_iter().map(|(unit_price, quantity)| line_total(unit_price, quantity, currency)).sum::<Decimal>();
        let subtotal = rounded(subtotal, digits);
        let tax = rounded(subtotal * tax_rate, digits);
        let delivery_fee = rounded(delivery_fee, digits);
        Charge { subtotal, tax, delivery_fee, total: subtotal + tax + delivery_fee }
    }
}

/// The price of one line of an order, rounded.
pub fn line_total(unit_price: Decimal, quantity: i32, currency: &str) -> Decimal {
    rounded(unit_price * Decimal::from(quantity), digits(currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn rounds_half_up_once_per_line_and_once_for_the_tax() {
        let charge =
            Charge::of([(decimal("0.35"), 3), (decimal("1.10"), 1)], decimal("0.0825"), decimal("2.99"), "USD");
        assert_eq!(charge.subtotal, decimal("2.15"));
        assert_eq!(charge.tax, decimal("0.18"), "0.177375");
        assert_eq!(charge.total, decimal("5.32"));
        assert_eq!(rounded(decimal("0.125"), 2), decimal("0.13"));
        assert_eq!(rounded(decimal("12.5"), 0), decimal("13"));
    }

    #[test]
    fn every_currency_has_the_digits_of_iso_4217() {
        let letters = || 'A'..='Z';
        let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
        for code in codes {
            let expected = Currency::from_code(&code).and_then(|currency| currency.exponent()).map_or(2, u32::from);
            assert_eq!(digits(&code), expected, "{code}");
        }
    }

    #[test]
    fn refuses_currencies_with_more_digits_than_the_columns_hold() {
        assert!(is_supported("USD") && is_supported("VND") && is_supported("EUR"));
        assert!(!is_supported("KWD"), "three digits");
        assert!(!is_supported("usd") && !is_supported("XYZ") && !is_supported(""));
    }

    #[test]
    fn refuses_what_nobody_pays_with() {
        let withdrawn = ["HRK", "BGN", "CUC", "SLL", "ZWL"];
        let funds = ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"];
        let others = ["XAU", "XAG", "XDR", "XSU", "XUA", "XTS", "XXX", "XBA", "XAD"];
        for code in withdrawn.into_iter().chain(funds).chain(others) {
            assert!(!is_supported(code), "{code}");
        }
        for code in ["EUR", "CUP", "SLE", "ZWG", "XCG", "XCD", "XOF", "VES", "VED", "HUF", "JPY"] {
            assert!(is_supported(code), "{code}");
        }
        // Whoever has one already is paid in it as before.
        assert_eq!((digits("HRK"), digits("BGN"), digits("UYI")), (2, 2, 0));
    }

    /// docs/clients/money.md shows the code that is run here.
    #[test]
    fn pages_show_amounts_of_every_currency_with_all_their_digits() {
        tiffin_tests::run(async {
            let letters = || 'A'..='Z';
            let codes =
                letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
            let supported: Vec<_> = codes.filter(|code| is_supported(code)).map(|code| (digits(&code), code)).collect();
            let currencies = serde_json::to_string(&supported).unwrap();
            let printed = tiffin_tests::workspace::node_script("money.mjs", &[&currencies]).await;
            let rounded: Vec<String> = serde_json::from_str(&printed).unwrap();
            println!("Of {} currencies Node.js alone rounds {}: {}", supported.len(), rounded.len(), rounded.join(" "));
            for code in ["HUF", "COP", "IDR", "PKR"] {
                assert!(rounded.iter().any(|rounded| rounded == code), "docs/clients/money.md says it of {code}");
            }
            assert!(!rounded.iter().any(|code| code == "USD"));
        });
    }
}
