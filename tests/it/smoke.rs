//! The shortest way through everything: a server answers people, and tells its subscribers.

use serde_json::json;
use tiffin_tests::both_databases;
