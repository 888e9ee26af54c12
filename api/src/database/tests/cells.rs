//! Values that are read out of the wire's bytes are those that the library reads.

use entity::columns::{Cell, Cells, Columns};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use super::{connect, postgres};

/// As `Debug` shows them: a decimal with all digits after its point.
fn both<T: Cell + std::fmt::Debug>(row: &QueryResult) -> (Option<String>, Option<String>) {
    let shown = |value: Result<T, _>| value.ok().map(|value| format!("{value:?}"));
    (shown(Cells::new(row, Columns::NONE).besides()), shown(row.try_get_by_index(0)))
}

#[tokio::test]
async fn cells_are_what_the_library_reads() {
    let db = connect(&postgres()).await.expect("connects");
    let rows =
        async |sql: &str| db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("runs");
    let decimals = "0, 0.00, 12.50, -12.50, 0.0825, -0.0825, 0.1, 0.0001, 0.00001, 1e-20, 9999, 9999.9999, 10000, 10000.0001, 50000, \
                    100000000, 99999999.99, -100000000.00000001, 123456789012345678.1234, 1234567890123456789012345.6789, NaN, 1e40";
    let listed = rows(&format!("select unnest('{{{decimals}}}'::numeric[])")).await;
    let computed =
        rows("select (n * n * 7919 % 20011 - 9000)::numeric / (10 ^ (n % 9))::numeric from generate_series(1, 500) n");
    for row in listed.iter().chain(&computed.await) {
        let (read, expected) = both::<Decimal>(row);
        assert_eq!(read, expected);
    }
    for row in rows("select unnest(array[null, 0, 1, -1, 2147483647, -2147483648])").await {
        let (read, expected) = both::<Option<i32>>(&row);
        assert_eq!(read, expected);
        // What is of another type, or is NULL, is refused by both.
        assert_eq!(both::<i64>(&row), (None, None));
        assert_eq!(both::<String>(&row), (None, None));
    }
    for row in rows("select unnest(array[null, '', 'Łosoś', 'a\"b'])").await {
        let (read, expected) = both::<Option<String>>(&row);
        assert_eq!(read, expected);
        assert_eq!(both::<i32>(&row), (None, None));
    }
}
