//! What is said about what cannot be read.

use super::*;

#[test]
fn an_unknown_key_names_the_one_that_was_meant() {
    let text = YAML.replace("op_timeout: 2s", "op_timout: 2s");
    assert_eq!(
        messages(Format::Yaml, &text, &[]),
        ["\
r.yaml:9:5: upstreams.main.op_timout: unknown key; did you mean 'op_timeout'?
  |
9 |     op_timout: 2s
  |     ^^^^^^^^^"]
    );
}

#[test]
fn a_key_in_the_wrong_place_is_told_where_it_belongs() {
    assert_eq!(
        headlines(&format!("{SMALL}op_timeout: 1s\nbanana: 1"), &[]),
        [
            "r.yaml:3:1: op_timeout: unknown key (it belongs in upstreams.<name>); allowed: \
            listeners, upstreams, admin, workers, drain_timeout, memory_max, clients_max, \
            client_idle_timeout, client_stall_timeout, client_output_bytes_max, \
            subscriber_output_bytes_max",
            "r.yaml:4:1: banana: unknown key; allowed: listeners, upstreams, admin, workers, \
            drain_timeout, memory_max, clients_max, client_idle_timeout, client_stall_timeout, \
            client_output_bytes_max, \
            subscriber_output_bytes_max",
        ]
    );
}

#[test]
fn everything_wrong_is_said_in_one_run_in_the_order_of_the_file() {
    let text = r#"listeners:
  - {address: "localhost:6380", upstream: mian}
  - {address: "127.0.0.1:6381", upstream: main}
  - {address: "127.0.0.1:6381", upstream: main, tls: yes}
upstreams:
  main:
    cluster: ["10.0.0.1:7000", 10.0.0.2]
    server: 10.0.0.1:7000
    op_timeout: 0s
  "a b": {server: "redis://10.0.0.1", connect_timeout: 5}
  empty: {}
workers: many
workers: 2
drain_timeout: [1s]
"#;
    assert_eq!(
        headlines(text, &[]),
        [
            "r.yaml:2:15: listeners.0.address: 'localhost:6380' is not an IP address and port; \
            write 127.0.0.1:6380; allowed: an IP address and port, such as 127.0.0.1:6380 or \
            [::1]:6380",
            "r.yaml:2:43: listeners.0.upstream: there is no upstream 'mian' (did you mean \
            'main'?); allowed: main, a b, empty",
            "r.yaml:4:15: listeners.2.address: a listener has the address 127.0.0.1:6381 \
            already",
            "r.yaml:4:49: listeners.2.tls: unknown key; allowed: address, upstream",
            "r.yaml:8:13: upstreams.main: both 'cluster' and 'server' are given; allowed: exactly \
            one of them",
            "r.yaml:9:17: upstreams.main.op_timeout: 0s is no time at all; allowed: a duration \
            from 1ms to 1day, such as 500ms, 2s or 1m",
            "r.yaml:10:3: upstreams.a b: 'a b' is not a name; allowed: letters, digits, - and _",
            "r.yaml:10:19: upstreams.a b.server: 'redis://10.0.0.1' is a URL; allowed: host:port, \
            such as 10.0.0.1:6379 or redis.example.com:6379",
            "r.yaml:10:56: upstreams.a b.connect_timeout: 5 has no unit; allowed: a duration from \
            1ms to 1day, such as 500ms, 2s or 1m",
            "r.yaml:11:3: upstreams.empty: neither 'cluster' nor 'server' is given; allowed: \
            exactly one of them",
            "r.yaml:12:10: workers: 'many' is not a number of threads; allowed: auto, or a number \
            from 1 to 1024",
            "r.yaml:13:1: workers: the key stands here twice; the first is on line 12",
            "r.yaml:14:16: drain_timeout: a list is not a duration; allowed: a duration from 0s \
            to 1day, such as 500ms, 2s or 1m",
        ]
    );
}

#[test]
fn missing_parts_and_wrong_shapes_are_named() {
    for (text, expected) in [
        (
            "",
            "r.yaml: null is not a section; allowed: the keys listeners, upstreams, admin, \
            workers, drain_timeout, memory_max, clients_max, client_idle_timeout, \
            client_stall_timeout, client_output_bytes_max, \
            subscriber_output_bytes_max",
        ),
        (
            "hello",
            "r.yaml:1:1: 'hello' is not a section; allowed: the keys listeners, upstreams, admin, \
            workers, drain_timeout, memory_max, clients_max, client_idle_timeout, \
            client_stall_timeout, client_output_bytes_max, \
            subscriber_output_bytes_max",
        ),
        (
            "upstreams: {main: {server: h:1}}",
            "r.yaml:1:1: listeners: missing; it has to be a list of sections",
        ),
        (
            "listeners: []\nupstreams: {main: {server: h:1}}",
            "r.yaml:1:12: listeners: the list is empty; allowed: a list of sections",
        ),
        (
            "listeners: main\nupstreams: {main: {server: h:1}}",
            "r.yaml:1:12: listeners: 'main' is not a list; allowed: a list of sections",
        ),
        (
            "listeners: [main]\nupstreams: {main: {server: h:1}}",
            "r.yaml:1:13: listeners.0: 'main' is not a section; allowed: a section of keys",
        ),
        (
            "listeners: [{}]\nupstreams: {main: {server: h:1}}",
            "r.yaml:1:13: listeners.0.upstream: missing; it has to be the name of an upstream",
        ),
        (
            "listeners: [{upstream: a}]\nupstreams: {}",
            "r.yaml:2:12: upstreams: there is none; at least one is needed; allowed: a section of \
            names (letters, digits, - and _), each with its own keys",
        ),
        (
            "listeners: [{upstream: a}]\nupstreams: {a: {cluster: h:1}}",
            "r.yaml:2:26: upstreams.a.cluster: 'h:1' is not a list; allowed: a list of host:port, \
            such as [\"10.0.0.1:7000\", \"10.0.0.2:7000\"]",
        ),
        (
            "listeners: [{upstream: a}]\nupstreams: {a: {cluster: [h:1, h]}}",
            "r.yaml:2:32: upstreams.a.cluster.1: 'h' has no port; allowed: a list of host:port, \
            such as [\"10.0.0.1:7000\", \"10.0.0.2:7000\"]",
        ),
    ] {
        assert_eq!(headlines(text, &[]), [expected], "{text}");
    }
}

#[test]
fn a_password_is_refused_and_never_shown() {
    let text = "listeners: [{upstream: a}]\nupstreams: {a: {server: \"redis://me:hunter2@h:1\"}}";
    let set = "upstreams.a.server=redis://:hunter2@h:1";
    for sets in [&[][..], &[set][..]] {
        let shown = messages(Format::Yaml, text, sets).concat();
        assert!(shown.contains("user name and password have keys of their own"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn broken_syntax_is_shown_with_a_caret() {
    assert_eq!(
        messages(
            Format::Yaml,
            "listeners:\n  - {address: \"127.0.0.1:6380, upstream: main}\n",
            &[]
        ),
        ["\
r.yaml:2:15: not valid YAML: unclosed quote
  |
2 |   - {address: \"127.0.0.1:6380, upstream: main}
  |               ^"]
    );
    assert_eq!(
        messages(Format::Json, "{\n  \"workers\": 1,\n}", &[]),
        ["\
r.yaml:3:1: not valid JSON: key must be a string
  |
3 | }
  | ^"]
    );
    assert_eq!(
        messages(Format::Toml, "workers = 1\nworkers = 2\nadmin = [\n", &[]),
        [
            "\
r.yaml:2:1: not valid TOML: duplicate key
  |
2 | workers = 2
  | ^^^^^^^",
            "\
r.yaml:3:10: not valid TOML: unclosed array, expected `]`
  |
3 | admin = [
  |          ^"
        ]
    );
}

#[test]
fn the_admin_server_and_a_listener_cannot_share_an_address() {
    assert_eq!(
        headlines(&format!("{SMALL}admin: {{address: \"127.0.0.1:6380\"}}"), &[]),
        ["r.yaml:3:18: admin.address: a listener has the address 127.0.0.1:6380 already"]
    );
}

#[test]
fn a_file_cut_off_anywhere_is_read_or_refused_but_never_panics() {
    for (format, text) in [(Format::Yaml, YAML), (Format::Toml, TOML), (Format::Json, JSON)] {
        for end in 0..text.len() {
            if let Err(error) = Config::from_text("r", format, &text[..end], &[]) {
                assert!(error.to_string().starts_with("r:"), "{format:?} {end}: {error}");
            }
        }
    }
}

#[test]
fn hostile_texts_are_refused_without_a_panic() {
    let deep = "[".repeat(100_000);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n".to_owned()
        + "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    for text in [deep.as_str(), &bomb, "\u{feff}é: 'ü\n", "? [a]\n: {b: }\n", "a: !!binary é", "\0"]
    {
        for format in [Format::Yaml, Format::Toml, Format::Json] {
            assert!(!messages(format, text, &[]).is_empty(), "{format:?}");
        }
    }
}

#[test]
fn a_wrong_set_is_named_beside_what_is_wrong_in_the_file() {
    let text = format!("{SMALL}workers: 0");
    let set = ["upstreams.main.op_timeout=0s", "listeners.5.address=x", "drain_timeot=1s"];
    assert_eq!(
        messages(Format::Yaml, &text, &set),
        [
            "\
r.yaml:3:10: workers: 0 is not a number of threads; allowed: auto, or a number from 1 to 1024
  |
3 | workers: 0
  |          ^",
            "\
--set: upstreams.main.op_timeout: 0s is no time at all; allowed: a duration from 1ms to 1day, \
such as 500ms, 2s or 1m
 |
 | upstreams.main.op_timeout=0s
 |                           ^^",
            "\
--set: listeners: '5' is no item of this list; allowed: 0 to 1
 |
 | listeners.5.address=x
 |           ^",
            "\
--set: drain_timeot: unknown key; did you mean 'drain_timeout'?
 |
 | drain_timeot=1s
 | ^^^^^^^^^^^^",
        ]
    );
    assert_eq!(
        headlines(SMALL, &["workers.x=1", "admin=[", "listeners.0.upstream.y=1"]),
        [
            "--set: workers: a section is not a number of threads; allowed: auto, or a number \
            from 1 to 1024",
            "--set: admin: not valid YAML: unclosed bracket '['",
            "--set: listeners.0.upstream: it is 'main', and has nothing called 'y'",
        ]
    );
}

#[test]
fn a_set_without_an_equals_sign_is_none() {
    let deep = format!("{}=1", ["a"; 17].join("."));
    for text in ["", "a", "=1", "a..b=1", ".a=1", &deep] {
        assert_eq!(text.parse::<Set>(), Err(NotASet), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::from_file(std::path::Path::new("/no/such/file.yaml"), &[]).unwrap_err();
    let expected = "/no/such/file.yaml: cannot be read: No such file or directory (os error 2)";
    assert_eq!(error.messages().collect::<Vec<_>>(), [expected]);
}

#[test]
fn what_an_upstream_cannot_be_is_said() {
    let text = "\
listeners: [{upstream: main}]
memory_max: 12
upstreams:
  main:
    cluster: [h:1]
    timeouts: {gte: 1s, sort: never}
    username: me
    database: 3
    client_name: two words
    connections_per_node: 65
    preconnect: maybe
    password: [hunter2]
";
    assert_eq!(
        headlines(text, &[]),
        [
            "r.yaml:2:13: memory_max: 12 is too little; allowed: a number of bytes from 1KiB to \
            1TiB, such as 65536, 64KiB or 1GiB",
            "r.yaml:6:16: upstreams.main.timeouts.gte: there is no command 'gte' (did you mean \
            'get'?)",
            "r.yaml:6:31: upstreams.main.timeouts.sort: 'never' is not a duration: expected \
            number at 0; allowed: a duration from 1ms to 1day, such as 500ms, 2s or 1m",
            "r.yaml:8:15: upstreams.main.database: a Redis Cluster has only database 0",
            "r.yaml:9:18: upstreams.main.client_name: 'two words' is no such name; allowed: a \
            name of printable ASCII characters without spaces, or null",
            "r.yaml:10:27: upstreams.main.connections_per_node: 65 is not such a number; \
            allowed: a whole number from 1 to 64",
            "r.yaml:11:17: upstreams.main.preconnect: 'maybe' is neither; allowed: true or false",
            "r.yaml:12:15: upstreams.main.password: it is not a text; allowed: a password, \
            {env: VARIABLE} or {file: PATH}",
        ]
    );
    assert!(!messages(Format::Yaml, text, &[]).concat().contains("hunter2"));
}

#[test]
fn what_is_wrong_about_commands_is_said() {
    let text = r#"listeners: [{upstream: m}]
upstreams:
  m:
    server: h:1
    commands:
      GET: {key: 1}
      "a b": {key: 1}
      x.mget: {key: 3, last_key: 2}
      x.get: {key: 128, access: both}
      x.set: {}
    refuse_commands: [FLUSHAL, CONFIG NOSUCH, 7]
    mset: maybe
"#;
    let at = |line: &str, message: &str| format!("r.yaml:{line}: upstreams.m.{message}");
    assert_eq!(
        headlines(text, &[]),
        [
            at("6:7", "commands.GET: redpoll knows 'GET': only what it does not is declared"),
            at(
                "7:7",
                "commands.a b: 'a b' is not a name; allowed: at most 64 letters, digits, -, _ \
                 and .",
            ),
            at(
                "8:15",
                "commands.x.mget: last_key comes before key; allowed: key or more, or from the \
                 end, as -1",
            ),
            at(
                "9:20",
                "commands.x.get.key: 128 is not such a number; allowed: a whole number \
                 from 0 to 127",
            ),
            at("9:33", "commands.x.get.access: 'both' is none of them; allowed: read or write",),
            at("10:7", "commands.x.set.key: missing; it has to be a whole number from 0 to 127",),
            at(
                "11:23",
                "refuse_commands.0: there is no command 'FLUSHAL' (did you mean 'flushall'?)",
            ),
            at("11:32", "refuse_commands.1: there is no command 'CONFIG NOSUCH'"),
            at("11:47", "refuse_commands.2: 7 is not the name of a command"),
            at("12:11", "mset: 'maybe' is none of them; allowed: split or atomic"),
        ]
    );
}
