//! The SQL behind favourites.

use std::collections::HashMap;

use entity::{columns::Columns, favourites};
use sea_orm::{
    ColumnTrait, Condition, DbBackend,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};

use crate::{
    database::{columns::read, dialect},
    domain::{error::Result, ids::CustomerId, viewer::Viewer},
    features::{
        dish::finder::DishRow,
        favourite::types::{FavouriteId, FavouriteOrder},
    },
    graphql::{
        list::{Children, List},
        loaders::Reader,
        plan::{Batch, Load},
        row::Row,
        sort::{KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

/// What a customer keeps, for those to whom it may be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FavouritesOfCustomer {
    /// All that is kept.
    All,
    /// What the viewer may know of.
    Visible,
}

impl List for FavouritesOfCustomer {
    type Row = favourites::Model;
    type Sort = FavouriteOrder;

    fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        let mut select = Query::select().from(favourites::Entity).to_owned();
        if *self == FavouritesOfCustomer::Visible {
            let visible = Condition::any()
                .add(is_visible::<entity::restaurants::Model>(viewer, backend, favourites::Column::RestaurantId))
                .add(is_visible::<DishRow>(viewer, backend, favourites::Column::DishId));
            select.cond_where(visible);
        }
        select
    }
}

/// Whether the row that the column refers to is visible to the viewer.
fn is_visible<R: Row>(viewer: &Viewer, backend: DbBackend, column: favourites::Column) -> SimpleExpr {
    let mut visible = R::visible(viewer, backend, Columns::NONE);
    let referred = Expr::col(R::ID_COLUMN.as_column_ref()).equals(column.as_column_ref());
    visible.expr(Expr::val(1)).and_where(referred);
    Expr::exists(visible)
}

impl Children for FavouritesOfCustomer {
    type Parent = CustomerId;
    type ParentColumn = favourites::Column;
    const PARENT_COLUMN: favourites::Column = favourites::Column::CustomerId;

    fn parent(row: &favourites::Model) -> CustomerId {
        CustomerId(row.customer_id)
    }
}

impl Sort<favourites::Model> for FavouriteOrder {
    fn name(self) -> &'static str {
        match self {
            FavouriteOrder::NewestFirst => "favourites, newest first",
        }
    }

    fn descending(self) -> bool {
        match self {
            FavouriteOrder::NewestFirst => true,
        }
    }

    fn keys(self) -> Vec<SortKey> {
        vec![SortKey::new(favourites::Column::Id, KeyKind::Integer)]
    }

    fn position(self, row: &favourites::Model) -> SortPosition {
        SortPosition(vec![KeyValue::Integer(row.id.into())])
    }
}

/// Loader key: present where the viewer keeps this restaurant or dish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeptByViewer(pub FavouriteId);

impl Batch for KeptByViewer {
    type Value = ();

    async fn load(reader: &Reader, keys: &[Self], _: Columns) -> Result<HashMap<Self, ()>> {
        let Some(customer) = reader.viewer.customer() else { return Ok(HashMap::new()) };
        let db = &reader.app.db;
        let mut select = Query::select().from(favourites::Entity).to_owned();
        select
            .and_where(favourites::Column::CustomerId.eq(customer.0))
            .cond_where(these(db.get_database_backend(), keys.iter().map(|key| key.0)));
        let kept: Vec<favourites::Model> = read(db, select, FavouriteId::COLUMNS).await?;
        Ok(kept.iter().map(|row| (KeptByViewer(FavouriteId::of(row.restaurant_id, row.dish_id)), ())).collect())
    }
}

/// Whether the viewer keeps this; `None` where nobody is signed in.
pub fn kept_by(viewer: &Viewer, favourite: FavouriteId) -> Option<Load<KeptByViewer, Result<bool>>> {
    viewer.user()?;
    Some(Load::new(KeptByViewer(favourite), |kept| Ok(kept?.is_some())))
}

/// The rows that refer to one of these.
pub fn these(backend: DbBackend, wanted: impl Iterator<Item = FavouriteId>) -> Condition {
    let (mut restaurants, mut dishes) = (Vec::new(), Vec::new());
    for favourite in wanted {
        match favourite {
            FavouriteId::Restaurant(id) => restaurants.push(id.0),
            FavouriteId::Dish(id) => dishes.push(id.0),
        }
    }
    let mut these = Condition::any();
    for (column, numbers) in [(favourites::Column::RestaurantId, restaurants), (favourites::Column::DishId, dishes)] {
        if !numbers.is_empty() {
            these = these.add(dialect::any_of(backend, column, numbers));
        }
    }
    these
}
