//! Dismissal of drivers: what becomes of a driver's order when the driver stops being one, and of a driver when an order ends.
//!
//! A driver is a user with a driver's record, the role DRIVER and an active account. Lock order: the account's row, the order's, the
//! driver's. So of a dismissal and a step of the driver's order at the same moment, one sees what the other has done.

use entity::{
    drivers, orders,
    sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole},
    users,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{CaseStatement, Expr, ExprTrait, Query, SelectStatement, SimpleExpr, UpdateStatement},
};

use super::{history, lifecycle, service::order_change_in_tx};
use crate::{
    database::{Transaction, dialect, literal},
    domain::{error::Result, ids::UserId, viewer::Viewer},
    graphql::row::Row,
};

/// The outcome of a dismissal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dismissal {
    Done,
    /// The driver is on the way with an order, which stays with the driver: only an admin moves it then.
    OnTheWay,
}

/// Ends the user's work as a driver, if the user is one: the driver goes OFFLINE, and an order that is not picked up yet waits for another
/// driver. The caller has locked the user's row, so that the driver is not assigned again meanwhile. After the commit,
/// [`Journal::request_run`](crate::journal::Journal::request_run).
pub async fn driver_dismiss_in_tx(transaction: &Transaction, viewer: &Viewer, user: UserId) -> Result<Dismissal> {
    let driver = drivers::Entity::find().filter(drivers::Column::UserId.eq(user.0)).one(transaction).await?;
    let Some(driver) = driver else { return Ok(Dismissal::Done) };
    match order_carried_in_tx(transaction, driver.id).await? {
        Some(order) if order.status == OrderStatus::PickedUp => {
            return Ok(Dismissal::OnTheWay);
        }
        Some(present) => {
            let order = order_change_in_tx(transaction, &present, |update| {
                update.col_expr(orders::Column::DriverId, Expr::val(None::<i32>))
            })
            .await?;
            let note = Some("The driver is not available any more.".to_owned());
            history::event_record_in_tx(transaction, viewer, &present, &order, note).await?;
        }
        None => {}
    }
    let offline = driver_turn(driver.id, Expr::Constant(DriverStatus::Offline.into()));
    transaction.execute(&offline).await?;
    Ok(Dismissal::Done)
}

/// The driver's order under way, locked, for it may be picked up or end at this moment.
async fn order_carried_in_tx(transaction: &Transaction, driver: i32) -> Result<Option<orders::Model>> {
    let backend = transaction.get_database_backend();
    let mut select = orders::Entity::find()
        .filter(orders::Column::DriverId.eq(driver))
        .filter(literal::is_in(orders::Column::Status, lifecycle::UNDER_WAY))
        .into_query();
    dialect::lock_rows(backend, &mut select, orders::Model::table());
    Ok(orders::Model::find_by_statement(backend.build(&select)).one(transaction).await?)
}

/// Whether an active user works as this driver; holds the account until the transaction ends. Call it before the order is locked.
pub async fn driver_works_in_tx(transaction: &Transaction, driver: i32) -> Result<bool> {
    let select = driver_works(transaction.get_database_backend(), driver);
    Ok(transaction.query_one(&select).await?.is_some())
}

/// Selects the user who works as this driver, with a share lock until the transaction ends.
pub fn driver_works(backend: DbBackend, driver: i32) -> SelectStatement {
    let mut select = users::Entity::find().select_only().column(users::Column::Id).into_query();
    select
        .inner_join(
            drivers::Entity,
            Expr::col(drivers::Column::UserId.as_column_ref()).equals(users::Column::Id.as_column_ref()),
        )
        .and_where(drivers::Column::Id.eq(driver))
        .and_where(literal::eq(users::Column::IsActive, true))
        .and_where(literal::eq(users::Column::Role, UserRole::Driver));
    dialect::hold_rows(backend, &mut select, users::Model::table());
    select
}

/// Sets the driver AVAILABLE after an order was taken away; OFFLINE where no active user works as this driver any more.
pub async fn driver_free_in_tx(transaction: &Transaction, driver: i32, works: bool) -> Result<()> {
    transaction.execute(&driver_free(driver, Expr::val(works))).await?;
    Ok(())
}

/// The statement of [`driver_free_in_tx`], also used where an order ends.
pub fn driver_free(driver: i32, works: SimpleExpr) -> UpdateStatement {
    let status = |status: DriverStatus| Expr::Constant(status.into());
    let free = CaseStatement::new().case(works, status(DriverStatus::Available)).finally(status(DriverStatus::Offline));
    driver_turn(driver, free.into())
}

fn driver_turn(driver: i32, status: SimpleExpr) -> UpdateStatement {
    Query::update()
        .table(drivers::Entity)
        .value(drivers::Column::Status, status.clone())
        .and_where(drivers::Column::Id.eq(driver))
        .and_where(Expr::col(drivers::Column::Status).ne(status))
        .to_owned()
}
