//! The load test of live updates works: whatever it measures, every message arrives.

use std::process::Stdio;

use serde_json::Value;
use tiffin_tests::workspace;

#[test]
fn stalled_sockets_cost_the_others_no_message() {
    tiffin_tests::run(async {
        let arguments = "--sockets 200 --topics 20 --events-per-second 20 --seconds 3 --stalled-percent 5 --json";
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
        assert_eq!(
            rows.len(),
            8,
            "steps and places, with each broker, for the same viewers and different ones: {printed}"
        );
        for row in rows {
            // Ten sockets follow each order, to which something happens three times; ten of all stall.
            let all = 190 * 3;
            let (delivered, lost) = (row["delivered"].as_u64().unwrap(), row["lost"].as_u64().unwrap());
            // Of places some may be skipped.
            let most = if row["events"] == "places" { all / 2 } else { all };
            assert!(row["happened"] == 60 && delivered + lost == all && delivered >= most, "{row:#}");
        }
    });
}
