//! Cuts the servers' subscriptions at Redis, and nobody else's.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
};

/// The URL of a numbered database of the tests' Redis. Messages do not care about it, but it tells whose connections are whose.
pub fn own_redis() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let url = std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL is not set: run the tests with ./test");
    // Redis has 16, unless it is told otherwise, and the other tests use the first.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(number < 16, "there is no database {number}");
    format!("{}/{number}", url.trim_end_matches('/'))
}

/// Kills the connections that listen for messages and belong to this database; gives their number.
pub fn cut_redis_subscriptions(url: &str) -> usize {
    let url = reqwest::Url::parse(url).expect("Redis has a URL");
    let address = (url.host_str().expect("a URL has a host"), url.port().unwrap_or(6379));
    let mut redis = BufReader::new(TcpStream::connect(address).expect("Redis is there"));
    if let Some(password) = url.password() {
        ask(&mut redis, &format!("AUTH {password}"));
    }
    let listeners = ask(&mut redis, "CLIENT LIST TYPE pubsub");
    let of_database = format!(" db={} ", url.path().trim_start_matches('/'));
    let listeners = listeners.lines().filter(|line| line.contains(&of_database));
    let ids: Vec<_> = listeners.filter_map(|line| line.strip_prefix("id=")?.split(' ').next()).collect();
    ids.iter().filter(|id| ask(&mut redis, &format!("CLIENT KILL ID {id}")) == "1").count()
}

/// One command, and its answer.
fn ask(redis: &mut BufReader<TcpStream>, command: &str) -> String {
    redis.get_mut().write_all(format!("{command}\r\n").as_bytes()).expect("Redis takes a command");
    let mut head = String::new();
    redis.read_line(&mut head).expect("Redis answers");
    let (kind, rest) = head.trim_end().split_at(1);
    assert_ne!(kind, "-", "Redis refused {command}: {rest}");
    if kind != "$" {
        return rest.to_owned();
    }
    let mut body = vec![0; rest.parse::<usize>().expect("a length") + 2];
    redis.read_exact(&mut body).expect("Redis answers whole");
    String::from_utf8_lossy(&body).trim_end().to_owned()
}
