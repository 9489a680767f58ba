//! Stories of the admin server, over loopback sockets.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;
use crate::stats::Redirect;

/// A running server and its counters.
struct Rig {
    address: SocketAddr,
    stats: Stats,
    handle: Handle,
}

impl Rig {
    fn new() -> Rig {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let stats = Stats::new(2, ["main", "other"]);
        let handle = spawn(listener, stats.clone()).unwrap();
        Rig { address, stats, handle }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// The head and the body of the answer to one request.
    fn ask(&self, method: &str, path: &str) -> (String, String) {
        let mut stream = self.connect();
        // Of this version the body ends with the connection, whatever its length.
        write!(stream, "{method} {path} HTTP/1.0\r\nhost: redpoll\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn get(&self, path: &str) -> (u16, String) {
        let (head, body) = self.ask("GET", path);
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }
}

#[test]
fn a_running_process_is_live_even_when_nothing_is_usable() {
    let rig = Rig::new();
    assert_eq!(rig.get("/livez"), (200, "ok\n".to_owned()));
}

#[test]
fn ready_says_of_each_upstream_whether_it_is_usable_and_why_not() {
    let rig = Rig::new();
    let [main, other] = &rig.stats.upstreams[..] else { unreachable!("it has two") };
    other.set_usable(Err("10.0.0.1:6379: connection refused".to_owned()));
    let refused = "other: not usable: 10.0.0.1:6379: connection refused";
    let none = "not ready: no upstream is usable\nmain: not usable: no answer yet";
    assert_eq!(rig.get("/readyz"), (503, format!("{none}\n{refused}\n")));
    assert_eq!(rig.get("/ready"), rig.get("/readyz"));
    main.set_usable(Ok(()));
    assert_eq!(rig.get("/ready"), (200, format!("ready\nmain: usable\n{refused}\n")));
    other.set_usable(Ok(()));
    main.slots_uncovered.store(7, Ordering::Relaxed);
    let gap = "main: usable, but no node serves 7 of its slots\nother: usable\n";
    assert_eq!(rig.get("/ready"), (200, format!("ready\n{gap}")));
    rig.stats.draining.store(true, Ordering::Relaxed);
    assert_eq!(rig.get("/ready"), (503, format!("draining\n{gap}")));
}

#[test]
fn the_root_lists_what_there_is_and_all_of_it_answers() {
    let rig = Rig::new();
    let (status, list) = rig.get("/");
    assert_eq!(status, 200);
    let paths: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(paths, ["/", "/livez", "/ready", "/readyz", "/metrics"]);
    for path in paths {
        assert_ne!(rig.get(path).0, 404, "{path}");
    }
}

#[test]
fn other_paths_and_methods_are_refused() {
    let rig = Rig::new();
    assert_eq!(rig.get("/secret").0, 404);
    assert_eq!(rig.get("/metrics?a=b").0, 200);
    for method in ["POST", "PUT", "DELETE", "BREW"] {
        let (head, _) = rig.ask(method, "/livez");
        assert!(head.starts_with("HTTP/1.0 405 Method Not Allowed\r\n"), "{head}");
        assert!(head.contains("\r\nallow: GET, HEAD\r\n"), "{head}");
    }
    let (head, body) = rig.ask("HEAD", "/livez");
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n") && body.is_empty(), "{head}{body}");
}

#[test]
fn metrics_are_sums_over_the_workers() {
    let rig = Rig::new();
    rig.stats.workers[0].commands_total.add(40);
    rig.stats.workers[1].commands_total.add(2);
    rig.stats.workers[1].upstreams[1].redirects.of(Redirect::Ask).add(7);
    rig.stats.workers[0].clients.add(3);
    rig.stats.workers[0].clients.sub(1);
    rig.stats.upstreams[0].usable.store(true, Ordering::Relaxed);
    rig.stats.upstreams[1].refresh_failures_total.add(5);
    let (status, text) = rig.get("/metrics");
    assert_eq!(status, 200);
    for line in [
        "# HELP redpoll_commands_total Commands read from clients.",
        "# TYPE redpoll_commands_total counter",
        "redpoll_commands_total 42",
        "redpoll_upstream_redirects_total{upstream=\"other\",kind=\"moved\"} 0",
        "redpoll_upstream_redirects_total{upstream=\"other\",kind=\"ask\"} 7",
        "# TYPE redpoll_downstream_connections gauge",
        "redpoll_downstream_connections 2",
        "redpoll_upstream_usable{upstream=\"main\"} 1",
        "redpoll_upstream_usable{upstream=\"other\"} 0",
        "redpoll_topology_refreshes_total{upstream=\"other\",result=\"failed\"} 5",
        "redpoll_workers 2",
        "redpoll_draining 0",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in:\n{text}");
    }
    assert!(text.contains("redpoll_build_info{version=\"0."), "{text}");
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_out() {
    let rig = Rig::new();
    let silent: Vec<TcpStream> = (0..2 * CONNECTIONS_MAX).map(|_| rig.connect()).collect();
    assert_eq!(rig.get("/livez").0, 200);
    let mut oldest = silent.first().unwrap();
    assert_eq!(oldest.read(&mut [0; 1]).unwrap(), 0, "the oldest has been closed");
}

#[test]
fn a_request_that_is_too_long_is_refused() {
    let rig = Rig::new();
    for head in [
        format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(2 * HEAD_BYTES_MAX)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(HEADERS_MAX + 1)),
        "not HTTP at all\r\n\r\n".to_owned(),
    ] {
        let mut stream = rig.connect();
        // The server may close before it has read all of this.
        let _written: io::Result<()> = stream.write_all(head.as_bytes());
        let mut answer = Vec::new();
        let _reset: io::Result<usize> = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(rig.get("/livez").0, 200);
}

#[test]
fn a_dropped_handle_frees_the_address() {
    let Rig { address, handle, .. } = Rig::new();
    assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    drop(handle);
    assert!(bind(address).is_ok());
}
