#!/usr/bin/env bash
# In SeaORM 2 a column that is compared with None finds what is null, and the same column in an expression finds nothing.
#
# Versions: sea-orm 2.0.4, sea-query 1.0.2 under it.
# Guess:    what is None becomes the value NULL, as a value that is bound does, and `= NULL` is true of nothing.
# Is:       `Column.eq(None)` is written `IS NULL`, and `Column.ne(None)` `IS NOT NULL`. `Expr::col(Column).eq(None)` is written `= NULL`, which
#           finds nothing, and so are the other comparisons of the column itself. Two lines that read alike find different rows.
# Matters:  "the customer's order with this idempotency key" is looked for by an optional key. With `Column.eq`, whoever sends none is answered
#           with some earlier order that had none, as if the new one were placed.
# Source:   https://docs.rs/sea-orm/2.0.4/sea_orm/entity/trait.ColumnTrait.html#method.eq; what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

mkdir src
cat >Cargo.toml <<'MANIFEST'
[package]
name = "finds"
version = "0.0.0"
edition = "2024"

[dependencies]
sea-orm = { version = "=2.0.4", default-features = false, features = ["macros"] }
sea-query = "=1.0.2"
MANIFEST
cat >src/main.rs <<'RUST'
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, QueryFilter, QueryTrait,
    sea_query::{Expr, ExprTrait},
};

mod orders {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub key: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {
    let key: Option<String> = None;
    let column = orders::Column::Key;
    let conditions = [
        ("Column.eq", column.eq(key.clone())),
        ("Column.ne", column.ne(key.clone())),
        ("Column.lt", column.lt(key.clone())),
        ("Expr::col(Column).eq", Expr::col(column).eq(key)),
    ];
    for (name, condition) in conditions {
        let sql = orders::Entity::find().filter(condition).build(DbBackend::Postgres).to_string();
        let (_, condition) = sql.split_once(" WHERE ").expect("there is a condition");
        println!("{name}: {condition}");
    }
}
RUST
cargo run --quiet 2>&1 | tee printed

diff printed - <<'EXPECTED'
Column.eq: "orders"."key" IS NULL
Column.ne: "orders"."key" IS NOT NULL
Column.lt: "orders"."key" < NULL
Expr::col(Column).eq: "key" = NULL
EXPECTED
