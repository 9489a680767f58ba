//! Commands that tell about the node, or concern all its keys.

use super::args::is;
use super::command::{Args, Call, Keys, Row};
use super::error::{Error, Outcome};
use super::node::ServerCall;

/// The version of Redis whose behaviour this is.
pub(super) const REDIS_VERSION: &str = "7.0.15";

pub(super) const ROWS: &[Row] = &[
    Row::read("dbsize", 1, Keys::None, dbsize),
    Row::write("flushall", -1, Keys::None, flush),
    Row::write("flushdb", -1, Keys::None, flush),
    Row::server("info", -1, info),
    Row::read("time", 1, Keys::None, time),
];

fn dbsize(call: &mut Call<'_>, _args: Args<'_>) -> Outcome {
    let len = call.db.store.len();
    call.length(len);
    Ok(())
}

fn flush(call: &mut Call<'_>, args: Args<'_>) -> Outcome {
    match &args[1..] {
        [] => {}
        [mode] if is(mode, "SYNC") || is(mode, "ASYNC") => {}
        _ => return Err(Error::SYNTAX),
    }
    call.db.store.clear();
    call.out.simple("OK");
    Ok(())
}

fn time(call: &mut Call<'_>, _args: Args<'_>) -> Outcome {
    let now = call.db.now;
    call.out.array(2);
    call.out.bulk((now / 1000).to_string().as_bytes());
    call.out.bulk((now % 1000 * 1000).to_string().as_bytes());
    Ok(())
}

type Section = fn(&ServerCall<'_>) -> String;

fn info(call: &mut ServerCall<'_>, args: Args<'_>) -> Outcome {
    let everything = ["all", "default", "everything"];
    let wanted = |name: &str| {
        args.len() == 1
            || args[1..]
                .iter()
                .any(|arg| is(arg, name) || everything.iter().any(|all| is(arg, all)))
    };
    let sections: [(&str, Section); 5] = [
        ("Server", server_section),
        ("Clients", clients_section),
        ("Replication", replication_section),
        ("Cluster", cluster_section),
        ("Keyspace", keyspace_section),
    ];
    let sections = sections.into_iter().filter(|(name, _)| wanted(name));
    let sections: Vec<String> =
        sections.map(|(name, lines)| format!("# {name}\r\n{}", lines(call))).collect();
    call.out().verbatim(&sections.join("\r\n"));
    Ok(())
}

fn server_section(call: &ServerCall<'_>) -> String {
    let mode = if call.state.membership.is_some() { "cluster" } else { "standalone" };
    let id = &call.state.id;
    let port = call.state.address.as_ref().map(|address| address.port());
    let port = port.map(|port| format!("tcp_port:{port}\r\n")).unwrap_or_default();
    format!("redis_version:{REDIS_VERSION}\r\nredis_mode:{mode}\r\nrun_id:{id}\r\n{port}")
}

fn clients_section(call: &ServerCall<'_>) -> String {
    format!("connected_clients:{}\r\n", call.state.connections())
}

fn replication_section(call: &ServerCall<'_>) -> String {
    let primary = call.state.membership.as_ref().and_then(|membership| {
        Some(&membership.view.members[membership.myself().primary?].address)
    });
    let replicas = call.state.links.len();
    match primary {
        None => format!("role:master\r\nconnected_slaves:{replicas}\r\n"),
        Some(address) => format!(
            "role:slave\r\nmaster_host:{}\r\nmaster_port:{}\r\n\
             master_link_status:up\r\nconnected_slaves:{replicas}\r\n",
            address.host(),
            address.port(),
        ),
    }
}

fn cluster_section(call: &ServerCall<'_>) -> String {
    format!("cluster_enabled:{}\r\n", u8::from(call.state.membership.is_some()))
}

fn keyspace_section(call: &ServerCall<'_>) -> String {
    let (keys, expires) = (call.state.store.len(), call.state.store.expiring_len());
    if keys == 0 {
        String::new()
    } else {
        format!("db0:keys={keys},expires={expires},avg_ttl=0\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::Rig;

    #[test]
    fn sections_are_told_as_asked_for() {
        let mut rig = Rig::new();
        rig.story(&[
            ("SET k v EX 100", "+OK"),
            ("SET l v", "+OK"),
            ("INFO keyspace", "$44 # Keyspace db0:keys=2,expires=1,avg_ttl=0"),
            ("INFO nothing", "$0"),
            ("TIME", "*2 $10 1700000000 $1 0"),
            ("FLUSHALL LATER", "-ERR syntax error"),
            ("FLUSHALL ASYNC", "+OK"),
            ("DBSIZE", ":0"),
        ]);
        let info = rig.run("INFO");
        for line in ["redis_version:7.0.15", "role:master", "cluster_enabled:0"] {
            assert!(info.contains(line), "{line} in {info}");
        }
    }
}
