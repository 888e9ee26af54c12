//! Bulk insert into PostgreSQL by COPY, its fastest way.

use std::fmt::Write;

use sea_orm::{
    EntityTrait, IdenStatic, Iterable, ModelTrait,
    sea_query::{OptionEnum, Value},
    sqlx::PgConnection,
};

/// Appends the rows to their table.
pub async fn copy<E: EntityTrait>(connection: &mut PgConnection, rows: &[E::Model]) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let mut text = String::with_capacity(rows.len() * 160);
    for row in rows {
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                text.push('\t');
            }
            write_value(&mut text, row.get(*column))?;
        }
        text.push('\n');
    }
    let names = columns.iter().map(|column| column.as_str()).collect::<Vec<_>>().join(", ");
    let statement = format!("copy {} ({names}) from stdin", E::default().table_name());
    let mut sink = connection.copy_in_raw(&statement).await?;
    sink.send(text.into_bytes()).await?;
    sink.finish().await?;
    Ok(())
}

/// A value in COPY's text format.
fn write_value(text: &mut String, value: Value) -> anyhow::Result<()> {
    match value {
        Value::Bool(Some(value)) => text.push(if value { 't' } else { 'f' }),
        Value::Int(Some(value)) => write!(text, "{value}")?,
        Value::BigInt(Some(value)) => write!(text, "{value}")?,
        Value::Double(Some(value)) => write!(text, "{value}")?,
        Value::Decimal(Some(value)) => write!(text, "{value}")?,
        Value::ChronoDateTimeWithTimeZone(Some(value)) => write!(text, "{}", value.format("%Y-%m-%d %H:%M:%S%.6f%:z"))?,
        Value::String(Some(value)) => escape(text, &value),
        Value::Enum(OptionEnum::Some(value)) => escape(text, &value.value),
        Value::Json(Some(value)) => escape(text, &value.to_string()),
        Value::Bool(None)
        | Value::Int(None)
        | Value::BigInt(None)
        | Value::Double(None)
        | Value::Decimal(None)
        | Value::ChronoDateTimeWithTimeZone(None)
        | Value::String(None)
        | Value::Enum(OptionEnum::None(_))
        | Value::Json(None) => text.push_str("\\N"),
        other => anyhow::bail!("no column of ours holds {other:?}"),
    }
    Ok(())
}

fn escape(text: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::json;

    use super::*;

    fn written(value: impl Into<Value>) -> String {
        let mut text = String::new();
        write_value(&mut text, value.into()).expect("a value of ours");
        text
    }

    #[test]
    fn values_are_written_as_copy_reads_them() {
        assert_eq!(written("a\tb\\c\nd\re Phở"), "a\\tb\\\\c\\nd\\re Phở");
        assert_eq!(written(None::<String>), "\\N");
        assert_eq!(written(rust_decimal::Decimal::new(1250, 2)), "12.50");
        assert_eq!(written(json!({"line1": "\"1\""})), r#"{"line1":"\\"1\\""}"#);
        let time: DateTime<Utc> = "2026-01-02T03:04:05.678901Z".parse().expect("a time");
        assert_eq!(written(time.fixed_offset()), "2026-01-02 03:04:05.678901+00:00");
        assert!(write_value(&mut String::new(), Value::Float(Some(1.0))).is_err());
    }
}
