//! Chaos test: nothing is lost and nobody is let in, whatever databases, brokers, disks and machines do. Orders live, as in `faults`, while
//! PostgreSQL and Redis freeze, restart and are lost, or the disk of SQLite fills, and people without the right, or who lose it, try to
//! follow.
//!
//! `TIFFIN_TEST_ORDERS=2000 ./test chaos:: -- --nocapture` is the long form. `TIFFIN_TEST_SEED` makes the choices of an earlier run again.

mod disk;
mod outsiders;
mod postgres;

use crate::traffic::Plan;

#[test]
fn on_postgres() {
    tiffin_tests::run(postgres::scenario(Plan::of_environment(80)));
}

#[test]
fn on_a_filling_disk() {
    tiffin_tests::run(disk::scenario(Plan::of_environment(80)));
}
