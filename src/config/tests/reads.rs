//! What is read.

use super::*;

#[test]
fn yaml_toml_and_json_say_the_same() {
    let main = Upstream {
        target: Target::Cluster(vec![
            address("10.0.0.1:7000"),
            address("redis-2.example.com:7000"),
        ]),
        op_timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_millis(250),
    };
    let other = Upstream {
        target: Target::Server(address("10.0.0.9:6379")),
        op_timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_millis(500),
    };
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
    assert_eq!(config.upstreams["main"].op_timeout, Duration::from_secs(1));
    assert_eq!(config.upstreams["main"].connect_timeout, Duration::from_millis(500));
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
        config(&["upstreams.main.op_timeout=3s"]).upstreams["main"].op_timeout,
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
    let target = Target::from_url("redis-cluster://a:1,b:2").unwrap();
    let config = Config::from_target(listen, &target, &sets(&["workers=2"])).unwrap();
    assert_eq!(config.listeners, [Listener { address: listen, upstream: "main".to_owned() }]);
    assert_eq!(config.upstreams["main"].target, target);
    assert_eq!(config.workers.get(), 2);
    let error = Config::from_target(listen, &target, &sets(&["upstreams.main.server=h:1"]));
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("--set: upstreams.main: both 'cluster' and 'server'"), "{error}");
}

#[test]
fn the_example_file_is_valid_complete_and_shows_the_defaults() {
    let text = include_str!("../../../redpoll.example.yaml");
    let config = Config::from_text("redpoll.example.yaml", Format::Yaml, text, &[]).unwrap();
    assert!(config.upstreams.len() > 1, "both kinds of upstream are shown");
    for key in keys::KEYS {
        let Some(name) = key.path.rsplit('.').next().filter(|name| *name != "*") else { continue };
        let shown = text.lines().any(|line| {
            let line = line.trim_start().trim_start_matches("- ");
            line.strip_prefix(name).is_some_and(|rest| {
                rest.starts_with(':') && key.default.is_none_or(|default| rest.contains(default))
            })
        });
        assert!(shown, "{} with its default", key.path);
        assert!(text.contains(key.doc), "{}: {}", key.path, key.doc);
    }
}
