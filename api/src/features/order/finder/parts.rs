//! The SQL behind the parts of orders: their items, and the events of their histories.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use entity::{columns::Columns, order_events, order_items, orders};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait,
    sea_query::{Order, Query},
};

use crate::{
    database::{
        columns::{column_of, read},
        dialect,
    },
    domain::{
        error::Result,
        ids::{OrderId, PartId},
    },
    features::order::types::{OrderEvent, OrderItem},
    graphql::{
        loaders::{Reader, grouped},
        plan::Batch,
        row::Visible,
    },
};

/// Loader key: the items of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ItemsOfOrder(pub OrderId);

impl Batch for ItemsOfOrder {
    type Value = Vec<order_items::Model>;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Vec<order_items::Model>>> {
        let db = &reader.app.db;
        let orders = keys.iter().map(|key| key.0.0);
        let mut select = Query::select().from(order_items::Entity).to_owned();
        select
            .and_where(dialect::any_of(db.get_database_backend(), order_items::Column::OrderId, orders))
            .order_by(order_items::Column::DishId, Order::Asc);
        let columns = columns.and(column_of::<order_items::Model>(&order_items::Column::OrderId));
        let items: Vec<order_items::Model> = read(db, select, columns).await?;
        Ok(grouped(keys, items.into_iter().map(|item| (ItemsOfOrder(OrderId(item.order_id)), item))))
    }
}

/// Loader key: up to `first` steps of an order after number `after`, oldest first. Steps are numbered without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventsOfOrder {
    pub order: OrderId,
    pub after: i32,
    pub first: i32,
}

impl Batch for EventsOfOrder {
    type Value = Vec<order_events::Model>;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Vec<order_events::Model>>> {
        let db = &reader.app.db;
        let columns = columns.and(column_of::<order_events::Model>(&order_events::Column::OrderId));
        let mut loaded = HashMap::with_capacity(keys.len());
        for ((after, first), these) in grouped(&[], keys.iter().map(|key| ((key.after, key.first), *key))) {
            let orders = these.iter().map(|key| key.order.0);
            let mut select = Query::select().from(order_events::Entity).to_owned();
            select
                .and_where(dialect::any_of(db.get_database_backend(), order_events::Column::OrderId, orders))
                .and_where(order_events::Column::Sequence.gt(after))
                .and_where(order_events::Column::Sequence.lte(after.saturating_add(first)))
                .order_by(order_events::Column::Sequence, Order::Asc);
            let events: Vec<order_events::Model> = read(db, select, columns).await?;
            let key = |event: &order_events::Model| EventsOfOrder { order: OrderId(event.order_id), after, first };
            loaded.extend(grouped(&these, events.into_iter().map(|event| (key(&event), event))));
        }
        Ok(loaded)
    }
}

/// Loader key: an item by its id, if the viewer may know of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VisibleItem(pub PartId);

/// Loader key: a step by its id, if the viewer may know of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VisibleEvent(pub PartId);

/// The orders of these parts that the viewer may know of.
async fn visible_orders(
    reader: &Reader,
    parts: impl Iterator<Item = PartId>,
    columns: Columns,
) -> Result<HashMap<OrderId, Arc<orders::Model>>> {
    let orders: HashSet<_> = parts.map(|part| Visible::<orders::Model>(part.order)).collect();
    let orders = Visible::load(reader, &Vec::from_iter(orders), columns).await?;
    Ok(orders.into_iter().map(|(key, order)| (key.0, order)).collect())
}

impl Batch for VisibleItem {
    type Value = OrderItem;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, OrderItem>> {
        let currency = column_of::<orders::Model>(&orders::Column::Currency);
        let orders = visible_orders(reader, keys.iter().map(|key| key.0), currency).await?;
        if orders.is_empty() {
            return Ok(HashMap::new());
        }
        let columns = columns.and(column_of::<order_items::Model>(&order_items::Column::DishId));
        let ids: Vec<_> = orders.keys().map(|order| ItemsOfOrder(*order)).collect();
        let mut found = HashMap::with_capacity(keys.len());
        for (ItemsOfOrder(id), items) in ItemsOfOrder::load(reader, &ids, columns).await? {
            let Some(order) = orders.get(&id) else { continue };
            let currency: Arc<str> = order.currency.as_str().into();
            found.extend(items.into_iter().map(|item| {
                let item = OrderItem::new(item, currency.clone());
                (VisibleItem(item.part_id()), item)
            }));
        }
        Ok(found)
    }
}

impl Batch for VisibleEvent {
    type Value = OrderEvent;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, OrderEvent>> {
        use order_events::Column;
        let orders = visible_orders(reader, keys.iter().map(|key| key.0), Columns::NONE).await?;
        let mut these = Condition::any();
        for VisibleEvent(part) in keys.iter().filter(|key| orders.contains_key(&key.0.order)) {
            these = these.add(Column::OrderId.eq(part.order.0).and(Column::Sequence.eq(part.number)));
        }
        if these.is_empty() {
            return Ok(HashMap::new());
        }
        let mut select = Query::select().from(order_events::Entity).to_owned();
        select.cond_where(these);
        let columns = columns
            .and(column_of::<order_events::Model>(&Column::OrderId))
            .and(column_of::<order_events::Model>(&Column::Sequence));
        let events: Vec<order_events::Model> = read(&reader.app.db, select, columns).await?;
        let events = events.into_iter().map(|event| OrderEvent(Arc::new(event)));
        Ok(events.map(|event| (VisibleEvent(event.part_id()), event)).collect())
    }
}
