//! What has happened by the rows, and what each follower must have been told of it.

use std::collections::HashMap;

use entity::{order_events, orders};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use tiffin_tests::{global_id, rows::row_number};

use super::{Step, follower::Subject, scene::Scene};

/// All steps that were taken in the scene.
pub struct History {
    /// In the order of the feeds.
    steps: Vec<Step>,
    orders: HashMap<i32, Past>,
}

struct Past {
    restaurant: String,
    steps: Vec<Step>,
}

impl History {
    /// Reads it past the servers; the order of long ago is left out.
    pub async fn read(scene: &Scene) -> Self {
        let db = scene.city.db();
        let events = order_events::Entity::find()
            .filter(order_events::Column::OrderId.ne(scene.old.row.id))
            .order_by_asc(order_events::Column::FeedTransaction)
            .order_by_asc(order_events::Column::Position);
        let steps: Vec<_> = events.all(db).await.unwrap().iter().map(Step::of_row).collect();
        let mut past: HashMap<i32, Past> = HashMap::new();
        let orders = orders::Entity::find().filter(orders::Column::Id.ne(scene.old.row.id));
        for order in orders.all(db).await.unwrap() {
            past.insert(order.id, Past { restaurant: global_id("Restaurant", order.restaurant_id), steps: Vec::new() });
        }
        for step in &steps {
            past.get_mut(&step.order).expect("a step has an order").steps.push(step.clone());
        }
        History { steps, orders: past }
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
        for Past { steps, .. } in self.orders.values() {
            assert!(steps.iter().zip(1..).all(|(step, number)| step.sequence == number), "{steps:#?}");
            let changes = |pair: &[Step]| pair[0].status != pair[1].status || pair[0].driver != pair[1].driver;
            assert!(steps.windows(2).all(changes), "a step was taken twice: {steps:#?}");
            let end = steps.iter().position(Step::is_final).map(|end| end + 1);
            assert!(steps[0].status == "PENDING" && end == Some(steps.len()), "{steps:#?}");
        }
    }

    /// What is to be told to whoever follows the subject, in this order.
    pub fn of(&self, subject: &Subject) -> Vec<Step> {
        let concerns = |step: &&Step| match subject {
            Subject::Order { .. } => true,
            Subject::Kitchen { id, .. } => self.orders[&step.order].restaurant == *id,
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
