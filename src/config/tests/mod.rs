//! Stories of a configuration: what is read, and what is said about what cannot be.

use super::*;
use crate::proto::cluster::Address;

mod reads;
mod refuses;

const YAML: &str = r#"
listeners:
  - {address: "127.0.0.1:6380", upstream: main}
  - address: "[::1]:6381"
    upstream: other
upstreams:
  main:
    cluster: ["10.0.0.1:7000", redis-2.example.com:7000]
    op_timeout: 2s
    connect_timeout: 250ms
  other:
    server: 10.0.0.9:6379
admin: {address: "127.0.0.1:9999"}
workers: 3
drain_timeout: 0s
"#;

const TOML: &str = r#"
workers = 3
drain_timeout = "0s"
admin.address = "127.0.0.1:9999"

[[listeners]]
address = "127.0.0.1:6380"
upstream = "main"

[[listeners]]
address = "[::1]:6381"
upstream = "other"

[upstreams.main]
cluster = ["10.0.0.1:7000", "redis-2.example.com:7000"]
op_timeout = "2s"
connect_timeout = "250ms"

[upstreams.other]
server = "10.0.0.9:6379"
"#;

const JSON: &str = r#"
{
	"listeners": [
		{"address": "127.0.0.1:6380", "upstream": "main"},
		{"address": "[::1]:6381", "upstream": "other"}
	],
	"upstreams": {
		"main": {
			"cluster": ["10.0.0.1:7000", "redis-2.example.com:7000"],
			"op_timeout": "2s",
			"connect_timeout": "250ms"
		},
		"other": {"server": "10.0.0.9:6379"}
	},
	"admin": {"address": "127.0.0.1:9999"},
	"workers": 3,
	"drain_timeout": "0s"
}
"#;

/// The least that is valid, to which a story adds its own lines.
const SMALL: &str = "listeners: [{upstream: main}]\nupstreams: {main: {server: h:1}}\n";

fn sets(texts: &[&str]) -> Vec<Set> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn yaml(text: &str) -> Config {
    Config::from_text("r.yaml", Format::Yaml, text, &[]).unwrap()
}

fn messages(format: Format, text: &str, set: &[&str]) -> Vec<String> {
    Config::from_text("r.yaml", format, text, &sets(set)).unwrap_err().messages().collect()
}

/// The first lines of the messages, without their snippets.
fn headlines(text: &str, set: &[&str]) -> Vec<String> {
    let first_line = |message: String| message.lines().next().unwrap_or_default().to_owned();
    messages(Format::Yaml, text, set).into_iter().map(first_line).collect()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}
