//! Several writes as one: a single statement on PostgreSQL, a transaction on SQLite.
//!
//! PostgreSQL takes them as common table expressions of one statement (`with … as (insert …)`), which is atomic by itself: one round trip,
//! and locks are held no longer than it runs. On SQLite a statement writes into one table, so there they run one after the other, in a
//! transaction.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Statement,
    sea_query::{
        CommonTableExpression, Expr, ExprTrait, Query, SelectStatement, SimpleExpr, SubQueryStatement, WithClause,
        WithQuery,
    },
};

use super::{pool::Pool, transaction::Transaction};
use crate::database::dialect;

/// The column in which a link gives its number.
const NUMBER: &str = "number";

/// Statements that write what belongs together: links, of which a later one may use the number that an earlier one gives, the id of the row
/// that it has found, changed or made.
///
/// A link that finds no row gives no number; a link that must not write then asks for it by [`is_there`]. On PostgreSQL all links share one
/// MVCC snapshot, from before the first one, but a link that waited for a row lock sees that row as it is then; and a link that no other
/// needs runs last.
pub struct Chain {
    backend: DbBackend,
    links: Vec<ChainedStatement>,
}

struct ChainedStatement {
    name: &'static str,
    statement: SubQueryStatement,
    gives_number: bool,
}

/// What the links of a chain gave.
pub struct Numbers(Vec<(&'static str, Option<i64>)>);

/// The number that the link of this name gave, in the statement of a later link; null where it gave none.
pub fn number_of(link: &'static str) -> SimpleExpr {
    let number = Query::select().column(NUMBER).from(link).to_owned();
    SimpleExpr::SubQuery(None, Box::new(number.into()))
}

/// Whether the link of this name gave a number, in the statement of a later link.
pub fn is_there(link: &'static str) -> SimpleExpr {
    number_of(link).is_not_null()
}

/// Runs chains: a pool, where each chain is a transaction of its own, or a transaction.
pub trait Writer: ConnectionTrait {
    /// Writes all of it or, where a statement fails, nothing.
    fn write(&self, chain: Chain) -> impl Future<Output = Result<Numbers, DbErr>> + Send;
}

impl Writer for Pool {
    async fn write(&self, chain: Chain) -> Result<Numbers, DbErr> {
        if dialect::writes_in_parts(chain.backend) {
            return chain.write_at_once(self).await;
        }
        let transaction = Transaction::begin(self).await?;
        let numbers = chain.write_in_turn(&transaction).await?;
        transaction.commit().await?;
        Ok(numbers)
    }
}

impl Writer for Transaction {
    async fn write(&self, chain: Chain) -> Result<Numbers, DbErr> {
        if dialect::writes_in_parts(chain.backend) {
            return chain.write_at_once(self).await;
        }
        chain.write_in_turn(self).await
    }
}

impl Chain {
    pub fn new(backend: DbBackend) -> Self {
        Chain { backend, links: Vec::new() }
    }

    /// Of which database it is.
    pub fn backend(&self) -> DbBackend {
        self.backend
    }

    /// Adds a statement that gives a number or none: the only column of the row that it finds, or what it returns of the row that it writes.
    #[must_use]
    pub fn giving(self, name: &'static str, statement: impl Into<SubQueryStatement>) -> Self {
        self.link(name, statement, true)
    }

    /// Adds a statement that gives nothing.
    #[must_use]
    pub fn and(self, name: &'static str, statement: impl Into<SubQueryStatement>) -> Self {
        self.link(name, statement, false)
    }

    fn link(mut self, name: &'static str, statement: impl Into<SubQueryStatement>, gives_number: bool) -> Self {
        self.links.push(ChainedStatement { name, statement: statement.into(), gives_number });
        self
    }

    /// Nothing yet, for each link that gives a number.
    fn numbers(&self) -> Numbers {
        Numbers(self.links.iter().filter(|link| link.gives_number).map(|link| (link.name, None)).collect())
    }

    async fn write_at_once(self, db: &impl ConnectionTrait) -> Result<Numbers, DbErr> {
        let mut numbers = self.numbers();
        let row = db.query_one_raw(self.into_statement()).await?;
        for (index, (_, number)) in numbers.0.iter_mut().enumerate() {
            *number = row.as_ref().map_or(Ok(None), |row| row.try_get_by_index(index))?;
        }
        Ok(numbers)
    }

    /// All of it as one statement, which gives the numbers in a row.
    fn into_statement(self) -> Statement {
        let (mut with, mut numbers) = (WithClause::new(), Query::select());
        for link in self.links {
            let mut part = CommonTableExpression::new();
            part.table_name(link.name).query(link.statement);
            if link.gives_number {
                part.column(NUMBER);
                numbers.expr(number_of(link.name).cast_as("bigint"));
            }
            with.cte(part);
        }
        self.backend.build(&with.query(numbers))
    }

    async fn write_in_turn(self, transaction: &Transaction) -> Result<Numbers, DbErr> {
        let mut numbers = self.numbers();
        for link in self.links {
            let statement = self.backend.build(&numbers.known_to(link.statement));
            if !link.gives_number {
                transaction.execute_raw(statement).await?;
                continue;
            }
            if let Some(row) = transaction.query_one_raw(statement).await? {
                numbers.set(link.name, row.try_get_by_index(0)?);
            }
        }
        Ok(numbers)
    }
}

impl Numbers {
    /// The number that the link of this name gave.
    pub fn of(&self, link: &str) -> Option<i64> {
        self.0.iter().find(|(name, _)| *name == link).and_then(|(_, number)| *number)
    }

    fn set(&mut self, link: &str, found: i64) {
        if let Some((_, number)) = self.0.iter_mut().find(|(name, _)| *name == link) {
            *number = Some(found);
        }
    }

    /// The statement, with the numbers so far as common table expressions of the links' names.
    fn known_to(&self, statement: SubQueryStatement) -> WithQuery {
        let mut with = WithClause::new();
        for (name, number) in &self.0 {
            let number: SelectStatement = Query::select().expr(Expr::val(*number)).to_owned();
            with.cte(CommonTableExpression::new().table_name(*name).column(NUMBER).query(number).to_owned());
        }
        with.query(statement)
    }
}
