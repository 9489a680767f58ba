//! What is read.

use super::*;
use crate::proto::command::table::Access;
use crate::proto::command::{KeySpec, Rules, Spread};

#[test]
fn yaml_toml_and_json_say_the_same() {
    let mut main = Upstream::new(Target::Cluster(vec![
        address("10.0.0.1:7000"),
        address("redis-2.example.com:7000"),
    ]));
    main.timeouts.op = Duration::from_secs(2);
    main.timeouts.connect = Duration::from_millis(250);
    // What is not given has its default.
    let other = Upstream::new(Target::Server(address("10.0.0.9:6379")));
    let listener = |address: &str, upstream: &str| Listener {
        address: address.parse().unwrap(),
        upstream: upstream.to_owned(),
    };
    let expected = Config {
        listeners: vec![listener("127.0.0.1:6380", "main"), listener("[::1]:6381", "other")],
        upstreams: BTreeMap::from([("main".to_owned(), main), ("other".to_owned(), other)]),
        admin: Some("127.0.0.1:9999".parse().unwrap()),
        workers: NonZeroUsize::new(3).unwrap(),
        drain_timeout: Duration::ZERO,
        memory_bytes_max: MEMORY_BYTES_MAX,
        clients: Clients::default(),
    };
    for (format, text) in [(Format::Yaml, YAML), (Format::Toml, TOML), (Format::Json, JSON)] {
        let config = Config::from_text("r", format, text, &[]).unwrap();
        assert_eq!(config, expected, "{format:?}");
    }
}

#[test]
fn what_is_not_given_has_its_default() {
    let config = yaml(SMALL);
    assert_eq!(config.listeners[0].address, "127.0.0.1:6380".parse().unwrap());
    assert_eq!(config.upstreams["main"].timeouts.op, Duration::from_secs(1));
    assert_eq!(config.upstreams["main"].timeouts.connect, Duration::from_millis(500));
    assert_eq!(config.admin, Some("127.0.0.1:9901".parse().unwrap()));
    assert_eq!(config.workers, std::thread::available_parallelism().unwrap());
    assert_eq!(config.drain_timeout, Duration::from_secs(10));
    assert_eq!(yaml(&format!("{SMALL}workers: auto")), config);
}

#[test]
fn the_admin_server_is_turned_off_with_null_and_in_toml_with_false() {
    assert_eq!(yaml(&format!("{SMALL}admin: null")).admin, None);
    assert_eq!(yaml(&format!("{SMALL}admin:")).admin, None);
    let toml = "admin = false\nlisteners = [{upstream = 'm'}]\nupstreams.m.server = 'h:1'";
    assert_eq!(Config::from_text("r.toml", Format::Toml, toml, &[]).unwrap().admin, None);
}

#[test]
fn a_byte_order_mark_is_not_a_part_of_the_text() {
    for (format, text) in [(Format::Yaml, YAML), (Format::Toml, TOML), (Format::Json, JSON)] {
        let marked = format!("\u{feff}{}", text.trim_start());
        assert!(Config::from_text("r", format, &marked, &[]).is_ok(), "{format:?}");
    }
}

#[test]
fn set_changes_adds_and_removes_any_key() {
    let config = |set: &[&str]| Config::from_text("r", Format::Yaml, YAML, &sets(set)).unwrap();
    assert_eq!(
        config(&["upstreams.main.op_timeout=3s"]).upstreams["main"].timeouts.op,
        Duration::from_secs(3)
    );
    assert_eq!(config(&["admin=null"]).admin, None);
    assert_eq!(
        config(&["admin=null", "admin.address=127.0.0.1:1"]).admin,
        Some("127.0.0.1:1".parse().unwrap())
    );
    let listeners = config(&["listeners.0.address=127.0.0.1:7", "listeners.2={upstream: main}"]);
    assert_eq!(listeners.listeners.len(), 3);
    assert_eq!(listeners.listeners[0].address.port(), 7);
    let replaced = config(&["upstreams={main: {server: h:1}, other: {cluster: [h:2]}}"]);
    assert_eq!(replaced.upstreams["main"].target, Target::Server(address("h:1")));
}

#[test]
fn set_alone_makes_a_configuration() {
    let all = sets(&["listeners.0.upstream=m", "upstreams.m.cluster=[a:1, b:2]"]);
    let config = Config::from_text("r", Format::Yaml, "", &all).unwrap();
    let cluster = Target::Cluster(vec![address("a:1"), address("b:2")]);
    assert_eq!(config.upstreams["m"].target, cluster);
}

#[test]
fn a_listener_and_a_target_are_a_whole_configuration() {
    let listen = "127.0.0.1:0".parse().unwrap();
    let url = Url::parse("redis-cluster://a:1,b:2").unwrap();
    let config = Config::from_url(listen, &url, &sets(&["workers=2"])).unwrap();
    assert_eq!(config.listeners, [Listener { address: listen, upstream: "main".to_owned() }]);
    assert_eq!(config.upstreams["main"].target, url.target);
    assert_eq!(config.workers.get(), 2);
    let error = Config::from_url(listen, &url, &sets(&["upstreams.main.server=h:1"]));
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("--set: upstreams.main: both 'cluster' and 'server'"), "{error}");
}

/// No key here has its default.
const EVERY_KEY: &str = r#"
listeners: [{upstream: main}]
memory_max: 64MiB
clients_max: 7
client_idle_timeout: 5m
client_stall_timeout: 0s
client_output_bytes_max: 1MiB
subscriber_output_bytes_max: 2MiB
upstreams:
  main:
    server: h:1
    stall_timeout: 0s
    timeouts: {SORT: 5s, get: 10ms, Json.Mget: 2s}
    username: me
    password: {env: CARGO_PKG_NAME}
    database: 7
    client_name: null
    connections_per_node: 2
    preconnect: true
    idle_timeout: 0s
    keepalive: 0s
    connection_rate_limit: 0
    leases_max: 8
    pipeline_requests_max: 9
    max_buffer_size_before_flush: 1024
    buffer_flush_timeout: 5ms
    retries_max: 0
    retry_budget: 100
    enable_redirection: false
    redirects_max: 1
    max_unknown_upstreams: 2
    refresh_interval: 1m
    redirect_refresh_interval: 1s
    redirect_refresh_threshold: 3
    failure_refresh_threshold: 0
    enable_command_stats: true
    commands:
      JSON.MGET: {key: 1, last_key: -2, access: read}
      ft.search: {key: 0}
    refuse_commands: [FLUSHALL, CONFIG GET, script]
    mset: atomic
"#;

#[test]
fn every_key_of_an_upstream_is_read() {
    let s = Duration::from_secs;
    let ms = Duration::from_millis;
    let config = yaml(EVERY_KEY);
    let credentials =
        Credentials { username: Some("me".to_owned()), password: Secret::new("redpoll") };
    let expected = Upstream {
        target: Target::Server(address("h:1")),
        timeouts: Timeouts {
            stall: None,
            commands: [("sort", s(5)), ("get", ms(10)), ("json.mget", s(2))].into(),
            ..Timeouts::default()
        },
        connections: Connections {
            per_node: NonZeroUsize::new(2).unwrap(),
            preconnect: true,
            idle_timeout: None,
            keepalive: None,
            rate_per_s: None,
            leases_max: NonZeroUsize::new(8).unwrap(),
            requests_max: NonZeroUsize::new(9).unwrap(),
            flush: Some(Flush { bytes: NonZeroUsize::new(1024).unwrap(), timeout: ms(5) }),
            credentials: Some(credentials),
            database: 7,
            client_name: None,
        },
        retries: Retries { max: 0, budget_percent: 100 },
        redirects: Redirects { follow: false, max: 1, unknown_max: 2 },
        refresh: Refresh {
            interval: s(60),
            redirect_interval: s(1),
            redirect_threshold: 3,
            failure_threshold: 0,
        },
        command_stats: true,
        commands: Rules {
            declared: config.upstreams["main"].commands.declared.clone(),
            refused: ["flushall", "config|get", "script"].into(),
            atomic_mset: true,
        },
    };
    assert_eq!(config.upstreams["main"], expected);
    let declared = |name: &str| expected.commands.declared[name];
    let keys = &[KeySpec::Range { first: 1, last: -2, step: 1 }];
    assert_eq!(
        (declared("json.mget").keys, declared("json.mget").access),
        (&keys[..], Access::Read)
    );
    assert_eq!(
        (declared("ft.search").keys, declared("ft.search").access),
        (&[][..], Access::Write)
    );
    assert_eq!(declared("ft.search").spread, Spread::AnyPrimary);
    let again = yaml(EVERY_KEY);
    assert!(std::ptr::eq(
        again.upstreams["main"].commands.declared["ft.search"],
        declared("ft.search")
    ));
    assert_eq!(expected.timeouts.of("sort"), s(5));
    assert_eq!(expected.timeouts.of("set"), s(1));
    let clients = Clients {
        max: 7,
        idle_timeout: Some(s(300)),
        stall_timeout: None,
        output_bytes_max: 1024 * 1024,
        subscriber_output_bytes_max: 2 * 1024 * 1024,
    };
    assert_eq!((config.clients, config.memory_bytes_max), (clients, 64 * 1024 * 1024));
}

#[test]
fn a_url_brings_its_password_and_database_along() {
    let listen = "127.0.0.1:0".parse().unwrap();
    let url = Url::parse("redis://me:se%3Acret@h:1/3").unwrap();
    let config = Config::from_url(listen, &url, &[]).unwrap();
    let connections = &config.upstreams["main"].connections;
    assert_eq!((&connections.credentials, connections.database), (&url.credentials, 3));
    assert!(!format!("{config:?}").contains("cret"));
}

#[test]
fn the_example_file_is_valid_complete_and_shows_the_defaults() {
    let text = include_str!("../../../redpoll.example.yaml");
    let config = Config::from_text("redpoll.example.yaml", Format::Yaml, text, &[]).unwrap();
    assert!(config.upstreams.len() > 1, "both kinds of upstream are shown");
    for key in keys::KEYS {
        let Some(name) = key.path.rsplit('.').next().filter(|name| *name != "*") else { continue };
        let shown = text.lines().any(|line| {
            let line = line.trim_start().trim_start_matches("# ").trim_start();
            let line = line.trim_start_matches("- ");
            line.strip_prefix(name).is_some_and(|rest| {
                rest.starts_with(':') && key.default.is_none_or(|default| rest.contains(default))
            })
        });
        assert!(shown, "{} with its default", key.path);
        assert!(text.contains(key.doc), "{}: {}", key.path, key.doc);
    }
}
