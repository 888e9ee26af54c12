//! The bounds of each number of the configuration: what is outside is refused at the start. The most is far above what anybody needs, and
//! below what overflows a date, a timer or the memory.

use std::ops::RangeInclusive;

use figment::{
    Figment,
    value::{Num, Value},
};

use super::source;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Every key that is a number, in the order of the sections.
pub(super) const BOUNDS: &[(&str, RangeInclusive<u64>)] = &[
    ("http.public_max_age_seconds", 0..=DAY),
    ("http.strict_transport_security_seconds", 0..=2 * 366 * DAY),
    ("http.connections", 1..=1_000_000),
    ("http.header_timeout_seconds", 1..=10 * MINUTE),
    ("http.keep_alive_seconds", 1..=DAY),
    ("database.max_connections", 1..=1_000),
    ("database.min_connections", 0..=1_000),
    ("database.connect_timeout_seconds", 1..=10 * MINUTE),
    ("database.acquire_timeout_seconds", 1..=10 * MINUTE),
    ("database.idle_timeout_seconds", 1..=DAY),
    ("database.max_lifetime_seconds", 1..=7 * DAY),
    ("database.ping_after_idle_seconds", 0..=DAY),
    ("database.statement_timeout_seconds", 1..=HOUR),
    ("database.lock_timeout_seconds", 1..=HOUR),
    ("database.idle_in_transaction_timeout_seconds", 1..=HOUR),
    ("database.slow_statement_milliseconds", 0..=1_000 * HOUR),
    ("websocket.init_timeout_seconds", 1..=10 * MINUTE),
    ("websocket.ping_interval_seconds", 1..=HOUR),
    ("websocket.send_timeout_seconds", 1..=10 * MINUTE),
    ("websocket.message_bytes", KIB..=64 * MIB),
    ("websocket.operations", 1..=10_000),
    ("websocket.connections", 1..=1_000_000),
    ("websocket.connections_per_address", 1..=1_000_000),
    ("websocket.operations_per_process", 1..=10_000_000),
    // Who loses a right is to be stopped within 10 seconds.
    ("websocket.rights_check_seconds", 1..=8),
    ("limits.body_bytes", KIB..=64 * MIB),
    ("limits.document_bytes", KIB..=64 * MIB),
    ("limits.document_tokens", 10..=10_000_000),
    ("limits.depth", 1..=1_000),
    ("limits.complexity", 1..=1_000_000_000),
    ("limits.selections", 1..=10_000_000),
    ("limits.aliases", 0..=1_000_000),
    ("limits.directives", 0..=1_000_000),
    ("limits.root_fields", 1..=100_000),
    ("limits.errors", 1..=10_000),
    ("limits.batch_operations", 0..=1_000),
    // Numbers of this size are exact in Redis's scripts.
    ("limits.viewer_cost", 0..=1_000_000_000_000),
    ("limits.viewer_cost_window_seconds", 1..=DAY),
    ("limits.operation_timeout_seconds", 1..=HOUR),
    ("accounts.access_token_seconds", 1..=30 * DAY),
    ("accounts.session_days", 1..=3_650),
    ("accounts.verification_hours", 1..=3_650),
    ("accounts.password_reset_minutes", 1..=3_650),
    ("accounts.invitation_days", 1..=3_650),
    ("accounts.attempts_per_account", 1..=1_000_000),
    ("accounts.attempts_per_account_from_everywhere", 1..=1_000_000),
    ("accounts.attempts_per_address", 1..=1_000_000),
    ("accounts.attempts_window_seconds", 1..=DAY),
    ("accounts.sign_ups_per_address", 0..=1_000_000),
    ("accounts.letters_per_address", 0..=1_000_000),
    ("accounts.letters_per_account", 0..=1_000_000),
    ("accounts.kept_days", 0..=3_650),
    ("accounts.audit_days", 0..=36_500),
    ("orders.acceptance_timeout_minutes", 0..=30 * DAY / MINUTE),
    ("journal.kept_days", 1..=3_650),
    ("drivers.location_write_seconds", 1..=HOUR),
    ("drivers.route_interval_seconds", 1..=HOUR),
    ("drivers.route_retention_days", 0..=3_650),
    ("mail.timeout_seconds", 1..=10 * MINUTE),
    ("openid.timeout_seconds", 1..=10 * MINUTE),
    ("shutdown.delay_seconds", 0..=HOUR),
    ("shutdown.spread_seconds", 0..=DAY),
    ("shutdown.timeout_seconds", 1..=DAY),
];

/// A sentence for each number that is out of its bounds, wherever it was written. Looked at before the types are, some of which have no
/// room for it.
pub(super) fn problems(figment: &Figment) -> Vec<String> {
    let mut problems = Vec::new();
    for (key, bounds) in BOUNDS {
        let Ok(Value::Num(_, number)) = figment.find_value(key) else { continue };
        // What is no whole number is refused for that.
        let Some(number) = whole(number).filter(|number| !within(bounds, *number)) else { continue };
        let name = match figment.find_metadata(key) {
            Some(metadata) if metadata.name == "environment" => source::variable(key),
            Some(metadata) => format!("{key} ({})", source::origin(metadata)),
            None => (*key).to_owned(),
        };
        problems.push(format!("{name} is {number}, and may be from {} to {}", bounds.start(), bounds.end()));
    }
    problems
}

fn within(bounds: &RangeInclusive<u64>, number: i128) -> bool {
    (i128::from(*bounds.start())..=i128::from(*bounds.end())).contains(&number)
}

fn whole(number: Num) -> Option<i128> {
    let unsigned = || i128::try_from(number.to_u128()?).ok();
    number.to_i128().or_else(unsigned)
}
