//! The outcomes as tables for people, and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::{
    contestant::Contestant,
    measure::{Figures, Outcome, Round},
    options::Options,
};

/// The tables as Markdown.
pub fn tables(outcomes: &[Outcome], options: &Options) -> String {
    let mut text = String::new();
    if outcomes.iter().all(|outcome| outcome.contestants.values().all(|figures| figures.rounds.is_empty())) {
        counts(&mut text, outcomes, options);
        return text;
    }
    ratios(&mut text, outcomes, options);
    text.push('\n');
    costs(&mut text, outcomes, options);
    text.push('\n');
    counts(&mut text, outcomes, options);
    text
}

fn server(round: &Round) -> f64 {
    round.server_seconds
}

fn postgres(round: &Round) -> f64 {
    round.postgres_seconds
}

fn both(round: &Round) -> f64 {
    round.server_seconds + round.postgres_seconds
}

/// What Tiffin costs as a part of what others do.
fn ratios(text: &mut String, outcomes: &[Outcome], options: &Options) {
    let base = options.name(Contestant::Base);
    let _ = writeln!(
        text,
        "| Tiffin's | server / PostGraphile's | PostgreSQL / under PostGraphile | sum / {base}'s | the limit's sum / Tiffin's |\n|---|---:|---:|---:|---:|"
    );
    for outcome in outcomes {
        let Some(tiffin) = outcome.contestants.get(&Contestant::Tiffin) else { continue };
        let ratio = |contestant: Contestant, figure: fn(&Round) -> f64| {
            let other = outcome.contestants.get(&contestant)?;
            Some(tiffin.median(figure) / other.median(figure))
        };
        let limit = ratio(Contestant::Limit, both).map(|ratio| 1.0 / ratio);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            outcome.title,
            number(ratio(Contestant::Postgraphile, server)),
            number(ratio(Contestant::Postgraphile, postgres)),
            number(ratio(Contestant::Base, both)),
            number(limit),
        );
    }
}

/// What everybody costs.
fn costs(text: &mut String, outcomes: &[Outcome], options: &Options) {
    text.push_str("| | | server, CPU s / 1,000 | PostgreSQL, CPU s / 1,000 | requests / s | p50, p99 ms | KB an answer | idle, peak MB | first answer ms |\n");
    text.push_str("|---|---|---:|---:|---:|---:|---:|---:|---:|\n");
    for (title, name, figures) in rows(outcomes, options) {
        let _ = writeln!(
            text,
            "| {title} | {name} | {} | {} | {:.0} | {:.1}, {:.1} | {:.1} | {:.0}, {:.0} | {:.0} |",
            number(Some(figures.median(server))),
            number(Some(figures.median(postgres))),
            figures.median(|round| round.requests_per_second),
            figures.median(|round| round.p50_milliseconds),
            figures.median(|round| round.p99_milliseconds),
            figures.median(|round| round.bytes_an_answer) / 1024.0,
            figures.median(|round| round.idle_megabytes),
            figures.median(|round| round.peak_megabytes),
            figures.median(|round| round.first_answer_milliseconds),
        );
    }
}

/// What everybody asks of the database.
fn counts(text: &mut String, outcomes: &[Outcome], options: &Options) {
    let mut counted = rows(outcomes, options).filter(|(_, _, figures)| !figures.round_trips.is_nan()).peekable();
    if counted.peek().is_some() {
        text.push_str(
            "| each request | | statements | round trips | rows told | rows read |\n|---|---|---:|---:|---:|---:|\n",
        );
    }
    for (title, name, figures) in counted {
        let counts = [figures.statements, figures.round_trips, figures.rows_told, figures.rows_read];
        let counts = counts.map(|count| if count.is_nan() { "–".to_owned() } else { format!("{count:.1}") });
        let _ = writeln!(text, "| {title} | {name} | {} |", counts.join(" | "));
    }
}

/// All figures, each operation's title once.
fn rows<'a>(outcomes: &'a [Outcome], options: &'a Options) -> impl Iterator<Item = (&'a str, &'a str, &'a Figures)> {
    outcomes.iter().flat_map(move |outcome| {
        outcome.contestants.iter().enumerate().map(move |(place, (contestant, figures))| {
            let title = if place == 0 { outcome.title.as_str() } else { "" };
            (title, options.name(*contestant), figures)
        })
    })
}

/// With the digits that mean something.
fn number(number: Option<f64>) -> String {
    match number {
        Some(number) if number.is_finite() && number >= 10.0 => format!("{number:.1}"),
        Some(number) if number.is_finite() && number >= 0.1 => format!("{number:.2}"),
        Some(number) if number.is_finite() => format!("{number:.3}"),
        Some(_) | None => "–".to_owned(),
    }
}

/// Everything, the rounds included.
pub fn json(outcomes: &[Outcome], options: &Options) -> Value {
    json!({
        "at": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "base": options.base_name,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "rounds": options.rounds(),
        "secondsOfARound": options.seconds(),
        "secondsOfWarmUp": options.warm_up(Contestant::Tiffin),
        "secondsOfWarmUpOfPostgraphile": options.warm_up(Contestant::Postgraphile),
        "connections": options.connections,
        "operations": outcomes,
    })
}
