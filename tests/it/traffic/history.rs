//! What has happened by the rows, and what each follower must have been told of it.

use std::collections::{HashMap, HashSet};

use entity::{audit_events, journal_positions, order_events, order_items, orders};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tiffin_tests::{acts::status_name, global_id, rows::row_number};

use super::{Step, follower::Subject, scene::Scene};

/// All steps that were taken in the scene.
pub struct History {
    /// In the order of the journal, in which feeds tell them. Ids are taken before the commit: of two orders' steps the later one may come first.
    steps: Vec<Step>,
    orders: HashMap<i32, Past>,
}

struct Past {
    row: orders::Model,
    steps: Vec<Step>,
    /// Who took each of them, but for the first.
    actors: Vec<String>,
    items: Vec<order_items::Model>,
    /// Who has a line in the record for it.
    recorded: Vec<String>,
}

impl History {
    /// Reads it past the servers, when all of it is numbered; the order of long ago is left out.
    pub async fn read(scene: &Scene) -> Self {
        let db = scene.city.db();
        let numbered = journal_positions::Entity::find().all(db).await.unwrap();
        let positions: HashMap<_, _> = numbered.into_iter().map(|row| (row.event_id, row.position)).collect();
        let events = order_events::Entity::find().filter(order_events::Column::OrderId.ne(scene.old.row.id));
        let mut events = events.all(db).await.unwrap();
        events.sort_by_key(|event| positions[&event.position]);
        let orders = orders::Entity::find().filter(orders::Column::Id.ne(scene.old.row.id));
        let mut past: HashMap<i32, Past> = HashMap::new();
        for row in orders.all(db).await.unwrap() {
            let past_order =
                Past { row, steps: Vec::new(), actors: Vec::new(), items: Vec::new(), recorded: Vec::new() };
            past.insert(past_order.row.id, past_order);
        }
        for event in &events {
            let order = past.get_mut(&event.order_id).expect("a step has an order");
            order.steps.push(Step::of_row(event));
            if event.sequence > 1 {
                order.actors.push(event.actor.clone());
            }
        }
        let items = order_items::Entity::find().filter(order_items::Column::OrderId.ne(scene.old.row.id));
        for item in items.all(db).await.unwrap() {
            past.get_mut(&item.order_id).expect("an item has an order").items.push(item);
        }
        let lines = audit_events::Entity::find().filter(audit_events::Column::Subject.starts_with("Order:"));
        for line in lines.all(db).await.unwrap() {
            let order = past.get_mut(&row_number(&line.subject.unwrap())).expect("a line is about an order");
            order.recorded.extend(line.actor_id.map(|actor| global_id("User", actor)));
        }
        History { steps: events.iter().map(Step::of_row).collect(), orders: past }
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// How many orders there are.
    pub fn orders(&self) -> usize {
        self.orders.len()
    }

    pub fn has(&self, step: &Step) -> bool {
        self.steps_of(step.order).contains(step)
    }

    /// Each order has gone one way from its beginning to its end.
    pub fn expect_whole_lives(&self) {
        for Past { row, steps, .. } in self.orders.values() {
            assert!(steps.iter().zip(1..).all(|(step, number)| step.sequence == number), "{steps:#?}");
            let changes = |pair: &[Step]| pair[0].status != pair[1].status || pair[0].driver != pair[1].driver;
            assert!(steps.windows(2).all(changes), "a step was taken twice: {steps:#?}");
            let end = steps.iter().position(Step::is_final).map(|end| end + 1);
            assert!(steps[0].status == "PENDING" && end == Some(steps.len()), "{steps:#?}");
            let (status, driver) = (status_name(row.status), row.driver_id.map(|driver| global_id("Driver", driver)));
            let last = steps.last().expect("an order has a first step");
            assert_eq!((status, &driver), (last.status.as_str(), &last.driver), "{row:#?} is where its steps end");
        }
    }

    /// Each order costs what its items do, and what comes on top.
    pub fn expect_right_sums(&self) {
        for Past { row, items, .. } in self.orders.values() {
            // SQLite stores amounts as floating point.
            let exactly = |amount: Decimal| amount.round_dp(2);
            let subtotal: Decimal =
                items.iter().map(|item| Decimal::from(item.quantity) * exactly(item.unit_price)).sum();
            assert!(!items.is_empty() && exactly(row.subtotal) == subtotal, "{row:#?} {items:#?}");
            let total = subtotal + exactly(row.tax) + exactly(row.delivery_fee);
            assert_eq!(exactly(row.total_amount), total, "{row:#?}");
        }
    }

    /// Each step that one of these users took has its line in the record, and nothing else has.
    pub fn expect_record_of(&self, managers: &HashSet<String>) {
        for Past { row, actors, recorded, .. } in self.orders.values() {
            let mut taken: Vec<_> = actors.iter().filter(|actor| managers.contains(*actor)).collect();
            let mut recorded: Vec<_> = recorded.iter().collect();
            taken.sort_unstable();
            recorded.sort_unstable();
            assert_eq!(recorded, taken, "the record of {row:#?}");
        }
    }

    /// What is to be told to whoever follows the subject, in this order.
    pub fn of(&self, subject: &Subject) -> Vec<Step> {
        let concerns = |step: &&Step| match subject {
            Subject::Order { .. } => true,
            Subject::Kitchen { id, .. } => global_id("Restaurant", self.orders[&step.order].row.restaurant_id) == *id,
            // That it gave an order back is told to the driver, too.
            Subject::Road { driver, .. } => {
                [Some(*step), self.before(step)].into_iter().flatten().any(|step| step.driver.as_ref() == Some(driver))
            }
        };
        let steps = match subject {
            Subject::Order { id } => self.steps_of(row_number(id)),
            Subject::Kitchen { .. } | Subject::Road { .. } => &self.steps,
        };
        steps.iter().filter(concerns).cloned().collect()
    }

    fn before(&self, step: &Step) -> Option<&Step> {
        self.steps_of(step.order).iter().find(|other| other.sequence + 1 == step.sequence)
    }

    fn steps_of(&self, order: i32) -> &[Step] {
        self.orders.get(&order).map_or(&[], |past| &past.steps)
    }
}
