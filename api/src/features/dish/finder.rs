//! The SQL behind dishes and their lists.

use entity::{dishes, menus, restaurants};
use std::ops::Deref;

use entity::columns::{Cells, Columns, Partial, joined};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};

use crate::{
    database::{dialect, literal},
    domain::{
        ids::{DishId, MenuId, RestaurantId},
        viewer::Viewer,
    },
    features::dish::types::DishOrderBy,
    graphql::{
        list::{Children, List},
        row::Row,
        search,
        sort::{KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

/// A dish with what it takes from its restaurant.
#[derive(Clone, Debug)]
pub struct DishRow {
    pub dish: dishes::Model,
    pub restaurant_id: i32,
    /// ISO 4217; the price is in it.
    pub currency: String,
    pub restaurant_is_active: bool,
}

impl DishRow {
    pub fn restaurant(&self) -> RestaurantId {
        RestaurantId(self.restaurant_id)
    }
}

impl Deref for DishRow {
    type Target = dishes::Model;

    fn deref(&self) -> &dishes::Model {
        &self.dish
    }
}

/// How many columns a dish has of its own.
const OWN: usize = dishes::Model::NAMES.len();

/// The dish's own columns first, then those of its restaurant.
impl Partial for DishRow {
    const NAMES: &'static [&'static str] =
        &joined::<{ OWN + 3 }>(dishes::Model::NAMES, &["restaurant_id", "currency", "restaurant_is_active"]);

    fn expression(place: usize) -> SimpleExpr {
        const OF_RESTAURANT: [restaurants::Column; 3] =
            [restaurants::Column::Id, restaurants::Column::Currency, restaurants::Column::IsActive];
        match place.checked_sub(OWN) {
            None => dishes::Model::expression(place),
            Some(place) => Expr::col(OF_RESTAURANT[place].as_column_ref()),
        }
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        Ok(DishRow {
            dish: dishes::Model::read(cells)?,
            restaurant_id: cells.cell()?,
            currency: cells.cell()?,
            restaurant_is_active: cells.cell()?,
        })
    }
}

impl Row for DishRow {
    type Id = DishId;
    type IdColumn = dishes::Column;
    const ID_COLUMN: dishes::Column = dishes::Column::Id;

    fn id(&self) -> DishId {
        DishId(self.dish.id)
    }

    fn source() -> SelectStatement {
        let column = |column: restaurants::Column| Expr::col(column.as_column_ref());
        let mut select = Query::select().from(dishes::Entity).to_owned();
        select
            .inner_join(
                menus::Entity,
                Expr::col(menus::Column::Id.as_column_ref()).equals(dishes::Column::MenuId.as_column_ref()),
            )
            .inner_join(
                restaurants::Entity,
                column(restaurants::Column::Id).equals(menus::Column::RestaurantId.as_column_ref()),
            );
        select
    }

    fn source_of(columns: Columns) -> SelectStatement {
        if (OWN..Self::NAMES.len()).any(|place| columns.contains(place)) {
            Self::source()
        } else {
            Query::select().from(dishes::Entity).to_owned()
        }
    }

    /// Those of the restaurants that the viewer may know of.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        restaurants::Model::visible_to(viewer, backend)
    }
}

/// Which dishes a list holds, decoded from the client's filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DishConditions {
    pub is_available: Option<bool>,
    pub category: Option<String>,
    /// Folded; see [`search::term`].
    pub search: Option<String>,
}

impl DishConditions {
    /// Those of these rows that meet all conditions but the search.
    fn keep(&self, select: &mut SelectStatement, backend: DbBackend) {
        if let Some(is_available) = self.is_available {
            select.and_where(dishes::Column::IsAvailable.eq(is_available));
        }
        if let Some(category) = &self.category {
            // By code point, as the index over it is.
            let column = Expr::col(dishes::Column::Category.as_column_ref());
            select.and_where(dialect::by_code_point(backend, column).eq(category));
        }
    }

    fn found(&self) -> Option<(&str, Condition)> {
        let term = self.search.as_deref()?;
        Some((term, Condition::all().add(search::contains(dishes::Column::SearchText, term))))
    }
}

/// The dishes of all restaurants that take orders.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dishes(pub DishConditions);

impl List for Dishes {
    type Row = DishRow;
    type Sort = DishOrderBy;

    fn select(&self, _: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        let mut select = DishRow::source();
        select.and_where(literal::eq(restaurants::Column::IsActive, true));
        self.0.keep(&mut select, backend);
        if let Some((term, found)) = self.0.found() {
            search::keep_found::<DishRow>(backend, &mut select, term, found);
        }
        select
    }
}

/// The dishes of a menu that was reached: all of them, whether its restaurant is on sale or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DishesOfMenu(pub DishConditions);

impl List for DishesOfMenu {
    type Row = DishRow;
    type Sort = DishOrderBy;

    fn select(&self, _: &Viewer, backend: DbBackend, columns: Columns) -> SelectStatement {
        let mut select = DishRow::source_of(columns);
        self.0.keep(&mut select, backend);
        if let Some((_, found)) = self.0.found() {
            select.cond_where(found);
        }
        select
    }
}

impl Children for DishesOfMenu {
    type Parent = MenuId;
    type ParentColumn = dishes::Column;
    const PARENT_COLUMN: dishes::Column = dishes::Column::MenuId;

    fn parent(row: &DishRow) -> MenuId {
        MenuId(row.dish.menu_id)
    }
}

impl Sort<DishRow> for DishOrderBy {
    fn name(self) -> &'static str {
        match self {
            DishOrderBy::Category => "dishes by category",
            DishOrderBy::Price => "dishes by price",
            DishOrderBy::Name => "dishes by name",
        }
    }

    fn descending(self) -> bool {
        false
    }

    fn keys(self) -> Vec<SortKey> {
        // The search text starts with the folded name, so that the order from A to Z is the same on both databases and in any script.
        let by_name = || SortKey::new(dishes::Column::SearchText, KeyKind::Text);
        let mut keys = match self {
            DishOrderBy::Category => vec![SortKey::new(dishes::Column::Category, KeyKind::ShortText), by_name()],
            DishOrderBy::Price => vec![SortKey::new(dishes::Column::Price, KeyKind::Decimal)],
            DishOrderBy::Name => vec![by_name()],
        };
        keys.push(SortKey::new(dishes::Column::Id, KeyKind::Integer));
        keys
    }

    fn position(self, row: &DishRow) -> SortPosition {
        let name = || KeyValue::text(&row.dish.search_text);
        let mut values = match self {
            DishOrderBy::Category => vec![KeyValue::text(&row.dish.category), name()],
            DishOrderBy::Price => vec![KeyValue::Decimal(row.dish.price)],
            DishOrderBy::Name => vec![name()],
        };
        values.push(KeyValue::Integer(row.dish.id.into()));
        SortPosition(values)
    }
}
