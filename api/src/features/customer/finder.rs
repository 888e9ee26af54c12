//! The SQL behind customers.

use std::{collections::HashMap, sync::Arc};

use entity::{columns::Columns, customers, orders};
use migration::email;
use sea_orm::{
    ColumnTrait, Condition, DbBackend,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use crate::{
    domain::{
        error::Result,
        ids::{CustomerId, UserId},
        viewer::Viewer,
    },
    features::order,
    graphql::{
        list::List,
        loaders::Reader,
        plan::Batch,
        row::Row,
        search,
        sort::{IdOrder, KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

impl Row for customers::Model {
    type Id = CustomerId;
    type IdColumn = customers::Column;
    const ID_COLUMN: customers::Column = customers::Column::Id;

    fn id(&self) -> CustomerId {
        CustomerId(self.id)
    }

    fn source() -> SelectStatement {
        Query::select().from(customers::Entity).to_owned()
    }

    /// One's own record; as staff or driver, the customers of one's orders; all for admins.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        let mut visible = Condition::any();
        if let Some(customer) = viewer.customer() {
            visible = visible.add(customers::Column::Id.eq(customer.0));
        }
        // Only staff and drivers see customers through orders. A viewer with no part at all gets a condition that is never true.
        if viewer.driver().is_some() || !viewer.restaurants().is_empty() || visible.is_empty() {
            let ordered = Query::select()
                .expr(Expr::val(1))
                .from(orders::Entity)
                .and_where(
                    Expr::col(orders::Column::CustomerId.as_column_ref()).equals(customers::Column::Id.as_column_ref()),
                )
                .cond_where(order::finder::own(viewer, backend))
                .to_owned();
            visible = visible.add(Expr::exists(ordered));
        }
        visible
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

    fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        let mut select = customers::Model::source();
        select.cond_where(customers::Model::visible_to(viewer, backend));
        if let Some(term) = &self.search {
            let mut found = Condition::any().add(search::contains(customers::Column::SearchText, term));
            // Only for admins: a search hit by e-mail would disclose the e-mail.
            if viewer.is_admin() {
                found = found.add(search::contains(customers::Column::NormalizedEmail, &email::fold(term)));
            }
            search::keep_found::<customers::Model>(backend, &mut select, term, found);
        }
        select
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

    fn position(self, row: &customers::Model) -> SortPosition {
        SortPosition(vec![KeyValue::Integer(row.id.into())])
    }
}

/// Loader key: the user as a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CustomerOfUser(pub UserId);

impl Batch for CustomerOfUser {
    type Value = Arc<customers::Model>;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Arc<customers::Model>>> {
        let users = keys.iter().map(|key| key.0.0);
        let rows: Vec<customers::Model> =
            reader.rows_by(customers::Model::source(), customers::Column::UserId, users, columns).await?;
        Ok(rows.into_iter().filter_map(|row| Some((CustomerOfUser(UserId(row.user_id?)), Arc::new(row)))).collect())
    }
}
