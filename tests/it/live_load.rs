//! The measurement of live updates works: whatever it measures, every message comes.

use std::process::Stdio;

use serde_json::Value;
use tiffin_tests::workspace;

#[test]
fn stalled_sockets_cost_the_others_no_message() {
    tiffin_tests::run(async {
        let arguments = "--sockets 200 --topics 20 --steps-per-second 20 --seconds 3 --stalled-percent 5 --json";
        let measured = tokio::process::Command::new(workspace::binary("live_load"))
            .args(arguments.split(' '))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .expect("the measurement starts");
        let printed = String::from_utf8_lossy(&measured.stdout);
        assert!(measured.status.success(), "{printed}\n{}", String::from_utf8_lossy(&measured.stderr));
        let rows: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 2, "one with each broker: {printed}");
        for row in rows {
            // Ten sockets follow each order, which takes three steps; ten of all stall.
            assert!(row["steps"] == 60 && row["lost"] == 0 && row["delivered"] == 190 * 3, "{row:#}");
        }
    });
}
