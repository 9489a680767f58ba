//! What a new configuration changes while the process runs.
//!
//! Upstreams can change in everything but their names. The rest is what the process is made of, and
//! has to wait for a restart.

use std::sync::Arc;

use super::Config;

/// What to do about a new configuration.
#[derive(Debug)]
pub struct Reload {
    /// The configuration from now on: the new one, but for what needs a restart.
    pub config: Arc<Config>,
    /// The upstreams that changed, by their places in the order of names.
    pub upstreams: Vec<usize>,
    /// The keys that keep their old values until a restart.
    pub needs_restart: Vec<&'static str>,
}

impl Config {
    /// What changes if `new` takes the place of this one.
    #[must_use]
    pub fn reload(&self, mut new: Config) -> Reload {
        let mut needs_restart = Vec::new();
        let mut keep = |is_kept: bool, key| {
            if !is_kept {
                needs_restart.push(key);
            }
            is_kept
        };
        if !keep(self.listeners == new.listeners, "listeners") {
            new.listeners.clone_from(&self.listeners);
        }
        if !keep(self.upstreams.keys().eq(new.upstreams.keys()), "the names of upstreams") {
            let known = |name: &String| self.upstreams.contains_key(name);
            new.upstreams.retain(|name, _| known(name));
            for (name, upstream) in &self.upstreams {
                new.upstreams.entry(name.clone()).or_insert_with(|| upstream.clone());
            }
        }
        if !keep(self.admin == new.admin, "admin") {
            new.admin = self.admin;
        }
        if !keep(self.workers == new.workers, "workers") {
            new.workers = self.workers;
        }
        if !keep(self.memory_bytes_max == new.memory_bytes_max, "memory_max") {
            new.memory_bytes_max = self.memory_bytes_max;
        }
        if !keep(self.drain_timeout == new.drain_timeout, "drain_timeout") {
            new.drain_timeout = self.drain_timeout;
        }
        if !keep(self.clients == new.clients, "clients_max and client_*") {
            new.clients = self.clients;
        }
        let pairs = self.upstreams.values().zip(new.upstreams.values()).enumerate();
        let upstreams = pairs.filter(|(_, (old, new))| old != new).map(|(number, _)| number);
        let upstreams = upstreams.collect();
        Reload { config: Arc::new(new), upstreams, needs_restart }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    const OLD: &str = "\
listeners: [{upstream: a}]
upstreams: {a: {server: h:1}, b: {server: h:2}}
workers: 2
";

    fn config(text: &str) -> Config {
        Config::from_text("r.yaml", Format::Yaml, text, &[]).unwrap()
    }

    #[test]
    fn an_upstream_changes_and_its_neighbour_does_not() {
        let new = config(&OLD.replace("h:2", "h:2, op_timeout: 2s"));
        let reload = config(OLD).reload(new.clone());
        assert_eq!((reload.upstreams, reload.needs_restart.len()), (vec![1], 0));
        assert_eq!(*reload.config, new);
        assert!(config(OLD).reload(config(OLD)).upstreams.is_empty());
    }

    #[test]
    fn what_the_process_is_made_of_stays_and_is_named() {
        let text = "\
listeners: [{address: '127.0.0.1:1', upstream: a}]
upstreams: {a: {server: h:9}, c: {server: h:3}}
workers: 3
memory_max: 1MiB
admin: null
drain_timeout: 3s
client_idle_timeout: 1m
";
        let old = config(OLD);
        let Reload { config, upstreams, needs_restart } = old.reload(config(text));
        assert_eq!(
            needs_restart,
            [
                "listeners",
                "the names of upstreams",
                "admin",
                "workers",
                "memory_max",
                "drain_timeout",
                "clients_max and client_*",
            ]
        );
        assert_eq!((&config.listeners, config.workers), (&old.listeners, old.workers));
        assert!(config.upstreams.keys().eq(["a", "b"]));
        assert_eq!(upstreams, [0]);
        assert_eq!((config.drain_timeout, config.clients), (old.drain_timeout, old.clients));
    }
}
