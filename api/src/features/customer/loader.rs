//! The statements behind customers.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;
use entity::{customers, orders};
use migration::email;
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryTrait,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use crate::{
    dialect,
    features::order,
    graphql::{
        error::{Error, Result},
        ids::{CustomerId, UserId},
        list::List,
        loaders::Reader,
        row::Row,
        search,
        sort::{IdOrder, KeyKind, KeyValue, Position, Sort, SortKey},
    },
    viewer::Viewer,
};

impl Row for customers::Model {
    type Id = CustomerId;
    type IdColumn = customers::Column;
    const ID_COLUMN: customers::Column = customers::Column::Id;

    fn id(&self) -> CustomerId {
        CustomerId(self.id)
    }

    fn select() -> SelectStatement {
        customers::Entity::find().into_query()
    }

    /// Oneself, those of the orders that are the viewer's own as staff or driver, and all for admins.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        let ordered = Query::select()
            .expr(Expr::val(1))
            .from(orders::Entity)
            .and_where(
                Expr::col(orders::Column::CustomerId.as_column_ref()).equals(customers::Column::Id.as_column_ref()),
            )
            .cond_where(order::loader::own(viewer, backend))
            .to_owned();
        let visible = Condition::any().add(Expr::exists(ordered));
        match viewer.customer() {
            Some(customer) => visible.add(customers::Column::Id.eq(customer.0)),
            None => visible,
        }
    }
}

/// The customers that the viewer may know of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Customers {
    /// Folded; see [`search::term`].
    pub search: Option<String>,
}

impl List for Customers {
    type Row = customers::Model;
    type Sort = IdOrder;

    fn select(&self, viewer: &Viewer, backend: DbBackend) -> SelectStatement {
        let mut select = customers::Model::select();
        select.cond_where(customers::Model::visible_to(viewer, backend));
        if let Some(term) = &self.search {
            let mut found = Condition::any().add(search::contains(customers::Column::SearchText, term));
            // Finding somebody by e-mail would tell the e-mail to those who may not see it.
            if viewer.is_admin() {
                found = found.add(search::contains(customers::Column::NormalizedEmail, &email::fold(term)));
            }
            select.cond_where(found);
        }
        search::found(backend, select, self.search.as_deref(), customers::Entity)
    }
}

impl Sort<customers::Model> for IdOrder {
    fn name(self) -> &'static str {
        "customers"
    }

    fn descending(self) -> bool {
        false
    }

    fn keys(self) -> Vec<SortKey> {
        vec![SortKey::new(customers::Column::Id, KeyKind::Integer)]
    }

    fn position(self, row: &customers::Model) -> Position {
        Position(vec![KeyValue::Integer(row.id.into())])
    }
}

/// Loader key: the user as a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CustomerOfUser(pub UserId);

impl Loader<CustomerOfUser> for Reader {
    type Value = Arc<customers::Model>;
    type Error = Error;

    async fn load(&self, keys: &[CustomerOfUser]) -> Result<HashMap<CustomerOfUser, Arc<customers::Model>>> {
        let db = &self.app.db;
        let of_these =
            dialect::any_of(db.get_database_backend(), customers::Column::UserId, keys.iter().map(|key| key.0.0));
        let rows = customers::Entity::find().filter(of_these).all(db).await?;
        Ok(rows.into_iter().filter_map(|row| Some((CustomerOfUser(UserId(row.user_id?)), Arc::new(row)))).collect())
    }
}
