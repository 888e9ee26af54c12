//! The SQL behind reviews.

use entity::{columns::Columns, restaurants, reviews};
use sea_orm::{
    ColumnTrait, Condition, DbBackend,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use crate::{
    database::dialect,
    domain::{
        ids::{CustomerId, RestaurantId, ReviewId},
        viewer::Viewer,
    },
    features::review::types::ReviewOrder,
    graphql::{
        list::{Children, List},
        row::Row,
        sort::{KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

impl Row for reviews::Model {
    type Id = ReviewId;
    type IdColumn = reviews::Column;
    const ID_COLUMN: reviews::Column = reviews::Column::Id;

    fn id(&self) -> ReviewId {
        ReviewId(self.id)
    }

    fn source() -> SelectStatement {
        let mut select = Query::select().from(reviews::Entity).to_owned();
        select.inner_join(
            restaurants::Entity,
            Expr::col(restaurants::Column::Id.as_column_ref()).equals(reviews::Column::RestaurantId.as_column_ref()),
        );
        select
    }

    /// Joined with the restaurant, which decides the visibility.
    fn source_of(_: Columns) -> SelectStatement {
        Query::select().from(reviews::Entity).to_owned()
    }

    /// One's own, and those of the restaurants that the viewer may know of.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        let of_visible = restaurants::Model::visible_to(viewer, backend);
        match viewer.customer() {
            Some(customer) if !viewer.is_admin() => of_visible.add(reviews::Column::CustomerId.eq(customer.0)),
            Some(_) | None => of_visible,
        }
    }
}

/// The reviews of a restaurant that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReviewsOfRestaurant;

impl List for ReviewsOfRestaurant {
    type Row = reviews::Model;
    type Sort = ReviewOrder;

    fn select(&self, _: &Viewer, _: DbBackend, columns: Columns) -> SelectStatement {
        reviews::Model::source_of(columns)
    }
}

impl Children for ReviewsOfRestaurant {
    type Parent = RestaurantId;
    type ParentColumn = reviews::Column;
    const PARENT_COLUMN: reviews::Column = reviews::Column::RestaurantId;

    fn parent(row: &reviews::Model) -> RestaurantId {
        RestaurantId(row.restaurant_id)
    }
}

/// The reviews of a customer, for those to whom a reviewer is more than the name of a review.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReviewsOfCustomer;

impl List for ReviewsOfCustomer {
    type Row = reviews::Model;
    type Sort = ReviewOrder;

    fn select(&self, viewer: &Viewer, backend: DbBackend, columns: Columns) -> SelectStatement {
        let mut select = reviews::Model::source_of(columns);
        if !viewer.is_admin() {
            let own_restaurants = dialect::any_of(backend, reviews::Column::RestaurantId, viewer.restaurants());
            let mut known = Condition::any().add(own_restaurants);
            if let Some(customer) = viewer.customer() {
                known = known.add(reviews::Column::CustomerId.eq(customer.0));
            }
            select.cond_where(known);
        }
        select
    }
}

impl Children for ReviewsOfCustomer {
    type Parent = CustomerId;
    type ParentColumn = reviews::Column;
    const PARENT_COLUMN: reviews::Column = reviews::Column::CustomerId;

    fn parent(row: &reviews::Model) -> CustomerId {
        CustomerId(row.customer_id)
    }
}

impl Sort<reviews::Model> for ReviewOrder {
    fn name(self) -> &'static str {
        match self {
            ReviewOrder::NewestFirst => "reviews, newest first",
        }
    }

    fn descending(self) -> bool {
        match self {
            ReviewOrder::NewestFirst => true,
        }
    }

    fn keys(self) -> Vec<SortKey> {
        vec![
            SortKey::new(reviews::Column::CreatedAt, KeyKind::Time),
            SortKey::new(reviews::Column::Id, KeyKind::Integer),
        ]
    }

    fn position(self, row: &reviews::Model) -> SortPosition {
        SortPosition(vec![KeyValue::Time(row.created_at.to_utc()), KeyValue::Integer(row.id.into())])
    }
}
